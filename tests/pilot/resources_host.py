"""A host that answers requests about memory and vCPUs, for pilot tests and pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.feed import Answers, proposer
from tests.scenes import uuid_of
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import Reading, ReadResources, Statistics, resources
from vconsole.model.proposal import Propose
from vconsole.model.request import Configurations, Define, ReadConfigurations, Reply

NAME = "shop-web-1"
GIB = 1 << 20
REPORT = Statistics(
    actual_kib=6 * GIB,
    available_kib=6 * GIB - 200_000,
    unused_kib=GIB,
    usable_kib=3 * GIB,
    rss_kib=6 * GIB + 300_000,
    swap_in_kib=0,
    swap_out_kib=2048,
    updated=1_700_000_000,
    age_s=2.0,
)


def domain_xml(current: int, period: int, name: str = NAME, more: str = "") -> str:
    """A domain of 8 GiB at most and 2 of 4 vCPUs."""
    return (
        f"<domain type='kvm'>\n  <name>{name}</name>\n  <uuid>{uuid_of(name)}</uuid>\n"
        f"  <memory unit='KiB'>{8 * GIB}</memory>\n"
        f"  <currentMemory unit='KiB'>{current}</currentMemory>\n"
        f"  <vcpu placement='static' current='2'>4</vcpu>\n{more}"
        "  <cpu mode='host-model'>\n    <topology sockets='1' cores='2' threads='2'/>\n  </cpu>\n"
        f"  <devices>\n    <memballoon model='virtio'><stats period='{period}'/></memballoon>\n"
        "  </devices>\n</domain>\n"
    )


class Host:
    """One domain, which is changed as it is asked."""

    def __init__(self, statistics: Statistics | None = REPORT, more: str = "") -> None:
        self.live: str | None = domain_xml(6 * GIB, 5, more=more)
        self.config: str | None = domain_xml(4 * GIB, 0, more=more)
        self.statistics = statistics
        self.changes: list[SetResource | Define] = []
        self.trouble = ""

    @property
    def answers(self) -> Answers:
        return {
            ReadResources: self._read,
            Propose: proposer(self._configurations),
            SetResource: self._set,
            Define: self._define,
        }

    def reading(self) -> Reading:
        live, config = (resources(x) if x else None for x in (self.live, self.config))
        return Reading(live, config, self.statistics if live else None)

    def _read(self, request: ReadResources) -> Reply:
        if self.trouble:
            return Reply("failed", self.trouble)
        return Reply(value=self.reading())

    def _configurations(self, request: ReadConfigurations) -> Reply:
        return Reply(value={request.uuids[0]: Configurations(self.live, self.config)})

    def _set(self, change: SetResource) -> Reply:
        self.changes.append(change)
        found = self.reading()
        halves: dict[str, Any] = {h: change.after(seen) for h, seen in change.seen}
        words = "; ".join(f"{half}: {change.words(after)}" for half, after in halves.items())
        return Reply(value=replace(found, **halves), read_back=words)

    def _define(self, change: Define) -> Reply:
        self.changes.append(change)
        self.config = change.after
        return Reply(value=change.after)

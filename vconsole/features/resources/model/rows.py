"""The numbers of a domain that can be set, one a row: how they are shown, typed and planned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from vconsole.features.resources.model.edit_vcpus import MOST_VCPUS
from vconsole.features.resources.model.numbers import Reading, Resources, Statistics, Topology
from vconsole.features.resources.model.plan_memory import LONGEST_PERIOD_S, MemoryWish
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.features.resources.model.room import Room
from vconsole.model.outcome import Target
from vconsole.model.proposal import AT_NEXT_START
from vconsole.model.size import exact, parse
from vconsole.model.words import plural

Wish = MemoryWish | VcpuWish
_SHAPE: Final = re.compile(r"\s*([0-9]{1,4})\s*[x, ]\s*([0-9]{1,4})\s*[x, ]\s*([0-9]{1,4})\s*")
BOTH: Final[tuple[Target, ...]] = ("both", "live", "config")


@dataclass(frozen=True, slots=True)
class Row:
    """One of them.

    Attributes:
        title: What it is.
        text: What a configuration has, in words.
        start: What stands in the question: the same as it is typed.
        hint: What can be typed.
        echo: Says what a text means; raises ValueError with the cure where it means nothing.
        wish: What a text asks for; raises ValueError alike.
        virsh: What shows it; ``{}`` is the domain.
        targets: What of a domain can be changed, the usual first.
    """

    title: str
    text: Callable[[Resources], str]
    start: Callable[[Resources], str]
    hint: str
    echo: Callable[[str], str]
    wish: Callable[[str, Room], Wish]
    virsh: str
    targets: tuple[Target, ...] = ("config",)

    def words(self, reading: Reading) -> tuple[str, str, str]:
        """Live, config, and that they differ."""
        live, config = (
            "-" if half is None else self.text(half) for half in (reading.live, reading.config)
        )
        differs = "-" not in (live, config) and live != config
        return live, config, f"pending: {AT_NEXT_START}" if differs else ""


def shape_of(text: str) -> tuple[int, int, int]:
    """Read sockets, cores and threads, such as ``1x4x2``.

    Raises:
        ValueError: It is none.
    """
    match = _SHAPE.fullmatch(text)
    if match is None or "0" in {part.lstrip("0") or "0" for part in match.groups()}:
        raise ValueError(f"{text[:40]!r} is no topology: give sockets, cores and threads as 1x4x2")
    sockets, cores, threads = map(int, match.groups())
    return sockets, cores, threads


def count_of(text: str, least: int, most: int, what: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: It is none, or not from `least` to `most`.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 7 and least <= int(text) <= most):
        raise ValueError(f"{text[:40]!r} is not from {least} to {most}{what}")
    return int(text)


def _vcpus(text: str) -> int:
    return count_of(text, 1, MOST_VCPUS, " vCPUs")


def _seconds(text: str) -> int:
    return count_of(text, 0, LONGEST_PERIOD_S, " seconds; 0 is never")


def _switch(text: str) -> bool:
    if text.strip().casefold() not in ("on", "off"):
        raise ValueError(f"{text[:40]!r} is neither on nor off")
    return text.strip().casefold() == "on"


def _on(value: bool) -> str:
    return "on" if value else "off"


def _shape(topology: Topology) -> str:
    return f"{topology.sockets}x{topology.cores}x{topology.threads}"


def _levels_words(topology: Topology | None) -> str:
    if topology is None:
        return "none"
    inner = f", {topology.words}" if topology.dies * topology.clusters > 1 else ""
    return _shape(topology) + inner


def _echo_period(text: str) -> str:
    seconds = _seconds(text)
    return f"the guest reports every {seconds} s" if seconds else "the guest does not report"


def _echo_dump(text: str) -> str:
    return f"its memory is {'in' if _switch(text) else 'not in'} a core dump of QEMU"


ROWS: Final[Mapping[str, Row]] = {
    "maximum": Row(
        "Maximum memory",
        lambda found: exact(found.maximum_kib),
        lambda found: exact(found.maximum_kib).replace(" ", ""),
        "8GiB, 512M, 1000000KB; alone KiB",
        lambda text: parse(text).words,
        lambda text, room: MemoryWish(maximum_kib=parse(text).kib, room=room),
        "dominfo {}",
    ),
    "current": Row(
        "Current memory",
        lambda found: exact(found.current_kib),
        lambda found: exact(found.current_kib).replace(" ", ""),
        "8GiB, 512M, 1000000KB; alone KiB",
        lambda text: parse(text).words,
        lambda text, room: MemoryWish(current_kib=parse(text).kib, room=room),
        "dommemstat {}",
        BOTH,
    ),
    "dump_core": Row(
        "In core dumps",
        lambda found: _on(found.dump_core),
        lambda found: _on(not found.dump_core),
        "on or off",
        _echo_dump,
        lambda text, room: MemoryWish(dump_core=_switch(text)),
        "dumpxml --inactive {}",
    ),
    "statistics": Row(
        "Balloon statistics",
        lambda found: found.period_words,
        lambda found: str(found.period_s or 5),
        "seconds between two reports; 0 is never",
        _echo_period,
        lambda text, room: MemoryWish(period_s=_seconds(text)),
        "dommemstat {}",
        ("live", "both", "config"),
    ),
    "maximum_vcpus": Row(
        "Maximum vCPUs",
        lambda found: str(found.maximum_vcpus),
        lambda found: str(found.maximum_vcpus),
        "a count",
        lambda text: plural(_vcpus(text), "vCPU"),
        lambda text, room: VcpuWish(maximum=_vcpus(text)),
        "vcpucount {}",
    ),
    "vcpus": Row(
        "vCPUs",
        lambda found: str(found.vcpus),
        lambda found: str(found.vcpus),
        "a count up to the maximum",
        lambda text: plural(_vcpus(text), "vCPU"),
        lambda text, room: VcpuWish(count=_vcpus(text)),
        "vcpucount {}",
        BOTH,
    ),
    "topology": Row(
        "Topology",
        lambda found: _levels_words(found.topology),
        lambda found: _shape(found.topology or Topology(sockets=found.maximum_vcpus)),
        "sockets x cores x threads, as 1x4x2",
        lambda text: Topology(*_levels(text)).words,
        lambda text, room: VcpuWish(shape=shape_of(text)),
        "dumpxml --inactive {}",
    ),
}
"""In the order shown."""


def _levels(text: str) -> tuple[int, int, int, int, int]:
    sockets, cores, threads = shape_of(text)
    return sockets, 1, 1, cores, threads


def report_words(reading: Reading) -> str:
    """How old the guest's figures are, or why there are none."""
    live, found = reading.live, reading.statistics
    if live is None:
        return "it does not run"
    if found is None or found.used_kib is None:
        why = "its guest is not asked" if not live.period_s else "its guest has not answered"
        return f"the guest's use is not known: {why if live.period_s is not None else 'no balloon'}"
    age = "" if found.age_s is None else f", {found.age_s:.0f} s old"
    if found.stale(live.period_s):
        why = f"it should report {live.period_words}" if live.period_s else "it is not asked to"
        return f"stale: the guest's figures{age}; {why}"
    return f"the guest reports {live.period_words}{age}"


def in_use(reading: Reading) -> tuple[tuple[str, int | None], ...]:
    """What guest, balloon and host have of a domain's memory, as (title, KiB)."""
    found = reading.statistics or Statistics()
    balloon = reading.live.current_kib if reading.live else None
    return ("Guest uses", found.used_kib), ("Balloon leaves", balloon), ("Host RSS", found.rss_kib)

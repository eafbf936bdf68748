"""What was changed on the demo host before one came: its activity log and its pin history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from vconsole.changes import activity, history
from vconsole.changes.entry import Entry
from vconsole.changes.history import Record
from vconsole.host.demo.fleet import FLEET
from vconsole.host.uri import DEMO_URI
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKind
from vconsole.model.outcome import PinStep, Status

_UUIDS: Final = {domain.name: domain.uuid for domain in FLEET}
_ANNA, _JO = "anna from 10.20.0.7", "jo by sudo from 10.20.0.12"
_DONE: Final = (
    (70, _JO, "git", "snapshot create before-gc", "", "before-gc", "applied", ""),
    (51, _ANNA, "queue-02", "vcpupin", "vCPUs 0-1 40-43", "vCPUs 0-1 44-47", "applied", ""),
    (50, _ANNA, "web-04", "setmaxmem", "8 GiB", "12 GiB", "applied", "from its next start on"),
    (47, _JO, "legacy-erp", "start", "shut off", "shut off", "refused", "ask finance first"),
    (26, _ANNA, "build-agent-2", "suspend", "running", "paused", "applied", "it is paused"),
    (25, _ANNA, "web-03", "vcpupin", "vCPUs 0-3 44-47", "vCPUs 0-3 32-39", "applied", ""),
    (3, _JO, "mail", "setmem", "4 GiB", "3 GiB", "applied", ""),
)
"""Hours ago, who, domain, what, before, after, outcome, message."""


def write_past(directory: Path) -> None:
    """Write both files."""
    lines = "".join(f"{entry.to_json()}\n" for entry in _entries())
    (directory / activity.FILE_NAME).write_text(lines, "ascii")
    records = (
        _record(51, _ANNA, "queue-02", (), ("40-43", "44-47"), 2),
        _record(25, _ANNA, "web-03", ("44-47", "32-39"), ("44-47", "32-39"), 4),
    )
    text = "".join(f"{record.to_json()}\n" for record in records)
    (directory / history.FILE_NAME).write_text(text, "ascii")


def _ago(hours: int) -> str:
    moment = datetime.now(UTC) - timedelta(hours=hours, minutes=hours * 7 % 60)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _entries() -> Iterator[Entry]:
    for hours, who, name, action, before, after, outcome, message in _DONE:
        yield Entry(
            *(_ago(hours), who, DEMO_URI, _UUIDS[name], name),
            *(action, before, after, outcome, message),
        )


def _record(
    hours: int, who: str, name: str, live: tuple[str, ...], config: tuple[str, ...], vcpus: int
) -> Record:
    """All vCPUs of a domain from one set to another, live and in its definition."""
    rows = tuple(_step(number, live, config) for number in range(vcpus))
    done: Status = "applied"
    steps = tuple((step, done) for step in rows)
    about = (_ago(hours), who, DEMO_URI, _UUIDS[name], name)
    return Record(*about, "plan", steps, done, id=uuid5(NAMESPACE_DNS, f"{hours} {name}").hex)


def _step(number: int, live: tuple[str, ...], config: tuple[str, ...]) -> PinStep:
    kind: PinKind = "vcpu"
    config_before, config_after = map(CpuSet.parse, config)
    step = PinStep(kind, number, config_before=config_before, config_after=config_after)
    if not live:
        return step
    live_before, live_after = map(CpuSet.parse, live)
    return replace(step, live_before=live_before, live_after=live_after)

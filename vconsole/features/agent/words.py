"""The words of an agent's report, for the page and the command line; all of them safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from vconsole.features.agent.model.report import MOST, Address, AgentReport, FileSystem, User
from vconsole.text import duration, safe, sizes

T = TypeVar("T")
Row = tuple[str, str, str]
"""(label, words, tone); the label is empty where it is the one before."""
_STATES: Final = {
    "off": "the domain does not run",
    "absent": "absent: libvirt has no way to an agent",
    "present": "there, and nobody in the guest has it open",
    "connected": "there, and the guest has it open",
}
_TELLING_S: Final = 2.0
"""A clock that is off by more is worth a look: the hardware clock has whole seconds."""
_PROBLEMS: Final = {"agent": "! agent", "filesystems": "! fs"}


def rows(report: AgentReport) -> Iterator[Row]:
    """Everything that is known, an item a row."""
    yield "Channel", _STATES[report.state], "" if report.state in ("off", "connected") else "warn"
    if report.cure:
        yield "", safe(report.cure), "bad"
    if report.state == "connected":
        yield _agent(report)
    if report.frozen:
        yield "Frozen", "its file systems: every write in the guest waits", "bad"
    if report.hostname is not None:
        yield "Host name", safe(report.hostname), ""
    yield from ((safe(label), safe(words), "") for label, words in report.os)
    yield from _clock(report)
    if report.vcpus is not None:
        words = f"{report.vcpus.online} of {report.vcpus.known} online"
        spare = report.vcpus.offlinable
        yield "vCPUs", safe(words + (f", {spare} may go offline" if spare else "")), ""
    yield from _list("Users", report.users, _user)
    yield from _list("Addresses", _known(report.addresses) or None, _address)
    yield from _list("File systems", report.filesystems, _filesystem)
    for part, problem in report.problems.items():
        yield _PROBLEMS.get(part, f"! {part}"), safe(problem), "warn"


def advice(report: AgentReport) -> tuple[str, str]:
    """(words, tone): what to do so that more is known; without words where all is well."""
    if report.state == "off":
        return "an agent can be asked when the domain runs", ""
    if report.cure:
        return safe(report.cure), "bad"
    if report.state == "absent":
        return "add the channel; the guest needs the package qemu-guest-agent besides", "warn"
    if report.state == "present":
        return "install and start qemu-guest-agent in the guest; it opens the channel", "warn"
    if report.answering is False:
        return "restart qemu-guest-agent in the guest: what has the channel is mute", "bad"
    if report.frozen:
        return "thaw its file systems: every write in the guest waits", "bad"
    return "", ""


def clock(seconds: float | None) -> str:
    """A point in time, UTC; ``-`` for none and for what no calendar has."""
    try:
        return "-" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%F %T}"
    except (OverflowError, ValueError, OSError):
        return "-"


def _agent(report: AgentReport) -> Row:
    if report.answering is None:
        return "Agent", "was not asked", "dim"
    if not report.answering:
        return "Agent", "does not answer", "bad"
    within = "" if report.ping_ms is None else f" in {report.ping_ms:.0f} ms"
    return "Agent", f"answers{within}", "good"


def _clock(report: AgentReport) -> Iterator[Row]:
    if (zone := report.timezone) is not None:
        yield "Time zone", safe(f"{zone.name or '-'}  {_utc_offset(zone.offset_s)}"), ""
    if report.clock_ns is None or report.offset_s is None:
        return
    off_s = abs(report.offset_s)
    length = f"{off_s:.2f} s" if off_s < 60 else duration(off_s)
    side = "ahead of" if report.offset_s > 0 else "behind"
    whose = "the host" if report.clock_of == "host" else report.clock_of
    words = f"{clock(report.clock_ns / 1e9)} UTC, {length} {side} {whose}"
    yield "Clock", words, "warn" if off_s > _TELLING_S else ""


def _utc_offset(offset_s: int | None) -> str:
    if offset_s is None or abs(offset_s) > timedelta(days=1).total_seconds():
        return ""
    sign, minutes = "-" if offset_s < 0 else "+", abs(offset_s) // 60
    return f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"


def _list(label: str, items: Sequence[T] | None, words: Callable[[T], str]) -> Iterator[Row]:
    if items is None:
        return
    if not items:
        yield label, "none", "dim"
    for number, item in enumerate(items):
        yield "" if number else label, safe(words(item)), ""
    if len(items) >= MOST:
        yield "", f"no more than {MOST} are read", "dim"


def _user(user: User) -> str:
    name = f"{user.domain}\\{user.name}" if user.domain else user.name
    return f"{name} since {clock(user.login_s)}"


def _filesystem(system: FileSystem) -> str:
    used = sizes(system.used_bytes, system.total_bytes)
    words = (system.mountpoint or "not mounted", system.type, used, " ".join(system.disks))
    return "  ".join(filter(None, words))


def _known(addresses: Iterable[Address]) -> list[tuple[Address, ...]]:
    """Each address once, with all who know it; interfaces without one only where none has."""
    known: dict[tuple[str, str], list[Address]] = {}
    for row in addresses:
        known.setdefault((row.mac, row.address), []).append(row)
    addressed = {mac for mac, address in known if address}
    kept = [tuple(rows) for (mac, text), rows in known.items() if text or mac not in addressed]
    return sorted(kept, key=lambda rows: _best(rows).interface)


def _best(rows: tuple[Address, ...]) -> Address:
    """The agent knows what the guest calls the interface."""
    return min(rows, key=lambda row: row.source != "agent")


def _address(rows: tuple[Address, ...]) -> str:
    row = _best(rows)
    prefix = "" if row.prefix is None else f"/{row.prefix}"
    address = f"{row.address}{prefix}" if row.address else "no address"
    return f"{row.interface}  {row.mac or '-'}  {address}  by {', '.join(r.source for r in rows)}"

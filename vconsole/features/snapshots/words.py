"""A domain's snapshot as a row, as remarks, and as virsh words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import join
from typing import Final, NamedTuple

from vconsole.features.snapshots.model.tree import Branch, DomainSnapshot, drawn
from vconsole.model.column import Column
from vconsole.text import Cell, Note, duration, safe

_DAY_S = 86400


class Row(NamedTuple):
    """A snapshot in its tree; `now_s` as its time is counted."""

    branch: Branch
    now_s: float
    ascii_only: bool = False

    @property
    def found(self) -> DomainSnapshot:
        """The snapshot."""
        return self.branch.snapshot


def _name(row: Row) -> Cell:
    drawing = drawn(row.branch, row.ascii_only)
    return drawing + safe(row.found.name), "bad" if row.branch.problem else ""


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("name", "Snapshot", 24, cut="middle", flex=True, cell=_name),
    Column("current", "", 7, cell=lambda row: ("current" * row.found.current, "accent")),
    Column("taken", "Taken (UTC)", 16, cell=lambda row: (row.found.taken[:16], "")),
    Column(
        *("age", "Age", 11, "right"),
        from_width=100,
        cell=lambda row: (_age(row.found, row.now_s), "dim"),
    ),
    Column("state", "State", 13, cell=lambda row: (safe(row.found.state), "")),
    Column("kind", "Kind", 16, cell=lambda row: (safe(row.found.kind), "dim")),
)


def snapshot_notes(row: Branch, now_s: float, lines: Iterable[str]) -> Iterator[Note]:
    """What there is to say of a snapshot; `lines` are the virsh lines."""
    found = row.snapshot
    if row.problem:
        yield f" {safe(row.problem)}", "bad"
    if found.description:
        yield f" {safe(found.description)}", ""
    parent = f"   from {safe(found.parent)}" if found.parent else ""
    yield f" taken {found.taken} UTC, {_age(found, now_s)} ago{parent}", "dim"
    for disk in found.disks:
        since = f": written to {safe(disk.file)} since" if disk.file else ""
        yield f" {safe(disk.target)} {safe(disk.location)}{since}", "dim"
    yield from ((f" {safe(line)}", "accent") for line in lines)


def virsh_words(domain: str, found: DomainSnapshot | None, *, xml: bool) -> str:
    """The words that show a snapshot; all where there is none, or its name cannot be typed."""
    if found is None or not found.name.isprintable():
        return join(("snapshot-list", domain, "--tree"))
    command = "snapshot-dumpxml" if xml else "snapshot-info"
    return join((command, domain, "--snapshotname", found.name))


def _age(found: DomainSnapshot, now_s: float) -> str:
    if found.taken_s is None:
        return "-"
    seconds = now_s - found.taken_s
    return duration(seconds) if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days"

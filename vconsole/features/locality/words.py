"""Where memory lies as a table: a row a cell, a column a kind of page."""

from __future__ import annotations

from typing import Final, NamedTuple

from vconsole.features.locality.model.place import PageKind, Place
from vconsole.model.column import Column
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState
from vconsole.model.topology import topology
from vconsole.model.words import amount
from vconsole.text import Cell


class Row(NamedTuple):
    """A cell of the host."""

    cell: int
    place: Place
    home: bool
    """The vCPUs may run here."""


def _kind(kind: PageKind) -> Column[Row]:
    def cell(row: Row) -> Cell:
        parts = (p for p in row.place.lying if p.cell == row.cell and p.kind == kind)
        size = sum(part.size_bytes for part in parts)
        return (amount(size), "") if size else ("0", "dim")

    return Column(kind, kind.capitalize(), 10, cell=cell, printed=kind)


def _free(row: Row) -> Cell:
    room = row.place.rooms.get(row.cell)
    return (
        ("-", "dim") if room is None or room.free_bytes is None else (amount(room.free_bytes), "")
    )


def _share(row: Row) -> Cell:
    total = row.place.on(row.place.cells)
    share = 100 * row.place.on(CpuSet.of((row.cell,))) / total if total else 0
    return f"{share:.0f} %", "" if row.home or share < 1 else "warn"


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("cell", "Cell", 5, cell=lambda row: (str(row.cell), ""), printed="cell"),
    Column("share", "Share", 7, cell=_share, printed="share"),
    _kind("anonymous"),
    _kind("shared"),
    _kind("huge"),
    Column("free", "Free", 10, cell=_free, printed="free"),
    Column(
        *("home", "", 14),
        flex=True,
        cell=lambda row: ("its vCPUs run here" if row.home else "", "good"),
        printed="vCPUs",
    ),
)


def home_of(domain: Domain, host_state: HostState) -> CpuSet:
    """The cells on which its vCPUs may run."""
    pins = (pin.now for pin in domain.pins if pin.kind == "vcpu" and pin.plugged)
    allowed = CpuSet.of(pcpu for cpuset in pins if cpuset is not None for pcpu in cpuset)
    return topology(host_state).cells_of(allowed)


def rows_of(place: Place, home: CpuSet) -> tuple[Row, ...]:
    """Every cell of the host, and any other that it lies on."""
    cells = CpuSet.of(place.rooms) | place.cells
    return tuple(Row(cell, place, cell in home) for cell in cells)

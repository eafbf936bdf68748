"""Where the memory of a running domain lies, of what kind its pages are, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar, Final, Literal

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain
from vconsole.model.memory import cells_label
from vconsole.model.value import dataclass
from vconsole.model.words import amount, page_name

PageKind = Literal["anonymous", "shared", "huge"]
KINDS: Final[tuple[PageKind, ...]] = ("anonymous", "shared", "huge")
"""Its own, those of a file or of memory shared with others, and those of a pool of huge pages."""


_NOISE: Final = 0.01
"""A stray page is left behind by every move."""


@dataclass(frozen=True, slots=True)
class Lying:
    """Bytes of a kind of page on a cell."""

    cell: int
    kind: PageKind
    page_kib: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a cell."""

    free_bytes: int | None = None
    free_pages: Mapping[int, int | None] = field(default_factory=dict)
    """Size of huge pages in KiB -> how many are free; None where that cannot be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """All about the memory of one process."""

    pid: int
    start: int
    """Clock ticks after boot; with the number it identifies a process."""
    lying: tuple[Lying, ...] = ()
    allowed: CpuSet | None = None
    """The cells that its cgroup lets it use (``Mems_allowed_list``)."""
    locked_bytes: int | None = None
    """``VmLck`` and ``VmPin``: what the kernel may not move."""
    vfio: bool = False
    """It has host devices by VFIO, whose DMA pins all memory of the guest."""
    rooms: Mapping[int, Room] = field(default_factory=dict)

    def on(self, cells: CpuSet) -> int:
        """Bytes on these cells."""
        return sum(part.size_bytes for part in self.lying if part.cell in cells)

    def off(self, cells: CpuSet) -> int:
        """Bytes on any other cell."""
        return sum(part.size_bytes for part in self.lying if part.cell not in cells)

    @property
    def cells(self) -> CpuSet:
        """Where something of it lies."""
        return CpuSet.of(part.cell for part in self.lying if part.size_bytes)


@dataclass(frozen=True, slots=True)
class ReadPlace:
    """Read where the memory of a domain lies: answers a `Place`."""

    uuid: str
    deadline_s: ClassVar[float] = 20.0


def reasons(domain: Domain, place: Place, home: CpuSet) -> tuple[str, ...]:
    """Why memory lies elsewhere than on `home`, as far as that can be told."""
    found: list[str] = []
    if place.off(home) < _NOISE * place.on(place.cells):
        return ()
    if domain.numatune is not None and domain.numatune.nodeset:
        tune = domain.numatune
        found.append(f"numatune is {tune.mode} {tune.nodeset}")
        if tune.mode == "interleave":
            found.append("interleave spreads it over these cells by intent")
    else:
        found.append("no numatune: it came from the cell where each thread ran when it was touched")
    huge = [p for p in place.lying if p.kind == "huge" and p.cell not in home]
    if huge:
        sizes = ", ".join(dict.fromkeys(page_name(p.page_kib) for p in huge))
        size = amount(sum(p.size_bytes for p in huge))
        found.append(
            f"{size} in huge pages of {sizes}: taken at its start, moved only to free ones"
        )
    if place.vfio:
        found.append("VFIO pins the guest's memory: it stays until the next start")
    elif place.locked_bytes:
        found.append(f"{amount(place.locked_bytes)} locked: the kernel moves it only on request")
    if place.allowed is not None and (closed := home - place.allowed):
        found.append(f"its cgroup does not let it use {cells_label(closed)}")
    return tuple(found)


def why_not_to(place: Place, cells: CpuSet) -> str:
    """Why its memory cannot be moved to these cells; empty where it can be tried."""
    if missing := cells - CpuSet.of(place.rooms):
        return f"this host has no {cells_label(missing)}"
    if place.allowed is not None and (closed := cells - place.allowed):
        may, wanted = cells_label(place.allowed), cells_label(closed)
        cure = "set numatune first (live: restrictive only), or AllowedMemoryNodes= of its slice"
        return f"its cgroup lets it use {may}, not {wanted}: {cure}"
    if place.vfio:
        return "VFIO pins its memory: bind it by numatune for the next start"
    moving = [part for part in place.lying if part.cell not in cells]
    if not moving:
        return f"all of it is on {cells_label(cells)} already"
    return _no_room(place, cells, moving)


def _no_room(place: Place, cells: CpuSet, moving: list[Lying]) -> str:
    needed = sum(part.size_bytes for part in moving if part.kind != "huge")
    free = [place.rooms[cell].free_bytes for cell in cells]
    if needed and all(f is not None for f in free) and needed > sum(f or 0 for f in free):
        has = amount(sum(f or 0 for f in free))
        return f"{cells_label(cells)} has {has} free, {amount(needed)} would come"
    for kib in dict.fromkeys(part.page_kib for part in moving if part.kind == "huge"):
        wanted = sum(p.size_bytes for p in moving if p.kind == "huge" and p.page_kib == kib)
        counts = [place.rooms[cell].free_pages.get(kib, 0) for cell in cells]
        pages = sum(count or 0 for count in counts)
        if None not in counts and wanted > pages * kib << 10:
            name, count = page_name(kib), wanted // (kib << 10)
            return f"{cells_label(cells)} has {pages} huge pages of {name} free, {count} would come"
    return ""


def stayed(place: Place, cells: CpuSet) -> str:
    """What is still elsewhere after a move, and why."""
    parts = [part for part in place.lying if part.cell not in cells]
    if not sum(part.size_bytes for part in parts):
        return ""
    words = [
        f"{amount(size)} {kind}"
        for kind in KINDS
        if (size := sum(part.size_bytes for part in parts if part.kind == kind))
    ]
    causes = {
        "huge": "huge pages move to free ones only",
        "shared": "pages that others use too stay without CAP_SYS_NICE",
        "anonymous": "pages in use at that moment stay",
    }
    why = [causes[kind] for kind in KINDS if any(p.kind == kind and p.size_bytes for p in parts)]
    locked = ["locked ones stay"] if place.locked_bytes else []
    return f"{', '.join(words)} stayed: {'; '.join([*why, *locked])}"

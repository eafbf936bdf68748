"""Where memory lies on the demo host, and moving it there: no kernel has any of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vconsole.features.locality.host import how_far, outcome
from vconsole.features.locality.model.move import MoveMemory
from vconsole.features.locality.model.place import Lying, Place, ReadPlace, Room
from vconsole.host.link import Link
from vconsole.host.simulation import Memory
from vconsole.model.request import Reply

_GONE: Final = "it does not run"
_PAGE_KIB, _HUGE_KIB, _LOOK_S = 4, 2048, 0.2
_SHARED: Final = 0.02
"""So much of the memory is of files: firmware, and what QEMU is made of."""
_GUESTS: Final = 0.97
"""So much is the guest's own where that comes in huge pages."""


def read_place(link: Link, request: ReadPlace) -> Reply:
    """Answer as on the host itself."""
    place = _place(link, request.uuid)
    return Reply(value=place) if place else Reply("failed", _GONE)


def _place(link: Link, uuid: str) -> Place | None:
    assert link.simulation is not None
    guest, memory = link.find_guests().get(uuid), link.simulation.memory_of(uuid)
    if guest is None or memory is None:
        return None
    free = zip(link.simulation.free_bytes(), link.simulation.free_pages(), strict=True)
    rooms = {cell: Room(size, {_HUGE_KIB: pages}) for cell, (size, pages) in enumerate(free)}
    lying = tuple(_lying(memory))
    return Place(guest.pid, guest.start, lying, memory.allowed, locked_bytes=0, rooms=rooms)


def _lying(memory: Memory) -> Iterator[Lying]:
    kib = memory.hugepages_kib
    for cell, size in memory.by_cell.items():
        shared = _whole(size * _SHARED, _PAGE_KIB)
        huge = _whole(size * _GUESTS, kib) if kib else 0
        yield Lying(cell, "anonymous", _PAGE_KIB, size - shared - huge)
        yield Lying(cell, "shared", _PAGE_KIB, shared)
        if kib and huge:
            yield Lying(cell, "huge", kib, huge)


def _whole(size: float, page_kib: int) -> int:
    """Whole pages of it, in bytes."""
    return int(size) // (page_kib << 10) * (page_kib << 10)


def move_memory(link: Link, request: MoveMemory) -> Reply:
    """Move it as the demo's memory moves: some seconds, and a little stays."""
    place = _place(link, request.uuid)
    if place is None or (place.pid, place.start) != (request.pid, request.start):
        return Reply("conflict", f"{request.name} does not run any more as it was seen; look again")
    try:
        problem = _moving(link, request, place.off(request.cells))
    finally:
        request.wait.what = ""
    return outcome(_place(link, request.uuid), request, problem)


def _moving(link: Link, request: MoveMemory, total: int) -> str:
    """Wait until it has arrived; answers why it has not."""
    simulation = link.simulation
    assert simulation is not None
    ends = simulation.move(request.uuid, request.cells)
    while simulation.now_s < ends and (place := _place(link, request.uuid)) is not None:
        request.wait.what = how_far(place.off(request.cells), total or 1)
        if request.wait.pause(_LOOK_S):
            simulation.stop_moving(request.uuid)
            return "given up"
    return ""

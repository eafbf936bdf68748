"""The figures of a host's memory and swap against what its guests may use, have and hold.

A guest may use its maximum: it boots with that, and a balloon only asks. Huge pages are set aside:
guests in them neither swap nor use other memory, and nobody else gets what they leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vconsole.features.hostmemory.model.reading import GuestProcess, HostMemory, HugePages
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState
from vconsole.model.memory import bound_cells, page_kib

_SHORTEST_S: Final = 0.5
"""Over less time a rate is noise."""


@dataclass(frozen=True, slots=True)
class Share:
    """An amount against what the host has; percentages above 100 are overcommitted."""

    bytes: int | None
    of_ram_percent: float | None
    of_ram_and_swap_percent: float | None


@dataclass(frozen=True, slots=True)
class GuestMemory:
    """A running guest."""

    uuid: str
    name: str
    current_bytes: int | None
    max_bytes: int | None
    held_bytes: int | None
    """In RAM, huge pages included."""
    swap_bytes: int | None
    swap_bytes_s: float | None
    """How fast that grows; below 0 it is loaded into RAM again, or was freed."""
    oom_score: int | None
    page_kib: int | None
    """The size of the huge pages that it asks for."""
    bound_to: CpuSet | None
    """The cells that its memory is strictly bound to."""


@dataclass(frozen=True, slots=True)
class CellMemory:
    """A cell, and the running guests whose memory is strictly bound to it.

    What is said of guests is their maximum, of those outside of huge pages.
    """

    id: int
    total_bytes: int | None
    free_bytes: int | None
    bound_bytes: int
    """Of those bound to it alone."""
    shared_bytes: int
    """Of those bound to it and to others."""
    huge: tuple[HugePages, ...]

    @property
    def room_bytes(self) -> int | None:
        """What it has beside its huge pages."""
        if self.total_bytes is None:
            return None
        return max(0, self.total_bytes - sum(pool.total_bytes for pool in self.huge))


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is known; of running guests where nothing else is said."""

    now: HostMemory
    """The reading that they are made from."""
    total_bytes: int | None
    """The host's RAM."""
    own_bytes: int
    """What the host takes for itself, as far as it can be told; 0 where it cannot."""
    room_bytes: int | None
    """What is left beside that and the huge pages."""
    maximum: Share
    """What the guests may use."""
    current: Share
    """What they have now, by their balloons."""
    held: Share
    """What they hold in RAM."""
    defined: Share
    """The maximum if those that are shut off started, too."""
    unread: int
    """Guests whose maximum is not known."""
    missing_bytes: int | None
    """What of the guests' maxima that room does not hold."""
    missing_now_bytes: int | None
    """What of their current memory it does not hold."""
    swap_used_bytes: int | None
    guests_swap_bytes: int | None
    swap_in_bytes_s: float | None
    swap_out_bytes_s: float | None
    huge: tuple[HugePages, ...]
    guests: tuple[GuestMemory, ...]
    cells: tuple[CellMemory, ...]


def figures(host_state: HostState, now: HostMemory, before: HostMemory | None = None) -> Figures:
    """Put them together; rates need a reading `before`."""
    running = tuple(d for d in host_state.domains if d.active)
    guests = tuple(_guest(domain, host_state, now, before) for domain in running)
    huge = now.huge or _gathered(pool for c in host_state.cells for pool in _pools(c))
    total = now.total_bytes or host_state.node.memory_bytes
    pools = sum(pool.total_bytes for pool in huge)
    own = _own(now, total, pools, running)
    room = None if total is None else max(0, total - pools - own)
    plain = [guest for guest in guests if not guest.page_kib]
    return Figures(
        now,
        total,
        own,
        room,
        maximum=_share(_sum(guest.max_bytes for guest in guests), now, total),
        current=_share(_sum(guest.current_bytes for guest in guests), now, total),
        held=_share(_whole(guest.held_bytes for guest in guests), now, total),
        defined=_share(_sum(d.max_memory_bytes for d in host_state.domains), now, total),
        unread=sum(guest.max_bytes is None for guest in guests),
        missing_bytes=_difference(_sum(guest.max_bytes for guest in plain), room),
        missing_now_bytes=_difference(_sum(guest.current_bytes for guest in plain), room),
        swap_used_bytes=_difference(now.swap_total_bytes, now.swap_free_bytes),
        guests_swap_bytes=_whole(guest.swap_bytes for guest in guests),
        swap_in_bytes_s=_rate("swapped_in_bytes", now, before),
        swap_out_bytes_s=_rate("swapped_out_bytes", now, before),
        huge=huge,
        guests=guests,
        cells=tuple(_cell(cell, guests) for cell in host_state.cells),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where there is something, but nothing is known."""
    found = list(values)
    known = [value for value in found if value is not None]
    return sum(known) if known or not found else None


def _whole(values: Iterable[int | None]) -> int | None:
    """The sum; None where a part of it is not known."""
    found = list(values)
    return None if None in found else _sum(found)


def _difference(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else max(0, whole - part)


def _share(part: int | None, now: HostMemory, total: int | None) -> Share:
    swap = now.swap_total_bytes
    both = None if total is None or swap is None else total + swap
    return Share(part, percent(part, total), percent(part, both))


def percent(part: int | None, whole: int | None) -> float | None:
    """A share; None where it is not known."""
    return round(100 * part / whole, 1) if whole and part is not None else None


def _rate(name: str, now: HostMemory, before: HostMemory | None) -> float | None:
    """Bytes a second by which a counter rose; None where it went back."""
    if before is None:
        return None
    rate = _slope(getattr(before, name), getattr(now, name), now.read_at - before.read_at)
    return None if rate is None or rate < 0 else rate


def _slope(before: int | None, now: int | None, elapsed_s: float) -> float | None:
    if before is None or now is None or elapsed_s < _SHORTEST_S:
        return None
    return (now - before) / elapsed_s


def _own(now: HostMemory, total: int | None, pools: int, running: Iterable[Domain]) -> int:
    """What neither is available nor belongs to guests; merged pages make it seem less."""
    available = now.available_bytes
    resident = _whole(now.guests.get(d.uuid, GuestProcess()).rss_bytes for d in running)
    if total is None or available is None or resident is None:
        return 0
    return max(0, total - available - pools - resident)


def _guest(
    domain: Domain, host_state: HostState, now: HostMemory, before: HostMemory | None
) -> GuestMemory:
    process = now.guests.get(domain.uuid, GuestProcess())
    return GuestMemory(
        domain.uuid,
        domain.name,
        domain.memory_bytes,
        domain.max_memory_bytes,
        process.held_bytes,
        process.swap_bytes,
        _swap_rate(domain.uuid, now, before),
        process.oom_score,
        page_kib(domain, host_state),
        bound_cells(domain),
    )


def _swap_rate(uuid: str, now: HostMemory, before: HostMemory | None) -> float | None:
    """None, too, where another process runs the domain now."""
    if before is None or uuid not in now.guests or uuid not in before.guests:
        return None
    old, new = before.guests[uuid], now.guests[uuid]
    if old.pid != new.pid:
        return None
    return _slope(old.swap_bytes, new.swap_bytes, now.read_at - before.read_at)


def _cell(cell: Cell, guests: Iterable[GuestMemory]) -> CellMemory:
    alone, shared = 0, 0
    for guest in guests:
        if guest.bound_to and cell.id in guest.bound_to and not guest.page_kib:
            alone += (guest.max_bytes or 0) if len(guest.bound_to) == 1 else 0
            shared += (guest.max_bytes or 0) if len(guest.bound_to) > 1 else 0
    pools = tuple(_pools(cell))
    return CellMemory(cell.id, cell.total_bytes, cell.free_bytes, alone, shared, pools)


def _pools(cell: Cell) -> Iterable[HugePages]:
    """Its pools that hold pages."""
    return (HugePages(p.size_kib, p.total, p.free) for p in cell.pages if p.total)


def _gathered(pools: Iterable[HugePages]) -> tuple[HugePages, ...]:
    """One pool a size."""
    found: dict[int, list[HugePages]] = {}
    for pool in pools:
        found.setdefault(pool.size_kib, []).append(pool)
    return tuple(_one_pool(kib, found[kib]) for kib in sorted(found))


def _one_pool(kib: int, pools: Sequence[HugePages]) -> HugePages:
    free = [p.free for p in pools if p.free is not None]
    known = sum(free) if len(free) == len(pools) else None
    return HugePages(kib, sum(p.total for p in pools), known)

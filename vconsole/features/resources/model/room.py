"""Whether there is room for more memory, and what would happen without: notes for a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState
from vconsole.model.memory import bound_cells, cells_label, page_kib, page_size
from vconsole.model.size import exact
from vconsole.model.words import amount


@dataclass(frozen=True, slots=True)
class Room:
    """What the host has for a domain's memory; unknown is None.

    Attributes:
        where: The cells it may be on, in words.
        total_kib: All memory there, or all huge pages of the domain's size.
        free_kib: What is free of that.
        page_kib: The size of the huge pages.
        default_page_kib: The size that a definition means which names none.
        resident_kib: What the domain has in the host's memory already.
        swap_kib: Free swap of the host; 0 where it has none.
        needed_kib: What the guest cannot spare.
    """

    where: str = "the host"
    total_kib: int | None = None
    free_kib: int | None = None
    page_kib: int | None = None
    default_page_kib: int | None = None
    resident_kib: int | None = None
    swap_kib: int | None = None
    needed_kib: int | None = None

    def notes(self, kib: int) -> Iterator[str]:
        """What stands against a domain that uses so much memory."""
        yield from self._beyond(kib)
        more = max(0, kib - (self.resident_kib or 0))
        if self.free_kib is not None and more > self.free_kib:
            free = f"{_amount(self.free_kib)} free{self._kind}"
            yield f"overcommit: {self.where}: {free}, {_amount(more)} more wanted"
            yield self._outcome(more - self.free_kib)

    def maximum_notes(self, kib: int) -> Iterator[str]:
        """What stands against such a maximum: its huge pages are all wanted at the start."""
        yield from self.notes(kib) if self.page_kib else self._beyond(kib)

    def _beyond(self, kib: int) -> Iterator[str]:
        if self.total_kib is not None and kib > self.total_kib:
            yield f"more than {self.where} has{self._kind}: {_amount(self.total_kib)} in all"

    @property
    def _kind(self) -> str:
        return f" in pages of {exact(self.page_kib)}" if self.page_kib else ""

    def _outcome(self, missing_kib: int) -> str:
        """What the kernel does when all of it is used."""
        if self.page_kib:
            return "huge pages cannot be overcommitted: it could not start"
        if self.swap_kib is None:
            return "once used: caches go, then the host swaps"
        swap = f"{_amount(self.swap_kib)} of swap" if self.swap_kib else "there is no free swap"
        last = ", then guests are killed" if missing_kib > self.swap_kib else ""
        return f"once used: caches go, then {swap}{last}"


def room_of(domain: Domain, host_state: HostState, needed_kib: int | None = None) -> Room:
    """What a host has for the memory of a domain; `needed_kib` is what its guest cannot spare."""
    home = bound_cells(domain)
    cells = [
        cell
        for cell in host_state.cells
        if (home is None or cell.id in home) and cell.total_bytes != 0
    ]
    page = page_kib(domain, host_state)
    usage = host_state.usage.get(domain.uuid) if domain.active else None
    resident = usage.rss_bytes if usage else None
    if page and domain.active:  # QEMU's resident memory does not count them
        resident = domain.memory_bytes
    return Room(
        where=_where(home, host_state),
        total_kib=_sum(_total_kib(cell, page) for cell in cells),
        free_kib=_sum(_free_kib(cell, page) for cell in cells),
        page_kib=page,
        default_page_kib=page_size(0, host_state),
        resident_kib=_kib(resident),
        swap_kib=_swap_kib(host_state),
        needed_kib=needed_kib,
    )


def _where(home: CpuSet | None, host_state: HostState) -> str:
    return cells_label(home) if home is not None and len(host_state.cells) > 1 else "the host"


def _total_kib(cell: Cell, page_kib: int | None) -> int | None:
    if not page_kib:
        return _kib(cell.total_bytes)
    return next((_times(p.total, page_kib) for p in cell.pages if p.size_kib == page_kib), None)


def _free_kib(cell: Cell, page_kib: int | None) -> int | None:
    if not page_kib:
        return _kib(cell.free_bytes)
    return next((_times(p.free, page_kib) for p in cell.pages if p.size_kib == page_kib), None)


def _kib(count_bytes: int | None) -> int | None:
    return None if count_bytes is None else count_bytes // 1024


def _times(pages: int | None, page_kib: int) -> int | None:
    return None if pages is None else pages * page_kib


def _sum(amounts: Iterable[int | None]) -> int | None:
    """The sum; None where one is not known: what is missing would pass for overcommitment."""
    found = list(amounts)
    known = [kib for kib in found if kib is not None]
    return sum(known) if found and len(known) == len(found) else None


def _swap_kib(host_state: HostState) -> int | None:
    total, used = host_state.node.swap_total_bytes, host_state.node.swap_used_bytes
    return None if total is None or used is None else max(0, total - used) // 1024


def _amount(kib: int) -> str:
    return amount(kib * 1024)

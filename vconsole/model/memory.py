"""Whether a domain's memory fits where its vCPUs are to run.

Free memory is freecell's, or the free huge pages of the size the domain asks for: pages set aside
are not free memory. What of a running domain was measured on a cell need not fit there again.
"""

from __future__ import annotations

from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState
from vconsole.model.placement import share, vcpu_set
from vconsole.model.topology import topology
from vconsole.model.words import amount, numbers_label

_KIB = 1024
_TUNE_VERBS = {
    "strict": "keeps its memory on",
    "restrictive": "keeps its memory on",
    "preferred": "prefers its memory on",
    "interleave": "spreads its memory over",
}


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """A domain's memory against some cells."""

    need_bytes: int | None
    """What the domain has or is to have; None while not known."""
    there_bytes: int
    """What of it was measured there already."""
    free_bytes: int | None
    """What is free there, in the kind of memory it asks for; None while not known."""
    page_kib: int | None = None
    """The size of the huge pages it asks for."""

    @property
    def missing_bytes(self) -> int:
        """What would have to fit into the free memory."""
        return max(0, (self.need_bytes or 0) - self.there_bytes)

    @property
    def fits(self) -> bool | None:
        """None where the need or the free memory is not known and matters."""
        if self.need_bytes is None:
            return None
        if not self.missing_bytes:
            return True
        return None if self.free_bytes is None else self.missing_bytes <= self.free_bytes

    @property
    def text(self) -> str:
        """What is free and what is needed: ``6.4 GiB free, 8.0 GiB needed``."""
        what = f" in pages of {amount(self.page_kib * _KIB)}" if self.page_kib else ""
        free = "unknown" if self.free_bytes is None else amount(self.free_bytes)
        more = " more" if self.there_bytes else ""
        return f"{free} free{what}, {amount(self.missing_bytes)}{more} needed"


def memory_fit(domain: Domain, host_state: HostState, cells: CpuSet) -> MemoryFit:
    """Compare the domain's current allocation with what `cells` have free."""
    need = domain.memory_bytes if domain.memory_bytes is not None else domain.max_memory_bytes
    there = min(need or 0, _measured_on(domain, host_state, cells))
    if need is not None and _bound_to(domain, cells):
        there = need
    page = domain.hugepages_kib
    free = [_free(cell, page) for cell in host_state.cells if cell.id in cells]
    known = [count for count in free if count is not None]
    return MemoryFit(need, there, sum(known) if len(known) == len(free) else None, page)


def _measured_on(domain: Domain, host_state: HostState, cells: CpuSet) -> int:
    measured = host_state.locality.get(domain.uuid) if domain.active else None
    if measured is None:
        return 0
    return sum(max(0, count) for cell, count in measured.bytes_by_cell.items() if cell in cells)


def _bound_to(domain: Domain, cells: CpuSet) -> bool:
    """It runs with its memory strictly bound to nothing but `cells`: it is there."""
    nodeset = strict_nodeset(domain)
    return domain.active and nodeset is not None and nodeset <= cells


def strict_nodeset(domain: Domain) -> CpuSet | None:
    """The cells that numatune binds its memory to; None for a mere preference."""
    tune = domain.numatune
    if tune is None or not tune.nodeset or tune.mode not in ("strict", "restrictive"):
        return None
    return tune.nodeset


def _free(cell: Cell, page_kib: int | None) -> int | None:
    if not page_kib:
        return cell.free_bytes
    for pages in cell.pages:
        if pages.size_kib == page_kib:
            return None if pages.free is None else pages.free * page_kib * _KIB
    return 0 if cell.pages else None


def away_percent(domain: Domain, host_state: HostState, cells: CpuSet) -> float | None:
    """Share of its measured memory on other cells than `cells`; None when not measured."""
    measured = host_state.locality.get(domain.uuid)
    here = share(measured.bytes_by_cell, cells) if measured else None
    return None if here is None else 100.0 - here


def away_text(domain: Domain, host_state: HostState, cells: CpuSet) -> str:
    """How much of its measured memory lies elsewhere, and where: ``59 % ... on cell 0``."""
    away = away_percent(domain, host_state, cells) or 0.0
    others = [c for c, count in host_state.locality[domain.uuid].bytes_by_cell.items() if count > 0]
    where = cells_label(CpuSet.of(c for c in others if c >= 0) - cells)
    return f"{away:.0f} % of its memory is on {where}"


def memory_lines(domain: Domain, host_state: HostState, cells: CpuSet, limit: float) -> list[str]:
    """What is wrong with the memory when its vCPUs run on `cells`; empty when nothing is.

    `limit` is the share of memory that may lie elsewhere, in percent.
    """
    lines = []
    nodeset = domain.numatune.nodeset if domain.numatune else None
    if domain.numatune and nodeset and nodeset - cells:
        lines.append(
            f"numatune {_TUNE_VERBS.get(domain.numatune.mode, 'puts its memory on')}"
            f" {cells_label(nodeset)}, its vCPUs run on {cells_label(cells)}"
        )
    if (away_percent(domain, host_state, cells) or 0.0) > limit:
        lines.append(
            f"{away_text(domain, host_state, cells)}, its vCPUs run on {cells_label(cells)}"
        )
    if lines and domain.active:
        return lines
    home = strict_nodeset(domain) or cells
    fit = memory_fit(domain, host_state, home)
    if fit.fits is False and not _presumed_there(domain, host_state, home):
        lines.append(f"{cells_label(home)} cannot hold its memory: {fit.text}")
    return lines


def _presumed_there(domain: Domain, host_state: HostState, cells: CpuSet) -> bool:
    """It runs unmeasured on no other cells than these, so its memory is taken to be there."""
    if not domain.active or domain.uuid in host_state.locality:
        return False
    now = vcpu_set(domain)
    return now is not None and topology(host_state).cells_of(now) <= cells


def cells_label(cells: CpuSet) -> str:
    """Cells in words: ``cell 1``, ``cells 0, 2``."""
    return f"{'cell' if len(cells) == 1 else 'cells'} {numbers_label(cells)}"

"""Whether a domain's memory fits where its vCPUs are to run.

Free memory is freecell's, or the free huge pages of the size the domain asks for: pages set aside
are not free memory. What of a running domain was measured on a cell need not fit there again.
"""

from __future__ import annotations

from typing import Final

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, GuestCell, HostState, NumaTune
from vconsole.model.placement import share, vcpu_set
from vconsole.model.topology import topology
from vconsole.model.value import dataclass
from vconsole.model.words import amount, numbers_label

_KIB = 1024
AWAY_LIMIT: Final = 20.0
"""The percentage of a domain's memory that may lie on other cells without a word."""
_TUNE_VERBS = {
    "strict": "keeps # on",
    "restrictive": "keeps # on",
    "preferred": "prefers # on",
    "interleave": "spreads # over",
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
        free = "an unknown amount" if self.free_bytes is None else amount(self.free_bytes)
        more = " more" if self.there_bytes else ""
        return f"{free} free{what}, {amount(self.missing_bytes)}{more} needed"


def memory_fit(domain: Domain, host_state: HostState, cells: CpuSet) -> MemoryFit:
    """Compare what the domain needs with what `cells` have free."""
    need = need_bytes(domain)
    there = min(need or 0, _measured_on(domain, host_state, cells))
    if need is not None and _bound_to(domain, cells):
        there = need
    page = page_kib(domain, host_state)
    return MemoryFit(need, there, free_on(host_state, cells, page), page)


def guest_fit(guest: GuestCell, domain: Domain, host_state: HostState, cells: CpuSet) -> MemoryFit:
    """Compare what one guest cell needs with what `cells` have free."""
    need, bound = guest.memory_bytes, (guest.tune or domain.numatune or _FREE).bound
    there = min(need or 0, _measured_on(domain, host_state, cells))
    if domain.active and bound is not None and bound <= cells:
        there = need or 0
    page = page_size(guest.page_kib, host_state)
    return MemoryFit(need, there, free_on(host_state, cells, page), page)


_FREE: Final = NumaTune("strict")
"""A policy that names no cells."""


def need_bytes(domain: Domain) -> int | None:
    """What it needs of the host: the maximum at its start, for QEMU is started with that.

    While it runs it has what the balloon leaves it; huge pages are taken whole at the start.
    """
    now, most = domain.memory_bytes, domain.max_memory_bytes
    whole = not domain.active or domain.hugepages_kib is not None
    return most if now is None or (whole and most is not None) else now


def page_kib(domain: Domain, host_state: HostState) -> int | None:
    """The size of the huge pages that back it; None for ordinary memory."""
    return page_size(domain.hugepages_kib, host_state)


def page_size(kib: int | None, host_state: HostState) -> int | None:
    """A size as the XML names it, where 0 stands for the host's default.

    Over a remote connection nothing tells the default: 2 MiB, unless its cells know only others.
    """
    if kib != 0:
        return kib
    sizes = sorted({pages.size_kib for cell in host_state.cells for pages in cell.pages})
    usual = _USUAL_KIB if _USUAL_KIB in sizes or not sizes else sizes[0]
    return host_state.node.hugepage_kib or usual


_USUAL_KIB: Final = 2048


def free_on(host_state: HostState, cells: CpuSet, page: int | None) -> int | None:
    """What the cells have free in pages of `page` KiB, or of ordinary memory; None if unknown."""
    free = [_free(cell, page) for cell in host_state.cells if cell.id in cells]
    known = [count for count in free if count is not None]
    return sum(known) if len(known) == len(free) else None


def _measured_on(domain: Domain, host_state: HostState, cells: CpuSet) -> int:
    measured = host_state.locality.get(domain.uuid) if domain.active else None
    if measured is None:
        return 0
    return sum(max(0, count) for cell, count in measured.bytes_by_cell.items() if cell in cells)


def _bound_to(domain: Domain, cells: CpuSet) -> bool:
    """It runs with its memory strictly bound to nothing but `cells`: it is there."""
    nodeset = bound_cells(domain)
    return domain.active and nodeset is not None and nodeset <= cells


def strict_nodeset(domain: Domain) -> CpuSet | None:
    """The cells that numatune binds its memory to; None for a mere preference."""
    return domain.numatune.bound if domain.numatune else None


def bound_cells(domain: Domain) -> CpuSet | None:
    """The cells that all of its memory is bound to, by memnodes too; None where some is free."""
    whole = strict_nodeset(domain)
    sets = [guest.tune.bound if guest.tune else whole for guest in domain.guest_cells] or [whole]
    bits = 0
    for nodeset in sets:
        if nodeset is None:
            return None
        bits |= nodeset.bits
    return CpuSet(bits)


def home_cells(nodeset: CpuSet, host_state: HostState) -> CpuSet:
    """The cells with pCPUs for memory on `nodeset`: those of it, else the nearest ones."""
    pcpus = topology(host_state).cell_pcpus
    own = CpuSet.of(cell for cell in nodeset if pcpus.get(cell))
    if own:
        return own
    far = {c: distance(host_state, nodeset, c) for c, members in pcpus.items() if members}
    return CpuSet.of(cell for cell, steps in far.items() if steps == min(far.values()))


def distance(host_state: HostState, cells: CpuSet, other: int) -> int:
    """From a cell to the nearest of `cells`; what libvirt does not name counts as far."""
    if other in cells:
        return 10
    found = [cell for cell in host_state.cells if cell.id in cells]
    return min((cell.distances.get(other, _FAR) for cell in found), default=_FAR)


_FAR: Final = 255


def _free(cell: Cell, page_kib: int | None) -> int | None:
    if not page_kib:
        return cell.free_bytes
    for pages in cell.pages:
        if pages.size_kib == page_kib:
            return None if pages.free is None else pages.free * page_kib * _KIB
    return 0 if cell.pages else None


def away_percent(domain: Domain, host_state: HostState, cells: CpuSet) -> float | None:
    """Share of its memory on other cells than `cells`; None when it does not run or unmeasured.

    Memory that is bound to a cell without pCPUs is where it should be.
    """
    measured = host_state.locality.get(domain.uuid) if domain.active else None
    pcpus = topology(host_state).cell_pcpus
    alone = CpuSet.of(cell for cell in bound_cells(domain) or () if not pcpus.get(cell))
    here = share(measured.bytes_by_cell, cells | alone) if measured else None
    return None if here is None else 100.0 - here


def away_label(domain: Domain, host_state: HostState, cells: CpuSet) -> str:
    """Where the rest of its measured memory lies: ``cell 0``."""
    lies = host_state.locality[domain.uuid].bytes_by_cell
    least = sum(lies.values()) / 100  # stray pages of libraries are everywhere
    others = CpuSet.of(c for c, count in lies.items() if c >= 0 and count > least) - cells
    return cells_label(others or CpuSet.of(c for c, n in lies.items() if c >= 0 and n > 0) - cells)


def memory_lines(domain: Domain, host_state: HostState, cells: CpuSet, limit: float) -> list[str]:
    """What is wrong with the memory when its vCPUs run on `cells`; empty when nothing is.

    `limit` is the share of memory that may lie elsewhere, in percent.
    """
    lines = []
    own = bool(domain.guest_cells) and all(guest.tune for guest in domain.guest_cells)
    tune = None if own else domain.numatune
    if text := tune_line(tune, "its memory", "its vCPUs", host_state, cells):
        lines.append(text)
    if (away := away_percent(domain, host_state, cells) or 0.0) > limit:
        where, here = away_label(domain, host_state, cells), cells_label(cells)
        lines.append(f"{away:.0f} % of its memory is on {where}, its vCPUs run on {here}")
    if lines and domain.active:
        return lines
    if len({guest.page_kib for guest in domain.guest_cells}) > 1:
        return lines  # no one kind of memory holds it: see each guest cell
    home = bound_cells(domain) or cells
    fit = memory_fit(domain, host_state, home)
    if not _presumed_there(domain, host_state, home):
        lines += room_lines(home, "its memory", fit, host_state)
    return lines


def room_lines(cells: CpuSet, what: str, fit: MemoryFit, host_state: HostState) -> list[str]:
    """That cells have no room for some memory, or that there are no such cells."""
    if missing := _not_there(cells, host_state):
        return [f"{what} is bound to {cells_label(missing)}, which this host does not have"]
    return [f"{cells_label(cells)} cannot hold {what}: {fit.text}"] if fit.fits is False else []


def _not_there(cells: CpuSet, host_state: HostState) -> CpuSet:
    """Those that the host does not have; none while its cells are not known."""
    known = CpuSet.of(cell.id for cell in host_state.cells if not cell.invented)
    return cells - known if known else CpuSet()


def missing_cells(domain: Domain, host_state: HostState) -> CpuSet:
    """The cells of its numatune and memnodes that are not there: libvirt does not start it then."""
    tunes = [domain.numatune, *(guest.tune for guest in domain.guest_cells)]
    sets = [tune.nodeset for tune in tunes if tune and tune.nodeset]
    named = CpuSet.of(cell for nodeset in sets for cell in nodeset)
    return _not_there(named, host_state) if sets else named


def tune_line(
    tune: NumaTune | None, what: str, who: str, host_state: HostState, cells: CpuSet
) -> str:
    """That a memory policy and the cells where vCPUs run do not agree; empty where they do.

    Memory that is spread over cells wants vCPUs on all of them; any other is near when each vCPU
    runs on one of its cells, or on the nearest to cells without pCPUs.
    """
    if tune is None or not tune.nodeset:
        return ""
    home = home_cells(tune.nodeset, host_state)
    apart = home - cells if tune.mode == "interleave" else cells - home
    if not apart:
        return ""
    verb = _TUNE_VERBS.get(tune.mode, "puts # on").replace("#", what)
    return f"numatune {verb} {cells_label(tune.nodeset)}, {who} run on {cells_label(cells)}"


def _presumed_there(domain: Domain, host_state: HostState, cells: CpuSet) -> bool:
    """It runs unmeasured on no other cells than these, so its memory is taken to be there."""
    if not domain.active or domain.uuid in host_state.locality:
        return False
    now = vcpu_set(domain)
    return now is not None and topology(host_state).cells_of(now) <= cells


def cells_label(cells: CpuSet) -> str:
    """Cells in words: ``cell 1``, ``cells 0, 2``."""
    return f"{'cell' if len(cells) == 1 else 'cells'} {numbers_label(cells)}"

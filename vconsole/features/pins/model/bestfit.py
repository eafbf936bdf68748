"""Where a domain would fit best: a proposal of pins for all its rows, never applied by itself.

One pCPU for each vCPU, on one cell where its memory fits or already lies, else on the nearest cells
together. Offline pCPUs and those that another domain holds exclusively are no candidates; isolated
ones are, for vCPUs only, on a cell that has too few others. The core of the lowest pCPU is left to
the host while others are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vconsole.features.pins.model.plan import PinPlan
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.memory import MemoryFit, cells_label, memory_fit, strict_nodeset
from vconsole.model.placement import Occupancy, occupants, share, vcpu_set
from vconsole.model.topology import Topology, one_per_core, topology
from vconsole.model.words import pcpus_label, plural, rows_label

Core = tuple[int, ...]
_MOST: Final = 50.0
"""A domain stays where more than this percentage of its memory is, even on busier cores."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposal, or the reason why there is none.

    Falsy when there is none: then `refusal` says why, and `rejected` what was tried.
    """

    cells: tuple[int, ...] = ()
    """The cells of the proposal, the first holds the first vCPUs."""
    rows: Mapping[PinKey, CpuSet] = field(default_factory=dict)
    """A set for every row of the domain."""
    reasons: tuple[str, ...] = ()
    """What speaks for it and what to know, one line each."""
    rejected: tuple[tuple[int, str], ...] = ()
    """The cells that do not do on their own, with the reason."""
    refusal: str = ""

    def __bool__(self) -> bool:
        return not self.refusal

    def fill(self, plan: PinPlan) -> PinPlan:
        """The plan with the proposal staged; rows that the plan does not know are left out."""
        for key, cpuset in self.rows.items():
            if key in plan.rows:
                plan = plan.stage(key, cpuset)
        return plan


@dataclass(frozen=True, slots=True)
class _Spot:
    """What a cell has to offer."""

    cell: int
    whole: tuple[Core, ...]
    """Free threads of the cores where no other domain is pinned alone, host's core last."""
    shared: tuple[Core, ...]
    """Free threads of cores where another domain holds a sibling."""

    @property
    def free(self) -> CpuSet:
        return CpuSet.of(pcpu for core in self.whole + self.shared for pcpu in core)


@dataclass(frozen=True, slots=True)
class _Case:
    """The question: a domain on a host."""

    domain: Domain
    host_state: HostState
    shape: Topology
    occupancy: Occupancy
    vcpus: tuple[PinKey, ...]
    others: tuple[PinKey, ...]
    """Emulator and iothreads."""
    company: Mapping[int, int]
    """pCPU id -> pinned vCPUs of other domains that may run there."""

    @property
    def guest_threads(self) -> int:
        return self.domain.topology[2] if self.domain.topology else 1

    def fit(self, cells: Iterable[int]) -> MemoryFit:
        return memory_fit(self.domain, self.host_state, CpuSet.of(cells))

    def there(self, cells: Iterable[int]) -> float:
        """Percent of its measured memory on `cells`; 0 when not measured."""
        measured = self.host_state.locality.get(self.domain.uuid) if self.domain.active else None
        return (share(measured.bytes_by_cell, CpuSet.of(cells)) or 0.0) if measured else 0.0


def suggest(domain: Domain, host_state: HostState) -> Suggestion:
    """Propose a cell, or the nearest cells that suffice together, and pins for every row."""
    case = _case(domain, host_state)
    if not case.vcpus:
        return Suggestion(refusal="its vCPUs are not known yet")
    if not case.shape.cell_pcpus:
        return Suggestion(refusal="the host names no cells")
    groups = case.shape.groups
    spots = [_spot(case, g.cell, g.cores) for g in groups if g.cell is not None]
    rejected = tuple((s.cell, reason) for s in spots if (reason := _why_not(case, (s,))))
    bad = {cell for cell, _ in rejected}
    singles = [(spot,) for spot in spots if spot.cell not in bad]
    best = min(singles or _combinations(case, spots), key=lambda c: _rank(case, c), default=None)
    if best is None:
        return Suggestion(rejected=rejected, refusal=_refusal(case, spots))
    return _proposal(case, best, rejected)


def _case(domain: Domain, host_state: HostState) -> _Case:
    keys = [pin.key for pin in domain.pins]
    occupancy = occupants(host_state)
    return _Case(
        domain=domain,
        host_state=host_state,
        shape=topology(host_state),
        occupancy=occupancy,
        vcpus=tuple(key for key in keys if key[0] == "vcpu"),
        others=tuple(key for key in keys if key[0] != "vcpu"),
        company=_company(occupancy, domain.uuid),
    )


def _company(occupancy: Occupancy, uuid: str) -> Mapping[int, int]:
    counts = dict(occupancy.vcpus)
    for cpuset, threads in occupancy.groups.items():
        own = sum(t.kind == "vcpu" and t.uuid == uuid for t in threads)
        for pcpu in cpuset if own else ():
            counts[pcpu] = counts.get(pcpu, own) - own
    return counts


# ---- what is free


def _spot(case: _Case, cell: int, cores: Sequence[Core]) -> _Spot:
    """The free threads of a cell, by core."""
    held = case.occupancy.held_by_others(case.domain.uuid)
    usable = case.shape.online - held
    ordinary = usable - case.shape.isolated
    if len(ordinary & CpuSet.of(p for core in cores for p in core)) >= len(case.vcpus):
        usable = ordinary
    whole: list[Core] = []
    shared: list[Core] = []
    for core in sorted(cores, key=lambda core: _core_cost(case, core, usable)):
        free = tuple(pcpu for pcpu in core if pcpu in usable)
        if free:
            (shared if CpuSet.of(core) & held else whole).append(free)
    return _Spot(cell, tuple(whole), tuple(shared))


def _core_cost(case: _Case, core: Core, usable: CpuSet) -> tuple[bool, bool, int]:
    """The host's own core last; isolated ones, if needed, first; then by company of others."""
    threads = CpuSet.of(core)
    return (
        bool(_host_core(case) & threads),
        not threads & usable & case.shape.isolated,
        sum(case.company[pcpu] for pcpu in core),
    )


def _host_core(case: _Case) -> CpuSet:
    first = case.shape.online.first
    return case.shape.core_of[first] if first is not None else CpuSet()


# ---- which cells


def _why_not(case: _Case, spots: Sequence[_Spot]) -> str:
    """Why these cells do not do; empty when they do."""
    cells = CpuSet.of(spot.cell for spot in spots)
    nodeset = strict_nodeset(case.domain)
    if nodeset and not cells <= nodeset:
        return f"numatune keeps its memory on {cells_label(nodeset)}"
    free = sum(len(spot.free) for spot in spots)
    if free < len(case.vcpus):
        return f"{plural(free, 'free pCPU')} for {plural(len(case.vcpus), 'vCPU')}"
    if len(spots) > len(case.vcpus):
        return f"{plural(len(spots), 'cell')} for {plural(len(case.vcpus), 'vCPU')}"
    fit = case.fit(cells)
    if fit.fits or fit.need_bytes is None:
        return ""
    return f"memory: {fit.text}"


def _combinations(case: _Case, spots: Sequence[_Spot]) -> Iterator[tuple[_Spot, ...]]:
    """From each cell, the nearest ones added until they suffice."""
    nodeset = strict_nodeset(case.domain)
    able = [spot for spot in spots if spot.free and (not nodeset or spot.cell in nodeset)]
    for start in able:
        nearest = sorted(able, key=lambda spot: (_distance(case, start, spot), spot.cell))
        for count in range(2, len(nearest) + 1):
            if not _why_not(case, nearest[:count]):
                yield tuple(nearest[:count])
                break


def _distance(case: _Case, one: _Spot, other: _Spot) -> int:
    """The distance that libvirt names; an unknown one counts as far."""
    if one.cell == other.cell:
        return 0
    cell = case.host_state.cell(one.cell)
    return cell.distances.get(other.cell, 255) if cell else 255


def _rank(case: _Case, spots: Sequence[_Spot]) -> tuple[float, ...]:
    """Smaller is better: few near cells, staying there, cores of its own, little company."""
    picked = CpuSet.of(_pick(case, spots))
    whole = CpuSet.of(pcpu for spot in spots for core in spot.whole for pcpu in core)
    cells = [spot.cell for spot in spots]
    fit = case.fit(cells)
    return (
        len(spots),
        sum(_distance(case, spots[0], spot) for spot in spots),
        case.there(cells) < _MOST,
        not _stays(case, cells),
        len(picked - whole),
        bool(picked & _host_core(case)),
        _cores_short(case, spots),
        -round(case.there(cells), -1),
        sum(case.company[pcpu] for cell in cells for pcpu in case.shape.cell_pcpus[cell]),
        -(fit.free_bytes or 0),
        cells[0],
    )


def _stays(case: _Case, cells: Sequence[int]) -> bool:
    """It is pinned to these cells already: its memory may well be there, measured or not."""
    now = vcpu_set(case.domain)
    if now is None or case.shape.floats(now):
        return False
    return case.shape.cells_of(now) <= CpuSet.of(cells)


def _cores_short(case: _Case, spots: Sequence[_Spot]) -> int:
    """How many vCPUs would have to share a core, where the guest does not ask for it."""
    cores = sum(len(spot.whole) + len(spot.shared) for spot in spots)
    return 0 if case.guest_threads > 1 else max(0, len(case.vcpus) - cores)


def _refusal(case: _Case, spots: Sequence[_Spot]) -> str:
    """Why not even all cells together do."""
    nodeset = strict_nodeset(case.domain)
    able = [s for s in spots if s.free and (not nodeset or s.cell in nodeset)]
    if not able:
        return "no cell it may use has a free pCPU"
    together = "all cells together" if len(able) > 1 else cells_label(CpuSet.of([able[0].cell]))
    return f"{together}: {_why_not(case, able)}"


# ---- which pCPUs


def _pick(case: _Case, spots: Sequence[_Spot]) -> tuple[int, ...]:
    """A pCPU for each vCPU, in the order of the vCPUs, about as many on each cell."""
    orders = [_order(spot, case.guest_threads) for spot in spots]
    quotas = _quotas(len(case.vcpus), [len(order) for order in orders], case.guest_threads)
    parts = zip(orders, quotas, strict=True)
    return tuple(pcpu for order, quota in parts for pcpu in order[:quota])


def _order(spot: _Spot, threads: int) -> tuple[int, ...]:
    """Its free pCPUs, best first: whole cores, siblings together only where the guest has them."""
    paired = [core[:threads] for core in spot.whole if len(core) >= threads > 1]
    rest = one_per_core(spot.whole) + one_per_core(spot.shared)
    return tuple(dict.fromkeys([*(pcpu for core in paired for pcpu in core), *rest]))


def _quotas(count: int, room: Sequence[int], unit: int) -> list[int]:
    """Deal `count` vCPUs out by `unit`, to the cell with the fewest that has room.

    Every cell gets some: with too few for that, they are dealt out one by one.
    """
    dealt = [0] * len(room)
    unit = unit if count >= unit * len(room) else 1
    while (left := count - sum(dealt)) > 0:
        open_ = [i for i in range(len(room)) if dealt[i] < room[i]]
        least = min(open_, key=lambda i: dealt[i])
        dealt[least] += min(max(1, unit), left, room[least] - dealt[least])
    return dealt


def _proposal(
    case: _Case, spots: tuple[_Spot, ...], rejected: tuple[tuple[int, str], ...]
) -> Suggestion:
    picked = _pick(case, spots)
    rows = {key: CpuSet.of((p,)) for key, p in zip(case.vcpus, picked, strict=True)}
    cells = tuple(spot.cell for spot in spots)
    others, remark = _for_others(case, spots, CpuSet.of(picked))
    reasons = [*_memory_reasons(case, cells), *_core_reasons(case, spots, picked)]
    if case.others:
        rows |= dict.fromkeys(case.others, others)
        reasons.append(f"{rows_label(case.others)} on {pcpus_label(others)}{remark}")
    return Suggestion(cells, rows, tuple(reasons), rejected)


def _for_others(case: _Case, spots: Sequence[_Spot], taken: CpuSet) -> tuple[CpuSet, str]:
    """Where emulator and iothreads go, and a remark where they get in the way."""
    free = CpuSet.of(pcpu for spot in spots for pcpu in spot.free) - taken - case.shape.isolated
    apart = free - case.shape.cores_of(taken)
    if apart:
        return apart, ""
    if free:
        return free, ", siblings of its vCPUs"
    own = (taken - case.shape.isolated) or CpuSet.of(list(taken)[:1])
    return own, ", where its vCPUs run: no other is free there"


def _memory_reasons(case: _Case, cells: tuple[int, ...]) -> Iterator[str]:
    where, fit = cells_label(CpuSet.of(cells)), case.fit(cells)
    if fit.need_bytes is None:
        yield f"{where}: how much memory it needs is not known"
    elif not fit.missing_bytes:
        yield f"{where}: its memory is there already"
    else:
        there = case.there(cells)
        already = f", {there:.0f} % of its memory is there already" if there else ""
        yield f"{where}: {fit.text}{already}"


def _siblings(case: _Case, picked: Core) -> str:
    """Which vCPUs that the guest takes for siblings lie on one core."""
    groups: dict[int, list[CpuSet]] = {}
    for (_, number), pcpu in zip(case.vcpus, picked, strict=True):
        groups.setdefault((number or 0) // case.guest_threads, []).append(case.shape.core_of[pcpu])
    several = [cores for cores in groups.values() if len(cores) > 1]
    together = sum(len(set(cores)) == 1 for cores in several)
    if together == len(several):
        return "guest siblings together"
    return f"guest siblings together in {together} of {plural(len(several), 'guest core')}"


def _core_reasons(case: _Case, spots: Sequence[_Spot], picked: Core) -> Iterator[str]:
    cores = len({case.shape.core_of[pcpu] for pcpu in picked})
    if case.guest_threads > 1 and cores < len(picked):
        yield f"{plural(len(picked), 'vCPU')} on {plural(cores, 'core')}, {_siblings(case, picked)}"
    elif cores == len(picked):
        yield f"{plural(len(picked), 'vCPU')}, each on a core of its own"
    else:
        yield f"{plural(len(picked), 'vCPU')} on {plural(cores, 'core')}, siblings used"
    if isolated := CpuSet.of(picked) & case.shape.isolated:
        yield f"{pcpus_label(isolated)} isolated: nothing else runs there"
    shared = CpuSet.of(picked) & CpuSet.of(p for s in spots for c in s.shared for p in c)
    if shared:
        yield f"another domain is pinned to a sibling of {pcpus_label(shared)}"
    if CpuSet.of(picked) & _host_core(case):
        yield f"nothing is left for the host of its first core, {pcpus_label(_host_core(case))}"

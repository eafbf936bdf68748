"""One plan for several domains together: biggest first, each beside those placed before it.

The chosen domains give up their pins and are placed one after another as `bestfit` does; whoever
has a place holds its pCPUs and takes its memory from what is free. One for which nothing is left
comes first in another try; one that has no place then keeps the pins it has, and holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from vconsole.features.pins.model.bestfit import Suggestion, best_choice, proposal, vcpu_rows
from vconsole.features.pins.model.fit_case import Case, case_of
from vconsole.features.pins.model.fit_cells import Choice
from vconsole.features.pins.model.fit_memory import as_chosen, movable
from vconsole.features.pins.model.many import Judged, ManyPlan, many_plan, missing_half
from vconsole.features.pins.model.plan import PinPlan
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState, Pin, PinKey
from vconsole.model.memory import free_on, need_bytes
from vconsole.model.outcome import Target
from vconsole.model.placement import occupants
from vconsole.model.request import Reply
from vconsole.model.topology import Topology, topology
from vconsole.model.words import plural

_CORES: Final = 4
"""Of a cell with so many cores one is kept for the emulators, if all vCPUs have a place so too."""
_TRIES: Final = 2
"""So often those without a place are moved to the front before they are left out."""


@dataclass(frozen=True, slots=True)
class FitMany:
    """Have domains placed together; answers the `ManyPlan`."""

    uuids: tuple[str, ...]
    host_state: HostState
    target: Target = "both"
    deadline_s: ClassVar[float] = 60.0

    @property
    def title(self) -> str:
        """What it is a plan of."""
        return f"Best fit for {plural(len(self.uuids), 'domain')}"

    def again(self, host_state: HostState, target: Target, without: frozenset[str]) -> FitMany:
        """The same for the host as it is now, without the domains of some UUIDs."""
        kept = tuple(uuid for uuid in self.uuids if uuid not in without)
        return FitMany(kept, host_state, target)


def answer(request: FitMany) -> Reply:
    """Work it out, beside the pages: many domains on a big host take a second."""
    return Reply(value=fit_many(request.uuids, request.host_state, request.target))


@dataclass(frozen=True, slots=True)
class _Try:
    """One way to place them, in this order."""

    host_state: HostState
    """With all that have a place where they hold it."""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)
    """The cells with the memory that was free when it was each one's turn."""
    found: Mapping[str, Suggestion] = field(default_factory=dict)

    @property
    def cost(self) -> tuple[int, int, int]:
        """Whether some have no place; how many have none or one that a plan is warned of."""
        refused, warned = len(self.refused), sum(f.warned > 0 for f in self.found.values())
        return min(refused, 1), refused + warned, refused


@dataclass(frozen=True, slots=True)
class _Way:
    """How vCPUs are dealt with."""

    tight: bool
    """Pairs of one domain on whole cores, else each on a core of its own while there are any."""
    kept: CpuSet
    """The pCPUs kept free of vCPUs: for the emulators and the host, and where others are."""
    moving: bool = False
    """Memory that is bound moves where nothing is left at it."""


def fit_many(uuids: Iterable[str], host_state: HostState, target: Target = "both") -> ManyPlan:
    """Plan for the domains of these UUIDs; those that the host does not have are passed over."""
    wanted = set(uuids)
    chosen = sorted((d for d in host_state.domains if d.uuid in wanted), key=_size)
    left_out = missing_half(chosen, host_state, target)
    while True:
        able = [domain for domain in chosen if domain.uuid not in left_out]
        made = _best_try(able, host_state)
        left_out |= made.refused
        if not any(_holds(domain, host_state) for domain in able if domain.uuid in made.refused):
            break
    able = [domain for domain in able if domain.uuid not in left_out]
    plans = [
        Judged(_plan(d, made, host_state, target), _reasons(made.found[d.uuid]), made.cells[d.uuid])
        for d in able
    ]
    stay = [(d.name, left_out[d.uuid]) for d in chosen if d.uuid in left_out]
    return many_plan(plans, host_state, stay)


def _reasons(found: Suggestion) -> tuple[str, ...]:
    return found.reasons[found.warned :]


def _holds(domain: Domain, host_state: HostState) -> bool:
    """It is pinned somewhere: where it stays as it is, nobody else may be placed there."""
    return any(not host_state.online_pcpus <= (pin.now or CpuSet()) for pin in domain.pins)


def _size(domain: Domain) -> tuple[int, int, str]:
    """Sorts the biggest first."""
    vcpus = sum(pin.kind == "vcpu" for pin in domain.pins)
    return -vcpus, -(need_bytes(domain) or 0), domain.name


def _best_try(domains: Sequence[Domain], host_state: HostState) -> _Try:
    """Of a few ways the first that is sound, else the one with the fewest faults."""
    best: _Try | None = None
    for way in _ways(domains, host_state):
        if way.moving and best is not None and not best.refused:
            break
        made = _promoting(domains, host_state, way)
        same = best is not None and made.cost == best.cost and made.refused and not way.moving
        if best is None or made.cost < best.cost or same:  # without a kept core a reason is truer
            best = made
        if not any(made.cost):
            break
    assert best is not None, "there is always a way"
    return best


def _ways(domains: Sequence[Domain], host_state: HostState) -> Iterator[_Way]:
    """A core of each cell is kept if that goes; cores are shared where there are too few.

    Bound memory moves last of all.
    """
    shape = topology(host_state)
    kept, full = _kept(shape), _full({domain.uuid for domain in domains}, host_state)
    cores = len({shape.core_of[pcpu] for pcpu in shape.online - kept - full})
    crowded = sum(pin.kind == "vcpu" for domain in domains for pin in domain.pins) > cores
    for free in (kept | full, full) if kept else (full,):
        yield _Way(crowded, free)
        yield _Way(not crowded, free)
    yield _Way(crowded, full, moving=True)


def _full(placed: Set[str], host_state: HostState) -> CpuSet:
    """pCPUs that vCPUs of other domains fill: pinned to a set of no more pCPUs than they are."""
    bits = 0
    for cpuset, threads in occupants(host_state).groups.items():
        if sum(t.kind == "vcpu" and t.uuid not in placed for t in threads) >= len(cpuset):
            bits |= cpuset.bits
    return CpuSet(bits)


def _kept(shape: Topology) -> CpuSet:
    """A core of each cell that has several; none where isolated pCPUs are for the vCPUs."""
    if shape.isolated:
        return CpuSet()
    cells = (
        [core for core in group.cores if CpuSet.of(core) <= shape.online]
        for group in shape.groups
        if group.cell is not None
    )
    return CpuSet.of(p for cores in cells if len(cores) >= _CORES for p in cores[0])


def _promoting(domains: Sequence[Domain], host_state: HostState, way: _Way) -> _Try:
    """The best of a few orders: those that found no place come first in the next."""
    order, best = list(domains), None
    for _ in range(_TRIES):
        made = _all_rows(order, _placed(order, host_state, way))
        if best is None or made.cost < best.cost:
            best = made
        if not made.refused or order[0].uuid in made.refused:
            break
        order.sort(key=lambda domain: domain.uuid not in made.refused)
    assert best is not None, "it was tried once at least"
    return best


# ---- a place for each


def _placed(order: Sequence[Domain], host_state: HostState, way: _Way) -> _Try:
    """Place the vCPUs of one domain after another."""
    everything = host_state.all_pcpus
    state = _with(host_state, {domain.uuid: replace(domain, pins=()) for domain in order})
    choices: dict[str, Choice] = {}
    refused: dict[str, str] = {}
    free: dict[str, tuple[Cell, ...]] = {}
    for domain in order:
        case, choice, reason = _chosen(_paired(domain) if way.tight else domain, state, way)
        if choice is None:
            refused[domain.uuid] = reason
            continue
        choices[domain.uuid], free[domain.uuid] = choice, state.cells
        holding = _holding(domain, vcpu_rows(case, choice), everything)
        cells = _cells_with(as_chosen(case, choice), choice)
        state = replace(_with(state, {domain.uuid: holding}), cells=cells)
    return _Try(state, choices, refused, free)


def _chosen(domain: Domain, host_state: HostState, way: _Way) -> tuple[Case, Choice | None, str]:
    """Its case with the best choice, or why there is none.

    One that runs has its memory: where there is no room for it near any pCPUs, it stays where it is
    and the plan says so.
    """
    asked = _case(domain, host_state, way.kept)
    choice, reason = best_choice(asked)
    others = (movable(asked) if way.moving else None, _aside(asked)) if choice is None else ()
    for case in filter(None, others):
        if (found := best_choice(case)[0]) is not None:
            return case, found, ""
    return asked, choice, reason


def _aside(case: Case) -> Case | None:
    """The case of a domain that runs, as if it needed no memory."""
    if not case.domain.active:
        return None
    guests = tuple(replace(guest, memory_bytes=None) for guest in case.domain.guest_cells)
    aside = replace(case.domain, memory_bytes=None, max_memory_bytes=None, guest_cells=guests)
    return replace(case_of(aside, case.host_state), usable=case.usable)


def _case(domain: Domain, host_state: HostState, kept: CpuSet) -> Case:
    case = case_of(domain, _with(host_state, {domain.uuid: domain}))
    return replace(case, usable=case.usable - kept)


def _all_rows(order: Sequence[Domain], made: _Try) -> _Try:
    """Give each a set for every row, now that all vCPUs have theirs: emulators keep off them."""
    state, found = made.host_state, dict[str, Suggestion]()
    for domain in order:
        if (choice := made.choices.get(domain.uuid)) is None:
            continue
        state = replace(state, cells=made.cells[domain.uuid])
        case = case_of(domain, _with(state, {domain.uuid: domain}))
        found[domain.uuid] = proposal(case, choice)
        rows = found[domain.uuid].rows
        state = _with(state, {domain.uuid: _holding(domain, rows, state.all_pcpus)})
    return replace(made, found=found)


def _with(host_state: HostState, changed: Mapping[str, Domain]) -> HostState:
    domains = tuple(changed.get(domain.uuid, domain) for domain in host_state.domains)
    return replace(host_state, domains=domains)


def _holding(domain: Domain, rows: Mapping[PinKey, CpuSet], everything: CpuSet) -> Domain:
    """It runs, all its vCPUs plugged in: what it has a place for is nobody else's."""
    pins = (
        Pin(pin.kind, pin.id, rows.get(pin.key, everything), rows.get(pin.key, everything))
        for pin in domain.pins
    )
    return replace(domain, state="running", pins=tuple(pins))


def _paired(domain: Domain) -> Domain:
    """As if the guest took its vCPUs for pairs of one core, so that it uses whole cores."""
    if domain.topology and domain.topology[2] > 1:
        return domain
    return replace(domain, topology=(1, max(1, len(domain.pins)), 2))


# ---- the memory it takes


def _cells_with(case: Case, choice: Choice) -> tuple[Cell, ...]:
    """The cells of the host with less free memory, by what a domain will take of it."""
    cells = {cell.id: cell for cell in case.host_state.cells}
    for part, chosen in zip(case.parts, choice.cells, strict=True):
        where = part.bound or CpuSet.of(chosen)
        fit = case.fit(part, CpuSet.of(chosen))
        left = fit.missing_bytes
        for number in sorted(where, key=lambda n: -(_free(case, n, fit.page_kib) or 0)):
            taken = min(left, _free(case, number, fit.page_kib) or 0)
            if number in cells:
                cells[number] = _less(cells[number], taken, fit.page_kib)
            left -= taken
    return tuple(cells[cell.id] for cell in case.host_state.cells)


def _free(case: Case, cell: int, page_kib: int | None) -> int | None:
    return free_on(case.host_state, CpuSet.of((cell,)), page_kib)


def _less(cell: Cell, taken: int, page_kib: int | None) -> Cell:
    """A cell with so many bytes less, in pages of that size or as ordinary memory."""
    if not page_kib:
        free = cell.free_bytes
        return replace(cell, free_bytes=None if free is None else max(0, free - taken))
    count = -(-taken // (page_kib << 10))
    pages = (
        replace(p, free=max(0, p.free - count)) if p.size_kib == page_kib and p.free else p
        for p in cell.pages
    )
    return replace(cell, pages=tuple(pages))


# ---- the plan


def _plan(domain: Domain, made: _Try, host_state: HostState, target: Target) -> PinPlan:
    plan = PinPlan.of(domain, host_state)
    if target in plan.targets:
        plan = plan.with_target(target)
    return made.found[domain.uuid].fill(plan)

"""One plan for several domains together: biggest first, each beside those placed before it.

The chosen domains give up their pins and are placed one after another as `bestfit` does; whoever
has a place holds its pCPUs and takes its memory from what is free. One for which nothing is left
comes first in another try; one that has no place then keeps the pins it has, and holds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from vconsole.features.pins.model.bestfit import Suggestion, best_choice, proposal, vcpu_rows
from vconsole.features.pins.model.fit_case import Case, case_of
from vconsole.features.pins.model.fit_cells import Choice
from vconsole.features.pins.model.many import Judged, ManyPlan, many_plan
from vconsole.features.pins.model.plan import PinPlan
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState, Pin, PinKey
from vconsole.model.memory import free_on, need_bytes
from vconsole.model.outcome import Target
from vconsole.model.request import Reply
from vconsole.model.topology import topology

_TRIES: Final = 2
"""So often those without a place are moved to the front before they are left out."""


@dataclass(frozen=True, slots=True)
class FitMany:
    """Have domains placed together; answers the `ManyPlan`."""

    uuids: tuple[str, ...]
    host_state: HostState
    target: Target = "both"
    deadline_s: ClassVar[float] = 60.0


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
    def cost(self) -> tuple[int, int]:
        """Fewer without a place are better, then fewer warnings."""
        return len(self.refused), sum(found.warned for found in self.found.values())


def fit_many(uuids: Iterable[str], host_state: HostState, target: Target = "both") -> ManyPlan:
    """Plan for the domains of these UUIDs; those that the host does not have are passed over."""
    wanted = set(uuids)
    chosen = sorted((d for d in host_state.domains if d.uuid in wanted), key=_size)
    left_out: dict[str, str] = {}
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
    """Each vCPU on a core of its own, or pairs of a domain on whole cores: what is sound first."""
    shape = topology(host_state)
    cores = len({shape.core_of[pcpu] for pcpu in shape.online})
    crowded = sum(pin.kind == "vcpu" for domain in domains for pin in domain.pins) > cores
    first = _promoting(domains, host_state, tight=crowded)
    if not any(first.cost):
        return first
    return min(first, _promoting(domains, host_state, not crowded), key=lambda made: made.cost)


def _promoting(domains: Sequence[Domain], host_state: HostState, tight: bool) -> _Try:
    """The best of a few orders: those that found no place come first in the next."""
    order, best = list(domains), None
    for _ in range(_TRIES):
        made = _all_rows(order, _placed(order, host_state, tight))
        if best is None or made.cost < best.cost:
            best = made
        if not made.refused or order[0].uuid in made.refused:
            break
        order.sort(key=lambda domain: domain.uuid not in made.refused)
    assert best is not None, "it was tried once at least"
    return best


# ---- a place for each


def _placed(order: Sequence[Domain], host_state: HostState, tight: bool) -> _Try:
    """Place the vCPUs of one domain after another."""
    everything = host_state.all_pcpus
    state = _with(host_state, {domain.uuid: replace(domain, pins=()) for domain in order})
    choices: dict[str, Choice] = {}
    refused: dict[str, str] = {}
    free: dict[str, tuple[Cell, ...]] = {}
    for domain in order:
        case, choice, reason = _chosen(_paired(domain) if tight else domain, state)
        if choice is None:
            refused[domain.uuid] = reason
            continue
        choices[domain.uuid], free[domain.uuid] = choice, state.cells
        holding = _holding(domain, vcpu_rows(case, choice), everything)
        cells = _cells_with(case, choice)
        state = replace(_with(state, {domain.uuid: holding}), cells=cells)
    return _Try(state, choices, refused, free)


def _chosen(domain: Domain, host_state: HostState) -> tuple[Case, Choice | None, str]:
    """Its case with the best choice, or why there is none.

    One that runs has its memory: where there is no room for it near any pCPUs, it stays where it is
    and the plan says so.
    """
    case = case_of(domain, _with(host_state, {domain.uuid: domain}))
    choice, reason = best_choice(case)
    if choice is None and domain.active:
        guests = tuple(replace(guest, memory_bytes=None) for guest in domain.guest_cells)
        aside = replace(domain, memory_bytes=None, max_memory_bytes=None, guest_cells=guests)
        again = case_of(aside, _with(host_state, {domain.uuid: aside}))
        if (found := best_choice(again)[0]) is not None:
            return again, found, ""
    return case, choice, reason


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

"""Where a domain would fit best: a proposal of pins for all its rows, never applied by itself.

One pCPU for each vCPU, on one cell where its memory fits or already lies, else on as few near cells
as hold it; guest cell by guest cell where the guest has any. The emulator and iothreads go beside
them, and a policy of its memory follows. What a plan of it would be warned of is said first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vconsole.features.pins.model.fit_case import Case, Part, case_of
from vconsole.features.pins.model.fit_cells import Choice, choices, pick_rows, why_not
from vconsole.features.pins.model.fit_memory import as_chosen, memory_rows
from vconsole.features.pins.model.fit_pcpus import units_of
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingKey
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.memory import cells_label, distance
from vconsole.model.setting import Setting
from vconsole.model.words import pcpus_label, plural, rows_label


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposal, or the reason why there is none.

    Falsy when there is none: then `refusal` says why, and `rejected` what was tried.
    """

    cells: tuple[int, ...] = ()
    """The cells of the proposal, the first holds the first vCPUs."""
    rows: Mapping[PinKey, CpuSet] = field(default_factory=dict)
    """A set for every row of the domain."""
    memory: Mapping[SettingKey, Setting] = field(default_factory=dict)
    """What its memory's policy is to be, where that must change."""
    reasons: tuple[str, ...] = ()
    """What to know of it and what speaks for it, one line each, the grave ones first."""
    rejected: tuple[tuple[int, str], ...] = ()
    """The cells that do not do on their own, with the reason."""
    refusal: str = ""
    warned: int = 0
    """So many of the reasons are what a plan of it is warned of."""
    graver: int = 0
    """So many of them speak against it, those warnings first."""

    def __bool__(self) -> bool:
        return not self.refusal

    def fill(self, plan: PinPlan) -> PinPlan:
        """The plan with the proposal staged; rows that the plan does not know are left out."""
        pins = {key: s for key, s in self.rows.items() if key in plan.rows}
        return plan.stage_all(pins).set_all(self.memory)


def suggest(domain: Domain, host_state: HostState) -> Suggestion:
    """Propose a cell, or the nearest cells that suffice together, and pins for every row."""
    case = case_of(domain, host_state)
    rejected = () if _senseless(case) else tuple(_rejected(case))
    choice, reason = best_choice(case)
    if choice is None:
        return Suggestion(rejected=rejected, refusal=reason)
    return proposal(case, choice, rejected)


def best_choice(case: Case) -> tuple[Choice | None, str]:
    """The cells and pCPUs that are proposed, or the reason why there are none."""
    if reason := _senseless(case):
        return None, reason
    found = choices(case)
    return (found[0], "") if found else (None, _refusal(case))


def _senseless(case: Case) -> str:
    """Why nothing can be asked."""
    if not case.vcpus:
        return "its vCPUs are not known yet"
    return "" if case.shape.cell_pcpus else "the host names no cells"


def _rejected(case: Case) -> Iterator[tuple[int, str]]:
    """The cells that do not do on their own for some part."""
    for cell in sorted(case.shape.cell_pcpus):
        reasons = ((part, why_not(case, part, (cell,))) for part in case.parts)
        for part, reason in reasons:
            if reason:
                yield cell, _named(part) + reason
                break


def _named(part: Part) -> str:
    return f"{part.name}: " if part.name else ""


# ---- why nothing does


def _refusal(case: Case) -> str:
    """Why not even all cells together do."""
    for part in case.parts:
        if reason := _part_refusal(case, part):
            return _named(part) + reason
    return "no cells have room for all its guest cells together"


def _part_refusal(case: Case, part: Part) -> str:
    home = case.home(part)
    able = [c for c in case.shape.cell_pcpus if case.free(c) and (home is None or c in home)]
    if not able:
        return "no cell it may use has a free pCPU"
    together = "all cells together" if len(able) > 1 else cells_label(CpuSet.of(able))
    vcpus = len(part.rows)
    if len(able) > vcpus and sum(len(case.free(cell)) for cell in able) >= vcpus:
        best = sorted(able, key=lambda cell: _room(case, part, cell), reverse=True)[:vcpus]
        reason = why_not(case, part, best, bound=False).removeprefix("memory: ")
        have = "has" if vcpus == 1 else "have"
        counts = f"{plural(vcpus, 'vCPU')} can be on {plural(vcpus, 'cell')}"
        return f"memory: {counts}, the best {have} {reason}" if reason else ""
    reason = why_not(case, part, able, bound=False)
    return f"{together}: {reason}" if reason else ""


def _room(case: Case, part: Part, cell: int) -> int:
    fit = case.fit(part, CpuSet.of((cell,)))
    return (fit.free_bytes or 0) + fit.there_bytes


# ---- the proposal


def proposal(case: Case, choice: Choice, rejected: tuple[tuple[int, str], ...] = ()) -> Suggestion:
    """A choice of cells and pCPUs with a set for every row, and what there is to say of it."""
    case = as_chosen(case, choice)
    rows = vcpu_rows(case, choice)
    taken = CpuSet.of(p for cpuset in rows.values() if len(cpuset) == 1 for p in cpuset)
    others, remark = _for_others(case, choice.all_cells, taken)
    rows |= dict.fromkeys(case.others, others)
    made = Suggestion(choice.all_cells, rows, memory_rows(case, choice), (), rejected)
    warned = _warned(case, made)
    grave = [*warned, *_grave(case, choice)]
    reasons = [*_memory_reasons(case, choice), *_core_reasons(case, choice)]
    if late := [key for part in case.parts for key in part.later]:
        reasons.append(f"{rows_label(late)} not plugged in: a place is kept")
    if case.others:
        reasons.append(f"{rows_label(case.others)} on {pcpus_label(others)}{remark}")
    return replace(made, reasons=(*grave, *reasons), warned=len(warned), graver=len(grave))


def vcpu_rows(case: Case, choice: Choice) -> dict[PinKey, CpuSet]:
    """A set for every vCPU, those that are plugged in later too."""
    rows = {key: CpuSet.of((p,)) for found in choice.picks for key, p in found.rows.items()}
    taken = choice.pcpus
    for part, cells in zip(case.parts, choice.cells, strict=True):
        later = _for_later(case, part, cells, taken)
        rows |= later
        taken |= CpuSet.of(p for key in later for p in later[key] if len(later[key]) == 1)
    return rows


def _for_later(case: Case, part: Part, cells: Sequence[int], taken: CpuSet) -> dict[PinKey, CpuSet]:
    """Where vCPUs go that are plugged in later: a pCPU each, else what is free of one cell."""
    if not part.later:
        return {}
    if found := pick_rows(case, part.later, cells, taken):
        return {key: CpuSet.of((p,)) for key, p in found.rows.items()}
    home = max(cells, key=lambda cell: len(case.free(cell) - case.shape.isolated))
    shared = (case.free(home) - case.shape.isolated) or CpuSet.of(list(case.free(home))[:1])
    return dict.fromkeys(part.later, shared)


def _for_others(case: Case, cells: tuple[int, ...], taken: CpuSet) -> tuple[CpuSet, str]:
    """Where emulator and iothreads go, and a remark where that is not beside the vCPUs."""
    usable = case.usable - taken - case.shape.isolated - case.claimed
    here = CpuSet.of(p for cell in cells for p in case.free(cell)) & usable
    if apart := here - case.shape.cores_of(taken):
        return apart, ""
    if here:
        return here, ", siblings of its vCPUs"
    own = CpuSet.of(cells)
    far = sorted(case.shape.cell_pcpus, key=lambda c: (distance(case.host_state, own, c), c))
    for cell in far:
        idle = case.free(cell) & usable
        if idle := (idle - case.shape.cores_of(case.held)) or idle:
            return idle, f" of {cells_label(CpuSet.of((cell,)))}: none is left beside its vCPUs"
    rest = case.usable - taken - case.shape.isolated
    if rest:
        return rest, ", claimed by domains that do not run"
    mine = (taken - case.shape.isolated) or CpuSet.of(list(taken)[:1])
    return mine, ", where its vCPUs run: no other is free"


# ---- what is said of it


def _warned(case: Case, made: Suggestion) -> list[str]:
    """What a plan of it is warned of, in the same words."""
    plan = made.fill(PinPlan.of(case.domain, case.host_state))
    warnings = plan_warnings(plan, case.host_state)
    return [warning.text for warning in warnings if warning.severity != "info"]


def _grave(case: Case, choice: Choice) -> Iterator[str]:
    """What else speaks against it, which a plan says nothing of."""
    if choice.pcpus & case.host_core:
        yield f"nothing is left for the host of its first core, {pcpus_label(case.host_core)}"


def _memory_reasons(case: Case, choice: Choice) -> Iterator[str]:
    for part, cells in zip(case.parts, choice.cells, strict=True):
        where, fit = cells_label(CpuSet.of(cells)), case.fit(part, CpuSet.of(cells))
        where = f"{part.name} on {where}" if part.name else where
        if part.bound and not CpuSet.of(cells) <= part.bound:
            where += f", memory on {cells_label(part.bound)}"
        if fit.need_bytes is None:
            yield f"{where}: how much memory it needs is not known"
        elif not fit.missing_bytes:
            yield f"{where}: its memory is there already"
        else:
            there = case.there(cells)
            already = f", {there:.0f} % of its memory is there already" if there else ""
            yield f"{where}: {fit.text}{already}"


def _core_reasons(case: Case, choice: Choice) -> Iterator[str]:
    shape, picked = case.shape, choice.pcpus
    cores, vcpus = len({shape.core_of[p] for p in picked}), plural(len(picked), "vCPU")
    if case.threads > 1 and cores < len(picked):
        yield f"{vcpus} on {plural(cores, 'core')}, {_siblings(case, choice)}"
    elif cores == len(picked):
        yield f"{vcpus}, each on a core of its own"
    else:
        yield f"{vcpus} on {plural(cores, 'core')}, siblings used"
    if isolated := picked & shape.isolated:
        yield f"{pcpus_label(isolated)} isolated: nothing else runs there"
    if kinds := shape.kinds_of(picked):
        words = " and ".join(shape.kind_word(kind) for kind in kinds)
        yield f"on {words} cores"
    if len(caches := shape.l3_domains(picked)) == 1 and len(shape.l3_domains(shape.online)) > 1:
        yield f"in one L3 domain, {pcpus_label(caches[0])}"


def _siblings(case: Case, choice: Choice) -> str:
    """In how many cores of the guest the siblings lie on one core of the host."""
    rows = {key: p for found in choice.picks for key, p in found.rows.items()}
    units = [unit for unit in units_of(rows, case.threads) if len(unit) > 1]
    each = [len({case.shape.core_of[rows[key]] for key in unit}) for unit in units]
    together = sum(count == 1 for count in each)
    if together == len(each):
        return "guest siblings together"
    return f"guest siblings together in {together} of {plural(len(each), 'guest core')}"

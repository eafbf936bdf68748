"""Which cells: every set of cells that has room is looked at, up to a bound.

A part of the domain wants one cell, else as few as hold it. Sets of the same size are compared by
what a plan would be warned of, then by distance, then by where its memory lies already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from math import comb
from typing import Final

from vconsole.features.pins.model.fit_case import Case, Part
from vconsole.features.pins.model.fit_pcpus import (
    WARNED,
    Grade,
    Pick,
    Unit,
    crosses,
    crowds,
    pick,
    units_of,
)
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.memory import AWAY_LIMIT, cells_label, tune_line
from vconsole.model.words import plural

Cells = tuple[int, ...]
MOST_SETS: Final = 2000
"""So many sets of one size are tried whole, 11 cells' worth; beyond, those around each cell."""
_JUDGED: Final = 40
"""So many of the nearest sets are filled with vCPUs and judged."""
_MOST: Final = 50.0
"""A domain stays where more than this percentage of its memory is, even on busier cores."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Cells for each part of a domain, and the pCPUs for its vCPUs."""

    cells: tuple[Cells, ...]
    """Those of each part."""
    picks: tuple[Pick, ...]
    rank: tuple[float, ...]
    """Smaller is better."""

    @property
    def all_cells(self) -> Cells:
        """The cells of all parts, in their order."""
        return tuple(dict.fromkeys(cell for cells in self.cells for cell in cells))

    @property
    def pcpus(self) -> CpuSet:
        """The pCPUs of all parts."""
        return CpuSet.of(p for found in self.picks for p in found.pcpus)


def choices(case: Case) -> list[Choice]:
    """What could be proposed, as many cells each as the fewest that do; the best first."""
    wanted = [list(islice(_sets(case, part), MOST_SETS)) for part in case.parts]
    near = sorted(_together(case, wanted), key=lambda cells: _near(case, cells))
    fewest = min((_count(cells) for cells in near), default=0)
    made = (_choice(case, cells) for cells in near if _count(cells) == fewest)
    return sorted(islice((c for c in made if c), _JUDGED), key=lambda choice: choice.rank)


def _together(case: Case, wanted: Sequence[Sequence[Cells]]) -> Iterator[tuple[Cells, ...]]:
    """The sets of all parts together that have room, without looking at more than the bound."""
    if len(wanted) == 1:
        yield from ((cells,) for cells in wanted[0])
        return
    best = [sorted(sets, key=lambda cells: _near(case, (cells,))) for sets in wanted]
    for cells in islice(product(*_shortened(best)), MOST_SETS):
        if _room_for_all(case, cells):
            yield cells


def _shortened(sets: Sequence[Sequence[Cells]]) -> Sequence[Sequence[Cells]]:
    """The first few of each, so that their product stays within the bound."""
    kept = [list(found) for found in sets]
    while _ways(kept) > MOST_SETS:
        longest = max(kept, key=len)
        longest.pop()
    return kept


def _ways(sets: Sequence[Sequence[Cells]]) -> int:
    """How many ways there are to take one of each."""
    count = 1
    for found in sets:
        count *= len(found)
    return count


def _room_for_all(case: Case, chosen: Sequence[Cells]) -> bool:
    """Parts that share cells have room there together: pCPUs, and memory of each kind."""
    for cells in set(chosen):
        inside = [p for p, c in zip(case.parts, chosen, strict=True) if set(c) <= set(cells)]
        if sum(len(p.rows) for p in inside) > sum(len(case.free(cell)) for cell in cells):
            return False
        fits = [case.fit(part, CpuSet.of(cells)) for part in inside]
        for page in {fit.page_kib for fit in fits}:
            alike = [fit for fit in fits if fit.page_kib == page]
            free = alike[0].free_bytes
            if free is not None and sum(fit.missing_bytes for fit in alike) > free:
                return False
    return True


# ---- the sets of one part


def _sets(case: Case, part: Part) -> Iterator[Cells]:
    """As few cells as hold a part; beyond its bound memory only where that has too few pCPUs."""
    able = [cell for cell in sorted(case.shape.cell_pcpus) if case.free(cell)]
    home = case.home(part)
    inside = able if home is None else [cell for cell in able if cell in home]
    found = _fewest(case, part, inside, CpuSet())
    if not found and home is not None and inside:
        beyond = [cell for cell in able if cell not in home]
        found = _fewest(case, part, beyond, CpuSet.of(inside))
    yield from found


def _fewest(case: Case, part: Part, cells: Sequence[int], always: CpuSet) -> list[Cells]:
    """The sets of the smallest size that suffices, each with the cells of `always`."""
    most = min(len(cells), len(part.rows) - len(always))
    for count in range(0 if always else 1, most + 1):
        sets = ((*always, *found) for found in _of_size(case, cells, count))
        if found := [made for made in sets if made and not why_not(case, part, made, bound=False)]:
            return found
    return []


def _of_size(case: Case, cells: Sequence[int], count: int) -> Iterable[Cells]:
    """All sets of so many cells; where they are too many, the nearest to each cell."""
    if comb(len(cells), count) <= MOST_SETS:
        return combinations(cells, count)
    around = (sorted(cells, key=lambda other: _distance(case, cell, other)) for cell in cells)
    return dict.fromkeys(tuple(sorted(near[:count])) for near in around)


def why_not(case: Case, part: Part, cells: Sequence[int], *, bound: bool = True) -> str:
    """Why these cells do not do for a part; empty when they do."""
    where, home = CpuSet.of(cells), case.home(part)
    if bound and home is not None and not where <= home and part.bound:
        return f"numatune keeps its memory on {cells_label(part.bound)}"
    free, vcpus = sum(len(case.free(cell)) for cell in cells), len(part.rows)
    if free < vcpus:
        return f"{plural(free, 'free pCPU')} for {plural(vcpus, 'vCPU')}"
    fit = case.fit(part, where)
    return "" if fit.fits or fit.need_bytes is None else f"memory: {fit.text}"


def _distance(case: Case, one: int, other: int) -> int:
    """The distance that libvirt names; an unknown one counts as far."""
    if one == other:
        return 0
    cell = case.host_state.cell(one)
    return cell.distances.get(other, 255) if cell else 255


# ---- the best of them


def _count(chosen: Sequence[Cells]) -> int:
    return len({cell for cells in chosen for cell in cells})


def _near(case: Case, chosen: Sequence[Cells]) -> tuple[float, ...]:
    """Few cells, near each other, where its memory is and much is free."""
    cells = sorted({cell for found in chosen for cell in found})
    apart = sum(_distance(case, a, b) for a, b in combinations(cells, 2))
    free = sum((c.free_bytes or 0) for c in case.host_state.cells if c.id in cells)
    return (len(cells), apart, case.there(cells) < _MOST, -case.there(cells), -free)


def _choice(case: Case, chosen: tuple[Cells, ...]) -> Choice | None:
    """The best pCPUs of the cells: of one kind of cores where each has some, or of all kinds."""
    kinds = (replace(case, usable=case.usable & kind) for kind in case.shape.kinds)
    able = (one for one in kinds if all(one.free(cell) for cells in chosen for cell in cells))
    made = (_filled(one, chosen) for one in (case, *able))
    return min((c for c in made if c), key=lambda choice: choice.rank, default=None)


def _filled(case: Case, chosen: tuple[Cells, ...]) -> Choice | None:
    taken, picks = CpuSet(), []
    for part, cells in zip(case.parts, chosen, strict=True):
        found = pick_rows(case, part.rows, cells, taken)
        if found is None:
            return None
        picks.append(found)
        taken |= found.pcpus
    return Choice(chosen, tuple(picks), _rank(case, chosen, picks))


def pick_rows(
    case: Case, rows: Sequence[PinKey], cells: Sequence[int], taken: CpuSet
) -> Pick | None:
    """pCPUs for the rows, apart from those `taken`: about as many on each of the cells."""
    units = units_of(rows, case.threads)
    if len(units) < len(cells):
        units = units_of(rows, 1)
    room = {cell: len(case.free(cell) - taken) for cell in cells}
    dealt = _dealt(units, room)
    if dealt is None:
        return None
    picks: list[Pick] = []
    for cell, mine in dealt.items():
        if not mine:
            continue
        if (found := pick(case, cell, mine, taken)) is None:
            return None
        picks.append(found)
        taken |= found.pcpus
    places = {key: pcpu for found in picks for key, pcpu in found.rows.items()}
    return Pick(summed(found.grade for found in picks), places)


def summed(grades: Iterable[Grade]) -> Grade:
    """Grades of several picks as one."""
    return tuple(map(sum, zip(*grades, strict=True)))


def _dealt(units: Sequence[Unit], room: dict[int, int]) -> dict[int, list[Unit]] | None:
    """The units by cell, in order: as evenly as the room allows. None where it does not."""
    counts = dict.fromkeys(room, 0)
    sizes = sorted((len(unit) for unit in units), reverse=True)
    for size in sizes:
        able = [cell for cell in room if room[cell] - counts[cell] >= size]
        if not able:
            single = [(key,) for unit in units for key in unit]
            return None if len(single) == len(units) else _dealt(single, room)
        counts[min(able, key=lambda cell: counts[cell])] += size
    dealt: dict[int, list[Unit]] = {cell: [] for cell in room}
    for unit in units:
        able = [c for c in room if counts[c] >= len(unit)]
        if not able:
            return _dealt([(key,) for unit in units for key in unit], room)
        dealt[able[0]].append(unit)
        counts[able[0]] -= len(unit)
    return dealt


def _rank(case: Case, chosen: Sequence[Cells], picks: Sequence[Pick]) -> tuple[float, ...]:
    """How much a plan is warned of, then distance, then staying where it is, then the rest."""
    cells = tuple(sorted({cell for found in chosen for cell in found}))
    grade, there = _summed(case, picks), case.there(cells)
    tuned = sum(
        bool(tune_line(part.tune, "", "", case.host_state, CpuSet.of(mine)))
        for part, mine in zip(case.parts, chosen, strict=True)
    )
    return (
        len(cells),
        sum(bool(fault) for fault in grade[:WARNED]) + bool(tuned) + _away(case, there),
        *_near(case, chosen)[1:3],
        not _stays(case, cells),
        *grade,
        -round(there, -1),
        sum(case.company[p] for cell in cells for p in case.shape.cell_pcpus[cell]),
        _near(case, chosen)[-1],
        *cells,
    )


def _away(case: Case, there: float) -> int:
    """Whether a plan is warned of memory elsewhere; most of it elsewhere weighs twice."""
    if not case.domain.active or case.domain.uuid not in case.host_state.locality:
        return 0
    return (100.0 - there > AWAY_LIMIT) + (100.0 - there > _MOST)


def _summed(case: Case, picks: Sequence[Pick]) -> Grade:
    """The grades of all parts, with what they mix between them."""
    grade = list(summed(found.grade for found in picks))
    pcpus = CpuSet.of(p for found in picks for p in found.pcpus)
    grade[0] = max(0, len(case.shape.kinds_of(pcpus)) - 1)
    grade[4] = sum(crosses(case, there & pcpus) for there in case.shape.cell_pcpus.values())
    grade[5] = crowds(case, pcpus)
    return tuple(grade)


def _stays(case: Case, cells: Sequence[int]) -> bool:
    """It is pinned to these cells already: its memory may well be there, measured or not."""
    return bool(case.now) and case.shape.cells_of(case.now) <= CpuSet.of(cells)

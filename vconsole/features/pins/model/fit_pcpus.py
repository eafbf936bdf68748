"""Which pCPUs of a cell: the best of the pools that the cell has, judged by what they cost.

A pool is the cell as a whole, one L3 domain, or the isolated pCPUs or the others alone. A pick
from each is graded, gravest first: what a plan would be warned of, then what is merely worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vconsole.features.pins.model.fit_case import Case, Core
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.topology import places

Unit = tuple[PinKey, ...]
"""vCPUs that the guest takes for threads of one core."""
Grade = tuple[float, ...]
WARNED = 6
"""So many places of a grade are what plans are warned of."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A pCPU for each vCPU, and how good that is; smaller is better."""

    grade: Grade
    rows: dict[PinKey, int]

    @property
    def pcpus(self) -> CpuSet:
        """All of them."""
        return CpuSet.of(self.rows.values())


def units_of(rows: Iterable[PinKey], threads: int) -> list[Unit]:
    """The rows by guest core: QEMU numbers the threads of a core one after another."""
    found: dict[int, list[PinKey]] = {}
    for key in rows:
        found.setdefault((key[1] or 0) // max(1, threads), []).append(key)
    return [tuple(unit) for unit in found.values()]


def pick(case: Case, cell: int, units: Sequence[Unit], taken: CpuSet) -> Pick | None:
    """The best pCPUs of `cell` for `units`, apart from those `taken`; None where too few."""
    count = sum(map(len, units))
    cores = sorted(case.cores(cell, taken), key=lambda core: _cost(case, core, taken))
    if sum(map(len, cores)) < count:
        return None
    pools = (pool for pool in _pools(case, cores) if sum(map(len, pool)) >= count)
    picks = (_filled(case, pool, units, taken) for pool in pools)
    return min(picks, key=lambda found: found.grade)


def _pools(case: Case, cores: Sequence[Core]) -> Iterator[list[Core]]:
    """The free threads of a cell, all of them first, then those of one sort alone."""
    shape = case.shape
    free = CpuSet.of(p for core in cores for p in core)
    caches = [free, *(free & members for members in shape.l3_domains(free))]
    isolated = free & shape.isolated
    sorts = [free, isolated, free - isolated] if isolated else [free]
    wanted = (cache & sort for cache in caches for sort in sorts)
    for pool in dict.fromkeys(wanted):
        yield [kept for core in cores if (kept := tuple(p for p in core if p in pool))]


def _rank(case: Case, threads: CpuSet) -> int:
    """How much stands against a core: a claim on it, a sibling that is held, a claim of a start."""
    if threads & case.starting:
        return 3
    if case.shape.cores_of(threads) & case.held:
        return 2
    return 1 if threads & (case.claimed | case.beside) else 0


def _cost(case: Case, core: Core, taken: CpuSet) -> tuple[int, ...]:
    """Which cores come first; those of one L3 domain stay together.

    Of cores as good as each other those where it is pinned already: nothing moves for nothing.
    """
    threads, shape = CpuSet.of(core), case.shape
    cache = shape.l3_of.get(core[0], CpuSet())
    return (
        _rank(case, threads),
        bool(case.host_core & threads),
        len(shape.core_of[core[0]] & taken),
        not threads & shape.isolated,
        min(shape.kinds_of(threads), default=0),
        -len(cache & case.usable - case.claimed - case.host_core),
        -len(cache & case.now),
        cache.first or 0,
        sum(case.company.get(p, 0) for p in core),
        not threads & case.now,
    )


def _filled(case: Case, pool: Sequence[Core], units: Sequence[Unit], taken: CpuSet) -> Pick:
    """A pCPU for each vCPU: whole units on one core, then the halves of those without one."""
    rows: dict[PinKey, int] = {}
    left = [list(core) for core in pool]
    ranks = [_rank(case, CpuSet.of(core)) for core in pool]
    waiting = list(units)
    for unit in waiting:
        place = _place(left, ranks, pool, len(unit))
        if place is None:
            half = len(unit) // 2
            waiting += [unit[:half], unit[half:]]
            continue
        for key in unit:
            rows[key] = left[place].pop(0)
    ordered = {key: rows[key] for unit in units for key in unit}
    return Pick(_grade(case, ordered, units, taken), ordered)


def _place(
    left: Sequence[list[int]], ranks: Sequence[int], pool: Sequence[Core], size: int
) -> int | None:
    """The core to take `size` threads of: best rank, then the least used, then the first."""
    fitting = [n for n, core in enumerate(left) if len(core) >= size]
    return min(fitting, key=lambda n: (ranks[n], len(pool[n]) - len(left[n])), default=None)


def _grade(case: Case, rows: dict[PinKey, int], units: Sequence[Unit], taken: CpuSet) -> Grade:
    shape, pcpus = case.shape, CpuSet.of(rows.values())
    cores = {shape.core_of[p] for p in rows.values()}
    caches, kinds = shape.l3_domains(pcpus), shape.kinds_of(pcpus)
    each = [len({shape.core_of[rows[key]] for key in unit}) for unit in units]
    apart = sum(count > 1 for count in each) + (sum(each) - len(cores) if case.threads > 1 else 0)
    isolated = shape.isolated & case.usable
    return (
        max(0, len(shape.kinds_of(pcpus | taken)) - 1),
        len(pcpus & case.beside),
        len(pcpus & case.starting),
        apart,
        crosses(case, pcpus),
        crowds(case, pcpus | taken),
        bool(pcpus & case.host_core),
        len(pcpus - isolated) if isolated else 0,
        len(rows) - len(cores) if case.threads == 1 else 0,
        len(caches),
        len(pcpus & case.claimed),
        sum(kinds),
        sum(case.company.get(p, 0) for p in pcpus),
    )


def crowds(case: Case, pcpus: CpuSet) -> bool:
    """Nothing is left for the emulator and iothreads but the pCPUs of the vCPUs."""
    return bool(case.others) and not case.usable - case.shape.isolated - pcpus


def crosses(case: Case, pcpus: CpuSet) -> bool:
    """vCPUs of one cell lie on several of its L3 domains, and one would hold them."""
    shape = case.shape
    if len(shape.l3_domains(pcpus)) < 2:
        return False
    cells = shape.cells_of(pcpus)
    caches = [c for cell in cells for c in shape.l3_domains(shape.cell_pcpus[cell])]
    return any(places(shape, cache, case.threads) >= len(pcpus) for cache in caches)

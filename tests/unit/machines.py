"""Machines of the sorts that people have, built from what their makers say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, HostState, PCpu

GIB = 1 << 30


@dataclass(frozen=True)
class Core:
    """The threads of a core, and where it is."""

    threads: tuple[int, ...]
    cell: int
    socket: int
    core: int
    l3: int | None = None
    """Names its L3 domain."""
    die: int = 0
    kind: int | None = None
    online: int | None = None
    """So many of its threads are online; None for all."""


def machine(
    cores: Iterable[Core], distances: Sequence[Sequence[int]], gib: float, ids: Sequence[int] = ()
) -> HostState:
    """A host of these cores; of so much free memory in each cell."""
    cores = tuple(cores)
    firsts: dict[int, int] = {}
    for core in cores:
        if core.l3 is not None:
            firsts.setdefault(core.l3, core.threads[0])
    made = (_pcpu(core, thread, firsts) for core in cores for thread in core.threads)
    pcpus = sorted(made, key=lambda pcpu: pcpu.id)
    numbers = tuple(ids) or tuple(range(len(distances)))
    cells = tuple(
        Cell(
            number,
            int(2 * gib * GIB),
            int(gib * GIB),
            tuple(p.id for p in pcpus if p.cell == number),
            dict(zip(numbers, row, strict=True)),
        )
        for number, row in zip(numbers, distances, strict=True)
    )
    return HostState(cells=cells, pcpus=tuple(pcpus))


def _pcpu(core: Core, thread: int, firsts: Mapping[int, int]) -> PCpu:
    awake = CpuSet.of(core.threads[: core.online])
    return PCpu(
        thread,
        core.cell,
        core.socket,
        core.die,
        core.core,
        awake if thread in awake else CpuSet(),
        thread in awake,
        l3=firsts[core.l3] if core.l3 is not None else None,
        kind=core.kind,
    )


def _apart(sockets: int, cells: int, near: int, far: int) -> list[list[int]]:
    """Distances of cells: own 10, of one socket `near`, else `far`."""
    every = range(sockets * cells)
    return [
        [10 if a == b else near if a // cells == b // cells else far for b in every] for a in every
    ]


def epyc_nps4() -> HostState:
    """Two sockets of 64 cores with SMT, NPS4: eight cells of two CCXs of eight cores."""
    cores = (Core((n, n + 128), n // 16, n // 64, n % 64, l3=n // 8) for n in range(128))
    return machine(cores, _apart(2, 4, 12, 32), 96)


def threadripper() -> HostState:
    """32 cores with SMT in four CCXs, one cell each."""
    cores = (Core((n, n + 32), n // 8, 0, n, l3=n // 8) for n in range(32))
    return machine(cores, _apart(1, 4, 12, 12), 32)


def hybrid() -> HostState:
    """Eight performance cores with SMT, sixteen efficiency cores without, one L3 cache."""
    strong = [Core((2 * n, 2 * n + 1), 0, 0, 4 * n, l3=0, kind=0) for n in range(8)]
    weak = [Core((16 + n,), 0, 0, 32 + n, l3=0, kind=1) for n in range(16)]
    return machine([*strong, *weak], [[10]], 40)


def snc_xeon() -> HostState:
    """Two sockets of 28 cores with SMT, SNC2: each half of a socket has an L3 cache of its own."""
    cores = (Core((n, n + 56), n // 14, n // 28, n % 28, l3=n // 14) for n in range(56))
    return machine(cores, _apart(2, 2, 11, 21), 64)


def power_smt8() -> HostState:
    """Ten cores of eight threads, one awake, an L3 cache each; ids of cells and cores have gaps."""
    cores = (
        Core(tuple(range(8 * n, 8 * n + 8)), 0 if n < 5 else 8, n // 5, 8 * n, l3=n, online=1)
        for n in range(10)
    )
    return machine(cores, [[10, 40], [40, 10]], 32, ids=(0, 8))


def arm80() -> HostState:
    """80 cores of one thread on one cell; no L3 domain is named, core ids are far above."""
    cores = (Core((n,), 0, 36, 256 * n) for n in range(80))
    return machine(cores, [[10]], 128)


MACHINES: dict[str, Callable[[], HostState]] = {
    "EPYC NPS4": epyc_nps4,
    "Threadripper": threadripper,
    "hybrid Intel": hybrid,
    "SNC Xeon": snc_xeon,
    "POWER SMT8": power_smt8,
    "Arm 80": arm80,
}

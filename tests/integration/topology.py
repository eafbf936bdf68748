"""Invented hosts: a tree to show libvirtd in place of /sys/devices/system/{node,cpu}.

libvirt and libnuma read a host's shape from there, so that the real QEMU driver reports cells,
cores and siblings which this machine does not have.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

GIB = 1024 * 1024  # in KiB, the unit of meminfo
OWN, NEAR, FAR = 10, 16, 28

Core = tuple[int, ...]
"""The pCPU numbers of one core: its SMT siblings."""


@dataclass(frozen=True)
class Cell:
    """One NUMA cell: its cores and its memory, in KiB and pages."""

    number: int
    cores: tuple[Core, ...]
    total_kib: int
    free_kib: int
    pages_2m: int = 0
    free_2m: int = 0
    pages_1g: int = 0

    @property
    def cpus(self) -> list[int]:
        """Its pCPU numbers, ascending."""
        return sorted(cpu for core in self.cores for cpu in core)


def big_cells() -> tuple[Cell, ...]:
    """Four cells of eight two-threaded cores; cell n has pCPUs 8n..8n+7 and 32+8n..32+8n+7."""
    return tuple(
        Cell(
            number=cell,
            cores=tuple((cpu, cpu + 32) for cpu in range(8 * cell, 8 * cell + 8)),
            total_kib=64 * GIB,
            free_kib=free * GIB,
            pages_2m=1024 * cell,
            free_2m=512 * cell,
            pages_1g=4 if cell == 3 else 0,
        )
        for cell, free in enumerate((6, 20, 41, 12))
    )


def two_cells(cpus: Iterable[int] | None = None) -> tuple[Cell, ...]:
    """Two cells of one pCPU each, both real: what is pinned there is pinned in the kernel."""
    real = sorted(os.sched_getaffinity(0) if cpus is None else cpus)
    if len(real) < 2:
        raise RuntimeError("two real CPUs are needed, one for each cell")
    return tuple(
        Cell(number=cell, cores=((real[cell],),), total_kib=4 * GIB, free_kib=(1 + cell) * GIB)
        for cell in range(2)
    )


def half_awake() -> tuple[tuple[Cell, ...], tuple[int, ...]]:
    """One cell of two cores of four threads, and the six of eight pCPUs that are offline."""
    cell = Cell(0, ((0, 1, 2, 3), (4, 5, 6, 7)), 8 * GIB, 4 * GIB)
    return (cell,), (1, 2, 3, 5, 6, 7)


def write_tree(
    root: Path, cells: Sequence[Cell], isolated: str = "", offline: Collection[int] = ()
) -> None:
    """Write `root`/node and `root`/cpu so that they describe the cells.

    An offline pCPU has a folder, and nothing of it is known.
    """
    for cpu in offline:
        put(root / f"cpu/cpu{cpu}/online", 0)
    present = sorted(cpu for cell in cells for cpu in cell.cpus)
    cells = [_awake(cell, offline) for cell in cells]
    put(root / "cpu/online", listing([cpu for cell in cells for cpu in cell.cpus]))
    for name in ("possible", "present"):
        put(root / "cpu" / name, listing(present))
    put(root / "cpu/offline", listing(list(offline)))
    put(root / "cpu/isolated", isolated)
    numbers = listing([cell.number for cell in cells])
    for name in ("online", "possible", "has_cpu", "has_memory", "has_normal_memory"):
        put(root / "node" / name, numbers)
    for cell in cells:
        _write_node(root, cell, cells)
        for core_id, core in enumerate(cell.cores):
            for cpu in core:
                _write_cpu(root, cell, core_id, core, cpu)


def _awake(cell: Cell, offline: Collection[int]) -> Cell:
    cores = (tuple(cpu for cpu in core if cpu not in offline) for core in cell.cores)
    return replace(cell, cores=tuple(core for core in cores if core))


def _write_node(root: Path, cell: Cell, cells: Sequence[Cell]) -> None:
    node = root / f"node/node{cell.number}"
    put(node / "cpulist", listing(cell.cpus))
    put(node / "cpumap", mask(cell.cpus))
    put(node / "distance", " ".join(str(distance(cell, other)) for other in cells))
    used = cell.total_kib - cell.free_kib
    amounts = {"MemTotal": cell.total_kib, "MemFree": cell.free_kib, "MemUsed": used}
    lines = (f"Node {cell.number} {key}: {kib:>14} kB" for key, kib in amounts.items())
    put(node / "meminfo", "\n".join(lines))
    _write_pages(node, 2048, cell.pages_2m, cell.free_2m)
    _write_pages(node, 1048576, cell.pages_1g, cell.pages_1g)


def _write_pages(node: Path, kib: int, total: int, free: int) -> None:
    pool = node / f"hugepages/hugepages-{kib}kB"
    put(pool / "nr_hugepages", total)
    put(pool / "free_hugepages", free)
    put(pool / "surplus_hugepages", 0)


def _write_cpu(root: Path, cell: Cell, core_id: int, core: Core, cpu: int) -> None:
    place = root / f"cpu/cpu{cpu}"
    put(place / "online", 1)
    facts: dict[str, str | int] = {
        "core_id": core_id,
        "physical_package_id": cell.number,
        "die_id": 0,
        "cluster_id": core_id,
    }
    for name in ("thread_siblings", "core_cpus"):
        facts |= {name: mask(core), f"{name}_list": listing(core)}
    for name in ("core_siblings", "package_cpus"):
        facts |= {name: mask(cell.cpus), f"{name}_list": listing(cell.cpus)}
    for name, value in facts.items():
        put(place / "topology" / name, value)
    _link(f"../../node/node{cell.number}", place / f"node{cell.number}")
    _link(f"../../cpu/cpu{cpu}", root / f"node/node{cell.number}/cpu{cpu}")


def _link(target: str, link: Path) -> None:
    """A tree is written again when a pCPU comes online."""
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def distance(one: Cell, other: Cell) -> int:
    """How far the cells are: cells 0 and 1 are neighbours, as are 2 and 3."""
    if one.number == other.number:
        return OWN
    return NEAR if one.number // 2 == other.number // 2 else FAR


def listing(numbers: Sequence[int]) -> str:
    """The kernel's list format: 0-3,8."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def mask(numbers: Sequence[int]) -> str:
    """The kernel's bitmap format: words of 32 bits in hex, the highest first."""
    bits = sum(1 << number for number in numbers)
    words = max(numbers, default=0) // 32 + 1
    return ",".join(f"{bits >> 32 * word & 0xFFFFFFFF:08x}" for word in reversed(range(words)))


def put(path: Path, value: str | int) -> None:
    """Write one line, making the folders on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")

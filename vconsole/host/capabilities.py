"""The host's cells and pCPUs from its capabilities.

Format: https://libvirt.org/formatcaps.html, ``<host><topology>``. Ids may have gaps, a cell may
have no memory or no pCPUs. What libvirt says of an offline pCPU depends on when it looked: it is
left out, has a number alone, or is of socket 0 and core 0, which the kernel did not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vconsole.host import xml
from vconsole.model.cpuset import MAX_ID, CpuSet
from vconsole.model.host_state import Cell, Pages, PCpu
from vconsole.model.value import dataclass
from vconsole.model.xml_read import Element, parse

MAX_CHARS = 4 << 20
"""1024 pCPUs take 150 KiB; read once per connection."""
MAX_CELLS = 1024
_MOST_CORES = 1 << 29
"""Sockets and cores are numbered as the firmware likes: core 70144 was seen on an Arm server."""
_NATURAL_KIB = 64
"""Pages up to this size are ordinary memory on some architecture, and not huge."""


@dataclass(frozen=True, slots=True)
class HostShape:
    """What does not change while a host runs, except for hot-plugging."""

    cells: tuple[Cell, ...] = ()
    pcpus: tuple[PCpu, ...] = ()

    @property
    def everything(self) -> CpuSet:
        """All pCPUs."""
        return CpuSet.of(p.id for p in self.pcpus)


def read_capabilities(text: str) -> HostShape:
    """The cells with their pCPUs; empty where the capabilities have no ``<cells>``.

    Raises:
        XmlError: The capabilities cannot be read at all.
    """
    root = parse(text, "capabilities", MAX_CHARS)
    cells: list[Cell] = []
    pcpus: dict[int, PCpu] = {}
    for element in root.findall("host/topology/cells/cell")[:MAX_CELLS]:
        number = _id(element.get("id"))
        if number is None:
            continue
        members = _pcpus(element, number)
        pcpus |= members
        cells.append(_cell(element, number, tuple(sorted(members))))
    l3 = _l3(root)
    ordered = tuple(replace(pcpus[n], l3=l3.get(n)) for n in sorted(pcpus))
    return HostShape(_memoryless(sorted(cells, key=lambda cell: cell.id)), ordered)


def _memoryless(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """libvirt leaves the memory out of a cell that has none; old ones leave it out everywhere."""
    found = tuple(cells)
    if all(cell.total_bytes is None for cell in found):
        return found
    return tuple(c if c.total_bytes is not None else replace(c, total_bytes=0) for c in found)


def synthetic(pcpus: int, memory_bytes: int | None, cells: tuple[Cell, ...] = ()) -> HostShape:
    """All pCPUs in one cell, for hosts whose capabilities name no cells, or none for a pCPU.

    Of several cells nobody says whose the pCPUs are.
    """
    ids = range(min(pcpus, MAX_ID + 1))
    invented = Cell(0, memory_bytes, None, (), {0: 10}, invented=True)
    first, *others = cells or (invented,)
    if others:
        return HostShape(cells, tuple(PCpu(n) for n in ids))
    whole = replace(first, pcpus=tuple(ids))
    return HostShape((whole,), tuple(PCpu(n, cell=whole.id) for n in ids))


def with_cpu_map(shape: HostShape, present: CpuSet, online: CpuSet | None) -> HostShape:
    """The shape with every pCPU of the CPU map, marked online or offline.

    Capabilities may leave out what is offline, or what came online after libvirtd began: such a
    pCPU is of no cell and no core that is known.

    Args:
        shape: As the capabilities have it.
        present: The pCPUs that exist (virNodeGetCPUMap).
        online: Those among them that are online; None where that is not known.
    """
    if online is None:
        return replace(shape, pcpus=tuple(replace(p, online=None) for p in shape.pcpus))
    known = {p.id: p for p in shape.pcpus}
    ids = sorted(known.keys() | set(present))
    pcpus = (known.get(n, PCpu(n)) for n in ids)
    return replace(shape, pcpus=tuple(replace(p, online=p.id in online) for p in pcpus))


def with_places_kept(shape: HostShape, before: HostShape) -> HostShape:
    """The shape where what is offline keeps the place it had; without one it has none.

    The kernel drops an offline pCPU's socket, core and siblings, and its siblings' knowledge of it.
    """
    known = {p.id: p for p in before.pcpus}
    offline = CpuSet.of(p.id for p in shape.pcpus if p.online is False)
    return replace(shape, pcpus=tuple(_placed(p, known.get(p.id), offline) for p in shape.pcpus))


def _placed(pcpu: PCpu, before: PCpu | None, offline: CpuSet) -> PCpu:
    if pcpu.online is not False:
        parted = before.siblings & offline if before and before.core == pcpu.core else CpuSet()
        return replace(pcpu, siblings=pcpu.siblings | parted) if parted else pcpu
    place = before or PCpu(pcpu.id)
    cell = pcpu.cell if pcpu.cell is not None else place.cell
    return replace(place, cell=cell, online=False)


def with_isolated(
    shape: HostShape, isolated: CpuSet, nohz_full: CpuSet, rcu_nocbs: CpuSet | None = None
) -> HostShape:
    """The shape with the pCPUs marked that the kernel keeps free."""
    pcpus = (
        replace(
            p,
            isolated=p.id in isolated,
            nohz_full=p.id in nohz_full,
            rcu_nocbs=rcu_nocbs is not None and p.id in rcu_nocbs,
        )
        for p in shape.pcpus
    )
    return replace(shape, pcpus=tuple(pcpus))


def _cell(element: Element, number: int, pcpus: tuple[int, ...]) -> Cell:
    sizes = (_pages(page) for page in element.findall("pages"))
    return Cell(
        id=number,
        total_bytes=xml.amount(element.find("memory")),
        pcpus=pcpus,
        distances=_distances(element),
        pages=tuple(p for p in sizes if p is not None and p.size_kib > _NATURAL_KIB),
    )


def _l3(root: Element) -> dict[int, int]:
    """pCPU -> the lowest of those that share its level 3 cache (``<cache><bank>``)."""
    found: dict[int, int] = {}
    for bank in root.findall("host/cache/bank")[:MAX_ID]:
        cpus = xml.cpuset(bank.get("cpus")) if bank.get("level") == "3" else None
        if cpus and cpus.first is not None:
            found |= dict.fromkeys(cpus, cpus.first)
    return found


def _pages(element: Element) -> Pages | None:
    size = xml.scaled(element.get("size"), element.get("unit", "KiB"))
    return Pages(size >> 10, total=xml.number(element.text)) if size else None


def _distances(element: Element) -> dict[int, int]:
    pairs = (
        (_id(e.get("id")), xml.number(e.get("value"))) for e in element.findall("distances/sibling")
    )
    return {cell: value for cell, value in pairs if cell is not None and value is not None}


def _pcpus(element: Element, cell: int) -> dict[int, PCpu]:
    found: dict[int, PCpu] = {}
    for cpu in element.findall("cpus/cpu"):
        if (number := _id(cpu.get("id"))) is not None:
            found[number] = PCpu(
                id=number,
                cell=cell,
                socket=_id(cpu.get("socket_id"), _MOST_CORES),
                die=_id(cpu.get("die_id"), _MOST_CORES),
                core=_id(cpu.get("core_id"), _MOST_CORES),
                siblings=xml.cpuset(cpu.get("siblings")) or CpuSet(),
            )
    return found


def _id(text: str | None, most: int = MAX_ID) -> int | None:
    value = xml.number(text)
    return value if value is not None and value <= most else None

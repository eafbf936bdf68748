"""The host's cells and pCPUs from its capabilities.

Format: https://libvirt.org/formatcaps.html, ``<host><topology>``. Ids may have gaps, a cell may
have no memory or no pCPUs, and an offline pCPU is listed without socket, core and siblings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from vconsole.host import xml
from vconsole.model.cpuset import MAX_ID, CpuSet
from vconsole.model.host_state import Cell, Pages, PCpu

MAX_CHARS = 4 << 20
"""1024 pCPUs take 150 KiB; read once per connection."""
MAX_CELLS = 1024
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
    root = xml.parse(text, "capabilities", MAX_CHARS)
    cells: list[Cell] = []
    pcpus: dict[int, PCpu] = {}
    for element in root.findall("host/topology/cells/cell")[:MAX_CELLS]:
        number = _id(element.get("id"))
        if number is None:
            continue
        members = _pcpus(element, number)
        pcpus |= members
        cells.append(_cell(element, number, tuple(sorted(members))))
    ordered = tuple(pcpus[n] for n in sorted(pcpus))
    return HostShape(tuple(sorted(cells, key=lambda cell: cell.id)), ordered)


def synthetic(pcpus: int, memory_bytes: int | None) -> HostShape:
    """One cell with all pCPUs, for hosts whose capabilities name no cells."""
    ids = range(min(pcpus, MAX_ID + 1))
    cell = Cell(0, memory_bytes, None, tuple(ids), {0: 10})
    return HostShape((cell,), tuple(PCpu(n, cell=0) for n in ids))


def with_online(shape: HostShape, online: CpuSet | None) -> HostShape:
    """The shape with the pCPUs marked online or offline; None where that is not known."""
    pcpus = (replace(p, online=None if online is None else p.id in online) for p in shape.pcpus)
    return replace(shape, pcpus=tuple(pcpus))


def with_isolated(shape: HostShape, isolated: CpuSet, nohz_full: CpuSet) -> HostShape:
    """The shape with the pCPUs marked that the kernel keeps free."""
    pcpus = (
        replace(p, isolated=p.id in isolated, nohz_full=p.id in nohz_full) for p in shape.pcpus
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
                socket=_id(cpu.get("socket_id")),
                die=_id(cpu.get("die_id")),
                core=_id(cpu.get("core_id")),
                siblings=xml.cpuset(cpu.get("siblings")) or CpuSet(),
            )
    return found


def _id(text: str | None) -> int | None:
    value = xml.number(text)
    return value if value is not None and value <= MAX_ID else None

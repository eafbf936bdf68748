"""The host itself: cells, pCPUs, memory, and how busy they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

from vconsole.host import capabilities, cgroups, cores, errors, virt_check, xml
from vconsole.host.capabilities import HostShape
from vconsole.host.link import Link
from vconsole.host.source import View
from vconsole.model import rates
from vconsole.model.cpuset import MAX_ID, CpuSet
from vconsole.model.host_state import Cell, Node, Pages, PCpu
from vconsole.model.xml_read import XmlError

SYS: Final = Path("/sys/devices/system/cpu")
_SETTLING = 2
"""Readings of the shape after the one that found it changed: the kernel, and libvirt after it,
may say that a pCPU is online before they say where it is."""
_SHAPE_LASTS_S = 60.0
"""Some of it changes without a word: huge pages are set up, memory is plugged, a control group
takes pCPUs for itself."""
_SHAPE_SOON_S = 5.0
_ALL_CELLS = -1
_ALL_CPUS = -1
_CPU_STAT_NAMES: Final = {
    "user": "user",
    "kernel": "system",
    "idle": "idle",
    "iowait": "iowait",
    "intr": "interrupt",
}


class Machine:
    """Reads the host over one connection; its shape once, the rest as the view asks."""

    def __init__(self, link: Link, sys: Path = SYS) -> None:
        self._link, self._sys = link, sys
        self.problem = ""
        self._info = link.attempt("nodeinfo", link.conn.getInfo)
        self.map_width = 0
        """How many pCPUs libvirt-python can name in a mask; 0 where it did not say."""
        self._map: tuple[CpuSet, CpuSet | None] = CpuSet(), None
        """The pCPUs that exist and those online, as the CPU map had them; see `_cpu_map`."""
        self.cells: tuple[Cell, ...] = ()
        self.pcpus: tuple[PCpu, ...] = ()
        self._settling = 0
        self._shape_at = -math.inf
        self._read_shape()
        self.node = self._node()
        self.busy: Mapping[int, float] = {}
        self._times: Mapping[int, Mapping[str, float]] = {}
        self._times_at = -math.inf
        self._cpu_stats: Mapping[str, float] = {}
        self._turn = 0
        self._looked: set[str] = set()
        """The pages that had what they show at the first look."""

    @property
    def everything(self) -> CpuSet:
        """All pCPUs of the host."""
        return CpuSet.of(p.id for p in self.pcpus)

    # -- the shape -----------------------------------------------------------------------------

    def read_online(self) -> None:
        """One call: which pCPUs exist and are online; the shape anew where that changed."""
        if self._cpu_map() != self._map:
            self._settling = _SETTLING
        elif self._settling:
            self._settling -= 1
        elif monotonic() - self._shape_at < self._shape_lasts_s():
            return
        self._read_shape()

    def _shape_lasts_s(self) -> float:
        """How long the shape is good; more huge pages are free than there were: not long."""
        pages = (p for cell in self.cells for p in cell.pages)
        grown = any(p.total is not None and (p.free or 0) > p.total for p in pages)
        return _SHAPE_SOON_S if grown else _SHAPE_LASTS_S

    def _read_shape(self) -> None:
        """Cells and pCPUs as the capabilities have them, or one cell where they have none."""
        self._shape_at = monotonic()
        before = HostShape(self.cells, self.pcpus)
        found = self._capable() or before
        if not found.pcpus and self._info and (count := self._info[2]):
            found = capabilities.synthetic(count, self._memory_bytes(), found.cells)
        self._map = present, online = self._cpu_map(max((p.id for p in found.pcpus), default=-1))
        found = capabilities.with_cpu_map(found, present, online)
        found = self._kept_free(self._marked(capabilities.with_places_kept(found, before)))
        if found != before:
            self.cells, self.pcpus = found.cells, found.pcpus

    def _capable(self) -> HostShape | None:
        """What the capabilities say; None where they cannot be had, or not now."""
        text = self._link.attempt("capabilities", self._link.conn.getCapabilities)
        try:
            return capabilities.read_capabilities(text) if text else None
        except XmlError as error:
            self.problem = errors.one_line(f"capabilities: {error}")
            return None

    def _marked(self, shape: HostShape) -> HostShape:
        if not self._link.connection.local:
            return shape
        isolated, nohz = (self._kernel_set(name) for name in ("isolated", "nohz_full"))
        isolated |= cgroups.isolated_partitions()
        quiet = cores.rcu_nocbs()
        shape = capabilities.with_isolated(shape, isolated, nohz, quiet)
        return replace(shape, pcpus=cores.with_cores(shape.pcpus, self._sys))

    def _cpu_map(self, highest: int | None = None) -> tuple[CpuSet, CpuSet | None]:
        """The pCPUs that exist and those online: the authority for both, and what ``r`` writes.

        None for the second where the map cannot be had, or is narrower than the host that the
        capabilities describe (the test driver says 8 of 16).
        """
        found = self._link.attempt("cpu map", self._link.conn.getCPUMap)
        if not found:
            return self._map
        self.map_width = found[0]
        highest = max((p.id for p in self.pcpus), default=-1) if highest is None else highest
        if not highest < found[0] <= MAX_ID + 1:
            return CpuSet(), None
        return CpuSet.of(range(found[0])), CpuSet.from_map(found[1])

    def _kernel_set(self, name: str) -> CpuSet:
        with suppress(OSError, UnicodeError):
            return xml.cpuset((self._sys / name).read_text("ascii")[:4096].strip()) or CpuSet()
        return CpuSet()

    def _memory_bytes(self) -> int | None:
        """None for 0, too: libvirt says that where it could not find out."""
        return self._info[1] << 20 or None if self._info else None

    def _node(self) -> Node:
        local = self._link.connection.local
        default = cores.hugepage_kib() if local else None
        numad = _has("numad") if local else None
        if not self._info:
            return Node(hugepage_kib=default, numad=numad)
        model, _, _, mhz = self._info[:4]
        return Node(
            model=errors.one_line(model, 40) or None,
            mhz=mhz or None,
            memory_bytes=self._memory_bytes(),
            hugepage_kib=default,
            numad=numad,
        )

    # -- each tick -----------------------------------------------------------------------------

    def read_free(self) -> None:
        """One call: the free memory of every cell."""
        if not self.cells:
            return
        if self.cells[0].invented:
            whole = self._link.attempt("free memory", self._link.conn.getFreeMemory)
            whole = whole or None  # 0 is how libvirt says that it does not know
            self._set_cells(replace(c, free_bytes=_plausible(whole, c)) for c in self.cells)
            return
        last = self.cells[-1].id
        found = self._link.attempt("freecell", self._link.conn.getCellsFreeMemory, 0, last + 1)
        values = dict(enumerate(found or ()))
        self._set_cells(_with_freecell(cell, values.get(cell.id)) for cell in self.cells)

    def read_busy(self) -> None:
        """How busy each pCPU is, from this machine's kernel; no call to libvirt."""
        if self._link.simulation is not None:
            self.busy = self._link.simulation.busy()
        at = monotonic()
        if not self._link.connection.local or rates.too_soon(at - self._times_at):
            return
        now = cores.times()
        known = ((n, rates.busy(self._times.get(n, {}), t)) for n, t in now.items())
        self.busy = {n: round(percent, 1) for n, percent in known if percent is not None}
        self._times, self._times_at = now, at

    def is_new(self, view: View) -> bool:
        """A page that needs more than its turn, for the first time."""
        return view.page in ("host", "pin") and view.page not in self._looked

    def take_turn(self, view: View) -> bool:
        """Make one of the calls that take turns; False when it was somebody else's turn.

        The host page gets what it shows at the first look, and every turn after that; what is
        said of pins needs the free huge pages from the first look on.
        """
        calls = (self._free_pages, self._memory_stats, self._cpu_percent)
        if self.is_new(view):
            self._looked.add(view.page)
            for call in calls if view.page == "host" else calls[:1]:
                call()
            if view.page == "host":
                self._local_facts()
            return True
        self._turn += 1
        if view.page != "host" and self._turn % 3:
            return False
        turn = self._turn if view.page == "host" else self._turn // 3
        calls[turn % len(calls)]()
        if view.page == "host" and turn % 10 == 0:
            self._local_facts()
        return True

    def _free_pages(self) -> None:
        """Free huge pages: a call for each run of cells without gaps in their ids.

        Where one cell of a run is missing, or has no huge pages, libvirt answers for none of it.
        """
        by_id = {c.id: c for c in self.cells if c.pages}
        conn = self._link.conn
        for first, last in CpuSet.of(by_id).ranges():
            sizes = sorted({p.size_kib for n in range(first, last + 1) for p in by_id[n].pages})
            count = last - first + 1
            found = self._link.attempt("freepages", conn.getFreePages, sizes, first, count) or {}
            self._set_cells(_with_free_pages(cell, found.get(cell.id)) for cell in self.cells)

    def _memory_stats(self) -> None:
        found = self._link.attempt("nodememstats", self._link.conn.getMemoryStats, _ALL_CELLS)
        if found:
            self.node = replace(self.node, memory_stats={k: v << 10 for k, v in found.items()})

    def _cpu_percent(self) -> None:
        found = self._link.attempt("nodecpustats", self._link.conn.getCPUStats, _ALL_CPUS)
        if not found:
            return
        now = {_CPU_STAT_NAMES[k]: float(v) for k, v in found.items() if k in _CPU_STAT_NAMES}
        shares = rates.shares(self._cpu_stats, now) if self._cpu_stats else {}
        self._cpu_stats = now
        if shares:
            self.node = replace(self.node, cpu_percent={k: round(v, 1) for k, v in shares.items()})

    def _local_facts(self) -> None:
        """Swap, governor and the virtualization check, where this machine is the host."""
        connection = self._link.connection
        if self._link.simulation is not None:
            self.node = self._link.simulation.facts(self.node)
            return
        self.node = replace(self.node, checks=virt_check.check(connection))
        if not connection.local:
            return
        import psutil

        with suppress(OSError, RuntimeError):
            swap = psutil.swap_memory()
            self.node = replace(self.node, swap_total_bytes=swap.total, swap_used_bytes=swap.used)
        online = CpuSet.of(p.id for p in self.pcpus if p.online is not False)
        self.node = replace(self.node, governor=cores.governor(online, self._sys) or None)

    def _kept_free(self, shape: HostShape) -> HostShape:
        """The shape with what was read of its cells' free memory so far."""
        known = {c.id: c for c in self.cells}
        return replace(shape, cells=tuple(_with_free(c, known.get(c.id)) for c in shape.cells))

    def _set_cells(self, cells: Any) -> None:
        """Replace the cells; the same tuple stays where nothing changed."""
        made = tuple(cells)
        if made != self.cells:
            self.cells = made


def _with_freecell(cell: Cell, free: Any) -> Cell:
    """With the free memory; libvirt gives no amount of memory for a cell that has none."""
    if free == 0 and cell.total_bytes is None:
        cell = replace(cell, total_bytes=0)
    return replace(cell, free_bytes=_plausible(free, cell))


def _plausible(free: Any, cell: Cell) -> int | None:
    """The free bytes as libvirt says, unless they cannot be."""
    if not isinstance(free, int) or not 0 <= free <= xml.MAX_NUMBER:
        return None
    if not free and not cell.total_bytes and cell.total_bytes is not None:
        return 0
    return free if cell.total_bytes is None or free <= cell.total_bytes else None


def _with_free(cell: Cell, before: Cell | None) -> Cell:
    if before is None:
        return cell
    free = {p.size_kib: p.free for p in before.pages}
    return _with_free_pages(replace(cell, free_bytes=before.free_bytes), free)


def _with_free_pages(cell: Cell, free: Mapping[int, int | None] | None) -> Cell:
    if free is None:
        return cell
    pages = (Pages(p.size_kib, p.total, free.get(p.size_kib, p.free)) for p in cell.pages)
    return replace(cell, pages=tuple(pages))


def _has(program: str) -> bool:
    from shutil import which  # with all that packs files

    return which(program) is not None

"""The words and marks of the host page, made from the state of the host: no terminal, no state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Check, HostState, PCpu
from vconsole.model.placement import occupants
from vconsole.model.topology import Topology, topology
from vconsole.model.totals import known_cells
from vconsole.model.words import page_name, plural
from vconsole.text import bar, percent, scaled, size

Mark = tuple[str, str]
"""(text, style) of one pCPU; style is "", dim, warn or full."""
IDLE_BELOW, FULL_FROM = 10.0, 90.0
LABEL = 10
"""Width of the labels at the left."""
_NO_HEADING = "pCPUs whose cell is not known"
INVENTED = "libvirt names no cells: this is the whole host"


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What the marks of one state are made from; asked for only those in view."""

    shape: Topology
    vcpus: Mapping[int, int]
    contested: frozenset[int]
    busy: Mapping[int, float]

    @classmethod
    def of(cls, host_state: HostState) -> Marks:
        """Those of a host."""
        held = occupants(host_state)
        return cls(topology(host_state), held.vcpus, frozenset(held.contested), host_state.busy)

    def mark(self, pcpu: int) -> Mark:
        """The mark of a pCPU, such as ``o2`` or ``.in``."""
        known, busy = self.shape.pcpu[pcpu], self.busy.get(pcpu)
        load, style = load_glyph(known, busy)
        tail = self._tail(known)
        if pcpu in self.contested or (known.online is False and self.vcpus.get(pcpu)):
            style = "warn"
        return load + tail, style

    def dot(self, pcpu: int) -> Mark:
        """The mark of a pCPU as one character: ``!`` where domains contest it, else its load."""
        if pcpu in self.contested:
            return "!", "warn"
        return load_glyph(self.shape.pcpu[pcpu], self.busy.get(pcpu))

    def _tail(self, pcpu: PCpu) -> str:
        count = self.vcpus.get(pcpu.id, 0)
        fight = "!" if pcpu.id in self.contested else ""
        return f"{count or ''}{'i' * pcpu.isolated}{'n' * pcpu.nohz_full}{fight}"

    def width(self) -> int:
        """The width of the longest mark, whatever the load."""
        return 1 + max((len(self._tail(p)) for p in self.shape.pcpu.values()), default=0)


def load_glyph(pcpu: PCpu, busy: float | None) -> Mark:
    """One character for what a pCPU does; ``-`` where it is not known."""
    if pcpu.online is False:
        return "x", "dim"
    if busy is None:
        return "-", "dim"
    if busy < IDLE_BELOW:
        return ".", ""
    return ("#", "full") if busy >= FULL_FROM else ("o", "")


def legend(marks: Marks) -> str:
    """Explain the marks; the rare ones only where they occur."""
    known = marks.shape.pcpu.values()
    words = [". idle  o busy  # full"]
    if any(p.online is False for p in known):
        words.append("x offline")
    words.append("2 pinned vCPUs")
    if any(p.isolated for p in known):
        words.append("i isolated")
    if any(p.nohz_full for p in known):
        words.append("n nohz_full")
    if marks.contested:
        words.append("! contested")
    return "  ".join(words)


def holders_words(pcpu: int, host_state: HostState) -> str:
    """How many domains hold a pCPU for themselves; empty where that is one or none."""
    count = len(occupants(host_state).holders.get(pcpu, ()))
    return f"{count} domains hold it" if count > 1 else ""


# -- headings ------------------------------------------------------------------------------------


def of_total(free: int | None, total: int | None) -> str:
    """``free  6.4 of 32 GiB``; the unit stands once where it is the same."""
    if total == 0:
        return "no memory"
    if free is None or total is None:
        return f"free {size(free):>5} of {size(total)}"
    (part, unit), (whole, whole_unit) = scaled(free), scaled(total)
    shown = part if unit == whole_unit or not free else f"{part} {unit}"
    return f"free {shown:>5} of {whole} {whole_unit}"


def used_bar(free: int | None, total: int | None, width: int, ascii_only: bool) -> str:
    """The part in use, in brackets."""
    known = free is not None and total
    share = 1 - free / total if known and free is not None and total else None
    return f"[{bar(share, width, ascii_only)}]"


def heading(cell: Cell | None, ids: Sequence[int], width: int, ascii_only: bool) -> tuple[str, ...]:
    """The lines above a cell's pCPUs; parts that do not fit go to the next line."""
    if cell is None:
        return (f"  {_NO_HEADING}",)
    memory = of_total(cell.free_bytes, cell.total_bytes)
    first = f"  {f'Cell {cell.id} ':<{LABEL - 2}}{memory:<21}"
    if cell.total_bytes != 0:
        room = 20 if width >= 100 else 10
        first += " " + used_bar(cell.free_bytes, cell.total_bytes, room, ascii_only)
    invented = [INVENTED] if cell.invented else []
    return _wrapped(first, [*_pages(cell), *_distances(cell, ids), *invented], width)


def _pages(cell: Cell) -> Iterable[str]:
    for pages in cell.pages:
        if pages.total != 0:
            total = "-" if pages.total is None else str(pages.total)
            free = "-" if pages.free is None else str(pages.free)
            yield f"{page_name(pages.size_kib)} {free:>{len(total)}}/{total}"


def _distances(cell: Cell, ids: Sequence[int]) -> Iterable[str]:
    if cell.distances and len(ids) > 1:
        yield "dist " + " ".join(str(cell.distances.get(number, "-")) for number in ids)


def _wrapped(first: str, parts: Iterable[str], width: int) -> tuple[str, ...]:
    lines = [first]
    for part in parts:
        if len(lines[-1]) + 2 + len(part) <= width:
            lines[-1] += "  " + part
        else:
            lines.append(" " * LABEL + part)
    return tuple(line.rstrip() for line in lines)


def total_line(host_state: HostState, width: int, ascii_only: bool) -> str:
    """The sum of the cells, and how many vCPUs are pinned."""
    known, missing = known_cells(host_state.cells)
    free = _sum(c.free_bytes for c in known)
    total = _sum(c.total_bytes for c in known)
    room = 20 if width >= 100 else 10
    memory = f"{of_total(free, total):<21} {used_bar(free, total, room, ascii_only)}"
    held = occupants(host_state)
    pinned = sum(o.kind == "vcpu" for group in held.groups.values() for o in group)
    floating = sum(o.kind == "vcpu" for o in held.floating)
    vcpus = f"vCPUs: {pinned} pinned, {floating} float"
    return "  ".join(filter(None, (f"  {'Total':<{LABEL - 2}}{memory}", missing, vcpus)))


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


# -- the host as a whole -------------------------------------------------------------------------


def shape_words(shape: Topology) -> str:
    """``2 sockets x 2 cells x 8 cores x 2 threads``; counts alone where they do not multiply.

    Offline pCPUs whose place is not known are no cores: they are counted by themselves.
    """
    offline = len(shape.everything - shape.online)
    words = _placed_words(shape)
    return f"{words}, {offline} offline" if offline and words != "-" else words


def parts_words(shape: Topology) -> list[str]:
    """What else a host has several of: ``8 L3 domains``, ``8 P and 16 E cores``."""
    words = []
    if shape.several_l3:
        words.append(f"{len(shape.l3_domains(shape.everything))} L3 domains")
    if shape.kinds:
        cores = [len({shape.core_of[p] for p in kind}) for kind in shape.kinds]
        each = [f"{count} {shape.kind_letter(n)}" for n, count in enumerate(cores)]
        words.append(" and ".join(each) + " cores")
    return words


def _placed_words(shape: Topology) -> str:
    groups = [g for g in shape.groups if g.cell is not None or CpuSet.of(g.pcpus) & shape.online]
    cells = [group for group in groups if group.cell is not None]
    cores = [core for group in groups for core in group.cores]
    sockets = {socket for group in groups for socket in group.sockets}
    per_cell, threads = {len(group.cores) for group in cells}, {len(core) for core in cores}
    if not cores:
        return "-"
    even = len(per_cell) == len(threads) == 1 and None not in sockets
    if even and len(cells) % len(sockets) == 0 and len(cells) == len(groups):
        counts = (len(sockets), len(cells) // len(sockets), *per_cell, *threads)
        names = ("socket", "cell", "core", "thread")
        return " x ".join(plural(n, name) for n, name in zip(counts, names, strict=True))
    known = [plural(len(sockets), "socket")] if None not in sockets else []
    parts = ((len(cells), "cell"), (len(cores), "core"), (len(shape.pcpu), "pCPU"))
    return ", ".join([*known, *(plural(n, name) for n, name in parts)])


_ORDER = ("fail", "warn", "unknown", "ok")
VERDICTS = {"ok": "ok", "warn": "warning", "fail": "FAILED", "unknown": "not known"}


def verdict(checks: Sequence[Check]) -> str:
    """The worst of the checks in a word, with how many share it."""
    if not checks:
        return "-"
    worst = min((c.verdict for c in checks), key=_ORDER.index)
    count = sum(c.verdict == worst for c in checks)
    return {
        "ok": "ok",
        "unknown": "? (v)",
        "warn": f"! {plural(count, 'warning')}",
        "fail": f"! {count} FAILED",
    }[worst]


def host_words(host_state: HostState) -> str:
    """The shape, the verdict on KVM, the governor, the CPU, and what the kernel's caches hold."""
    node = host_state.node
    stats = node.memory_stats
    shape = topology(host_state)
    parts = (
        shape_words(shape),
        *parts_words(shape),
        f"KVM {verdict(node.checks)}",
        f"governor {node.governor or '-'}",
        node.model or "",
        f"{node.mhz} MHz" if node.mhz else "",
        *(f"{n} {size(stats[n]):>7}" for n in ("cached", "buffers") if n in stats),
    )
    return "  ".join(part for part in parts if part)


def use_words(host_state: HostState) -> str:
    """CPU time and swap of the host, what is known of it; memory stands elsewhere."""
    node = host_state.node
    names = ("user", "system", "idle", "iowait")
    cpu = [f"{n} {percent(node.cpu_percent.get(n))}%" for n in names if n in node.cpu_percent]
    used = node.swap_used_bytes
    swap = f"swap {'0' if used == 0 else size(used)}"
    if node.swap_total_bytes:
        swap += f" of {size(node.swap_total_bytes)}"
    return "   ".join(["CPU  " + "  ".join(cpu or ["-"]), swap])

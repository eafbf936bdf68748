"""Where everything of the host map stands, for a given width: pure arithmetic, no terminal.

A cell is a heading of one or more lines, then bands of cores. A band has a line of core numbers and
for every SMT thread a line of pCPU numbers with a line of marks below, so that siblings stand under
each other. A band never mixes sockets, L3 domains or kinds of cores; L3 domains that fit stand in
one line, a column apart.

In the dense form a pCPU is one character: a band has a line for every thread, and L3 domains and
kinds stand apart within it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vconsole.features.hostmap.words import LABEL
from vconsole.model.cpuset import CpuSet
from vconsole.model.topology import CellGroup, Topology

NARROWEST = 4

LineKind = Literal["heading", "core", "cpu", "mark", "dot", "note", "blank", "total"]


@dataclass(frozen=True, slots=True)
class MapLine:
    """A line of the map; `group` is the place of its cell, `part` the line within a heading."""

    kind: LineKind
    group: int = -1
    part: int = 0
    label: str = ""
    pcpus: tuple[int | None, ...] = ()
    """For core, cpu, mark and dot lines: the pCPU of each column."""


@dataclass(frozen=True, slots=True)
class MapLayout:
    """The lines from top to bottom, and where the pCPUs are."""

    lines: tuple[MapLine, ...] = ()
    pitch: int = NARROWEST
    """Width of a column."""
    spots: dict[int, tuple[int, int]] = field(default_factory=dict)
    """pCPU id -> (column, line of its number, with its mark below, or of its dot)."""
    rows: tuple[int, ...] = ()
    """The lines that hold pCPU numbers, or dots, from top to bottom."""
    tops: tuple[int, ...] = ()
    """The first line of each group's heading."""

    def x(self, column: int) -> int:
        """The left edge of a column."""
        return LABEL + column * self.pitch

    @property
    def first(self) -> int | None:
        """The pCPU at the top left."""
        return next(iter(self.spots), None)

    @property
    def last(self) -> int | None:
        """The pCPU at the bottom right."""
        row = self.lines[self.rows[-1]].pcpus if self.rows else ()
        return next((pcpu for pcpu in reversed(row) if pcpu is not None), None)

    def beside(self, pcpu: int, columns: int) -> int:
        """The pCPU some columns to the right or left, running on into the next row."""
        order = self._reading_order(pcpu)
        place = order.index(pcpu) + columns
        return order[max(0, min(place, len(order) - 1))]

    def _reading_order(self, near: int) -> list[int]:
        """The pCPUs of its row and of those before and after."""
        row = self.rows.index(self.spots[near][1])
        lines = (self.lines[y] for y in self.rows[max(0, row - 1) : row + 2])
        return [pcpu for line in lines for pcpu in line.pcpus if pcpu is not None]

    def below(self, pcpu: int, rows: int) -> int:
        """The pCPU some rows down or up, in the same column or the nearest one to its left."""
        column, y = self.spots[pcpu]
        row = max(0, min(self.rows.index(y) + rows, len(self.rows) - 1))
        shown = self.lines[self.rows[row]].pcpus
        before = [p for p in shown[: column + 1] if p is not None]
        return before[-1] if before else next(p for p in shown if p is not None)

    def at(self, x: int, y: int) -> int | None:
        """The pCPU drawn there, number or mark."""
        if not 0 <= y < len(self.lines) or x < LABEL:
            return None
        line, column = self.lines[y], (x - LABEL) // self.pitch
        if line.kind not in ("cpu", "mark", "dot") or column >= len(line.pcpus):
            return None
        return line.pcpus[column]

    def group_of(self, pcpu: int) -> int:
        """The place of its cell."""
        return self.lines[self.spots[pcpu][1]].group

    def bottom(self, group: int) -> int:
        """The last line of a cell."""
        after = self.tops[group + 1] if group + 1 < len(self.tops) else len(self.lines) - 2
        return after - 1

    def first_of(self, group: int) -> int | None:
        """The first pCPU of a cell; None where it has none."""
        kinds = ("cpu", "dot")
        line = next((ln for ln in self.lines if ln.kind in kinds and ln.group == group), None)
        return next((p for p in line.pcpus if p is not None), None) if line else None


def arrange(
    shape: Topology, headings: Sequence[int], mark_width: int, width: int, dense: bool = False
) -> MapLayout:
    """Lay the cells out; `headings` is the number of heading lines of each."""
    widest = max((len(str(pcpu)) for pcpu in shape.pcpu), default=1)
    pitch = 1 if dense else max(NARROWEST, widest + 1, mark_width + 1)
    columns = max(1, (width - LABEL) // pitch)
    lines: list[MapLine] = []
    tops: list[int] = []
    cell = _dots if dense else _cell
    for place, group in enumerate(shape.groups):
        tops.append(len(lines))
        lines += [MapLine("heading", place, part) for part in range(headings[place])]
        lines += cell(place, group, columns, shape)
    lines += [MapLine("blank"), MapLine("total")]
    return _found(lines, pitch, tops)


def _found(lines: list[MapLine], pitch: int, tops: list[int]) -> MapLayout:
    spots: dict[int, tuple[int, int]] = {}
    rows = [y for y, line in enumerate(lines) if line.kind in ("cpu", "dot")]
    for y in rows:
        for column, pcpu in enumerate(lines[y].pcpus):
            if pcpu is not None:
                spots[pcpu] = (column, y)
    return MapLayout(tuple(lines), pitch, spots, tuple(rows), tuple(tops))


Core = tuple[int, ...]


def _cell(place: int, group: CellGroup, columns: int, shape: Topology) -> list[MapLine]:
    if not group.cores:
        return [MapLine("note", place, label="no pCPUs")]
    lines: list[MapLine] = []
    bands = _bands(group, columns, shape)
    for band in _beside(bands, columns, lambda cores: _sort(shape, cores[0][0])):
        label = _label(shape, [core[0] for core in band if core])
        first = tuple(core[0] if core else None for core in band)
        lines.append(MapLine("core", place, label=label, pcpus=first))
        for row in _threads(band):
            lines.append(MapLine("cpu", place, label="cpu", pcpus=row))
            lines.append(MapLine("mark", place, pcpus=row))
    return lines


def _dots(place: int, group: CellGroup, columns: int, shape: Topology) -> list[MapLine]:
    """A line for every thread of as many areas as fit beside each other."""
    if not group.cores:
        return [MapLine("note", place, label="no pCPUs")]
    return [
        MapLine("dot", place, label=str(next(p for p in row if p is not None)), pcpus=row)
        for band in _beside(_bands(group, columns, shape), columns, lambda _: None)
        for row in _threads(band)
    ]


def _beside(
    bands: Iterable[Sequence[Core]], columns: int, sort: Callable[[Sequence[Core]], object]
) -> list[list[Core | None]]:
    """Bands of one sort stand in one line as far as they fit, a column apart."""
    lines: list[list[Core | None]] = []
    last: object = None
    for cores in bands:
        here = sort(cores)
        if lines and here == last and len(lines[-1]) + 1 + len(cores) <= columns:
            lines[-1] += [None, *cores]
        else:
            lines.append(list(cores))
        last = here
    return lines


def _threads(cores: Sequence[Core | None]) -> list[tuple[int | None, ...]]:
    """The first thread of each core, then the second, and so on."""
    return [
        tuple(core[thread] if core and thread < len(core) else None for core in cores)
        for thread in range(max(len(core or ()) for core in cores))
    ]


def _sort(shape: Topology, pcpu: int) -> tuple[object, ...]:
    """Whose L3 domains may stand in one line: of one socket, die and kind of cores."""
    found = shape.pcpu[pcpu]
    return found.socket, found.die, shape.kinds_of(CpuSet.of((pcpu,))), pcpu in shape.l3_of


def _label(shape: Topology, pcpus: Sequence[int]) -> str:
    """What the cores of a line have in common: ``L3 0,8``, ``E core``, ``s1 core``."""
    found, kinds = shape.pcpu[pcpus[0]], shape.kinds_of(CpuSet.of(pcpus[:1]))
    if pcpus[0] in shape.l3_of and shape.several_l3:
        die = f"d{found.die} " if found.die is not None and shape.several_dies else ""
        firsts = list(dict.fromkeys(str(shape.l3_of[pcpu].first) for pcpu in pcpus))
        whole = f"{die}L3 {','.join(firsts)}"
        return whole if len(whole) <= LABEL - 2 else f"{die}L3 {firsts[0]}.."
    if kinds:
        return f"{shape.kind_letter(kinds[0])} core"
    several = len({p.socket for p in shape.pcpu.values()}) > 1
    return f"s{found.socket} core" if several and found.socket is not None else "core"


def _bands(group: CellGroup, columns: int, shape: Topology) -> list[list[Core]]:
    """Cut the cores into runs that fit, each of one socket, L3 domain and kind."""
    runs: list[list[Core]] = []
    last: object = None
    for core, socket in zip(group.cores, group.sockets, strict=True):
        cache = shape.l3_of.get(core[0]) if shape.several_l3 else None
        alike = socket, cache, shape.kinds_of(CpuSet.of(core[:1]))
        if not runs or alike != last or len(runs[-1]) >= columns:
            runs.append([])
        runs[-1].append(core)
        last = alike
    return runs

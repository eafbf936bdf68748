"""Where everything of the host map stands, for a given width: pure arithmetic, no terminal.

A cell is a heading of one or more lines, then bands of cores. A band has a line of core numbers and
for every SMT thread a line of pCPU numbers with a line of marks below, so that siblings stand under
each other. A band never mixes sockets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vconsole.features.hostmap.words import LABEL
from vconsole.model.topology import CellGroup, Topology

NARROWEST = 4

LineKind = Literal["heading", "core", "cpu", "mark", "note", "blank", "total"]


@dataclass(frozen=True, slots=True)
class MapLine:
    """A line of the map; `group` is the place of its cell, `part` the line within a heading."""

    kind: LineKind
    group: int = -1
    part: int = 0
    label: str = ""
    pcpus: tuple[int | None, ...] = ()
    """For core, cpu and mark lines: the pCPU of each column."""


@dataclass(frozen=True, slots=True)
class MapLayout:
    """The lines from top to bottom, and where the pCPUs are."""

    lines: tuple[MapLine, ...] = ()
    pitch: int = NARROWEST
    """Width of a column."""
    spots: dict[int, tuple[int, int]] = field(default_factory=dict)
    """pCPU id -> (column, line of its number); its mark is one line below."""
    rows: tuple[int, ...] = ()
    """The lines that hold pCPU numbers, from top to bottom."""
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
        if line.kind not in ("cpu", "mark") or column >= len(line.pcpus):
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
        line = next((ln for ln in self.lines if ln.kind == "cpu" and ln.group == group), None)
        return next((p for p in line.pcpus if p is not None), None) if line else None


def arrange(shape: Topology, headings: Sequence[int], mark_width: int, width: int) -> MapLayout:
    """Lay the cells out; `headings` is the number of heading lines of each."""
    widest = max((len(str(pcpu)) for pcpu in shape.pcpu), default=1)
    pitch = max(NARROWEST, widest + 1, mark_width + 1)
    columns = max(1, (width - LABEL) // pitch)
    sockets = {p.socket for p in shape.pcpu.values()}
    lines: list[MapLine] = []
    tops: list[int] = []
    for place, group in enumerate(shape.groups):
        tops.append(len(lines))
        lines += [MapLine("heading", place, part) for part in range(headings[place])]
        lines += _cell(place, group, columns, named=len(sockets) > 1)
    lines += [MapLine("blank"), MapLine("total")]
    return _found(lines, pitch, tops)


def _found(lines: list[MapLine], pitch: int, tops: list[int]) -> MapLayout:
    spots: dict[int, tuple[int, int]] = {}
    rows = [y for y, line in enumerate(lines) if line.kind == "cpu"]
    for y in rows:
        for column, pcpu in enumerate(lines[y].pcpus):
            if pcpu is not None:
                spots[pcpu] = (column, y)
    return MapLayout(tuple(lines), pitch, spots, tuple(rows), tuple(tops))


def _cell(place: int, group: CellGroup, columns: int, named: bool) -> list[MapLine]:
    if not group.cores:
        return [MapLine("note", place, label="no pCPUs")]
    lines: list[MapLine] = []
    for socket, cores in _bands(group, columns):
        known = named and socket is not None
        label = f"s{socket} core" if known else "core"
        lines.append(MapLine("core", place, label=label, pcpus=tuple(c[0] for c in cores)))
        for thread in range(max(map(len, cores))):
            row = tuple(c[thread] if thread < len(c) else None for c in cores)
            lines.append(MapLine("cpu", place, label="cpu", pcpus=row))
            lines.append(MapLine("mark", place, pcpus=row))
    return lines


def _bands(group: CellGroup, columns: int) -> list[tuple[int | None, tuple[tuple[int, ...], ...]]]:
    """Cut the cores into runs of one socket that fit."""
    runs: list[tuple[int | None, list[tuple[int, ...]]]] = []
    for core, socket in zip(group.cores, group.sockets, strict=True):
        if not runs or runs[-1][0] != socket or len(runs[-1][1]) >= columns:
            runs.append((socket, []))
        runs[-1][1].append(core)
    return [(socket, tuple(cores)) for socket, cores in runs]

"""What the pin matrix shows, and where its columns are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.topology import CellGroup


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One thread: its set now, and the one planned (the same where nothing is planned)."""

    key: PinKey
    label: str
    now: CpuSet
    planned: CpuSet
    marked: bool = False
    """A warning is about this row."""

    def field(self, pcpu: int) -> tuple[str, str]:
        """(mark, style) of one field: # planned, = kept or now, - taken away."""
        before, after = pcpu in self.now, pcpu in self.planned
        if after:
            return ("=", "keep") if before else ("#", "add")
        return ("-", "drop") if before else (".", "none")


@dataclass(frozen=True, slots=True)
class MatrixData:
    """All that the matrix shows."""

    groups: tuple[CellGroup, ...] = ()
    titles: tuple[tuple[str, ...], ...] = ()
    """Of each group: the cell and its free memory, shorter and shorter."""
    cores: dict[int, str] = field(default_factory=dict)
    """pCPU id -> core number, on the first thread of each core only."""
    others: dict[int, tuple[str, str]] = field(default_factory=dict)
    """pCPU id -> (mark, style): vCPUs of other domains, X exclusive, x offline, i isolated."""
    rows: tuple[MatrixRow, ...] = ()
    l3: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The first pCPU of each L3 domain -> its titles, shorter and shorter; of a host with several
    in a cell or die."""
    kinds: dict[int, str] = field(default_factory=dict)
    """pCPU id -> a letter for the kind of its core; empty where all are alike."""
    heads: dict[int, str] = field(default_factory=dict)
    """Number of a row -> what stands above it: the guest cell that begins there."""
    dense: bool = False
    """One character a pCPU."""


_FIELD = len("[=]")
"""The cursor stands around what a field has."""


class Columns:
    """A column for each pCPU, by cell and core, and the part of them that is in view.

    Args:
        groups: The cells.
        left: The first column in view.
        room: Cells of the screen there are for columns.
        dense: One cell of the screen a column.
        breaks: pCPUs before which another L3 domain begins.

    Attributes:
        fields: (pCPU id, group index) of each column.
        width: Cells of the screen a column takes.
    """

    def __init__(
        self,
        groups: Sequence[CellGroup] = (),
        left: int = 0,
        room: int = 0,
        dense: bool = False,
        breaks: Set[int] = frozenset(),
    ) -> None:
        self.fields = [(p, g) for g, group in enumerate(groups) for p in group.pcpus]
        self._column = {pcpu: column for column, (pcpu, _) in enumerate(self.fields)}
        self._span: dict[int, tuple[int, int]] = {}
        for column, (_, group) in enumerate(self.fields):
            self._span[group] = self._span.get(group, (column, column))[0], column
        self.dense, self._breaks = dense, breaks
        digits = len(str(max(self._column, default=0)))
        self.width = 1 if dense else max(_FIELD, digits + 1)
        self.left, self._room = min(left, max(0, len(self.fields) - 1)), room
        self._apart, self._close = (self._places(groups, gap) for gap in (1, 0))
        self._x = self._best()

    def _places(self, groups: Sequence[CellGroup], l3_gap: int) -> list[int]:
        """Where each column begins, counted from the first one."""
        places: list[int] = []
        x = 0
        for number, group in enumerate(groups):
            x += (1 if self.dense else 2) if number and places else 0
            for place, core in enumerate(group.cores):
                x += l3_gap if place and core[0] in self._breaks else 0
                for _ in core:
                    places.append(x)
                    x += self.width
                x += 1 if len(core) > 1 and not self.dense else 0
        return places

    def _best(self) -> list[int]:
        """L3 domains are set apart, unless all fits only without."""
        if not self._close or self._close[-1] + self.width > self._room:
            return self._apart
        return self._apart if self._apart[-1] + self.width <= self._room else self._close

    @property
    def room(self) -> int:
        """Cells of the screen there are for columns."""
        return self._room

    @room.setter
    def room(self, room: int) -> None:
        self._room = room
        self._x = self._best()

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self.fields)

    def of_pcpu(self, pcpu: int) -> int | None:
        """The column of a pCPU."""
        return self._column.get(pcpu)

    def x(self, column: int) -> int | None:
        """Where a column begins on the screen, after the labels; None where it is not in view."""
        if not self.left <= column < len(self._x):
            return None
        x = self._x[column] - self._x[self.left]
        return x if x + self.width <= self.room else None

    def at(self, x: int) -> int | None:
        """The column that is there on the screen."""
        for column, _, _, start in self.in_view():
            if start <= x < start + self.width:
                return column
        return None

    def in_view(self) -> Iterator[tuple[int, int, int, int]]:
        """(column, pCPU, group, where it begins) of the columns in view."""
        for column in range(self.left, len(self.fields)):
            x = self.x(column)
            if x is None:
                return
            pcpu, group = self.fields[column]
            yield column, pcpu, group, x

    def reveal(self, column: int) -> bool:
        """Show all if it fits, else the column's cell, whole where it fits; True if moved.

        Nothing moves while there is no room yet, nor more than it must.
        """
        if not self.fields or self.room < self.width:
            return False
        before = self.left
        start, end = self._cell_of(self.left)
        if self._fits(start, end):  # so that whole cells go out of view
            self.left = start
        self.left = min(self.left, self._first_that_shows(len(self.fields) - 1))
        start, end = self._cell_of(column)
        whole = self._fits(start, end)
        if self.x(column) is None or (whole and self.x(end) is None):
            self.left = start if column < self.left and whole else self._first_that_shows(column)
        return self.left != before

    def _fits(self, first: int, last: int) -> bool:
        """There is room for the columns from one to another."""
        return self._x[last] + self.width - self._x[first] <= self.room

    def _cell_of(self, column: int) -> tuple[int, int]:
        """The first and the last column of the cell that a column is of."""
        return self._span[self.fields[column][1]]

    def _first_that_shows(self, column: int) -> int:
        """The first cell to begin with so that a column's whole cell is in view.

        Of a cell that is wider than the room, the first column that has the column in view.
        """
        start, end = self._cell_of(column)
        if self._fits(start, end):
            begins = (first for first, _ in self._span.values() if first <= start)
            return next((first for first in begins if self._fits(first, end)), column)
        return next((i for i in range(start, column) if self._fits(i, column)), column)

    def next_cell(self, column: int, step: int) -> int:
        """The first pCPU of the next cell that has any, or of the one before."""
        if not self.fields:
            return 0
        group = self.fields[column][1]
        others = [g for g in self._span if (g - group) * step > 0]
        if not others:
            return 0 if step < 0 else column
        return self._span[others[0] if step > 0 else others[-1]][0]

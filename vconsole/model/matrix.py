"""What the pin matrix shows, and where its columns are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


class Columns:
    """A column for each pCPU, by cell and core, and the part of them that is in view.

    Attributes:
        fields: (pCPU id, group index) of each column.
        width: Cells of the screen a column takes.
        left: The first column in view.
        room: Cells of the screen there are for columns.
    """

    def __init__(self, groups: Sequence[CellGroup] = (), left: int = 0, room: int = 0) -> None:
        self.fields = [(p, g) for g, group in enumerate(groups) for p in group.pcpus]
        self.width = max(2, len(str(max((number for number, _ in self.fields), default=0))) + 1)
        self.left, self.room = min(left, max(0, len(self.fields) - 1)), room
        self._x: list[int] = []
        """Where each column begins, counted from the first one."""
        x = 0
        for number, group in enumerate(groups):
            x += 2 if number else 0
            for core in group.cores:
                for _ in core:
                    self._x.append(x)
                    x += self.width
                x += 1 if len(core) > 1 else 0

    def __len__(self) -> int:
        """How many columns there are."""
        return len(self.fields)

    def of_pcpu(self, pcpu: int) -> int | None:
        """The column of a pCPU."""
        found = (column for column, (number, _) in enumerate(self.fields) if number == pcpu)
        return next(found, None)

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
        """Show all if it fits, else begin with a cell that has the column in view; True if moved.

        Nothing moves while there is no room yet, nor more than it must.
        """
        if not self.fields or self.room < self.width:
            return False
        before = self.left
        start, end = self._cell_of(self.left)
        if self._fits(start, end):  # so that whole cells go out of view
            self.left = start
        self.left = min(self.left, self._first_that_shows(len(self.fields) - 1))
        if self.x(column) is None:
            start, end = self._cell_of(column)
            whole = self._fits(start, end)
            self.left = start if column < self.left and whole else self._first_that_shows(column)
        return self.left != before

    def _fits(self, first: int, last: int) -> bool:
        """There is room for the columns from one to another."""
        return self._x[last] + self.width - self._x[first] <= self.room

    def _cell_of(self, column: int) -> tuple[int, int]:
        """The first and the last column of the cell that a column is of."""
        group = self.fields[column][1]
        of_cell = [i for i, (_, g) in enumerate(self.fields) if g == group]
        return of_cell[0], of_cell[-1]

    def _first_that_shows(self, column: int) -> int:
        """The first cell to begin with so that a column's whole cell is in view.

        Of a cell that is wider than the room, the first column that has the column in view.
        """
        start, end = self._cell_of(column)
        whole = self._fits(start, end)
        begins = (
            (i for i in range(start + 1) if self._cell_of(i)[0] == i)
            if whole
            else range(start, column)
        )
        return next((i for i in begins if self._fits(i, end if whole else column)), column)

    def next_cell(self, column: int, step: int) -> int:
        """The first pCPU of the next cell that has any, or of the one before."""
        if not self.fields:
            return 0
        group = self.fields[column][1]
        others = [g for _, g in self.fields if (g - group) * step > 0]
        if not others:
            return 0 if step < 0 else column
        target = others[0] if step > 0 else others[-1]
        return next(i for i, (_, g) in enumerate(self.fields) if g == target)

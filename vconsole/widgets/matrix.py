"""The pin matrix: threads of a domain down, pCPUs of the host across, by cell and core.

Drawn by line. A cursor move repaints two fields; a new plan or reading only the fields that differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.segment import Segment
from textual.binding import Binding
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Region
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip

from vconsole.model.cpuset import CpuSet
from vconsole.model.matrix import Columns, MatrixData, MatrixRow
from vconsole.model.topology import CellGroup
from vconsole.text import clip, fit
from vconsole.widgets.styled import Styled

LABEL_WIDTH = 12
HEADER_LINES = 4


class PinMatrix(Styled, can_focus=True):
    """See the module. `cursor` is (row, column)."""

    BINDINGS = [
        Binding("up,k", "move(-1, 0)", show=False),
        Binding("down,j", "move(1, 0)", show=False),
        Binding("left,h", "move(0, -1)", show=False),
        Binding("right,l", "move(0, 1)", show=False),
        Binding("ctrl+u,pageup", "move(-8, 0)", show=False),
        Binding("ctrl+d,pagedown", "move(8, 0)", show=False),
        Binding("g", "to_row(0)", show=False),
        Binding("G", "to_row(-1)", show=False),
        Binding("home", "to_column(0)", show=False),
        Binding("end", "to_column(-1)", show=False),
        Binding("right_square_bracket", "cell(1)", show=False),
        Binding("left_square_bracket", "cell(-1)", show=False),
    ]
    STYLES = "matrix"
    COMPONENT_CLASSES = {
        "matrix--head",
        "matrix--add",
        "matrix--keep",
        "matrix--drop",
        "matrix--none",
        "matrix--warn",
        "matrix--bad",
        "matrix--cursor",
        "matrix--row",
    }
    DEFAULT_CSS = """
    PinMatrix { height: auto; background: $background; color: $foreground; }
    PinMatrix > .matrix--head { color: $text-muted; }
    PinMatrix > .matrix--add { color: $accent; text-style: bold; }
    PinMatrix > .matrix--keep { color: $foreground; }
    PinMatrix > .matrix--drop { color: $warning; }
    PinMatrix > .matrix--none { color: $text-disabled; }
    PinMatrix > .matrix--warn { color: $warning; }
    PinMatrix > .matrix--bad { color: $error; }
    PinMatrix > .matrix--row { text-style: bold; }
    PinMatrix > .matrix--cursor { text-style: bold reverse; }
    """

    data: var[MatrixData] = var(MatrixData(), init=False, always_update=True)
    cursor: var[tuple[int, int]] = var((0, 0), init=False)

    class Moved(Message):
        """The cursor stands on another field."""

    def __init__(self) -> None:
        super().__init__()
        self._columns = Columns()
        self._top = 0

    # -- what the cursor stands on -----------------------------------------------------------

    @property
    def row(self) -> MatrixRow | None:
        """The row under the cursor."""
        rows = self.data.rows
        return rows[self.cursor[0]] if self.cursor[0] < len(rows) else None

    @property
    def pcpu(self) -> int | None:
        """The pCPU under the cursor."""
        column = self.cursor[1]
        return self._columns.fields[column][0] if column < len(self._columns) else None

    @property
    def group(self) -> CellGroup | None:
        """The cell under the cursor."""
        column = self.cursor[1]
        if column >= len(self._columns):
            return None
        return self.data.groups[self._columns.fields[column][1]]

    def go_to_pcpu(self, pcpu: int) -> None:
        """Put the cursor on a pCPU, in the same row."""
        column = self._columns.of_pcpu(pcpu)
        if column is not None:
            self.cursor = (self.cursor[0], column)

    # -- data --------------------------------------------------------------------------------

    def watch_data(self, before: MatrixData, after: MatrixData) -> None:
        """Repaint what differs."""
        if before.groups != after.groups or len(before.rows) != len(after.rows):
            here = self.pcpu
            self._columns = Columns(after.groups, self._columns.left, self._columns.room)
            self.refresh(layout=True)
            row = min(self.cursor[0], max(0, len(after.rows) - 1))
            column = min(self.cursor[1], max(0, len(self._columns) - 1))
            self.cursor = (row, column)
            if here is not None:
                self.go_to_pcpu(here)
            self._reveal()
            return
        if (before.titles, before.cores) != (after.titles, after.cores):
            self.refresh(Region(0, 0, self.size.width, 3))
        if before.others != after.others:
            self.refresh(Region(0, 3, self.size.width, 1))
        for index, (old, new) in enumerate(zip(before.rows, after.rows, strict=True)):
            if old != new:
                self.refresh(Region(0, self._y(index), self.size.width, 1))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as its rows."""
        return HEADER_LINES + len(self.data.rows)

    # -- movement ----------------------------------------------------------------------------

    def validate_cursor(self, cursor: tuple[int, int]) -> tuple[int, int]:
        """Keep it inside."""
        row = max(0, min(cursor[0], len(self.data.rows) - 1))
        return row, max(0, min(cursor[1], len(self._columns) - 1))

    def watch_cursor(self, before: tuple[int, int], after: tuple[int, int]) -> None:
        """Repaint two fields, or all when the view moves."""
        if self._reveal():
            self.refresh()
        else:
            self._refresh_field(*before)
            self._refresh_field(*after)
            if before[0] != after[0]:
                for row in (before[0], after[0]):
                    self.refresh(Region(0, self._y(row), LABEL_WIDTH, 1))
            if before[1] != after[1]:
                for column in (before[1], after[1]):
                    self._refresh_head(column)
        self.post_message(self.Moved())

    def _refresh_field(self, row: int, column: int) -> None:
        x = self._columns.x(column)
        if x is not None:
            self.refresh(Region(LABEL_WIDTH + x, self._y(row), self._columns.width, 1))

    def _refresh_head(self, column: int) -> None:
        x = self._columns.x(column)
        if x is not None:
            self.refresh(Region(LABEL_WIDTH + x, 2, self._columns.width, 1))

    def _y(self, row: int) -> int:
        return HEADER_LINES + row - self._top

    def _reveal(self) -> bool:
        """Move the view so that the cursor is in it; True when it moved."""
        row, column = self.cursor
        before = self._top
        height = max(1, self.size.height - HEADER_LINES)
        last = max(0, len(self.data.rows) - height)
        self._top = max(min(self._top, row, last), row - height + 1)
        moved = self._columns.reveal(column)
        return moved or before != self._top

    def action_move(self, rows: int, columns: int) -> None:
        """Move by fields."""
        self.cursor = (self.cursor[0] + rows, self.cursor[1] + columns)

    def action_to_row(self, row: int) -> None:
        """Move to a row; -1 is the last."""
        self.cursor = (row if row >= 0 else len(self.data.rows) - 1, self.cursor[1])

    def action_to_column(self, column: int) -> None:
        """Move to a column; -1 is the last."""
        self.cursor = (self.cursor[0], column if column >= 0 else len(self._columns) - 1)

    def action_cell(self, step: int) -> None:
        """Move to the first pCPU of the next or previous cell that has any."""
        self.action_to_column(self._columns.next_cell(self.cursor[1], step))

    def on_click(self, event: Click) -> None:
        """Put the cursor there."""
        column = self._columns.at(event.x - LABEL_WIDTH)
        if event.y >= HEADER_LINES and column is not None:
            self.cursor = (event.y - HEADER_LINES + self._top, column)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Move down."""
        self.action_move(1, 0)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Move up."""
        self.action_move(-1, 0)

    # -- drawing -----------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Keep the cursor in view."""
        self._columns.room = event.size.width - LABEL_WIDTH
        self._reveal()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw a header line or a row."""
        width = self.size.width
        if not self._columns:
            words = " the host's pCPUs are not known yet" if y == 0 else ""
            return Strip([Segment(fit(words, width), self._style("head"))])
        if y < HEADER_LINES:
            segments = self._head(y)
        elif (row := y - HEADER_LINES + self._top) < len(self.data.rows):
            segments = self._row(row)
        else:
            segments = []
        return Strip(_joined(segments)).adjust_cell_length(width, self.rich_style)

    def _visible(self) -> Iterator[tuple[int, int, int, str]]:
        """(column, pCPU, group, gap before it) of the columns in view."""
        end, last = 0, None
        for column, pcpu, group, x in self._columns.in_view():
            gap = " " * (x - end)
            if last not in (None, group) and gap:
                gap = gap[:-2] + "| " if len(gap) > 1 else "|"
            yield column, pcpu, group, gap
            end, last = x + self._columns.width, group

    def _head(self, y: int) -> list[Segment]:
        if y == 0:
            return self._cell_titles()
        label = ("", "core", "pCPU", "others")[y]
        segments = [Segment(fit(f" {label}", LABEL_WIDTH), self._style("head"))]
        for column, pcpu, _, gap in self._visible():
            text, style = self._head_field(y, pcpu)
            if y == 2 and column == self.cursor[1]:
                style = "row"
            segments.append(Segment(gap, self._style("head")))
            segments.append(Segment(text.rjust(self._columns.width), self._style(style)))
        return segments

    def _head_field(self, y: int, pcpu: int) -> tuple[str, str]:
        if y == 1:
            return self.data.cores.get(pcpu, ""), "head"
        if y == 2:
            return str(pcpu), "head"
        return self.data.others.get(pcpu, (".", "none"))

    def _cell_titles(self) -> list[Segment]:
        """Name the cells above their columns, and at the edge those out of view."""
        begins: dict[int, int] = {}
        for _, _, group, x in self._columns.in_view():
            begins.setdefault(group, LABEL_WIDTH + x + self._columns.width - 2)
        hidden = self._hidden(list(begins))
        line = f" < {hidden[0]}" if hidden[0] else ""
        after = f" {hidden[1]} >" if hidden[1] else ""
        width = self.size.width - len(after)
        for (group, begin), end in zip(begins.items(), [*begins.values(), width][1:], strict=False):
            line = fit(line, begin) + _longest(self.data.titles[group], end - begin - 1)
        return [Segment(fit(line, width) + after, self._style("head"))]

    def _hidden(self, shown: Sequence[int]) -> tuple[str, str]:
        """The cells out of view to the left and to the right, as cpuset-like lists."""
        if not shown:
            return "", ""
        groups = self.data.groups
        before = CpuSet.of(g.cell for g in groups[: shown[0]] if g.cell is not None and g.cores)
        rest = groups[shown[-1] + 1 :]
        after = CpuSet.of(g.cell for g in rest if g.cell is not None and g.cores)
        return str(before), str(after)

    def _row(self, index: int) -> list[Segment]:
        row = self.data.rows[index]
        here = index == self.cursor[0]
        mark = "!" if row.marked else " "
        segments = [
            Segment(mark, self._style("warn")),
            Segment(fit(row.label, LABEL_WIDTH - 1), self._style("row" if here else "")),
        ]
        for column, pcpu, _, gap in self._visible():
            text, name = row.field(pcpu)
            segments.append(Segment(gap, self._style("head")))
            if here and column == self.cursor[1]:
                box = f"[{text}]".rjust(self._columns.width)
                segments.append(Segment(box[-self._columns.width :], self._style("cursor")))
            else:
                segments.append(Segment(text.rjust(self._columns.width), self._style(name)))
        return segments


def _longest(titles: Sequence[str], room: int) -> str:
    """The first of ever shorter titles for which there is room."""
    return next((title for title in titles if len(title) <= room), clip(titles[-1], room))


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    """Neighbours of one style as one segment, empty ones left out: fewer bytes."""
    joined: list[Segment] = []
    for text, style, _ in segments:
        if joined and joined[-1].style is style:
            joined[-1] = Segment(joined[-1].text + text, style)
        elif text:
            joined.append(Segment(text, style))
    return joined

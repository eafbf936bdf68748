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
_HEADS = ("cell", "L3", "kind", "core", "pCPU", "others")
"""The lines above the rows; L3 and kind only where the host has several."""
_RULED = 8
"""Every so many pCPUs of the dense form a number is written, if there is room."""


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
        self._heads: tuple[str, ...] = ()
        self._body: list[int | str] = []
        """Below them: the number of a row, or what stands above one."""
        self._line_of: list[int] = []
        """Row -> its line of the body."""
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
        if _shape(before) != _shape(after):
            self._arrange(after)
            return
        if (before.titles, before.cores) != (after.titles, after.cores):
            self.refresh(Region(0, 0, self.size.width, len(self._heads) - 1))
        if before.others != after.others:
            self.refresh(Region(0, len(self._heads) - 1, self.size.width, 1))
        for index, (old, new) in enumerate(zip(before.rows, after.rows, strict=True)):
            if old != new:
                self.refresh(Region(0, self._y(index), self.size.width, 1))

    def _arrange(self, data: MatrixData) -> None:
        """Lay out anew; the cursor stays on its pCPU."""
        here, old = self.pcpu, self._columns
        left = 0 if old.dense != data.dense else old.left
        self._columns = Columns(data.groups, left, old.room, data.dense, data.l3.keys())
        shown = {"L3": bool(data.l3), "kind": bool(data.kinds)}
        self._heads = tuple(name for name in _HEADS if shown.get(name, True))
        self._body, self._line_of = [], []
        for index in range(len(data.rows)):
            self._body += [data.heads[index]] if index in data.heads else []
            self._line_of.append(len(self._body))
            self._body.append(index)
        self.refresh(layout=True)
        row = min(self.cursor[0], max(0, len(data.rows) - 1))
        self.cursor = (row, min(self.cursor[1], max(0, len(self._columns) - 1)))
        if here is not None:
            self.go_to_pcpu(here)
        self._reveal()

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as its rows."""
        return len(self._heads) + len(self._body)

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
        if x is not None and not self._columns.dense:
            y = self._heads.index("pCPU")
            self.refresh(Region(LABEL_WIDTH + x, y, self._columns.width, 1))

    def _y(self, row: int) -> int:
        """The line of the screen of a row."""
        line = self._line_of[row] if row < len(self._line_of) else row
        return len(self._heads) + line - self._top

    def _reveal(self) -> bool:
        """Move the view so that the cursor is in it, what stands above too; True when it moved."""
        row, column = self.cursor
        before = self._top
        line = self._line_of[row] if row < len(self._line_of) else 0
        first = line - 1 if line and isinstance(self._body[line - 1], str) else line
        height = max(1, self.size.height - len(self._heads))
        last = max(0, len(self._body) - height)
        self._top = max(min(self._top, first, last), line - height + 1)
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
        line = event.y - len(self._heads)
        row = self._at(line) if line >= 0 else None
        if isinstance(row, int) and column is not None:
            self.cursor = (row, column)

    def _at(self, y: int) -> int | str | None:
        """What stands in a line below the header."""
        line = y + self._top
        return self._body[line] if 0 <= line < len(self._body) else None

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
        found = self._at(y - len(self._heads))
        if y < len(self._heads):
            segments = self._head(self._heads[y])
        elif isinstance(found, int):
            segments = self._row(found)
        else:
            segments = [Segment(fit(f" {found or ''}", width), self._style("head"))]
        return Strip(_joined(segments)).adjust_cell_length(width, self.rich_style)

    def _visible(self) -> Iterator[tuple[int, int, int, str]]:
        """(column, pCPU, group, gap before it) of the columns in view."""
        end, last = 0, None
        for column, pcpu, group, x in self._columns.in_view():
            gap = " " * (x - end)
            if last not in (None, group) and gap:
                gap = gap[:-2] + "| " if len(gap) > 1 else "|"
            elif gap and pcpu in self.data.l3 and last is not None:
                gap = gap[:-1] + ":"
            yield column, pcpu, group, gap
            end, last = x + self._columns.width, group

    def _head(self, name: str) -> list[Segment]:
        if name == "cell":
            return self._cell_titles()
        if name == "L3":
            return self._l3_titles()
        segments = [Segment(fit(f" {name}", LABEL_WIDTH), self._style("head"))]
        if name == "pCPU" and self._columns.dense:
            return [*segments, Segment(self._ruler(), self._style("head"))]
        for column, pcpu, _, gap in self._visible():
            text, style = self._head_field(name, pcpu)
            if name == "pCPU" and column == self.cursor[1]:
                style = "row"
            segments.append(Segment(gap, self._style("head")))
            text = text[-1:] if self._columns.dense else text  # a ruler of last digits
            segments.append(Segment(fit(text, self._columns.width, "right"), self._style(style)))
        return segments

    def _head_field(self, name: str, pcpu: int) -> tuple[str, str]:
        if name == "core":
            return self.data.cores.get(pcpu, ""), "head"
        if name == "pCPU":
            return str(pcpu), "head"
        if name == "kind":
            return self.data.kinds.get(pcpu, "-"), "head"
        return self.data.others.get(pcpu, (".", "none"))

    def _ruler(self) -> str:
        """Numbers of pCPUs where there is room: first those that begin a cell or L3 domain."""
        line = ""
        begins: set[int] = set()
        for column, pcpu, group, x in self._columns.in_view():
            begin = group not in begins or pcpu in self.data.l3
            begins.add(group)
            if (begin or not column % _RULED) and len(line) < x + (not line):
                line = f"{line:<{x}}{pcpu}"
        return line

    def _l3_titles(self) -> list[Segment]:
        """Name the L3 domains above their columns, as far as there is room."""
        l3, width = self.data.l3, self._columns.width
        begins = {
            pcpu: LABEL_WIDTH + x + width - (1 if self._columns.dense else 2)
            for _, pcpu, _, x in self._columns.in_view()
            if pcpu in l3
        }
        line = fit(" L3", LABEL_WIDTH)
        ends = [*begins.values(), self.size.width][1:]
        for (pcpu, begin), end in zip(begins.items(), ends, strict=False):
            line = fit(line, begin) + _longest(l3[pcpu], end - begin - 1)
        return [Segment(line, self._style("head"))]

    def _cell_titles(self) -> list[Segment]:
        """Name the cells above their columns, and at the edge those out of view."""
        begins: dict[int, int] = {}
        for _, _, group, x in self._columns.in_view():
            begins.setdefault(group, LABEL_WIDTH + x + max(0, self._columns.width - 2))
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
                box = text if self._columns.dense else f"[{text}]".rjust(self._columns.width)
                segments.append(Segment(box[-self._columns.width :], self._style("cursor")))
            else:
                segments.append(Segment(text.rjust(self._columns.width), self._style(name)))
        return segments


def _shape(data: MatrixData) -> tuple[object, ...]:
    """What its layout depends on."""
    kinds = bool(data.kinds)
    return data.groups, len(data.rows), data.heads, data.l3, kinds, data.dense


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

"""A list drawn by line: cost follows what changed on screen, never the number of rows.

Rows are identified by a key (a domain's UUID); cursor and scroll position survive any update. Cells
are asked for only for the lines in view. After an update only cells that differ are repainted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vconsole.model.column import Cell, Heading
from vconsole.text import fit
from vconsole.widgets.styled import Styled

GAP = 1


def layout(columns: Sequence[Heading], width: int) -> list[tuple[int, Heading, int]]:
    """(index, column, width) of the columns shown in `width` cells; the flexible share the rest."""
    sizes = [c.width if width >= c.from_width else c.narrow for c in columns]
    shown = [(i, c, size) for i, (c, size) in enumerate(zip(columns, sizes, strict=True)) if size]
    used = sum(size + GAP for _, _, size in shown) - GAP
    spare = max(0, width - used)
    flexible = [i for i, c, _ in shown if c.flex]
    share, over = divmod(spare, len(flexible)) if flexible else (0, 0)
    more = {i: share + (over if i == flexible[0] else 0) for i in flexible}
    return [(i, c, size + more.get(i, 0)) for i, c, size in shown]


class LineTable(ScrollView, Styled, can_focus=True):
    """See the module. `cells` answers a row's cells, one a column, for a key."""

    BINDING_GROUP_TITLE = "Lists"
    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "move_page(-1.0)", show=False),
        Binding("pagedown,ctrl+f", "move_page(1.0)", show=False),
        Binding("ctrl+u", "move_page(-0.5)", show=False),
        Binding("ctrl+d", "move_page(0.5)", show=False),
        Binding("home,g", "move_to(0)", show=False),
        Binding("end,G", "move_to(-1)", show=False),
    ]
    STYLES = "table"
    COMPONENT_CLASSES = {
        "table--cursor",
        "table--header",
        "table--dim",
        "table--warn",
        "table--bad",
        "table--good",
        "table--accent",
    }
    DEFAULT_CSS = """
    LineTable { height: 1fr; background: $background; color: $foreground;
        scrollbar-size-vertical: 1; overflow-x: hidden; }
    LineTable > .table--header { color: $text-muted; text-style: underline; }
    LineTable > .table--cursor { background: $primary 40%; text-style: bold; }
    LineTable > .table--dim { color: $text-muted; }
    LineTable > .table--warn { color: $warning; }
    LineTable > .table--bad { color: $error; }
    LineTable > .table--good { color: $success; }
    LineTable > .table--accent { color: $accent; }
    LineTable:ansi > .table--cursor { text-style: reverse bold; }
    LineTable:nocolor > .table--cursor { text-style: reverse bold; }
    """

    cursor: var[int] = var(0, init=False)

    class Moved(Message, bubble=False):
        """The cursor stands on another row (or another row slid under it); the page is told."""

        def __init__(self, table: LineTable, key: str | None) -> None:
            super().__init__()
            self.table, self.key = table, key

        @property
        def control(self) -> LineTable:
            """The table."""
            return self.table

    class Chosen(Moved):
        """A row was clicked twice."""

    def __init__(
        self,
        columns: Sequence[Heading],
        cells: Callable[[str], Sequence[Cell]],
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.marks: dict[str, str] = {}
        """Column id -> text after its title, such as the sort arrow."""
        self._cells = cells
        self._keys: Sequence[str] = ()
        self._layout: list[tuple[int, Heading, int]] = []
        self._laid_out: tuple[Sequence[Heading], int] = (), 0
        """Which columns, and for how many cells."""
        self._drawn: dict[int, tuple[str, tuple[Cell, ...]]] = {}
        """Row index -> what was drawn there last."""

    # -- data --------------------------------------------------------------------------------

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._keys[self.cursor] if 0 <= self.cursor < len(self._keys) else None

    @property
    def keys(self) -> Sequence[str]:
        """The keys in the order shown."""
        return self._keys

    @property
    def keys_in_view(self) -> Sequence[str]:
        """Those on the screen."""
        rows = self._rows_in_view()
        return self._keys[rows.start : rows.stop]

    @property
    def shown(self) -> frozenset[str]:
        """The ids of the columns there is room for."""
        return frozenset(column.id for _, column, _ in self._layout)

    def show(self, keys: Sequence[str], *, cursor: str | None = None) -> None:
        """Show these rows now; the cursor stays on its key, else as near as can be."""
        wanted = cursor if cursor is not None else self.key
        if keys is not self._keys and keys != self._keys:
            self._keys = keys
            self.virtual_size = Size(0, len(keys) + 1)
        if wanted is not None and self.key != wanted:
            self._follow(wanted)
        self.cursor = max(0, min(self.cursor, len(keys) - 1))
        self._repaint_changes()

    def _follow(self, key: str) -> None:
        """Put the cursor on a key without moving it on the screen where that is possible."""
        try:
            index = self._keys.index(key)
        except ValueError:
            return
        self.set_reactive(LineTable.cursor, index)
        self._reveal()

    def _repaint_changes(self) -> None:
        for row in self._rows_in_view():
            self._repaint_row(row)

    def _repaint_row(self, row: int) -> None:
        """Repaint the cells of a row that differ from what is on the screen."""
        before = self._drawn.get(row)
        key = self._keys[row] if row < len(self._keys) else ""
        after = tuple(self._cells(key)) if key else ()
        if before == (key, after) or (before is None and not key):
            return
        y = row + 1 - int(self.scroll_offset.y)
        if before is None or len(before[1]) != len(after):
            self.refresh(Region(0, y, self._laid_out[1], 1))
            return
        x = 0
        for index, _, width in self._layout:
            if before[1][index] != after[index]:
                self.refresh(Region(x, y, width, 1))
            x += width + GAP

    def redraw(self) -> None:
        """Forget what is on the screen and paint all of it."""
        self._drawn.clear()
        self.refresh()

    # -- movement ----------------------------------------------------------------------------

    def validate_cursor(self, cursor: int) -> int:
        """Keep it on a row."""
        return max(0, min(cursor, len(self._keys) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Repaint two lines."""
        for row in (before, after):
            self._drawn.pop(row, None)
            self._refresh_row(row)
        self._reveal()
        self.screen.post_message(self.Moved(self, self.key))

    @property
    def _width(self) -> int:
        """Cells of a line without the scrollbar."""
        return self.scrollable_content_region.width

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row + 1 - int(self.scroll_offset.y), self._laid_out[1], 1))

    def _reveal(self) -> None:
        """Scroll so that the cursor is in view."""
        top, height = int(self.scroll_offset.y), max(1, self.size.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def action_move(self, rows: int) -> None:
        """Move by rows."""
        self.cursor += rows

    def action_move_page(self, pages: float) -> None:
        """Move by pages, the screen with it."""
        rows = int(pages * max(1, self.size.height - 1))
        self.scroll_relative(y=rows, animate=False, immediate=True)
        self.cursor += rows

    def action_move_to(self, row: int) -> None:
        """Move to a row; -1 is the last."""
        self.cursor = row if row >= 0 else len(self._keys) - 1

    def on_click(self, event: Click) -> None:
        """Put the cursor there; a second click chooses."""
        row = int(event.y) - 1 + int(self.scroll_offset.y)
        if event.y >= 1 and 0 <= row < len(self._keys):
            self.cursor = row
            if event.chain == 2:
                self.screen.post_message(self.Chosen(self, self.key))

    # -- drawing -----------------------------------------------------------------------------

    def _rows_in_view(self) -> range:
        top = int(self.scroll_offset.y)
        return range(top, top + max(0, self.size.height - 1))

    def on_resize(self, event: Resize) -> None:
        """Lay the columns out anew."""
        self.lay_out()
        self._reveal()

    def watch_show_vertical_scrollbar(self) -> None:
        """Lay the columns out anew: there is a cell more or less."""
        self.lay_out()

    def lay_out(self) -> None:
        """Compute the widths and paint all, where they are others."""
        if self._fits_anew():
            self.redraw()

    def _fits_anew(self) -> bool:
        """Compute the widths; whether they had to be."""
        wanted = self.columns, self._width
        if wanted == self._laid_out:
            return False
        self._laid_out, self._layout = wanted, layout(*wanted)
        return True

    def render_line(self, y: int) -> Strip:
        """Draw the header or one row."""
        self._fits_anew()  # the first paint comes before the size is announced
        width = self._laid_out[1]
        if y == 0:
            return self._header(width)
        row = y - 1 + int(self.scroll_offset.y)
        if row >= len(self._keys):
            self._drawn.pop(row, None)
            return Strip.blank(width, self.rich_style)
        key = self._keys[row]
        cells = tuple(self._cells(key))
        self._drawn[row] = (key, cells)
        return self._row(cells, row == self.cursor, width)

    def _row(self, cells: Sequence[Cell], cursor: bool, width: int) -> Strip:
        """Neighbours of one style share a segment, the cursor's row is one: fewer bytes."""
        plain = self._style("", cursor)
        runs: list[tuple[Style, list[str]]] = [(plain, [])]
        for index, column, size in self._layout:
            text, name = cells[index]
            text = text if size >= column.width else text[:size]
            style = self._style(name, False) if name and not cursor and text.strip() else plain
            shown = fit(text, size, column.align, column.cut)
            for part, look in ((shown, style), (" " * GAP, plain)):
                if runs[-1][0] is not look:
                    runs.append((look, []))
                runs[-1][1].append(part)
        segments = [Segment("".join(parts), style) for style, parts in runs if parts]
        return Strip(segments).adjust_cell_length(width, plain)

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--header")
        titles = (self._title(c, size) for _, c, size in self._layout)
        return Strip([Segment((" " * GAP).join(titles), style)]).adjust_cell_length(width, style)

    def _title(self, column: Heading, width: int) -> str:
        """The mark stays when the title is as wide as its column."""
        mark = self.marks.get(column.id, "")
        return fit(column.title[: width - len(mark)] + mark, width, column.align)

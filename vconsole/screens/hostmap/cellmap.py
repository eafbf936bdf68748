"""The host as a map: each cell with its memory, and a field for every pCPU.

Drawn by line. A cursor move repaints two fields, a new reading the fields and words that differ.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vconsole.features.hostmap.words import LABEL, Mark, Marks, heading, total_line
from vconsole.model.host_state import EMPTY, HostState
from vconsole.screens.hostmap.layout import MapLayout, MapLine, arrange
from vconsole.text import fit, safe
from vconsole.widgets.styled import Styled

MANY = 128
"""A host with more pCPUs opens in the dense form."""
Content = str | tuple[Mark, ...]
"""What a line shows: words, or a field for each column."""


class CellMap(ScrollView, Styled, can_focus=True):
    """See the module. `cursor` is the pCPU under it."""

    BINDING_GROUP_TITLE = "Map"
    BINDINGS = [
        Binding("left,h", "beside(-1)", show=False),
        Binding("right,l", "beside(1)", show=False),
        Binding("up,k", "below(-1)", show=False),
        Binding("down,j", "below(1)", show=False),
        Binding("pageup,ctrl+b", "below_page(-1.0)", show=False),
        Binding("pagedown,ctrl+f", "below_page(1.0)", show=False),
        Binding("ctrl+u", "below_page(-0.5)", show=False),
        Binding("ctrl+d", "below_page(0.5)", show=False),
        Binding("home,g", "first", show=False),
        Binding("end,G", "last", show=False),
    ]
    STYLES = "map"
    COMPONENT_CLASSES = {"map--cursor", "map--cell", "map--dim", "map--warn", "map--full"}
    DEFAULT_CSS = """
    CellMap { height: 1fr; background: $background; color: $foreground;
        scrollbar-size-vertical: 1; scrollbar-gutter: stable; overflow-x: hidden; }
    CellMap > .map--cursor { background: $primary 60%; text-style: bold; }
    CellMap > .map--cell { text-style: bold; }
    CellMap > .map--dim { color: $text-muted; }
    CellMap > .map--warn { color: $warning; text-style: bold; }
    CellMap > .map--full { text-style: bold; }
    CellMap:ansi > .map--cursor { background: $background; text-style: reverse bold; }
    CellMap:nocolor > .map--cursor { background: $background; text-style: reverse bold; }
    """

    cursor: var[int | None] = var(None, init=False)

    class Moved(Message):
        """The cursor stands on another pCPU."""

    class Chosen(Message):
        """A pCPU was clicked twice."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self._ascii = ascii_only
        self.dense: bool | None = None
        """One character a pCPU; None while nobody said: on hosts with very many."""
        self._host_state = EMPTY
        self._marks = Marks.of(EMPTY)
        self._headings: list[tuple[str, ...]] = []
        self._layout = MapLayout()
        self._arranged_for: tuple[object, ...] = ()
        self._drawn: dict[int, Content] = {}
        """Line -> what was drawn there last."""

    # -- data --------------------------------------------------------------------------------

    def show(self, host_state: HostState) -> None:
        """Show a reading; lay out again only when the shape of the host changed."""
        self._host_state, self._marks = host_state, Marks.of(host_state)
        width = self.scrollable_content_region.width
        if not width:
            return
        self._headings = self._head(width)
        counts = tuple(map(len, self._headings))
        dense = self._is_dense
        wanted = (self._marks.shape, counts, self._marks.width(), width, dense)
        if wanted == self._arranged_for:
            self._repaint_changes()
            return
        self._arranged_for = wanted
        self._layout = arrange(self._marks.shape, counts, self._marks.width(), width, dense)
        self.virtual_size = Size(width, len(self._layout.lines))
        self._drawn.clear()
        self.refresh()
        self._keep_cursor()

    @property
    def _is_dense(self) -> bool:
        if self.dense is not None:
            return self.dense
        return len(self._host_state.pcpus) > MANY

    def toggle_dense(self) -> None:
        """Show one character a pCPU, or its number and mark."""
        self.dense = not self._is_dense
        self.show(self._host_state)

    def go_to_pcpu(self, pcpu: int) -> None:
        """Put the cursor on a pCPU."""
        if pcpu in self._layout.spots:
            self.cursor = pcpu

    def _head(self, width: int) -> list[tuple[str, ...]]:
        cells = {cell.id: cell for cell in self._host_state.cells}
        ids = [cell.id for cell in self._host_state.cells]
        groups = self._marks.shape.groups
        return [
            heading(cells.get(g.cell) if g.cell is not None else None, ids, width, self._ascii)
            for g in groups
        ]

    def _keep_cursor(self) -> None:
        if self.cursor not in self._layout.spots:
            self.cursor = self._layout.first
        elif self.cursor is not None:
            self._reveal(self.cursor)

    def _repaint_changes(self) -> None:
        top = int(self.scroll_offset.y)
        for y in range(top, min(top + self.size.height, len(self._layout.lines))):
            before, after = self._drawn.get(y), self._content(self._layout.lines[y])
            if before != after:
                self._repaint_line(y, before, after)

    def _repaint_line(self, y: int, before: Content | None, after: Content) -> None:
        """Repaint the fields that differ, or the words from the first to the last difference."""
        if isinstance(before, str) and isinstance(after, str):
            start, end = difference(before, after)
            self._refresh(start, y, end - start, 1)
        elif before is None or isinstance(before, str) or isinstance(after, str):
            self._refresh(0, y, self.size.width, 1)
        else:
            for column, (old, new) in enumerate(zip(before, after, strict=True)):
                if old != new:
                    self._refresh(self._layout.x(column), y, self._layout.pitch, 1)

    def _refresh(self, x: int, y: int, width: int, height: int) -> None:
        self.refresh(Region(x, y - int(self.scroll_offset.y), width, height))

    def _content(self, line: MapLine) -> Content:
        if line.kind == "mark":
            blank = ("", "")
            return tuple(self._marks.mark(p) if p is not None else blank for p in line.pcpus)
        if line.kind == "dot":
            return tuple(self._marks.dot(p) if p is not None else (" ", "") for p in line.pcpus)
        if line.kind == "cpu":
            return tuple((str(p) if p is not None else "", "") for p in line.pcpus)
        if line.kind == "core":
            return tuple((self._core(p), "dim") for p in line.pcpus)
        if line.kind == "heading":
            return safe(self._headings[line.group][line.part])
        if line.kind == "total":
            return total_line(self._host_state, self.size.width, self._ascii)
        return " " * LABEL + line.label

    def _core(self, pcpu: int | None) -> str:
        if pcpu is None:
            return ""
        core = self._marks.shape.pcpu[pcpu].core
        return "-" if core is None else str(core)

    # -- movement ----------------------------------------------------------------------------

    def watch_cursor(self, before: int | None, after: int | None) -> None:
        """Repaint two fields."""
        for pcpu in (before, after):
            if pcpu in self._layout.spots:
                column, y = self._layout.spots[pcpu]
                pitch = self._layout.pitch
                self._refresh(self._layout.x(column), y, max(1, pitch - 1), min(pitch, 2))
        if after is not None:
            self._reveal(after)
        self.post_message(self.Moved())

    def _reveal(self, pcpu: int) -> None:
        """Scroll so that the field is in view, with as much of its cell as fits where it begins."""
        layout, height = self._layout, max(1, self.size.height)
        y = layout.spots[pcpu][1]
        group = layout.lines[y].group
        low, high = y - 1, y + 1
        if y - layout.tops[group] <= height // 3:
            low = layout.tops[group]
        if pcpu == layout.first_of(group):
            high = max(high, min(layout.bottom(group), low + height - 1))
        if y == layout.rows[0]:
            low = 0
        if y == layout.rows[-1]:
            high = len(layout.lines) - 1
        top = int(self.scroll_offset.y)
        wanted = min(y, max(min(top, low), high - height + 1))
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)

    def _move(self, step: Callable[[int], int | None]) -> None:
        if self.cursor is not None and (found := step(self.cursor)) is not None:
            self.cursor = found

    def action_beside(self, columns: int) -> None:
        """Move along a row."""
        self._move(lambda pcpu: self._layout.beside(pcpu, columns))

    def action_below(self, rows: int) -> None:
        """Move across rows: siblings, then other cores and cells."""
        self._move(lambda pcpu: self._layout.below(pcpu, rows))

    def action_below_page(self, pages: float) -> None:
        """Move by pages; a row of pCPUs takes two lines and a bit."""
        rows = max(1, int(abs(pages) * self.size.height / 2.5))
        self.action_below(rows if pages > 0 else -rows)

    def action_first(self) -> None:
        """Go to the first pCPU."""
        self._move(lambda _: self._layout.first)

    def action_last(self) -> None:
        """Go to the last pCPU."""
        self._move(lambda _: self._layout.last)

    def move_cell(self, cells: int) -> None:
        """Go to the first pCPU of another cell; cells without pCPUs are passed over."""
        if self.cursor is None:
            return
        firsts = [self._layout.first_of(g) for g in range(len(self._layout.tops))]
        here = self._layout.group_of(self.cursor)
        with_pcpus = [g for g, first in enumerate(firsts) if first is not None]
        place = with_pcpus.index(here) + cells
        self.cursor = firsts[with_pcpus[place % len(with_pcpus)]]

    def on_click(self, event: Click) -> None:
        """Put the cursor there; a second click chooses."""
        pcpu = self._layout.at(int(event.x), int(event.y) + int(self.scroll_offset.y))
        if pcpu is not None:
            self.cursor = pcpu
            if event.chain == 2:
                self.post_message(self.Chosen())

    # -- drawing -----------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Lay out for the new width."""
        self.show(self._host_state)

    def render_line(self, y: int) -> Strip:
        """Draw a line of the map."""
        y += int(self.scroll_offset.y)
        width = self.size.width
        if y >= len(self._layout.lines):
            return Strip.blank(width, self.rich_style)
        line = self._layout.lines[y]
        content = self._drawn[y] = self._content(line)
        if isinstance(content, str):
            segments = self._words(line, content)
        else:
            segments = self._fields(line, content)
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _words(self, line: MapLine, text: str) -> list[Segment]:
        strong = line.kind == "total" or (line.kind == "heading" and line.part == 0)
        if not strong:
            return [Segment(text, self._style("dim"))]
        return [Segment(text[:LABEL], self._style("cell")), Segment(text[LABEL:], self.rich_style)]

    def _fields(self, line: MapLine, fields: tuple[Mark, ...]) -> list[Segment]:
        """Neighbours of one style share a segment."""
        label = f"{line.label:>{LABEL - 2}}  "
        segments = [Segment(label, self._style("dim"))]
        pitch = self._layout.pitch
        for pcpu, (text, name) in zip(line.pcpus, fields, strict=True):
            here = line.kind != "core" and pcpu is not None and pcpu == self.cursor
            narrower = here and pitch > 1
            self._add(segments, fit(text, pitch - narrower), self._style(name, here))
            if narrower:
                self._add(segments, " ", self._style(""))
        return segments

    @staticmethod
    def _add(segments: list[Segment], text: str, style: Style) -> None:
        if segments[-1].style is style:
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))


def difference(before: str, after: str) -> tuple[int, int]:
    """Where two lines begin to differ and where both have ended doing so."""
    length = max(len(before), len(after))
    old, new = before.ljust(length), after.ljust(length)
    start = next((i for i in range(length) if old[i] != new[i]), length)
    end = next((i for i in range(length, start, -1) if old[i - 1] != new[i - 1]), start)
    return start, end

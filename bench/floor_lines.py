"""Floor: a bare list by Textual's line API. ``python -m bench.floor_lines ROWS [SECONDS]``."""

import sys

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from bench.rows import COLUMNS, CPU_COLUMN, changed_rows, cpu_text, row

_PLAIN, _CURSOR = Style(), Style(reverse=True)
_CPU_X = sum(width + 1 for _, width in COLUMNS[:CPU_COLUMN])
_CPU_WIDTH = COLUMNS[CPU_COLUMN][1]


class Lines(ScrollView, can_focus=True):
    """Rows of text, one of them under the cursor."""

    BINDINGS = [
        Binding("down", "move(1)"),
        Binding("up", "move(-1)"),
        Binding("pagedown", "page(1)"),
        Binding("pageup", "page(-1)"),
    ]

    def __init__(self, rows: int, interval: float) -> None:
        super().__init__()
        self._rows = [row(number + 1) for number in range(rows)]
        self._interval, self._tick, self._cursor = interval, 0, 0
        self.virtual_size = Size(sum(width + 1 for _, width in COLUMNS), rows)

    def on_mount(self) -> None:
        """Start to refresh, if it shall."""
        if self._interval:
            self.set_interval(self._interval, self._refresh_cells)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the view."""
        number = y + self.scroll_offset.y
        if number >= len(self._rows):
            return Strip.blank(self.size.width)
        cells = zip(self._rows[number], COLUMNS, strict=True)
        text = " ".join(f"{cell:<{width}.{width}}" for cell, (_, width) in cells)
        style = _CURSOR if number == self._cursor else _PLAIN
        return Strip([Segment(text, style)]).crop_extend(0, self.size.width, style)

    def _refresh_cells(self) -> None:
        self._tick += 1
        top, height = self.scroll_offset.y, self.size.height
        for number in changed_rows(len(self._rows), self._tick):
            self._rows[number][CPU_COLUMN] = cpu_text(number + 1, self._tick)
            if top <= number < top + height:
                self.refresh(Region(_CPU_X, number - top, _CPU_WIDTH, 1))

    def _go(self, target: int) -> None:
        target = max(0, min(len(self._rows) - 1, target))
        top = self.scroll_offset.y
        for number in (self._cursor, target):
            self.refresh(Region(0, number - top, self.size.width, 1))
        self._cursor = target
        lowest = target - self.size.height + 1
        if not lowest <= top <= target:
            self.scroll_to(y=target if target < top else lowest, animate=False)

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self._go(self._cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by the height of the view."""
        self._go(self._cursor + pages * self.size.height)


class FloorLines(App[None]):
    """The list and nothing else."""

    BINDINGS = [Binding("q", "quit", "Quit")]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, rows: int, interval: float) -> None:
        super().__init__()
        self._rows, self._interval = rows, interval

    def compose(self) -> ComposeResult:
        """Build the list."""
        yield Lines(self._rows, self._interval)


if __name__ == "__main__":
    FloorLines(int(sys.argv[1]), float((*sys.argv[2:], "0")[0])).run()

"""A text to read, drawn by line: any length costs what is in view.

A line is a sequence of spans, or a raw string that `paint` turns into spans when in view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.segment import Segment
from textual.binding import Binding
from textual.events import Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vconsole.text import Line, Span, safe
from vconsole.widgets.keyed import keyed
from vconsole.widgets.styled import Styled

SHIFT = 8
"""Columns moved sideways at a time."""


def plain(line: str) -> tuple[Span, ...]:
    """A line without colours."""
    return ((safe(line), ""),)


class LinesView(ScrollView, Styled, can_focus=True):
    """See the module. Lines longer than the screen are reached by h and l."""

    BINDING_GROUP_TITLE = "Text"
    BINDINGS = [
        Binding("up,k", "scroll_lines(-1)", show=False),
        Binding("down,j", "scroll_lines(1)", show=False),
        Binding("left,h", "shift(-1)", show=False),
        Binding("right,l", "shift(1)", show=False),
        Binding("pageup,ctrl+b", "scroll_pages(-1.0)", show=False),
        Binding("pagedown,ctrl+f,space", "scroll_pages(1.0)", show=False),
        Binding("ctrl+u", "scroll_pages(-0.5)", show=False),
        Binding("ctrl+d", "scroll_pages(0.5)", show=False),
        Binding("home,g", "scroll_to_line(0)", show=False),
        Binding("end,G", "scroll_to_line(-1)", show=False),
    ]
    STYLES = "lines"
    COMPONENT_CLASSES = {
        "lines--dim",
        "lines--strong",
        "lines--warn",
        "lines--bad",
        "lines--good",
        "lines--accent",
    }
    DEFAULT_CSS = """
    LinesView { height: 1fr; background: $background; color: $foreground;
        scrollbar-size-vertical: 1; overflow-x: hidden; }
    LinesView > .lines--dim { color: $text-muted; }
    LinesView > .lines--strong { text-style: bold; }
    LinesView > .lines--warn { color: $warning; }
    LinesView > .lines--bad { color: $error; }
    LinesView > .lines--good { color: $success; }
    LinesView > .lines--accent { color: $accent; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()
        self._paint: Callable[[str], tuple[Span, ...]] = plain
        self._left = 0

    # -- data --------------------------------------------------------------------------------

    def show(self, lines: Sequence[Line], paint: Callable[[str], tuple[Span, ...]] = plain) -> None:
        """Show these lines now, at the place that was in view; repaint those that differ."""
        before, repainted = self._lines, paint is not self._paint
        if lines is before and not repainted:
            return
        self._lines, self._paint = lines, paint
        if len(lines) != len(before):
            self.virtual_size = Size(self.size.width, len(lines))
        if repainted:
            self.refresh()
            return
        top = int(self.scroll_offset.y)
        for y in range(top, top + self.size.height):
            if _at(before, y) != _at(lines, y):
                self._repaint(y - top, _at(before, y), _at(lines, y))

    def _repaint(self, y: int, before: Line, after: Line) -> None:
        """Repaint a line from its first span that differs."""
        start = 0
        if not isinstance(before, str) and not isinstance(after, str):
            for old, new in zip(before, after, strict=False):
                if old != new:
                    break
                start += Segment(keyed(self, old[0])).cell_length
        x = max(0, start - self._left)
        self.refresh(Region(x, y, max(0, self.size.width - x), 1))

    # -- movement ----------------------------------------------------------------------------

    def action_scroll_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_relative(y=lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: float) -> None:
        """Scroll by pages."""
        self.action_scroll_lines(int(pages * self.size.height))

    def action_scroll_to_line(self, line: int) -> None:
        """Scroll to the first line, or the last."""
        y = line if line >= 0 else len(self._lines)
        self.scroll_to(y=y, animate=False, immediate=True)

    def action_shift(self, steps: int) -> None:
        """Look at what is left or right of the screen."""
        longest = max((_width(line) for line in self._lines), default=0)
        limit = max(0, longest - self.size.width + SHIFT)
        left = max(0, min(self._left + steps * SHIFT, limit))
        if left != self._left:
            self._left = left
            self.refresh()

    # -- drawing -----------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Follow the size."""
        self.virtual_size = Size(self.size.width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        width, line = self.size.width, _at(self._lines, y + int(self.scroll_offset.y))
        spans = self._paint(line) if isinstance(line, str) else line
        strip = Strip([Segment(keyed(self, text), self._style(name)) for text, name in spans])
        return strip.crop_extend(self._left, self._left + width, self.rich_style)


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if 0 <= y < len(lines) else ()


def _width(line: Line) -> int:
    """About how wide a line is; exact enough to know how far there is something to see."""
    return len(line) if isinstance(line, str) else sum(len(text) for text, _ in line)

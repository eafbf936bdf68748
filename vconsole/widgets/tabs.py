"""A strip of tabs in one line; the open one stands in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.events import Click
from textual.message import Message
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget


class TabStrip(Widget):
    """`open_tab` is the place of the tab that is open."""

    COMPONENT_CLASSES = {"tabs--open"}
    DEFAULT_CSS = """
    TabStrip { height: 1; background: $background; color: $text-muted; }
    TabStrip > .tabs--open { color: $accent; text-style: bold; }
    """

    open_tab: var[int] = var(0, init=False)

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: int) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def watch_open_tab(self) -> None:
        """Show it."""
        self.refresh()

    def _words(self) -> list[str]:
        return [
            f"[{name}]" if tab == self.open_tab else f" {name} "
            for tab, name in enumerate(self._names)
        ]

    def render_line(self, y: int) -> Strip:
        """Draw the names."""
        strong = self.get_component_rich_style("tabs--open")
        segments = [
            Segment(word, strong if tab == self.open_tab else self.rich_style)
            for tab, word in enumerate(self._words())
        ]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def on_click(self, event: Click) -> None:
        """Open the tab under the mouse."""
        end = 0
        for tab, word in enumerate(self._words()):
            end += cell_len(word)
            if event.x < end:
                self.post_message(self.Chosen(tab))
                return

"""The first line of a page: what it shows, and how."""

from __future__ import annotations

from rich.segment import Segment
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from vconsole.text import clip
from vconsole.widgets.keyed import keyed


class TitleBar(Widget):
    """`words` is (what is shown in bold, how)."""

    COMPONENT_CLASSES = {"title--what"}
    DEFAULT_CSS = """
    TitleBar { height: 1; background: $background; color: $text-muted; }
    TitleBar > .title--what { color: $foreground; text-style: bold; }
    """

    words: var[tuple[str, str]] = var(("", ""), init=False)

    def watch_words(self) -> None:
        """Show them."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw both parts."""
        what, how = (keyed(self, words) for words in self.words)
        strong = self.get_component_rich_style("title--what")
        head = clip(f" {what}   ", self.size.width)
        tail = clip(how, self.size.width - len(head))
        segments = [Segment(head, strong), Segment(tail, self.rich_style)]
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

"""The first line of a page: what it shows, and how."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.reactive import var
from textual.strip import Strip
from textual.widget import Widget

from vconsole.text import clip
from vconsole.widgets.growing import broken, lines_allowed
from vconsole.widgets.keyed import keyed

_GAP = "   "
"""Between the parts of a title."""
_SHORTEST = 12
"""What is left of a path at least."""


class TitleBar(Widget):
    """`words` is (what is shown in bold, how); one line, or up to `most_lines`.

    Titles that count what changes have one line: what is below them must not jump.
    """

    most_lines = 1

    COMPONENT_CLASSES = {"title--what"}
    DEFAULT_CSS = """
    TitleBar { height: auto; background: $background; color: $text-muted; }
    TitleBar > .title--what { color: $foreground; text-style: bold; }
    """

    words: var[tuple[str, str]] = var(("", ""), init=False)

    def watch_words(self) -> None:
        """Show them."""
        self.refresh(layout=len(self._lines(self.size.width)[1]) != self.size.height)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as its words need."""
        return len(self._lines(width)[1])

    def _lines(self, width: int) -> tuple[str, list[str]]:
        """What is shown, and how, which may go on in a second line."""
        what, how = (keyed(self, words) for words in self.words)
        head = clip(f" {what}{_GAP}", width)
        begin, most = cell_len(head), lines_allowed(self, self.most_lines)
        if most == 1:
            how = _with_shorter_path(how, width - begin)
        return head, broken(how, width, most, begin)

    def render_line(self, y: int) -> Strip:
        """Draw both parts."""
        head, lines = self._lines(self.size.width)
        strong = self.get_component_rich_style("title--what")
        segments = [Segment(head, strong)] if y == 0 else []
        segments.append(Segment(lines[y] if y < len(lines) else "", self.rich_style))
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)


def _with_shorter_path(text: str, room: int) -> str:
    """Cut a path at its start where there is no room for all: the words behind it say more."""
    over = cell_len(text) - room
    parts = text.split(_GAP)
    path = next((i for i, part in enumerate(parts) if part.startswith("/")), None)
    if over <= 0 or path is None:
        return text
    parts[path] = clip(parts[path], max(_SHORTEST, cell_len(parts[path]) - over), "start")
    return _GAP.join(parts)

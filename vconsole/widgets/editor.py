"""A text to edit; keys come to it in the app's strict order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.document._document import Document
from textual.events import Key
from textual.message import Message
from textual.widgets import TextArea

from vconsole.widgets.takes_text import TakesText

Paint = Callable[[str], Iterable[tuple[int, int, str]]]
"""A line -> (start, end, style) of its parts; style is dim, accent or warn."""


def keeps(text: str) -> bool:
    """Whether the editor shows a text as it is and gives every character of it back.

    TextArea writes control characters to the terminal, and makes all line ends the same.
    """
    lines = text.replace("\r\n", "\n").replace("\t", " ").split("\n")
    return all(line.isprintable() for line in lines) and Document(text).text == text


class Editor(TextArea, TakesText):
    """Posts `Edited` with the whole text after every edit."""

    COMPONENT_CLASSES: ClassVar = {"editor--dim", "editor--accent", "editor--warn"}
    BINDINGS: ClassVar = [Binding("tab,shift+tab", "stay", show=False)]
    DEFAULT_CSS = """
    Editor, Editor:focus { border: none; height: 1fr; padding: 0; background: $background; }
    Editor > .editor--dim { color: $text-muted; }
    Editor > .editor--accent { color: $accent; }
    Editor > .editor--warn { color: $warning; }
    """

    class Edited(Message):
        """The text is another."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Moved(Message):
        """The cursor stands elsewhere."""

    def __init__(self, text: str, paint: Paint) -> None:
        self._paint = paint
        super().__init__(text, show_line_numbers=True, soft_wrap=False, tab_behavior="focus")
        self.cursor_blink = False

    def get_line(self, line_index: int) -> Text:
        """One line with its colours."""
        line = super().get_line(line_index)
        for start, end, name in self._paint(line.plain):
            look = self.get_component_rich_style(f"editor--{name}")
            line.stylize(Style(color=look.color), start, end)
        return line

    @property
    def line(self) -> int:
        """The line of the cursor, from 1."""
        return int(self.cursor_location[0]) + 1

    def show(self, text: str) -> None:
        """Replace the whole text; ctrl+z brings the other back."""
        self.replace(text, (0, 0), self.document.end)

    def typed(self, event: Key) -> bool:
        """Whether the key was text; a new line is."""
        return event.is_printable or event.key == "enter"

    def action_stay(self) -> None:
        """Keep the focus: there is nowhere to go."""

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Tell the page."""
        event.stop()
        self.post_message(self.Edited(self.text))

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        """Tell the page."""
        event.stop()
        self.post_message(self.Moved())

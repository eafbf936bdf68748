"""A few remarks below a table: warnings, commands. Long ones go on in the next line."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.events import Resize
from textual.reactive import var

from vconsole.text import Note
from vconsole.widgets.keyed import keyed
from vconsole.widgets.lines import LinesView


class NotesView(LinesView, can_focus=False):
    """Shows `notes`, wrapped to the width."""

    notes: var[Sequence[Note]] = var((), init=False)

    def watch_notes(self) -> None:
        """Show others."""
        self._wrap()

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        self._wrap()

    def _wrap(self) -> None:
        width = max(20, self.scrollable_content_region.width)
        notes = ((keyed(self, text), tone) for text, tone in self.notes)
        self.show([((part, tone),) for text, tone in notes for part in wrapped(text, width)])


def wrapped(text: str, width: int) -> list[str]:
    """Break at spaces where it can, never within an option of a command; indent what follows."""
    indent = "     "
    return wrap(
        text, width, subsequent_indent=indent, drop_whitespace=False, break_on_hyphens=False
    ) or [""]

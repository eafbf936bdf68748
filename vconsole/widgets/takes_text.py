"""What is typed in."""

from __future__ import annotations

from textual.events import Key


class TakesText:
    """A widget that is typed in: keys go to it before they are commands."""

    def typed(self, event: Key) -> bool:
        """Whether a key was text for it, so that it is no command."""
        return event.is_printable

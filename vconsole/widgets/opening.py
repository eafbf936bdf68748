"""What a first look is told, and nobody twice."""

from __future__ import annotations

from textual.widgets import Static

from vconsole.text import safe
from vconsole.widgets.keyed import keyed


class Opening(Static):
    """Some sentences at the top of a page, with the keys that they speak of."""

    DEFAULT_CSS = """
    Opening { height: auto; padding: 0 1; background: $boost; color: $accent; }
    """

    def __init__(self, words: str) -> None:
        super().__init__(markup=False)
        self._words = words

    def on_mount(self) -> None:
        """Put the keys in their places."""
        self.update(keyed(self, safe(self._words)))

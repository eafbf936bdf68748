"""Why there is nothing to show, and what can be done; takes no room where there is something."""

from __future__ import annotations

from textual.reactive import var
from textual.widgets import Static

from vconsole.text import safe
from vconsole.widgets.keyed import keyed


class Unreached(Static):
    """`words` are sentences, a paragraph each."""

    DEFAULT_CSS = """
    Unreached { display: none; height: auto; padding: 1 1; color: $foreground; }
    Unreached.-needed { display: block; }
    """

    words: var[tuple[str, ...]] = var((), init=False)

    def __init__(self) -> None:
        super().__init__(markup=False)

    def watch_words(self) -> None:
        """Show them, wrapped."""
        self.set_class(bool(self.words), "-needed")
        self.update("\n".join(keyed(self, safe(sentence)) for sentence in self.words))

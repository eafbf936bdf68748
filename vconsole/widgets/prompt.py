"""A one-line question above the status line: filter, jump, cpuset, file name."""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding
from textual.widgets import Input

Told = Callable[[str], object]


class Prompt(Input):
    """Hidden until asked. Answers by calls, not messages.

    Someone who types fast, or a script, sends the key after enter before a message would arrive:
    the answer must take effect before the next key is looked at.
    """

    BINDINGS = [
        Binding("enter", "accept", show=False),
        Binding("escape", "give_up", show=False),
    ]
    DEFAULT_CSS = """
    Prompt, Prompt:focus { display: none; border: none; height: 1; padding: 0 1;
        background: $panel; }
    Prompt.-open { display: block; }
    Prompt:ansi { text-style: underline; }
    """

    def __init__(self) -> None:
        super().__init__(select_on_focus=False)
        self.cursor_blink = False
        self._typed: Told | None = None
        self._accepted: Callable[[str], bool] | None = None
        self._given_up: Callable[[], object] | None = None

    @property
    def is_open(self) -> bool:
        """A question is being asked."""
        return self.has_class("-open")

    def ask(
        self,
        text: str,
        hint: str,
        *,
        accepted: Callable[[str], bool],
        typed: Told | None = None,
        given_up: Callable[[], object] | None = None,
    ) -> None:
        """Ask, beginning with `text`.

        Args:
            text: What stands there already.
            hint: What could be typed, shown while nothing is.
            accepted: Called with the text on enter; False keeps the question open.
            typed: Called with the text after every keystroke.
            given_up: Called on escape.
        """
        self._typed, self._accepted, self._given_up = None, accepted, given_up
        self.value, self.placeholder = text, hint
        self.cursor_position = len(text)
        self._typed = typed
        self.add_class("-open")
        self.styles.display = "block"
        self.screen.set_focus(self)

    def _close(self) -> None:
        self.remove_class("-open")
        self.styles.display = "none"
        self.screen.set_focus(self.screen.query(self.screen.AUTO_FOCUS or "*").first())

    def watch_value(self, value: str) -> None:
        """Tell every keystroke."""
        if self._typed is not None and self.is_open:
            self._typed(value)

    def action_accept(self) -> None:
        """Take the answer."""
        if self._accepted is None or self._accepted(self.value):
            self._close()

    def action_give_up(self) -> None:
        """Take no answer."""
        self._typed = None
        self._close()
        if self._given_up is not None:
            self._given_up()

"""A one-line question above the status line: filter, jump, cpuset, file name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import cast

from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static
from textual.widgets.input import Selection

from vconsole.widgets.takes_text import TakesText

Told = Callable[[str], object]
Accepted = Callable[[str], bool | Awaitable[bool]]
_BEGINNINGS = ":", "="


class PromptLine(Horizontal):
    """The question's label and the prompt, hidden until asked."""

    DEFAULT_CSS = """
    PromptLine { display: none; height: 1; background: $panel; }
    PromptLine > PromptLabel { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    """

    def __init__(self, prompt: Prompt) -> None:
        self._label = PromptLabel("", markup=False)
        super().__init__(self._label, prompt)

    @property
    def label(self) -> str:
        """What is asked for."""
        return str(self._label.content)

    @label.setter
    def label(self, label: str) -> None:
        self._label.update(label)


class PromptLabel(Static):
    """What is asked for."""


class Prompt(Input, TakesText):
    """Hidden until asked. Answers by calls, not messages.

    Someone who types fast, or a script, sends the key after enter before a message would arrive:
    the answer must take effect before the next key is looked at.
    """

    BINDINGS = [
        Binding("enter", "accept", show=False),
        Binding("escape", "give_up", show=False),
        Binding("tab,shift+tab", "stay", show=False),
    ]
    DEFAULT_CSS = """
    Prompt, Prompt:focus { border: none; height: 1; padding: 0; width: 1fr; background: $panel; }
    Prompt:ansi { text-style: underline; }
    Prompt:ansi > .input--selection, Prompt:nocolor > .input--selection { text-style: reverse; }
    """

    def __init__(self) -> None:
        super().__init__(select_on_focus=False)
        self.cursor_blink = False
        self._typed: Told | None = None
        self._accepted: Accepted | None = None
        self._given_up: Callable[[], object] | None = None

    @property
    def is_open(self) -> bool:
        """A question is being asked."""
        return bool(self.parent_line.display)

    def ask(
        self,
        label: str,
        text: str,
        hint: str,
        *,
        accepted: Accepted,
        typed: Told | None = None,
        given_up: Callable[[], object] | None = None,
    ) -> None:
        """Ask, beginning with `text`.

        Args:
            label: What is asked for, in a word or two.
            text: What stands there already, selected: a character takes its place, an arrow
                keeps it. A beginning such as ``bridge:`` is gone on with.
            hint: What could be typed, shown while nothing is.
            accepted: Called with the text on enter, and awaited; False keeps the question open.
            typed: Called with the text after every keystroke.
            given_up: Called on escape.
        """
        self._typed, self._accepted, self._given_up = None, accepted, given_up
        self.value, self.placeholder = text, hint
        begun = text.endswith(_BEGINNINGS)
        self.selection = Selection(len(text) if begun else 0, len(text))
        self._typed = typed
        self.parent_line.label = label
        self.parent_line.display = True
        self.screen.set_focus(self)

    def _close(self) -> None:
        self.parent_line.display = False
        self.screen.set_focus(self.screen.query(self.screen.AUTO_FOCUS or "*").first())

    def watch_value(self, value: str) -> None:
        """Tell every keystroke."""
        if self._typed is not None and self.is_open:
            self._typed(value)

    @property
    def parent_line(self) -> PromptLine:
        """The line with its label."""
        return cast("PromptLine", self.parent)

    def action_stay(self) -> None:
        """Keep the focus: tab leads nowhere from here."""

    async def action_accept(self) -> None:
        """Take the answer; a page that it opens is in front when this returns."""
        done = self._accepted is None or self._accepted(self.value)
        closes = await done if isawaitable(done) else done
        if closes and self.is_attached:  # the answer may put another page in this one's place
            self._close()

    def action_give_up(self) -> None:
        """Take no answer."""
        self._typed = None
        self._close()
        if self._given_up is not None:
            self._given_up()

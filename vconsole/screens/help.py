"""The keys of a page, from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from vconsole.commands import Command, key_name, of_scope
from vconsole.screens.base import Page
from vconsole.text import line, safe

MOVEMENT = (
    ("↑ k  ↓ j", "Up and down; also ← h and → l where there are columns."),
    ("g  G", "First and last; also home and end."),
    ("^u  ^d", "Half a page up and down; also page up and page down."),
)


class HelpScreen(ModalScreen[None]):
    """What every key does here, and its virsh equivalent."""

    BINDINGS = [("escape,question_mark,q,enter", "dismiss", "close")]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > VerticalScroll { width: 78; max-width: 100%; height: auto; max-height: 100%;
        background: $panel; padding: 0 1; }
    """

    def __init__(self, page: Page) -> None:
        super().__init__()
        self._scope = page.SCOPE
        self._rules = page
        self._keys = dict(page.console.config.keys)

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll():
            yield Static(self._text())

    def _text(self) -> Text:
        text = Text()
        title = self._scope.capitalize()
        self._section(text, f"{title} (esc closes this)", of_scope(self._scope))
        text.append("\nMovement\n", "bold")
        for keys, words in MOVEMENT:
            text.append(f"  {keys:<12}{words}\n")
        self._section(text, "\nEverywhere", of_scope("app"))
        return text

    def _section(self, text: Text, title: str, commands: Iterable[Command]) -> None:
        text.append(f"{title}\n", "bold")
        for command in commands:
            keys = self._keys.get(command.id, command.keys).split(",")
            names = " ".join(key_name(key) for key in keys)
            text.append(f"  {names:<12}", "bold")
            text.append(command.help)
            if reason := command.why_not(self._rules):
                text.append(f"  (not now: {line(reason)})", "dim")
            text.append("\n")
            if virsh := command.virsh_line(self._rules):
                text.append(f"  {'':<12}{safe(virsh)}\n", "dim")

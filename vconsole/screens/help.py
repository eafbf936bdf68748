"""The keys of a page, from the table of commands."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from vconsole.model.command import Command
from vconsole.model.keys import ESCAPE, keys_of, works
from vconsole.registry import of_scope
from vconsole.screens.page import Page
from vconsole.text import line, safe
from vconsole.widgets.keyed import keyed

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

    def _text(self) -> Group:
        title = f"{self._scope.capitalize()} ({ESCAPE} closes this)"
        return Group(
            self._section(title, of_scope(self._scope)),
            self._movement(),
            self._section("Everywhere", of_scope("app")),
        )

    def _movement(self) -> Table:
        grid = _grid("Movement")
        for keys, words in MOVEMENT:
            grid.add_row(f"  {keys}", words)
        return grid

    def _names(self, command: Command) -> str:
        typed = self._rules.TYPED
        return " ".join(k for k in keys_of(command, self._keys) if works(k, typed))

    def _section(self, title: str, commands: Iterable[Command]) -> Table:
        grid = _grid(title)
        for command in commands:
            names = self._names(command)
            if not names:
                continue  # its keys are text here; the palette has it
            words = Text(keyed(self, command.help))
            if reason := command.why_not(self._rules):
                words.append(f"  (not now: {line(reason)})", "dim")
            grid.add_row(Text(f"  {names}", "bold"), words)
            if virsh := command.virsh_line(self._rules):
                grid.add_row("", Text(safe(virsh), "dim"))
        return grid


def _grid(title: str) -> Table:
    """Two columns, so that long help wraps below itself."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=15)
    grid.add_column(ratio=1)
    grid.add_row(Text(title, "bold"))
    return grid

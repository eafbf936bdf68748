"""What virtualization needs on this host: what was looked at, the verdict, and the cure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from vconsole.features.hostmap.words import VERDICTS
from vconsole.model.host_state import Check
from vconsole.model.keys import ESCAPE
from vconsole.text import fit, safe

_GLYPHS = {"ok": " ", "warn": "!", "fail": "x", "unknown": "?"}
_WIDTH, _INDENT = 76, 27


class CheckScreen(ModalScreen[None]):
    """The checks, the bad ones with what to do."""

    BINDINGS = [("escape,v,q,enter", "dismiss", "close")]
    DEFAULT_CSS = """
    CheckScreen { align: center middle; }
    CheckScreen > VerticalScroll { width: 78; max-width: 100%; height: auto; max-height: 100%;
        background: $panel; padding: 0 1; }
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        super().__init__()
        self._checks = checks

    def compose(self) -> ComposeResult:
        """One scrolling text."""
        with VerticalScroll():
            yield Static(checks_text(self._checks))


def checks_text(checks: Sequence[Check]) -> Text:
    """The checks by line; the cure stands below what it cures."""
    text = Text(f"Virtualization check ({ESCAPE} closes this)\n\n", "bold")
    for check in checks:
        strong = "" if check.verdict == "ok" else "bold"
        text.append(f"{_GLYPHS[check.verdict]} {fit(safe(check.name), 13)} ", strong)
        text.append(f"{VERDICTS[check.verdict]:<11}", strong)
        text.append(_hanging(check.reason))
        if check.cure and check.verdict != "ok":
            text.append(f"{'':<{_INDENT}}{_hanging(f'cure: {check.cure}')}")
    return text


def _hanging(words: str) -> str:
    """Break foreign words into lines that stay in the last column."""
    lines = wrap(safe(words), _WIDTH - _INDENT) or [""]
    return f"\n{'':<{_INDENT}}".join(lines) + "\n"

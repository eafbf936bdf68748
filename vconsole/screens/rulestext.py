"""hostinfo.conf as text, with what is wrong in it while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult

from vconsole.hostinfo.rules import Diagnostic, Rules, parse
from vconsole.screens.base import Page, bindings
from vconsole.text import safe
from vconsole.widgets.editor import Editor
from vconsole.widgets.notes import Note, NotesView
from vconsole.widgets.ruleswords import paint_rule
from vconsole.widgets.title import TitleBar

if TYPE_CHECKING:
    from vconsole.screens.hostinfo import HostinfoScreen


class RulesTextScreen(Page):
    """The text above, the diagnostics below; what is typed is the draft at once."""

    SCOPE = "rulestext"
    BINDINGS: ClassVar = bindings("rulestext")
    TYPED = True
    AUTO_FOCUS = "Editor"
    DEFAULT_CSS = """
    RulesTextScreen NotesView { height: auto; max-height: 30%; }
    """

    def __init__(self, editor: HostinfoScreen) -> None:
        super().__init__()
        self._page = editor

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return self._page.changes

    @property
    def _rules(self) -> Rules:
        assert self._page.draft is not None
        return self._page.draft.rules

    def compose_body(self) -> ComposeResult:
        """Title, text, diagnostics."""
        yield TitleBar()
        yield Editor(self._rules.text, paint_rule)
        yield NotesView()

    def on_mount(self) -> None:
        """Show the diagnostics."""
        super().on_mount()
        self._show()

    def _show(self) -> None:
        staged = "edited, not saved" if self.changes else ""
        self.query_one(TitleBar).words = ("Rules as text", f"{self._page.path}   {staged}")
        self.query_one(NotesView).notes = [_note(found) for found in self._rules.diagnostics[:20]]
        self.refresh_hint()

    def on_editor_edited(self, event: Editor.Edited) -> None:
        """Take the text over."""
        draft = self._page.draft
        if draft is not None and event.text != draft.rules.text:
            self._page.put(draft.edited(parse(event.text.encode("utf-8", "surrogateescape"))))
            self._show()

    def hint(self) -> tuple[str, str]:
        """Say what is wrong in the line of the cursor."""
        line = self.query_one(Editor).line
        found = next((d for d in self._rules.diagnostics if d.line == line), None)
        if found is not None:
            return str(found), "bad" if found.severity == "error" else "warn"
        return f"line {line}   ctrl+s shows the diff, esc goes back", ""

    def on_editor_moved(self, event: Editor.Moved) -> None:
        """Speak of another line."""
        self.unsay()
        self.refresh_hint()

    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""
        await self.console.pop_screen()
        await self._page.do_save()


def _note(found: Diagnostic) -> Note:
    return safe(f" {found}"), "bad" if found.severity == "error" else "warn"

"""A file as text, with what is wrong in it while it is typed."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from typing_extensions import override

from vconsole.model.keys import APP, Keys
from vconsole.screens.files.file import FilePage
from vconsole.screens.page import Page, bindings
from vconsole.text import safe
from vconsole.widgets.editor import Editor
from vconsole.widgets.notes import NotesView
from vconsole.widgets.title import TitleBar

KEY = Keys("filetext")
_MOST = 20
"""Remarks shown."""


class FileTextScreen(Page):
    """The text above, what is wrong below; what is typed is the draft at once."""

    SCOPE = "filetext"
    BINDINGS: ClassVar = bindings("filetext")
    TYPED = "text"
    AUTO_FOCUS = "Editor"
    DEFAULT_CSS = """
    FileTextScreen NotesView { height: auto; max-height: 30%; }
    """

    def __init__(self, editor: FilePage[Any], text: str, line: int) -> None:
        super().__init__()
        self._page, self._text, self._line = editor, text, line

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return self._page.changes

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield Editor(self._text, self._page.paint)
        yield NotesView()

    def on_mount(self) -> None:
        """Go to the line, and check the text."""
        self.query_one(Editor).move_cursor((self._line - 1, 0), center=True)
        self._show()

    def _show(self) -> None:
        staged = "edited, not saved" if self.changes else ""
        self.query_one(TitleBar).words = ("As text", safe(f"{self._page.path}   {staged}"))
        self.query_one(NotesView).notes = list(self._page.remarks())[:_MOST]
        self.refresh_hint()

    def on_editor_edited(self, event: Editor.Edited) -> None:
        """Take the text over."""
        data, draft = event.text.encode(), self._page.draft
        if draft is not None and data != draft.data:
            self._page.put(draft.edited(data))
            self._show()

    def hint(self) -> tuple[str, str]:
        """Say what is wrong in the line of the cursor."""
        line = self.query_one(Editor).line
        found = self._page.remark_at(line)
        return found or (f"line {line}   {KEY.save} shows the diff, {APP.back} goes back", "")

    def on_editor_moved(self, event: Editor.Moved) -> None:
        """Speak of another line."""
        self.unsay()
        self.refresh_hint()

    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""
        await self.console.pop_screen()
        await self._page.do_save()

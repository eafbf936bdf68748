"""A file as text, with what is wrong in it while it is typed."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.files.draft import ReadFile
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.files.file import FilePage
from vconsole.screens.page import Page, bindings
from vconsole.text import safe
from vconsole.widgets.editor import Editor, keeps
from vconsole.widgets.notes import NotesView
from vconsole.widgets.title import TitleBar

KEY = Keys("filetext")
_MOST = 20
"""Remarks shown."""
LOOK_EVERY_S = 1.0


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
        self.every(LOOK_EVERY_S, lambda: self.read(ReadFile(self._page.path)))
        self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        """Follow the file: the page below has taken in already what was read."""
        if isinstance(request, ReadFile) and request.path == self._page.path:
            self._follow()
            self._show()

    def _follow(self) -> None:
        """Where nothing is edited show what somebody else has written."""
        draft, editor = self._page.draft, self.query_one(Editor)
        if draft is None or draft.staged or editor.text.encode() == draft.data:
            return
        text = draft.data.decode("utf-8", "replace")
        if keeps(text):
            editor.show(text)
            self.say("somebody else has changed the file: this is what it holds now", "warn")

    def _show(self) -> None:
        staged = "edited, not saved" if self.changes else ""
        if self._is_behind:
            staged = "edited; the file was changed by somebody else"
        self.query_one(TitleBar).words = ("As text", safe(f"{self._page.path}   {staged}"))
        self.query_one(NotesView).notes = list(self._page.remarks())[:_MOST]
        self.refresh_hint()

    def on_editor_edited(self, event: Editor.Edited) -> None:
        """Take the text over."""
        data, draft = event.text.encode(), self._page.draft
        if draft is not None and data != draft.data:
            self._page.put(draft.edited(data))
            self._show()

    @property
    def _is_behind(self) -> bool:
        """Somebody else has changed the file since what is edited was read."""
        return self._page.draft is not None and self._page.draft.theirs is not None

    def hint(self) -> tuple[str, str]:
        """Say what is wrong in the line of the cursor."""
        if self._is_behind:
            return f"somebody else has changed the file meanwhile: {KEY.save} shows both", "bad"
        if self._page.trouble:
            return self._page.trouble, "bad"
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

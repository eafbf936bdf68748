"""What saving a file would change, and what somebody else has changed meanwhile."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.files.careful import Loaded
from vconsole.files.draft import FileDraft, ReadFile, SaveFile
from vconsole.model.command import not_read_only
from vconsole.model.keys import APP, Keys, key
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.files.file import FilePage
from vconsole.screens.page import STRAY, Page, bindings
from vconsole.text import Line, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff

KEY = Keys("filediff")
LOOK_EVERY_S = 1.0
_CONFLICT = (
    f"{KEY.mine} saves mine over theirs, {KEY.theirs} takes theirs and "
    f"drops mine, {APP.back} goes back"
)


class FileDiffScreen(Page):
    """The difference; enter saves it. With a conflict, theirs above mine."""

    SCOPE = "filediff"
    OFFER_NEEDS = (not_read_only,)
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("filediff"), *STRAY]
    AUTO_FOCUS = "LinesView"

    def __init__(self, editor: FilePage[Any]) -> None:
        super().__init__()
        self._editor = editor
        self._shown: FileDraft | None = None
        self._saving = False

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    @property
    def draft(self) -> FileDraft:
        """What is being edited."""
        draft: FileDraft | None = self._editor.draft
        assert draft is not None
        return draft

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return int(self.draft.staged)

    def on_mount(self) -> None:
        """Show it, and whether somebody else changes the file meanwhile."""
        self.every(LOOK_EVERY_S, lambda: self.read(ReadFile(self._editor.path)))
        self._show()

    def _show(self) -> None:
        draft = self._shown = self.draft
        words = f"{self._editor.path}   {self._editor.consequence()}"
        self.query_one(TitleBar).words = ("Save", safe(words))
        lines: list[Line] = []
        if not draft.problem and draft.staged:
            lines += [(note,) for note in self._editor.remarks()]
        if draft.theirs is not None:
            lines.append(((" somebody else has changed the file since it was read:", "bad"),))
            lines.extend(draft.their_diff or [((" nothing but its owner or mode", "dim"),)])
            lines.append(((" mine:", "strong"),))
        lines.extend(draft.diff or [((" nothing is edited", "dim"),)])
        self.query_one(LinesView).show(lines, paint_diff)
        self.refresh_hint()

    @override
    def hint(self) -> tuple[str, str]:
        draft = self.draft
        if draft.problem:
            return f"cannot be saved: {draft.problem}", "bad"
        if draft.theirs is not None:
            return _CONFLICT, "bad"
        return (
            (f"{KEY.save} saves; {APP.back} goes back, nothing is lost", "")
            if draft.staged
            else ("", "")
        )

    def do_save(self) -> None:
        """Save, unless somebody else was faster."""
        draft = self.draft
        if draft.theirs is not None:
            self.say(
                f"somebody else has changed the file: {KEY.mine} or {KEY.theirs} decides", "bad"
            )
            return
        if not self._saving:
            self._saving = True
            self.console.dispatcher.ask(self._editor.save_request(draft))
        self.say("saving")

    def do_mine(self) -> None:
        """Save mine over theirs, which was shown."""
        if self.draft.theirs is not None:
            self._editor.put(self.draft.over_theirs())
            self.do_save()

    def do_theirs(self) -> None:
        """Take theirs; z brings mine back."""
        if self.draft.theirs is not None:
            self._editor.put(self.draft.taking_theirs())
            self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, SaveFile) and request.path == self._editor.path:
            self._saved(reply)
        elif self.draft is not self._shown:
            self._show()

    def _saved(self, reply: Reply) -> None:
        self._saving = False
        if isinstance(reply.value, Loaded):  # as it is now: saved, or changed by somebody else
            self._editor.put(self.draft.followed(reply.value))
        if reply.status != "applied":
            self._show()
            self.say(reply.message, "bad")
            return
        self.console.call_later(self._leave)

    async def _leave(self) -> None:
        if self.console.page is self:  # whoever has gone on to another page is left there
            await self.console.pop_screen()
        scope = self._editor.SCOPE
        self._editor.say(
            f"saved; {key(f'{scope}.unedit')} brings back what was there before, "
            f"{key(f'{scope}.save')} saves that",
            "good",
        )

"""What pages have in common that edit a file as a draft: text, $EDITOR, the way back, saving."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from vconsole.files.careful import Loaded
from vconsole.files.draft import FileDraft, SaveFile
from vconsole.model.request import Reply
from vconsole.screens.page import Page
from vconsole.text import Note

D = TypeVar("D", bound=FileDraft)


class FileEditorPage(Page, Generic[D]):
    """See the module. Subclasses say what the file means.

    Attributes:
        path: The file.
        draft: What is edited; None until it was read.
        trouble: Why the file cannot be read; empty while it can.
    """

    COPY: ClassVar[str]
    """What $EDITOR sees as the file's name."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.draft: D | None = None
        self.trouble = ""

    # -- what subclasses say -----------------------------------------------------------------

    def drafted(self, loaded: Loaded) -> D:
        """The draft of a file as it was read."""
        raise NotImplementedError

    def put(self, draft: D) -> None:
        """Show another state of the editing."""
        raise NotImplementedError

    def save_request(self, draft: D) -> SaveFile:
        """What saves it."""
        raise NotImplementedError

    def paint(self, line: str) -> Iterable[tuple[int, int, str]]:
        """Colour a line of the text; see `widgets.editor.Paint`."""
        raise NotImplementedError

    def consequence(self) -> str:
        """What saving will do, for the title of the difference."""
        return ""

    def remarks(self) -> Sequence[Note]:
        """What to know of the text as it is edited: diagnostics."""
        return ()

    def remark_at(self, line: int) -> tuple[str, str] | None:
        """What is wrong in a line of the text, and its tone."""
        return None

    # -- what they have in common ------------------------------------------------------------

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return int(self.draft is not None and self.draft.staged)

    def take_file(self, reply: Reply) -> None:
        """Take in what was read, or why it cannot be read."""
        self.trouble = reply.message
        if not isinstance(reply.value, Loaded):
            self.refresh_hint()
            return
        before = self.draft
        draft = self.drafted(reply.value) if before is None else before.followed(reply.value)
        if draft is not before:
            self.put(draft)

    def not_read_yet(self) -> None:
        """Say why there is nothing to edit."""
        self.say(self.trouble or "the file has not been read yet", "warn")

    def do_unedit(self) -> None:
        """Take back the last edit."""
        if self.draft is None or not self.draft.past:
            self.say("no edit to take back", "warn")
            return
        self.put(self.draft.unedited())

    def do_clear(self) -> None:
        """Forget all edits."""
        if self.draft is not None:
            self.put(self.draft.edited(self.draft.base))

    async def do_text(self) -> None:
        """Edit the file as text."""
        await self.open_text(1)

    async def open_text(self, line: int) -> None:
        """Edit the file as text, beginning at a line."""
        from vconsole.screens.files.text import FileTextScreen
        from vconsole.widgets.editor import keeps

        if self.draft is None:
            self.not_read_yet()
            return
        try:
            text = self.draft.data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if not keeps(text):
            self.say("no UTF-8, control characters or mixed line ends: E opens $EDITOR", "warn")
            return
        await self.console.show_page(FileTextScreen(self, text, line))

    def do_editor(self) -> None:
        """Edit with $EDITOR; what it leaves is taken over, nothing is saved yet."""
        from vconsole.screens.external import EditorError, edited

        if self.draft is None:
            self.not_read_yet()
            return
        try:
            data = edited(self.console, self.COPY, self.draft.data)
        except EditorError as error:
            self.say(str(error), "bad")
        else:
            self.put(self.draft.edited(data))

    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""
        from vconsole.screens.files.difference import FileDiffScreen

        if self.draft is not None:
            await self.console.show_page(FileDiffScreen(self))

"""What pages have in common that edit a file as a draft: text, $EDITOR, the way back, saving."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from vconsole.files.careful import Loaded
from vconsole.model.keys import key
from vconsole.model.request import Reply
from vconsole.screens.files.file import D, FilePage
from vconsole.screens.list_page import StagedPage


class FileEditorPage(FilePage[D], StagedPage):
    """See the module."""

    COPY: ClassVar[str]
    """What $EDITOR sees as the file's name."""

    @abstractmethod
    def drafted(self, loaded: Loaded) -> D:
        """The draft of a file as it was read."""

    def take_file(self, reply: Reply) -> None:
        """Take in what was read, or why it cannot be read."""
        self.trouble = reply.message
        self.refresh_hint()
        if not isinstance(reply.value, Loaded):
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
            self.say(
                "no UTF-8, control characters or mixed line ends: "
                f"{key(f'{self.SCOPE}.editor')} opens $EDITOR",
                "warn",
            )
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

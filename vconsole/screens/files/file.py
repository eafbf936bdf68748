"""A page about a file that is edited as a draft, as those see it that open above it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from vconsole.files.draft import FileDraft, SaveFile
from vconsole.screens.page import Page
from vconsole.text import Note

D = TypeVar("D", bound=FileDraft)


class FilePage(Page, Generic[D]):
    """See the module. Subclasses say what the file means.

    What is abstract is so for the type checker, here as in all pages: Textual's metaclass leaves no
    room for ABCMeta.

    Attributes:
        path: The file.
        draft: What is edited; None until it was read.
        trouble: Why the file cannot be read, now or any more; empty while it can.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.draft: D | None = None
        self.trouble = ""

    @abstractmethod
    def put(self, draft: D) -> None:
        """Show another state of the editing."""

    @abstractmethod
    def save_request(self, draft: D) -> SaveFile:
        """What saves it."""

    @abstractmethod
    def paint(self, line: str) -> Iterable[tuple[int, int, str]]:
        """Colour a line of the text; see `widgets.editor.Paint`."""

    def consequence(self) -> str:
        """What saving will do, for the title of the difference."""
        return ""

    def remarks(self) -> Sequence[Note]:
        """What to know of the text as it is edited: diagnostics."""
        return ()

    def remark_at(self, line: int) -> tuple[str, str] | None:
        """What is wrong in a line of the text, and its tone."""
        return None

    @abstractmethod
    async def do_save(self) -> None:
        """Show what saving changes; enter there saves."""

    @property
    def changes(self) -> int:
        """Whether there is something to save."""
        return int(self.draft is not None and self.draft.staged)

"""What pages have in common that are a list, and those whose list is filtered by words."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from vconsole.model.column import Heading
from vconsole.model.keys import APP, key
from vconsole.override import override
from vconsole.registry import SCOPES
from vconsole.screens.page import Page
from vconsole.text import Cell, Note
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar


class ListPage(Page):
    """A title, a list, and below it all about the row under the cursor."""

    COLUMNS: ClassVar[Sequence[Heading]]
    CHOSEN: ClassVar[str] = ""
    """The command that a second click on a row runs."""

    def compose_body(self) -> ComposeResult:
        """Title, list, details."""
        yield TitleBar()
        yield LineTable(self.COLUMNS, self.cells)
        yield NotesView()

    @property
    def table(self) -> LineTable:
        """The list."""
        return self.query_one(LineTable)

    @abstractmethod
    def cells(self, key: str, /) -> Sequence[Cell]:
        """What a row shows."""

    def show_list(
        self, title: str, words: str, keys: Sequence[str], cursor: str | None = None
    ) -> None:
        """Show title, rows, and all about the one under the cursor."""
        self.query_one(TitleBar).words = (title, words)
        self.table.show(keys, cursor=cursor)
        self.explain()
        self.refresh_hint()

    def notes(self) -> Iterable[Note]:
        """What there is to say of the row under the cursor."""
        return ()

    def explain(self) -> None:
        """Say it."""
        for view in self.query(NotesView):
            view.notes = tuple(self.notes())

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Speak of another row."""
        self.unsay()
        self.explain()
        self.refresh_hint()

    async def on_line_table_chosen(self, event: LineTable.Chosen) -> None:
        """Go on by mouse."""
        if self.CHOSEN:
            await self.console.action_run_command(self.CHOSEN)


class StagedPage(Page):
    """A page whose edits are lost when it goes: it warns of that once."""

    draft: Any
    """What is edited: another value after each edit."""
    _warned_of: object = None

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Warn anew."""
        self._warned_of = None

    @override
    def go_back(self) -> bool:
        return not self.may_go(self, f"{key(f'{self.SCOPE}.save')} saves it, {APP.back}")

    def may_go(self, front: Page, how: str = "the key") -> bool:
        """Whether nothing is lost, or that was said already; else it is said on the page in front.

        Args:
            front: Where it is said.
            how: What drops it when it is pressed again.
        """
        if not self.changes or self._warned_of is self.draft:
            return True
        self._warned_of = self.draft
        where = "" if front is self else f" on {SCOPES[self.SCOPE]}"
        front.say(f"what is edited{where} is not saved: {how} again drops it", "warn")
        return False


class FilteredPage(Page):
    """A page with a filter. Subclasses show what matches all of `words`."""

    EXAMPLE = "web  running"
    """What can be typed, for the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()
        """What is asked for, case folded."""

    @abstractmethod
    def filtered(self) -> None:
        """Show what matches now."""

    async def do_filter(self) -> None:
        """Ask for the filter."""
        await self.ask(
            "filter",
            " ".join(self.words),
            self.EXAMPLE,
            typed=self._filter,
            accepted=lambda text: True,
            given_up=lambda: self._filter(""),
        )

    def _filter(self, text: str) -> None:
        self.words = tuple(text.casefold().split())
        self.filtered()

    @override
    def go_back(self) -> bool:
        if not self.words:
            return False
        self._filter("")
        return True

"""The host's memory and swap: whether it suffices for all guests, who is swapped, what to do."""

from __future__ import annotations

import shlex
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize
from textual.widget import Widget

from vconsole.changes.dispatcher import Request
from vconsole.features.hostmemory import words
from vconsole.features.hostmemory.model.advice import Advice, Finding, headline
from vconsole.features.hostmemory.model.figures import CellMemory, GuestMemory
from vconsole.features.hostmemory.model.reading import ReadHostMemory
from vconsole.model.column import row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.override import override
from vconsole.screens.page import Page, bindings
from vconsole.text import Cell, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.tabs import TabStrip
from vconsole.widgets.title import TitleBar

TABS = ("Guests", "Cells", "Advice")
GUESTS, CELLS, ADVICE = range(3)
LOOK_EVERY_S = 3.0


class MemoryFacts(LinesView, can_focus=False):
    """The verdict and the figures: as many lines as there are."""


class HostMemoryScreen(Page):
    """The verdict first, then the figures, then guests, cells or all verdicts."""

    SCOPE = "hostmemory"
    PAGE = "host"
    AUTO_FOCUS = "#view-0"
    BINDINGS: ClassVar = bindings("hostmemory")
    DEFAULT_CSS = """
    HostMemoryScreen .hidden { display: none; }
    HostMemoryScreen MemoryFacts { height: auto; max-height: 50%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._advice: Advice | None = None
        self._guests: dict[str, GuestMemory] = {}
        self._cells: dict[str, CellMemory] = {}
        self._first: GuestMemory | None = None
        self._trouble = ""

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield MemoryFacts()
        yield TabStrip(TABS)
        yield LineTable(words.GUEST_COLUMNS, self._guest_cells, id="view-0")
        yield LineTable(words.CELL_COLUMNS, self._cell_cells, id="view-1")
        yield LinesView(id="view-2")

    # -- what commands may look at -----------------------------------------------------------

    @property
    def subject(self) -> Domain | None:
        """The guest under the cursor."""
        return self.host_state.domain(self._key) if self.tab == GUESTS else None

    @property
    def tab(self) -> int:
        """The tab that is open."""
        return self.query_one(TabStrip).open_tab

    def _view(self, tab: int) -> Widget:
        return self.query_one(f"#view-{tab}")

    @property
    def _key(self) -> str:
        """The row under the cursor."""
        view = self._view(self.tab)
        return (view.key or "") if isinstance(view, LineTable) else ""

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show the first tab, and read again and again."""
        self.query_one(TitleBar).words = ("Host memory", "")
        for tab in (CELLS, ADVICE):
            self._view(tab).add_class("hidden")
        self.every(LOOK_EVERY_S, self._ask)

    def _ask(self) -> None:
        """Read; the reading before tells what has moved since."""
        self.read(ReadHostMemory(self.host_state, self._advice.known.now if self._advice else None))

    def replied(self, request: Request, reply: Reply) -> None:
        """Take in what was read; what was known stays where nothing was."""
        if not isinstance(request, ReadHostMemory):
            return
        self._trouble = reply.message
        if isinstance(reply.value, Advice):
            self._advice, self._trouble = reply.value, ""
            self._show(reply.value)
        self.refresh_hint()

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Begin to read once it is known which guests it is about."""
        if self._advice is None:
            self._ask()

    # -- showing -----------------------------------------------------------------------------

    def _show(self, advice: Advice) -> None:
        known = advice.known
        self._guests = {guest.uuid: guest for guest in advice.guests}
        self._cells = {str(cell.id): cell for cell in known.cells}
        self._first = words.ended_first(known.guests)
        self.query_one(TitleBar).words = ("Host memory", safe(words.title_words(known)))
        self._show_lines(advice)
        self.query_one("#view-0", LineTable).show(list(self._guests))
        self.query_one("#view-1", LineTable).show(list(self._cells))

    def _show_lines(self, advice: Advice) -> None:
        """Show what depends on the width."""
        width = self.size.width
        lines = words.figure_lines(advice.known, width, self.console.config.ascii)
        verdict = words.verdict_line(headline(advice.findings))
        self.query_one(MemoryFacts).show([verdict, *lines])
        self.query_one("#view-2", LinesView).show(words.advice_lines(advice.findings, width - 1))

    def on_resize(self, event: Resize) -> None:
        """Use the room."""
        if self._advice is not None:
            self._show_lines(self._advice)

    def _guest_cells(self, uuid: str) -> tuple[Cell, ...]:
        return row_cells(words.GUEST_COLUMNS, self._guests[uuid])

    def _cell_cells(self, number: str) -> tuple[Cell, ...]:
        cell = self._cells[number]
        return row_cells(words.CELL_COLUMNS, words.CellRow(cell, self._cell_finding(cell)))

    def _cell_finding(self, cell: CellMemory) -> Finding | None:
        return words.cell_finding(cell, self._advice.findings if self._advice else ())

    def hint(self) -> tuple[str, str]:
        """Explain the row under the cursor, or say why nothing is known."""
        if self._trouble:
            return f"the host's memory cannot be read: {self._trouble}", "bad"
        if self._advice is None:
            return "reading the host's memory", ""
        if self.tab == GUESTS and (guest := self._guests.get(self._key)):
            return words.guest_hint(guest, self._first)
        if self.tab == CELLS and (cell := self._cells.get(self._key)):
            return words.cell_hint(cell, self._cell_finding(cell))
        return ("no guest runs", "") if self.tab == GUESTS else ("", "")

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Speak of another row."""
        self.unsay()
        self.refresh_hint()

    async def on_line_table_chosen(self, event: LineTable.Chosen) -> None:
        """Open by mouse."""
        await self.do_open()

    def virsh(self) -> str:
        """Name what tells about the row under the cursor, or about the host."""
        if (domain := self.subject) is not None:
            return f"dommemstat {shlex.quote(domain_argument(domain.name, domain.uuid))}"
        return "freecell --all" if self.tab == CELLS else "nodememstats"

    # -- commands ----------------------------------------------------------------------------

    def open_tab(self, tab: int) -> None:
        """Show a tab and give it the keys."""
        self._view(self.tab).add_class("hidden")
        self.query_one(TabStrip).open_tab = tab
        self._view(tab).remove_class("hidden")
        self._view(tab).focus()
        self.refresh_hint()

    def do_next_tab(self) -> None:
        """Go to the tab at the right."""
        self.open_tab((self.tab + 1) % len(TABS))

    def do_previous_tab(self) -> None:
        """Go to the tab at the left."""
        self.open_tab((self.tab - 1) % len(TABS))

    async def do_open(self) -> None:
        """Open the guest under the cursor."""
        if domain := self.subject:
            await self.console.open_page("domain", domain.uuid)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        """Open by mouse."""
        self.open_tab(event.tab)

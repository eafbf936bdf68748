"""The inverse map: who may run on a pCPU, and who ran there last."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from vconsole.features.hostmap.who import COLUMNS, Seen, about, floating_words, seen
from vconsole.model.column import row_cells
from vconsole.model.host_state import HostState
from vconsole.model.keys import ENTER, ESCAPE
from vconsole.model.placement import occupants
from vconsole.screens.messages import Open
from vconsole.text import Cell
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

if TYPE_CHECKING:
    from vconsole.screens.page import Console


_PINS = "p"
KEYS = f"{ENTER} domain   {_PINS} pins   {ESCAPE} back"


class WhoScreen(ModalScreen[None]):
    """The threads pinned to a pCPU one by one, the floating ones counted; follows the readings."""

    BINDINGS = [
        Binding("escape,q", "dismiss", show=False),
        Binding("enter", 'open("domain")', show=False),
        Binding(_PINS, 'open("pin")', show=False),
    ]
    DEFAULT_CSS = """
    WhoScreen { align: center middle; }
    WhoScreen > LineTable { width: 78; max-width: 100%; height: auto; max-height: 60%;
        background: $panel; }
    WhoScreen > TitleBar { width: 78; max-width: 100%; background: $panel; }
    """

    def __init__(self, pcpu: int, host_state: HostState) -> None:
        super().__init__()
        self._pcpu, self._host_state = pcpu, host_state
        self._rows: dict[str, Seen] = {}

    def compose(self) -> ComposeResult:
        """Title, threads, and the rest in words."""
        yield TitleBar(id="pcpu")
        yield LineTable(COLUMNS, self._cells)
        yield TitleBar(id="floating")
        yield TitleBar(id="keys")

    def on_mount(self) -> None:
        """Fill it."""
        self.query_one("#keys", TitleBar).words = ("", KEYS)
        self.show(self._host_state)

    def show(self, host_state: HostState) -> None:
        """Show another reading."""
        self._host_state = host_state
        rows = seen(self._pcpu, host_state)
        self._rows = {f"{r.thread.uuid} {r.thread.kind} {r.thread.id}": r for r in rows}
        self.query_one(LineTable).show(list(self._rows))
        self.query_one(LineTable).styles.height = len(rows) + 1
        words = about(self._pcpu, rows, host_state)
        self.query_one("#pcpu", TitleBar).words = (f"pCPU {self._pcpu}", words)
        self.query_one("#floating", TitleBar).words = ("", floating_words(occupants(host_state)))

    def _cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    def action_open(self, page: str) -> None:
        """Leave for the domain under the cursor, or its pins."""
        row = self._rows.get(self.query_one(LineTable).key or "")
        if row is not None:
            self.dismiss()
            cast("Console", self.app).post_message(Open(page, row.thread.uuid))

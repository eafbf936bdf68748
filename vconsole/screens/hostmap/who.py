"""The inverse map: who may run on a pCPU, and who ran there last."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import ModalScreen

from vconsole.features.hostmap.words import holders_words
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import HostState, PinKey
from vconsole.model.keys import ENTER, ESCAPE
from vconsole.model.placement import Occupancy, Occupant, claims, occupants
from vconsole.model.topology import core_of
from vconsole.model.words import KIND_WORDS, numbers_label, plural, row_label
from vconsole.screens.messages import Open
from vconsole.text import Cell, safe
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

if TYPE_CHECKING:
    from vconsole.screens.page import Console


class Seen(NamedTuple):
    """A thread that may run on the pCPU, and whether it did last."""

    thread: Occupant
    ran: bool

    @property
    def notes(self) -> str:
        """What is remarkable about it."""
        thread = self.thread
        notes = (
            (thread.claim or "", bool(thread.claim)),
            ("exclusive", thread.exclusive),
            ("ran here last", self.ran),
        )
        return ", ".join(word for word, true in notes if true)


def _allowed(row: Seen) -> Cell:
    pinned = row.thread.pinned
    return str(row.thread.cpuset) if pinned else "anywhere", "" if pinned else "dim"


COLUMNS: Final[tuple[Column[Seen], ...]] = (
    Column("name", "Domain", 18, flex=True, cell=lambda row: (safe(row.thread.name), "")),
    Column(
        *("row", "Thread", 12), cell=lambda row: (row_label((row.thread.kind, row.thread.id)), "")
    ),
    Column("allowed", "May run on", 18, cell=_allowed),
    Column("note", "", 24, cell=lambda row: (row.notes, "accent")),
)
Row = tuple[str, PinKey]
_PINS = "p"
KEYS = f"{ENTER} domain   {_PINS} pins   {ESCAPE} back"


class WhoScreen(ModalScreen[None]):
    """The threads pinned to a pCPU one by one, the floating ones counted; follows the readings."""

    BINDINGS = [
        Binding("escape,q", "dismiss", show=False),
        Binding("enter", "open('domain')", show=False),
        Binding(_PINS, "open('pin')", show=False),
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
        self._threads: dict[str, Occupant] = {}
        self._ran: frozenset[Row] = frozenset()

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
        held = occupants(host_state)
        self._ran = frozenset((u, (k, n)) for u, k, n in host_state.last_ran.get(self._pcpu, ()))
        rows = list(held[self._pcpu]) if self._pcpu in held else []
        rows += [t for t in held.floating if (t.uuid, (t.kind, t.id)) in self._ran]
        rows += claims(host_state).get(self._pcpu, ())
        self._threads = {f"{t.uuid} {t.kind} {t.id}": t for t in rows}
        self.query_one(LineTable).show(list(self._threads))
        self.query_one(LineTable).styles.height = len(rows) + 1
        self.query_one("#pcpu", TitleBar).words = (f"pCPU {self._pcpu}", self._about(rows))
        self.query_one("#floating", TitleBar).words = ("", floating_words(held))

    def _about(self, rows: list[Occupant]) -> str:
        siblings = [n for n in core_of(self._pcpu, self._host_state) if n != self._pcpu]
        words = [f"{plural(sum(t.pinned and not t.claim for t in rows), 'thread')} pinned here"]
        if later := sum(bool(t.claim) for t in rows):
            words.append(f"{later} later")
        if siblings:
            words.append(f"shares its core with {numbers_label(siblings)}")
        if holders := holders_words(self._pcpu, self._host_state):
            words.append(f"! {holders}")
        return "   ".join(words)

    def _cells(self, key: str) -> tuple[Cell, ...]:
        thread = self._threads[key]
        row: PinKey = (thread.kind, thread.id)
        return row_cells(COLUMNS, Seen(thread, (thread.uuid, row) in self._ran))

    def action_open(self, page: str) -> None:
        """Leave for the domain under the cursor, or its pins."""
        thread = self._threads.get(self.query_one(LineTable).key or "")
        if thread is not None:
            self.dismiss()
            cast("Console", self.app).post_message(Open(page, thread.uuid))


def floating_words(held: Occupancy) -> str:
    """Count the threads that may run on every pCPU, this one too."""
    threads = held.floating
    if not threads:
        none = "no thread of an active domain is known"
        return "every thread of every active domain is pinned" if held.groups else none
    kinds = Counter(KIND_WORDS[t.kind] for t in threads)
    counts = ", ".join(plural(count, word) for word, count in kinds.items())
    domains = plural(len({t.uuid for t in threads}), "domain")
    return f"anywhere, so here too: {counts} of {domains}"

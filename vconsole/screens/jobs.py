"""What is under way, wherever it was begun, and what became of what was before."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.changes.run import ChangeRun
from vconsole.model.proposal import Change
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.screens.page import Page, bindings
from vconsole.text import Cell, Column, safe
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

COLUMNS = (
    Column("what", "Job", 24, flex=True),
    Column("name", "Of", 22),
    Column("state", "State", 26),
)
_Row = tuple[ChangeRun[Any], Change]


class JobsScreen(Page):
    """A row for each change of this session, the newest first; those under way say how far."""

    SCOPE = "jobs"
    BINDINGS: ClassVar = bindings("jobs")
    DEFAULT_CSS = """
    JobsScreen NotesView { height: 6; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, _Row] = {}

    def compose_body(self) -> ComposeResult:
        """Title, list, details."""
        yield TitleBar()
        yield LineTable(COLUMNS, self._cells)
        yield NotesView()

    def on_mount(self) -> None:
        """Follow what is under way."""
        self.set_interval(1.0, self._follow)
        self._show()

    def _follow(self) -> None:
        if self.console.under_way and self.console.page is self:
            self._show()

    def replied(self, request: Request, reply: Reply) -> None:
        """Something ended."""
        self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        runs = list(self.console.runs)
        rows = [(f"{n} {m}", (r, c)) for n, r in enumerate(runs) for m, c in enumerate(r.changes)]
        self._rows = dict(reversed(rows))
        going = plural(self.console.under_way, "job") + " under way"
        self.query_one(TitleBar).words = ("Jobs", going)
        table = self.query_one(LineTable)
        table.show(list(self._rows))
        table.redraw()
        self._explain()
        self.refresh_hint()

    def _cells(self, key: str) -> tuple[Cell, ...]:
        run, change = self._rows[key]
        return (safe(change.what), ""), (safe(change.name), ""), state(run, change)

    def _explain(self) -> None:
        row = self._rows.get(self.query_one(LineTable).key or "")
        if row is None:
            self.query_one(NotesView).notes = ()
            return
        run, change = row
        reply = run.replies.get(change)
        words = [reply.message, reply.read_back] if reply else []
        notes = [(f" {safe(line)}", "accent") for line in change.virsh()[:2]]
        notes += [(f" {safe(word)}", "") for word in words if word]
        self.query_one(NotesView).notes = notes

    def hint(self) -> tuple[str, str]:
        """Say what there is."""
        return ("", "") if self._rows else ("nothing was begun in this session", "")

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Speak of another."""
        self.unsay()
        self._explain()

    def virsh(self) -> str:
        """Name the lines of the job under the cursor."""
        row = self._rows.get(self.query_one(LineTable).key or "")
        uri = self.host_state.connection.uri
        return "\n".join(row[1].virsh(uri)) if row else ""

    # -- commands ----------------------------------------------------------------------------

    def do_cancel(self) -> None:
        """Give it up, if it can be."""
        row = self._rows.get(self.query_one(LineTable).key or "")
        if row is None or row[1] in row[0].replies:
            self.say("that is over already" if row else "no job here", "warn")
        elif wait := row[0].waiting.get(row[1]):
            wait.give_up()
            self.say("giving it up", "warn")
        else:
            self.say("libvirt does it in one call: it cannot be given up", "warn")


def state(run: ChangeRun[Any], change: Change) -> Cell:
    """How far a change is, or what became of it."""
    if (reply := run.replies.get(change)) is not None:
        return reply.status, "good" if reply.status == "applied" else "warn"
    if wait := run.waiting.get(change):
        return safe(wait.what or "beginning"), "accent"
    return ("under way", "accent") if change in run.under_way else ("waits for its turn", "dim")

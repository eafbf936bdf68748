"""What is under way, wherever it was begun, and what became of what was before."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple

from typing_extensions import override

from vconsole.changes.dispatcher import Request
from vconsole.changes.run import ChangeRun
from vconsole.model.column import Column, row_cells
from vconsole.model.proposal import Change
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe


class Row(NamedTuple):
    """A change of a run."""

    run: ChangeRun[Any]
    change: Change

    @property
    def state(self) -> Cell:
        """How far it is, or what became of it."""
        run, change = self
        if (reply := run.replies.get(change)) is not None:
            return reply.status, "good" if reply.status == "applied" else "warn"
        if wait := run.waiting.get(change):
            return safe(wait.what or "beginning"), "accent"
        return ("under way", "accent") if change in run.under_way else ("waits for its turn", "dim")


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("what", "Job", 24, flex=True, cell=lambda row: (safe(row.change.what), "")),
    Column("name", "Of", 22, cell=lambda row: (safe(row.change.name), "")),
    Column("state", "State", 26, cell=lambda row: row.state),
)


class JobsScreen(ListPage):
    """A row for each change of this session, the newest first; those under way say how far."""

    SCOPE = "jobs"
    BINDINGS: ClassVar = bindings("jobs")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    JobsScreen NotesView { height: 6; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, Row] = {}

    @property
    def _row(self) -> Row | None:
        return self._rows.get(self.table.key or "")

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
        rows = [
            (f"{n} {m}", Row(r, c)) for n, r in enumerate(runs) for m, c in enumerate(r.changes)
        ]
        self._rows = dict(reversed(rows))
        going = plural(self.console.under_way, "job") + " under way"
        self.show_list("Jobs", going, list(self._rows))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @override
    def notes(self) -> list[Note]:
        if (row := self._row) is None:
            return []
        run, change = row
        reply = run.replies.get(change)
        words = [reply.message, reply.read_back] if reply else []
        notes: list[Note] = [(f" {safe(line)}", "accent") for line in change.virsh()[:2]]
        return notes + [(f" {safe(word)}", "") for word in words if word]

    def hint(self) -> tuple[str, str]:
        """Say what there is."""
        return ("", "") if self._rows else ("nothing was begun in this session", "")

    def virsh(self) -> str:
        """Name the lines of the job under the cursor."""
        uri = self.host_state.connection.uri
        return "\n".join(self._row.change.virsh(uri)) if self._row else ""

    # -- commands ----------------------------------------------------------------------------

    def do_cancel(self) -> None:
        """Give it up, if it can be."""
        row = self._row
        if row is None or row.change in row.run.replies:
            self.say("that is over already" if row else "no job here", "warn")
        elif wait := row.run.waiting.get(row.change):
            wait.give_up()
            self.say("giving it up", "warn")
        else:
            self.say("libvirt does it in one call: it cannot be given up", "warn")

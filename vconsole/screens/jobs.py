"""What is under way, wherever it was begun, and what became of what was before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.changes.jobs import directory_of
from vconsole.changes.process import this_process
from vconsole.changes.run import ChangeRun
from vconsole.features.jobs.words import COLUMNS, Row, cut_off, of_another, own
from vconsole.files.places import state_dir
from vconsole.model.column import row_cells
from vconsole.model.job import GiveUpJob, JobsFound, ReadJobs, RemoveLeftover
from vconsole.model.proposal import Change, Proposal
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

LOOK_EVERY_S = 2.0


class JobsScreen(ListPage):
    """A row for each change of this console, the newest first, then those of other processes."""

    SCOPE = "jobs"
    BINDINGS: ClassVar = bindings("jobs")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    JobsScreen NotesView { height: 6; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._directory = directory_of(state_dir())
        self._found = JobsFound()
        self._changes: dict[str, tuple[ChangeRun[Any], Change]] = {}
        self._rows: dict[str, Row] = {}

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Follow what is under way, here and elsewhere."""
        self.set_interval(1.0, self._follow)
        self.every(LOOK_EVERY_S, self.read_again)
        self._show()

    @override
    def read_again(self) -> None:
        if self._directory is not None:
            self.read(ReadJobs(self._directory))

    def _follow(self) -> None:
        if self.console.under_way and self.console.page is self:
            self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadJobs) and isinstance(reply.value, JobsFound):
            mine = this_process()
            others = tuple(job for job in reply.value.jobs if job.process != mine)
            self._found = JobsFound(others, reply.value.leftovers)
        elif isinstance(request, GiveUpJob) and reply.message:
            self.say(safe(reply.message), "warn")
        self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        runs = enumerate(self.console.runs)
        known = [(f"{n} {m}", (r, c)) for n, r in runs for m, c in enumerate(r.changes)]
        self._changes = dict(reversed(known))
        self._rows = {key: _own(*pair) for key, pair in self._changes.items()}
        self._rows |= {job.id: of_another(job) for job in self._found.jobs}
        self._rows |= {f"left {left.job.id}": cut_off(left) for left in self._found.leftovers}
        going = plural(self.console.under_way + len(self._found.jobs), "job") + " under way"
        self.show_list("Jobs", going, list(self._rows))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @property
    def _row(self) -> Row | None:
        return self._rows.get(self.table.key or "")

    @override
    def notes(self) -> Iterable[Note]:
        return self._row.notes if self._row else ()

    @override
    def hint(self) -> tuple[str, str]:
        words = "nothing is under way; what takes its time is here, and what was cut off"
        return ("", "") if self._rows else (words, "")

    @override
    def virsh(self) -> str:
        found = self._changes.get(self.table.key or "")
        uri = self.host_state.connection.uri
        return "\n".join(found[1].virsh(uri)) if found else ""

    # -- commands ----------------------------------------------------------------------------

    def do_cancel(self) -> None:
        """Give it up, if it can be."""
        row, found = self._row, self._changes.get(self.table.key or "")
        if row is None:
            self.say("no job here", "warn")
        elif row.job is not None and self._directory is not None:
            self.read(GiveUpJob(self._directory, row.job.id), row.job.id)
            self.say("telling its process to give it up", "warn")
        elif found is None or found[1] in found[0].replies:
            self.say("that is over already", "warn")
        elif wait := found[0].waiting.get(found[1]):
            wait.give_up()
            self.say("giving it up", "warn")
        else:
            self.say("libvirt does it in one call: it cannot be given up", "warn")

    async def do_remove(self) -> None:
        """Show what would be removed."""
        row, directory = self._row, self._directory
        if row is None or row.left is None or directory is None:
            self.say("nothing here was left unfinished", "warn")
            return
        removal = RemoveLeftover(directory, row.left)
        await self.propose("remove what was not finished", lambda: Proposal((removal,)))


def _own(run: ChangeRun[Any], change: Change) -> Row:
    wait = run.waiting.get(change)
    return own(change, run.replies.get(change), wait, change in run.under_way)

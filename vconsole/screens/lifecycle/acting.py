"""An action under way: what became of each domain, and what the others still wait for."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import ClassVar, Final, NamedTuple

from vconsole.changes.dispatcher import Request
from vconsole.changes.run import ChangeRun
from vconsole.features.lifecycle.model import Act
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, bar, glyph, safe
from vconsole.widgets.bars import FooterBar, StatusBar

KEY = Keys("acting")


class Row(NamedTuple):
    """A domain, and what became of the action."""

    name: str
    state: str
    result: Cell


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("name", "Domain", 20, cut="middle", cell=lambda row: (safe(row.name), "")),
    Column("state", "State", 13, cell=lambda row: (row.state, "")),
    Column("result", "Outcome", 44, flex=True, cell=lambda row: row.result),
)
_TONES = {"applied": "good", "refused": "warn", "not tried": "warn", "unknown": "warn"}
_BAR = 20


class ActingScreen(ListPage):
    """A row for each domain; the run goes on when the page is left."""

    SCOPE = "acting"
    HINT_LINES = StatusBar.MOST_LINES  # what went wrong, and the cure
    BINDINGS: ClassVar = bindings("acting")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    ActingScreen NotesView { height: 5; }
    """

    def __init__(self, run: ChangeRun[Act]) -> None:
        super().__init__()
        self._acting = run
        self._acts = {act.uuid: act for act in run.changes}

    def on_mount(self) -> None:
        """Count down while something is waited for."""
        self._clock = self.set_interval(1.0, self._show)

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show the states as they change."""
        self._show()

    def _show(self) -> None:
        run = self._acting
        total, ended = len(run.changes), len(run.replies)
        drawn = bar(ended / total, _BAR, self.console.config.ascii)
        title = f"{run.title.capitalize()}: {plural(total, 'domain')}"
        self.show_list(title, f"{drawn}  {ended} of {total} ended", list(self._acts))
        if run.done:
            self._clock.pause()
            self.query_one(FooterBar).offer((), without=("acting.cancel",))

    @override
    def cells(self, uuid: str) -> tuple[Cell, ...]:
        act, domain = self._acts[uuid], self.host_state.domain(uuid)
        state = domain.state if domain else "gone"
        sign = glyph(state, self.console.config.ascii) if domain else ""
        return row_cells(COLUMNS, Row(act.name, f"{sign} {state}", self._result(act)))

    def _result(self, act: Act) -> Cell:
        if (reply := self._acting.replies.get(act)) is not None:
            words = f"{reply.status}: {reply.message}" if reply.message else reply.status
            return safe(words), _TONES.get(reply.status, "bad")
        if act not in self._acting.under_way:
            return "waits for its turn", "dim"
        wait = act.wait
        if not wait.what:
            return "under way", "accent"
        if wait.until is None:
            return wait.what, "accent"
        left_s = max(0.0, wait.until - monotonic())
        return f"{_mode(wait.what)} asked, waiting {left_s:.0f} s more", "accent"

    @override
    def notes(self) -> Iterator[Note]:
        if act := self._acts.get(self.table.key or ""):
            text, tone = self._result(act)
            yield f" {safe(act.name)}  {text}", tone
            yield from ((f" {safe(line)}", "dim") for line in act.virsh())

    def hint(self) -> tuple[str, str]:
        """Say how to stop it, or how it ended."""
        run = self._acting
        if not run.done:
            return (
                f"{KEY.cancel} gives up what is left; {APP.back} leaves this page and it goes on",
                "",
            )
        bad = [act.name for act in run.failed]
        if bad:
            return f"not done: {', '.join(bad)}; {APP.back} goes back", "bad"
        return (
            f"done: {plural(len(run.changes), 'domain')}; {APP.back} goes back, "
            f"{APP.activity} shows the log",
            "good",
        )

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        self._show()

    @override
    def virsh(self) -> str:
        uri = self.host_state.connection.uri
        return "\n".join(line for act in self._acting.changes for line in act.virsh(uri))

    def do_cancel(self) -> None:
        """Begin nothing more and wait no longer."""
        if self._acting.done:
            self.say("it is over already", "warn")
            return
        self._acting.cancel()
        self._show()


def _mode(what: str) -> str:
    return {"agent": "agent", "acpi": "ACPI"}.get(what, what)

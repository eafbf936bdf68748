"""One plan for several domains: each with its place now and then, and a picture of the host.

It is worked out beside the pages, and carried out domain by domain; what fails is put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import ClassVar, Protocol

from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.changes.run import ChangeRun
from vconsole.features.pins.many_words import (
    COLUMNS,
    LEGEND,
    Row,
    packed,
    picture,
    rows,
    stay_words,
)
from vconsole.features.pins.model.many import ManyPlan, put_back, requests, undone
from vconsole.model.column import row_cells
from vconsole.model.command import writable
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.outcome import Target
from vconsole.model.proposal import TARGET_WORDS
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.topology import topology
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, Note, safe
from vconsole.widgets.bars import FooterBar, StatusBar

KEY = Keys("many")
_TARGETS: tuple[Target, ...] = ("both", "live", "config")
_TONES = {"applied": "good", "not tried": "warn", "unknown": "warn"}


class Asking(Protocol):
    """What the plan is asked for by: answered with a `ManyPlan`."""

    @property
    def deadline_s(self) -> float:
        """Seconds after which nobody waits for it."""

    @property
    def title(self) -> str:
        """What it is a plan of."""

    def again(self, host_state: HostState, target: Target, without: frozenset[str]) -> Asking:
        """The same for the host as it is now, without the domains of some UUIDs."""


class ManyScreen(ListPage):
    """The domains above, the picture and what is said of the one under the cursor below."""

    SCOPE = "many"
    OFFER_NEEDS = (writable,)
    PAGE = "pin"
    HINT_LINES = StatusBar.MOST_LINES  # what went wrong, and the cure
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("many"), *STRAY]
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    ManyScreen LineTable { height: auto; max-height: 40%; }
    ManyScreen NotesView { height: 1fr; }
    """

    def __init__(self, asking: Asking) -> None:
        super().__init__()
        self._asking, self._target = asking, _TARGETS[0]
        self._without: frozenset[str] = frozenset()
        self._many: ManyPlan | None = None
        self._trouble = ""
        self._rows: dict[str, Row] = {}
        self._run: ChangeRun[SetPins] | None = None
        self._back = False
        """The run puts back what was applied."""

    def on_mount(self) -> None:
        """Have it worked out."""
        self._ask(self._asking)

    def _ask(self, asking: Asking) -> None:
        self._many, self._rows, self._trouble = None, {}, ""
        self._asking = asking
        self.console.dispatcher.ask(asking)
        self._show()

    def _ask_again(self) -> None:
        """Of the host as it is now."""
        self._ask(self._asking.again(self.host_state, self._target, self._without))

    @override
    def read_again(self) -> None:
        if self._run is None:
            self._ask_again()

    # -- context -----------------------------------------------------------------------------

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor."""
        return self.host_state.domain(self.table.key)

    @property
    def _row(self) -> Row | None:
        return self._rows.get(self.table.key or "")

    @property
    def changes(self) -> int:
        """Domains whose rows get another set, while nothing is applied yet."""
        return len(self._many.changes) if self._many and self._run is None else 0

    @property
    @override
    def spent(self) -> str:
        if self._many is None:
            return self._trouble or "it is worked out still"
        return "it would change nothing" if self._run is None else "it was tried"

    @override
    def virsh(self) -> str:
        uri = self.host_state.connection.uri
        changes = requests(self._many) if self._many else ()
        return "\n".join(line for change in changes for line in change.virsh(uri))

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        many = self._many
        words = [TARGET_WORDS[self._target]]
        if many:
            self._rows = {row.placed.domain.uuid: row for row in rows(many)}
            words = [plural(len(many.changes), "change"), *words]
            words += [f"{len(many.left_out)} left as they are"] if many.left_out else []
        self.show_list(safe(self._asking.title), "   ".join(words), list(self._rows))
        begun = self._run is not None
        without = ("apply", "target", "leave_out") if begun else ("put_back",)
        self.query_one(FooterBar).offer((), [f"many.{word}" for word in without])
        self.table.styles.height = len(self._rows) + 1
        self.table.redraw()

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        cells = row_cells(COLUMNS, self._rows[key])
        status = self._status(key)
        return (*cells[:-1], status) if status else cells

    def _status(self, uuid: str) -> Cell | None:
        """What became of a domain: of its roll-back where there was one."""
        if self._run is None:
            return None
        mine = [change for change in self._run.changes if change.uuid == uuid]
        replies = [(c, self._run.replies[c]) for c in mine if c in self._run.replies]
        if not mine:
            return None
        if len(replies) < len(mine):
            return "...", "dim"
        change, reply = replies[-1]
        words = "put back" if change.change.origin != "plan" else reply.status
        why = next((r.message for _, r in replies if r.message), "")
        return f"{words}{f': {safe(why)}' if why else ''}", _TONES.get(reply.status, "bad")

    @override
    def notes(self) -> Iterator[Note]:
        if self._many is None:
            return
        if self._many.before.pcpus:
            yield from self._picture(self._many)
        if (row := self._row) is not None:
            yield from _about(row, self.host_state.connection.uri)
        yield from ((f" {safe(words)}", "warn") for words in stay_words(self._many))

    def _picture(self, many: ManyPlan) -> Iterator[Note]:
        """The cells before and after."""
        labels = max(len(label) for label, _ in packed(topology(many.before), 1))
        width = max(8, (self.app.size.width - labels - 5) // 2)
        lines = picture(many, width)
        widest = max(len(line.before) for line in lines)
        yield f" {'':<{labels}} {'now':<{widest}}  then", "dim"
        for line in lines:
            yield f" {line.label:<{labels}} {line.before:<{widest}}  {line.after}", ""
        yield f" {'':<{labels}} {LEGEND}", "dim"

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return self._trouble, "bad"
        many, run = self._many, self._run
        if many is None:
            return "planning", ""
        if run is not None:
            return self._report(run)
        if not many.changes:
            return f"nothing would change; {APP.back} goes back", "warn"
        if (row := self._row) is not None and row.trouble:
            return safe(row.trouble), "warn"
        return f"{KEY.apply} applies domain by domain; {KEY.leave_out} leaves this one out", ""

    def _report(self, run: ChangeRun[SetPins]) -> tuple[str, str]:
        if not run.done:
            return f"{len(run.replies)} of {plural(len(run.changes), 'domain')}", ""
        if run.failed:
            first = run.failed[0]
            words = f"{first.name}: {run.replies[first].message or run.replies[first].status}"
            more = f"; {KEY.put_back} puts all others back" if undone(run.replies) else ""
            return f"not done: {words}{more}", "bad"
        if self._back:
            return f"all put back; {APP.back} goes back", "good"
        count = plural(len(run.replies), "domain")
        return f"{count} applied and verified; {KEY.put_back} puts all back", "good"

    def on_resize(self, event: Resize) -> None:
        """Draw the picture for the width."""
        self.explain()

    # -- answers -----------------------------------------------------------------------------

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if request is self._asking:
            self.unsay()  # that it is worked out still, say
            if isinstance(reply.value, ManyPlan):
                self._many = reply.value
            else:
                self._trouble = reply.message or reply.status
            self._show()
        elif self._run is not None and isinstance(request, SetPins):
            self._show()

    # -- commands ----------------------------------------------------------------------------

    def do_apply(self) -> None:
        """Carry it out, unless a warning forbids it."""
        many = self._many
        assert many is not None, "there are changes"
        if refused := many.refused:
            words = next(w.text for w in refused[0].warnings if w.severity == "refuse")
            self.say(f"refused: {safe(refused[0].domain.name)}: {words}", "bad")
            return
        self._begin(requests(many))

    def _begin(self, changes: tuple[SetPins, ...]) -> None:
        assert self._many is not None, "what is carried out was planned"
        after_failure = partial(put_back, self._many)
        self._run = self.console.carry_out(self._asking.title, changes, after_failure)
        for change in changes:
            self.console.plans.pop(change.uuid, None)
        self._show()

    def do_put_back(self) -> None:
        """Put back what was applied, the last first."""
        run = self._run
        changes = undone(run.replies) if run is not None and run.done and not self._back else ()
        if not changes:
            self.say("nothing of it is applied", "warn")
            return
        self._back = True
        self._begin(changes)

    def do_leave_out(self) -> None:
        """Plan for the others."""
        if self._run is not None:
            self.say("it is carried out already", "warn")
        elif uuid := self.table.key:
            self._without |= {uuid}
            self._ask_again()

    def do_target(self) -> None:
        """Live and config, live, or config."""
        if self._run is not None:
            self.say("it is carried out already", "warn")
            return
        place = _TARGETS.index(self._target)
        self._target = _TARGETS[(place + 1) % len(_TARGETS)]
        self._ask_again()


def _about(row: Row, uri: str) -> Iterator[Note]:
    """Warnings, reasons and virsh lines of one domain."""
    placed = row.placed
    yield f" {row.letter}  {safe(placed.domain.name)}", "accent"
    for warning in placed.warnings:
        info = warning.severity == "info"
        yield f" {'-' if info else '!'} {safe(warning.text)}", "dim" if info else "warn"
    for reason in placed.reasons:
        yield f" + {safe(reason)}", "good"
    for line in placed.plan.commands(uri):
        yield f" {safe(line)}", "accent"

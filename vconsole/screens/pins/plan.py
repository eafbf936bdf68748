"""The plan: old -> new for live and config, warnings, the virsh lines; then apply and read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple

from vconsole.changes.dispatcher import Request
from vconsole.changes.settle import ReadOutcome
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.features.pins.words import warning_lines
from vconsole.model.column import Column, row_cells
from vconsole.model.command import writable
from vconsole.model.host_state import Domain, HostState, Value
from vconsole.model.keys import APP, Keys
from vconsole.model.outcome import Outcome, PinChange, PinStep, StepOutcome
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins, outcome_of
from vconsole.model.setting import Setting
from vconsole.model.virsh import change_commands
from vconsole.model.words import row_label
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, Note, safe
from vconsole.widgets.bars import FooterBar, StatusBar

KEY = Keys("plan")
_SPENT = ("plan.apply", "plan.target", "plan.save")
"""What cannot be done once it is applied, or tried."""


class Row(NamedTuple):
    """A step, and what became of it."""

    step: PinStep
    result: Cell


_WIDTH: Final = 12


def _short(value: Value | None) -> str:
    """A value for a narrow column: of a memory policy the word is cut and not the cells."""
    text = "" if value is None else str(value)
    if len(text) > _WIDTH and isinstance(value, Setting) and value.nodeset:
        return f"{value.mode[: max(1, _WIDTH - len(value.rest) - 2)]}. {value.rest}"
    return text


def _now(before: Value | None, after: Value | None) -> Cell:
    if after is None:
        return _short(before), "dim"
    return _short(before) or "-", ""


def _then(after: Value | None) -> Cell:
    return _short(after), "accent"


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("row", "Row", 11, cell=lambda row: (row_label(row.step.key), "")),
    Column(
        *("live_now", "live now", _WIDTH),
        cell=lambda row: _now(row.step.live_before, row.step.live_after),
    ),
    Column("live_then", "live then", _WIDTH, cell=lambda row: _then(row.step.live_after)),
    Column(
        *("config_now", "config now", _WIDTH),
        cell=lambda row: _now(row.step.config_before, row.step.config_after),
    ),
    Column("config_then", "config then", _WIDTH, cell=lambda row: _then(row.step.config_after)),
    Column("result", "read back", 14, flex=True, cell=lambda row: row.result),
)
_TARGETS = {"both": "live+config", "live": "live", "config": "config"}
_STATUS_STYLES = {"applied": "good", "rolled back": "warn", "not tried": "dim"}


class PlanScreen(ListPage):
    """One change, before and after it is applied.

    Args:
        change: What is done.
        plan: The plan it comes of; None for an undo or redo.
        reasons: What speaks for it, or against the part of it that is left out.
    """

    SCOPE = "plan"
    OFFER_NEEDS = (writable,)
    PAGE = "pin"
    HINT_LINES = StatusBar.MOST_LINES  # what went wrong, and the cure
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("plan"), *STRAY]
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    PlanScreen LineTable { height: auto; max-height: 50%; }
    PlanScreen NotesView { height: 1fr; }
    """

    def __init__(
        self, change: PinChange, plan: PinPlan | None = None, reasons: Sequence[Note] = ()
    ) -> None:
        super().__init__()
        self._reasons = reasons
        self._change, self._plan = change, plan
        self._past = False
        """The rows were changed again since: what became of this change is no news."""
        self._outcome: Outcome | None = None
        self._said = ""
        """What was said of an outcome that is not known."""
        self._asked: SetPins | None = None
        """The change under way or done."""

    @property
    def _waiting(self) -> bool:
        return self._asked is not None and self._outcome is None

    # -- context -----------------------------------------------------------------------------

    @property
    def subject(self) -> Domain | None:
        """The domain of the change."""
        return self.host_state.domain(self._change.uuid)

    @property
    @override
    def in_view(self) -> str:
        return self._change.uuid

    @property
    def changes(self) -> int:
        """Rows not applied yet."""
        return 0 if self._outcome or self._waiting else len(self._change.steps)

    @property
    @override
    def spent(self) -> str:
        if self._waiting:
            return "it is being applied"
        if self._outcome is None:
            return "it would change nothing"
        return "it was applied" if self._outcome.status == "applied" else "it was tried"

    @override
    def virsh(self) -> str:
        return "\n".join(self._commands())

    def _commands(self) -> tuple[str, ...]:
        connection = self.host_state.connection
        return change_commands(self._change, connection.uri, split_pins=connection.split_pins)

    # -- showing -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show the change; it stays what was planned, whatever happens on the host."""
        self._offer()
        self._show()

    def _show(self) -> None:
        verb = {"plan": "Plan", "undo": "Undo", "redo": "Redo", "roll-back": "Roll-back"}
        domain = self.subject
        state = domain.state if domain else "gone"
        head = f"{verb[self._change.origin]} for {safe(self._change.name)} ({state})"
        self.table.styles.height = len(self._change.steps) + 1
        self.show_list(head, self._target_words(), [str(i) for i in range(len(self._change.steps))])

    def _target_words(self) -> str:
        if self._plan is None:
            return "the halves that were changed"
        if not self._plan.split_pins:
            return "this driver keeps one set of pins for live and config"
        if self._waiting or self._outcome is not None:
            return _TARGETS[self._plan.target]  # the choice is made
        targets = [
            f"{'(*)' if t == self._plan.target else '( )'} {_TARGETS[t]}"
            for t in ("both", "live", "config")
            if t in self._plan.targets
        ]
        return "apply to  " + "  ".join(targets)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        index = int(key)
        return row_cells(COLUMNS, Row(self._change.steps[index], self._result(index)))

    def _result(self, index: int) -> Cell:
        """What became of a step; before it is applied, where the kernel holds the row now."""
        if self._past:
            return "", ""
        if self._outcome is None:
            return ("...", "dim") if self._waiting else self._drift(self._change.steps[index])
        if index >= len(self._outcome.steps):
            return "not tried", "dim"
        done = self._outcome.steps[index]
        return _result_words(done), _STATUS_STYLES.get(done.status, "bad")

    def _drift(self, step: PinStep) -> Cell:
        drifting = self._plan.drifting if self._plan else {}
        held = [str(cpuset) for key, cpuset in drifting.items() if key == step.key]
        return ("kernel: " + held[0], "warn") if held else ("", "")

    @override
    def notes(self) -> list[Note]:
        lines: list[Note] = [("", "")]
        if self._past:
            pass
        elif self._outcome is not None:
            lines += [(f" {row}", "bad") for row in _failures(self._outcome)]
        elif self._plan is not None:
            lines += warning_lines(self._plan, self.host_state)
        if self._outcome is None:
            lines += self._reasons
        lines += [(f" {safe(command)}", "accent") for command in self._commands()]
        return lines

    @override
    def hint(self) -> tuple[str, str]:
        if self._past:
            return f"changed again since it was applied; {APP.back} goes back", ""
        if self._waiting:
            return "applying", ""
        if self._outcome is not None:
            return self._report(self._outcome)
        if self._change.steps:
            return f"{KEY.apply} applies; {APP.back} goes back, nothing is lost", ""
        return "nothing would change", "warn"

    def _report(self, outcome: Outcome) -> tuple[str, str]:
        done, total = len(outcome.applied), len(outcome.change.steps)
        if outcome.status == "applied":
            took = f" in {outcome.took_ms:.0f} ms" if outcome.took_ms is not None else ""
            if any(step.drift for step in outcome.steps):
                return f"{done} of {total} applied{took}; the kernel differs, see drift", "warn"
            next_ = f"{APP.redo} redoes" if self._change.origin == "undo" else f"{APP.undo} undoes"
            words = f"{done} of {total} applied and verified{took}   {next_}   {APP.back} back"
            return words, "good"
        if outcome.status == "conflict":
            return (
                f"conflict, nothing changed: {outcome.message}; {APP.back} shows what is now",
                "bad",
            )
        if outcome.status == "unknown":
            return f"outcome unknown: {outcome.message}; reading again, not trying again", "bad"
        offer = f"; {KEY.rollback} puts the {done} applied back" if outcome.applied else ""
        return f"{done} of {total} applied: {outcome.message}{offer}", "bad"

    # -- commands ----------------------------------------------------------------------------

    def do_apply(self) -> None:
        """Apply, unless a warning forbids it."""
        if self._plan is not None:
            refused = [
                w for w in plan_warnings(self._plan, self.host_state) if w.severity == "refuse"
            ]
            if refused:
                self.say(f"refused: {refused[0].text}", "bad")
                return
        self._submit()

    def _submit(self) -> None:
        self._asked = SetPins.of(self._change, self.host_state.connection.split_pins)
        self._refresh_all()
        self.console.carry_out(self._asked.what, [self._asked])

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        again = isinstance(request, ReadOutcome)
        if isinstance(request, ReadOutcome) and request.of is self._asked is not None:
            words = f"{self._said}; {reply.message}".lstrip("; ")
            reply = replace(reply, message=words, took_s=None)  # that is of reading again
            request = self._asked
        elif isinstance(request, SetPins) and request is not self._asked:
            self._past |= request.uuid == self._change.uuid and self._outcome is not None
            self._refresh_all()
            return
        if request is not self._asked or not isinstance(request, SetPins):
            return
        self._said = self._said if again else reply.message
        outcome = self._outcome = outcome_of(request, reply)
        told = outcome.change  # what is read again of a log has no name
        self._change = replace(told, name=self._change.name, origin=self._change.origin)
        if outcome.status in ("applied", "unknown") and self._plan is not None:
            self.console.plans.pop(self._change.uuid, None)
        self._refresh_all()

    def _refresh_all(self) -> None:
        self._offer()
        self._show()
        self.refresh_hint()

    def _offer(self) -> None:
        """Show in the footer what can be done now."""
        footer = self.query_one(FooterBar)
        if self._past:
            footer.offer((), without=(*_SPENT, "plan.rollback"))
        elif (outcome := self._outcome) is not None:
            back = "plan.rollback" if outcome.status != "applied" and outcome.applied else ""
            other = "app.redo" if self._change.origin == "undo" else "app.undo"
            first = filter(None, (back, other if outcome.applied else ""))
            footer.offer(first, without=(*_SPENT, "plan.rollback"))
        else:
            without = ["plan.rollback"]
            if self._plan is None or len(self._plan.targets) < 2:
                without.append("plan.target")
            if self._waiting:
                without += _SPENT
            footer.offer((), without=without)

    def do_target(self) -> None:
        """Live and config, live, or config."""
        if self._plan is None or self._outcome is not None or self._waiting:
            self.say("only a plan that is not applied yet has a choice", "warn")
            return
        targets = self._plan.targets
        if len(targets) == 1:
            self.say(f"only {_TARGETS[targets[0]]} is possible for this domain", "warn")
            return
        following = targets[(targets.index(self._plan.target) + 1) % len(targets)]
        self._plan = self._plan.with_target(following)
        self.console.plans[self._plan.uuid] = self._plan
        self._change = self._plan.to_change()
        self._refresh_all()

    def do_rollback(self) -> None:
        """Put back the rows that were changed before the failure."""
        outcome = self._outcome
        if outcome is None or outcome.status == "applied" or not outcome.applied:
            self.say("nothing to roll back", "warn")
            return
        done = PinChange(self._change.uuid, self._change.name, outcome.applied)
        self._change, self._plan, self._outcome = done.reversed("roll-back"), None, None
        self._submit()

    async def do_save(self) -> None:
        """Ask where to."""
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in self._change.name)[:40]
        hint = "a new file; .json for `vconsole plan apply`"
        await self.ask("save as", f"pin-{name}.sh", hint, accepted=self._save)

    def _save(self, name: str) -> bool:
        """Write the file; one that exists is left alone."""
        from vconsole.features.pins.plan_file import save_plan

        try:
            path = save_plan(name, self._change, self._plan, self.host_state.connection)
        except (OSError, ValueError) as error:
            self.say(f"not saved: {error}", "bad")
        else:
            self.say(f"saved {path}", "good")
        return True


def _result_words(done: StepOutcome) -> str:
    read = done.live if done.step.live_after is not None else done.config
    words = _short(read)
    if done.status != "applied":
        return f"{done.status} {words}".strip()
    return f"{words} ok" if not done.drift else f"{words} drift: kernel {done.kernel}"


def _failures(outcome: Outcome) -> list[str]:
    return [
        f"{row_label(s.step.key)}: {s.status}: {safe(s.message)}"
        for s in outcome.steps
        if s.message
    ]

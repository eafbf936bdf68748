"""Pin: where each thread of a domain may run, edited on a matrix, collected in a plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.pins.model.bestfit import Suggestion, suggest
from vconsole.features.pins.model.one_to_one import one_to_one
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import setting_rows
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.features.pins.words import (
    legend,
    matrix_data,
    pcpu_words,
    reason_lines,
    row_words,
    setting_line,
    title_words,
    warning_lines,
)
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.setting import Setting
from vconsole.model.topology import topology
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.jump import ask_pcpu
from vconsole.screens.page import bindings
from vconsole.text import Note, safe
from vconsole.widgets.bars import StatusBar
from vconsole.widgets.matrix import PinMatrix
from vconsole.widgets.notes import NotesView
from vconsole.widgets.title import TitleBar

_MANY = 64
"""A host with more pCPUs opens in the dense form."""


class PinScreen(DomainPage):
    """The matrix of one domain. Edits go to the plan; nothing is applied here."""

    SCOPE = "pin"
    PAGE = "pin"
    HINT_LINES = StatusBar.MOST_LINES  # who holds a pCPU is said whole nowhere else here
    AUTO_FOCUS = "PinMatrix"
    BINDINGS: ClassVar = bindings("pin")

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._past: list[PinPlan] = []
        """Earlier plans, for taking back an edit."""
        self._typed: PinPlan | None = None
        """The plan as the cpuset being typed would make it: the preview."""
        self._conflicts: tuple[str, ...] = ()
        self._chose_column = False
        self._suggested: Suggestion | None = None
        self._wants_dense: bool | None = None
        """What was asked for; None while nothing was."""

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield PinMatrix()
        yield NotesView()

    DEFAULT_CSS = """
    PinScreen PinMatrix { max-height: 75%; }
    PinScreen NotesView { height: 1fr; min-height: 1; }
    """

    @property
    def matrix(self) -> PinMatrix:
        """The matrix."""
        return self.query_one(PinMatrix)

    # -- context -----------------------------------------------------------------------------

    @property
    def subject(self) -> Domain | None:
        """The domain in view; its last known state when it is gone."""
        return self._domain

    @property
    def changes(self) -> int:
        """Rows that get another set."""
        plan = self.plan
        return len(plan.changes()) if plan else 0

    @property
    def plan(self) -> PinPlan | None:
        """The plan of this domain; it is the app's, so that it survives leaving the page."""
        return self.console.plans.get(self._uuid)

    def virsh(self) -> str:
        """Name the plan's lines, else the line that shows the pins."""
        plan = self.plan
        if plan and plan.changes():
            return "\n".join(plan.commands(self.host_state.connection.uri))
        return f"vcpupin --domain {self._uuid}"

    @property
    def _dense(self) -> bool:
        """One character a pCPU: as asked for, else on a host with very many."""
        if self._wants_dense is not None:
            return self._wants_dense
        return len(self.host_state.pcpus) > _MANY

    # -- showing -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Carry the plan over to what is true now, and show both."""
        found = after.domain(self._uuid)
        if self.plan:
            self.console.plans[self._uuid] = self.plan.beside(after)
        if found is not None and (found is not self._domain or self.plan is None):
            self._domain = found
            self._rebase(found, after)
        self._show()

    def _rebase(self, domain: Domain, host_state: HostState) -> None:
        plan, persistent = self.plan, domain.persistent is not False
        earlier = self._past if plan is not None else []
        now = domain.pins, domain.active, persistent, setting_rows(domain)
        self._past = [p.rebase(*now).plan for p in earlier]
        if plan is None or not plan.begun:
            self.console.plans[self._uuid] = PinPlan.of(domain, host_state)
            return
        rebased = plan.rebase(*now)
        self.console.plans[self._uuid] = rebased.plan
        if rebased.conflicts:
            self._conflicts = tuple(c.text for c in rebased.conflicts)

    def _show(self) -> None:
        domain, plan = self._domain, self._typed or self.plan
        if domain is None or plan is None:
            self.query_one(TitleBar).words = ("Pin", "this domain is not known")
            return
        self._show_title(domain, plan)
        warned = {key for w in plan_warnings(plan, self.host_state) for key in w.rows}
        self.matrix.data = matrix_data(domain, plan, self.host_state, warned, self._dense)
        self._begin_at_its_cell(plan)
        self.query_one(NotesView).notes = self._below()

    def _below(self) -> list[Note]:
        """Legend and warnings, as far as there is room for them."""
        plan = self._typed or self.plan
        lines = legend(self.matrix.data)
        if not self.host_state.connection.split_pins:
            lines.append((" one set: this driver knows no difference of live and config", "dim"))
        lines += setting_line(plan) if plan else []
        lines += warning_lines(plan, self.host_state) if plan else []
        return lines + self._reasons()

    def _reasons(self) -> list[Note]:
        """What there is to say of the suggestion, while the plan is still what was suggested."""
        found, plan = self._suggested, self._typed or self.plan
        if not found or plan is None:
            return []
        same = all(plan.effective(key) == cpuset for key, cpuset in found.rows.items())
        return reason_lines(found) if same else []

    def _begin_at_its_cell(self, plan: PinPlan) -> None:
        """Open at the first pCPU the first row is pinned to, not always at the far left."""
        if self._chose_column or not self.matrix.data.groups:
            return
        self._chose_column = True
        first = plan.effective(("vcpu", 0))
        if first is not None and not plan.unpinned(first) and first.first is not None:
            self.matrix.go_to_pcpu(first.first)

    def _show_title(self, domain: Domain, plan: PinPlan) -> None:
        words = title_words(domain, self.host_state, len(plan.changes()))
        self.query_one(TitleBar).words = (f"Pin {safe(domain.name)}", words)

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the plan, first with the row under the cursor; else the row."""
        if self._conflicts:
            return f"changed by someone else: {'; '.join(self._conflicts)}", "bad"
        plan, row = self._typed or self.plan, self.matrix.row
        if plan is None or row is None:
            problem = self._domain.problem if self._domain else ""
            return (problem, "warn") if problem else ("its configuration is not read yet", "")
        warnings = plan_warnings(plan, self.host_state)
        mine = [w for w in warnings if row.key in w.rows] or (warnings if plan.begun else [])
        words = row_words(plan, row.key)
        if mine:
            return f"{words}   {mine[0].text}", "bad" if mine[0].severity == "refuse" else "warn"
        pcpu = self.matrix.pcpu
        there = pcpu_words(pcpu, self._uuid, self.host_state) if pcpu is not None else ""
        return f"{words}   {there}", ""

    def replied(self, request: Request, reply: Reply) -> None:
        """Say what became of a change that its page was left before."""
        if isinstance(request, SetPins) and request.uuid == self._uuid:
            self._conflicts = ()
            if self.console.page is self:
                tone = "good" if reply.status == "applied" else "bad"
                self.say(reply.message or reply.status, tone)

    def on_pin_matrix_moved(self, event: PinMatrix.Moved) -> None:
        """Speak of another field."""
        self._conflicts = ()  # it was read
        self.unsay()
        self.refresh_hint()

    # -- editing -----------------------------------------------------------------------------

    def _edit(self, change: Callable[[PinPlan], PinPlan]) -> None:
        """Make another plan; what cannot be planned says why."""
        plan = self.plan
        if plan is None:
            return
        try:
            edited = change(plan)
        except ValueError as error:
            self.say(str(error), "warn")
            return
        self._past.append(plan)
        self._put(edited)

    def _put(self, plan: PinPlan) -> None:
        self.console.plans[self._uuid] = plan
        self._typed, self._conflicts = None, ()
        self._show()
        self.refresh_hint()

    def _toggle(self, cpus: CpuSet) -> None:
        row = self.matrix.row
        if row is not None:
            self._edit(lambda plan: plan.toggle_many(row.key, cpus))

    def do_toggle(self) -> None:
        """One pCPU."""
        if (pcpu := self.matrix.pcpu) is not None:
            self._toggle(CpuSet.of((pcpu,)))

    def do_cell(self) -> None:
        """The online pCPUs of the cell."""
        if group := self.matrix.group:
            self._toggle(CpuSet.of(group.pcpus) & self.host_state.online_pcpus)

    def do_core(self) -> None:
        """The online threads of the core."""
        pcpu = self.matrix.pcpu
        if pcpu is not None:
            shape = topology(self.host_state)
            self._toggle(shape.core_of.get(pcpu, CpuSet.of((pcpu,))) & shape.online)

    def do_l3(self) -> None:
        """The online pCPUs of the L3 domain."""
        pcpu, shape = self.matrix.pcpu, topology(self.host_state)
        if pcpu is None:
            return
        if (whole := shape.l3_of.get(pcpu)) is None:
            self.say(f"which pCPUs share an L3 cache with pCPU {pcpu} is not known", "warn")
            return
        self._toggle(whole & shape.online)

    def do_dense(self) -> None:
        """One character a pCPU, or numbers above each."""
        self._wants_dense = not self._dense
        self._show()

    async def do_jump(self) -> None:
        """Ask for a pCPU's number."""
        await ask_pcpu(self, self.matrix.pcpu, self.matrix.go_to_pcpu)

    def do_everywhere(self) -> None:
        """Not pinned."""
        row, everything = self.matrix.row, self.host_state.all_pcpus
        if row is not None:
            self._edit(lambda plan: plan.stage(row.key, everything))

    def do_one_to_one(self) -> None:
        """The vCPUs over the cell, one a pCPU, siblings of the guest on one core."""
        group, domain = self.matrix.group, self._domain
        if group is not None and domain is not None:
            pcpus = CpuSet.of(group.pcpus)
            self._edit(lambda plan: one_to_one(plan, domain, self.host_state, pcpus))

    def do_copy_row(self) -> None:
        """To all vCPUs."""
        row = self.matrix.row
        if row is not None:
            self._edit(lambda p: p.copy_row(row.key, [k for k in p.rows if k[0] == "vcpu"]))

    def do_default(self) -> None:
        """The row's set for every thread that has no pin: ``<vcpu cpuset>``."""
        row, plan = self.matrix.row, self.plan
        cpuset = plan.effective(row.key) if plan and row else None
        if plan is None or cpuset is None:
            return
        text = "" if plan.unpinned(cpuset) else str(cpuset)
        self._edit(lambda p: p.set(("vcpuset", None), Setting("vcpuset", text)))
        now = self.plan
        if now is not None and ("vcpuset", None) in now.wanted:
            self.say(f"default set of all threads: {text or 'none'}, at the next start", "good")
        elif now is not None:
            self.say("that is the default set already", "warn")

    def do_suggest(self) -> None:
        """Fill the plan; the reasons are said."""
        domain = self._domain
        if domain is None:
            return
        found = suggest(domain, self.host_state)
        if not found:
            self.say(f"no suggestion: {found.refusal}", "warn")
            return
        self._suggested = found
        self._edit(found.fill)
        first = next(iter(found.rows.values()), None)
        if first is not None and first.first is not None:
            with self.prevent(PinMatrix.Moved):  # it would take the word back
                self.matrix.go_to_pcpu(first.first)
        grave = found.reasons[: found.graver]
        self.say("suggested: " + (grave or found.reasons)[0], "warn" if grave else "good")

    def do_clear_row(self) -> None:
        """Forget this row's edit."""
        row = self.matrix.row
        if row is not None:
            self._edit(lambda plan: plan.clear(row.key))

    def do_clear(self) -> None:
        """Forget all edits."""
        self._edit(lambda plan: plan.clear())

    def do_unedit(self) -> None:
        """Go back one edit."""
        if not self._past:
            self.say(f"no edit to take back; {APP.undo} undoes what was applied", "warn")
            return
        self._put(self._past.pop())

    async def do_plan(self) -> None:
        """Show the plan."""
        from vconsole.screens.pins.plan import PlanScreen

        plan = self.plan
        if plan is not None:
            await self.console.show_page(PlanScreen(plan.to_change(), plan, self._reasons()))

    # -- typing a cpuset ---------------------------------------------------------------------

    async def do_type(self) -> None:
        """Ask for the row's cpuset; the matrix shows it while typing."""
        row = self.matrix.row
        await self.ask(
            row.label if row is not None else "cpuset",
            "",
            "0-7,^3   r for all pCPUs",
            typed=self._preview,
            accepted=self._take_typed,
            given_up=self._forget_typed,
        )

    def _preview(self, text: str) -> None:
        """Show what the text would mean, or say what is wrong with it."""
        self._typed, problem = self._parse(text)
        self._show()
        if problem and text:
            self.say(problem, "warn")
        else:
            self.unsay()
            self.refresh_hint()

    def _parse(self, text: str) -> tuple[PinPlan | None, str]:
        plan, row = self.plan, self.matrix.row
        if plan is None or row is None:
            return None, "no row"
        try:
            cpuset = CpuSet.parse(text, self.host_state.all_pcpus)
            if missing := cpuset - self.host_state.all_pcpus:
                return None, f"pCPU {missing} is not on this host"
            return plan.stage(row.key, cpuset), ""
        except (CpuSetError, ValueError) as error:
            return None, str(error)

    def _take_typed(self, text: str) -> bool:
        """Take it into the plan; what is no cpuset keeps the question open."""
        typed, problem = self._parse(text)
        if typed is None:
            self.say(problem, "warn")
            return False
        self.unsay()
        self._edit(lambda _: typed)
        return True

    def _forget_typed(self) -> None:
        """Leave the plan as it was."""
        self._typed = None
        self.unsay()
        self._show()
        self.refresh_hint()

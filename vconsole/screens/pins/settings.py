"""Memory and scheduling of a domain: rows of the same plan as its pins."""

from __future__ import annotations

from typing import ClassVar, Final

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingChange, SettingKey, setting_rows
from vconsole.features.pins.setting_words import HINTS, about
from vconsole.features.pins.words import warning_lines
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.setting import Setting, parse_setting
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("settings")


def _value(value: Setting | None) -> Cell:
    if value is None:
        return "-", "dim"
    return str(value), "" if value.text else "dim"


def _then(row: SettingChange) -> Cell:
    if not row.changed:
        return "", ""
    halves = ((row.live_before, row.live_after), (row.config_before, row.config_after))
    return next(str(after) for before, after in halves if before != after), "accent"


COLUMNS: Final[tuple[Column[SettingChange], ...]] = (
    Column("row", "Row", 18, cell=lambda row: (row.label, "")),
    Column("live", "Live", 16, cell=lambda row: _value(row.live_before)),
    Column("config", "Config", 16, cell=lambda row: _value(row.config_before)),
    Column("then", "Planned", 16, cell=_then),
    Column("why", "", 12, flex=True, cell=lambda row: (row.not_live if row.changed else "", "dim")),
)


class SettingsScreen(ListPage, DomainPage):
    """A row each; edits go to the plan of the domain, nothing is applied here."""

    SCOPE = "settings"
    PAGE = "pin"
    BINDINGS: ClassVar = bindings("settings")
    COLUMNS = COLUMNS
    CHOSEN = "settings.edit"
    DEFAULT_CSS = """
    SettingsScreen LineTable { height: 2fr; }
    SettingsScreen NotesView { height: 1fr; min-height: 3; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._rows: dict[str, SettingChange] = {}
        self._conflicts: tuple[str, ...] = ()

    # -- what commands may look at -----------------------------------------------------------

    @property
    def changes(self) -> int:
        """Rows of the plan, those of pins among them."""
        plan = self._plan
        return len(plan.changes()) if plan else 0

    @property
    def _plan(self) -> PinPlan | None:
        return self.console.plans.get(self._uuid)

    @property
    def _row(self) -> SettingChange | None:
        return self._rows.get(self.table.key or "")

    @override
    def virsh(self) -> str:
        plan = self._plan
        if plan and plan.changes():
            return "\n".join(plan.commands(self.host_state.connection.uri))
        return f"numatune --domain {self._uuid}"

    # -- showing -----------------------------------------------------------------------------

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        domain = self.subject
        if domain is not None and domain is not self._domain:
            self._carry_over(domain, after)
        self.follow()
        self._show()

    def _carry_over(self, domain: Domain, host_state: HostState) -> None:
        plan = self._plan
        if plan is None or not plan.begun:
            self.console.plans[self._uuid] = PinPlan.of(domain, host_state)
            return
        persistent = domain.persistent is not False
        found = plan.rebase(domain.pins, domain.active, persistent, setting_rows(domain))
        self.console.plans[self._uuid] = found.plan
        self._conflicts = tuple(conflict.text for conflict in found.conflicts)

    def _show(self) -> None:
        plan = self._plan
        self._rows = {row.label: row for row in plan.setting_table()} if plan else {}
        count = self.changes
        words = "GONE" if self.subject is None else self.subject.state
        planned = f"  {count} planned" if count else ""
        title = f"Memory and scheduling of {safe(self.named)}"
        self.show_list(title, f"{words}{planned}", list(self._rows))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows[key])

    @override
    def notes(self) -> list[Note]:
        plan, row = self._plan, self._row
        lines: list[Note] = [(f" {about(row.kind)}", "dim")] if row else []
        if plan is not None and plan.begun:
            lines += warning_lines(plan, self.host_state)
        if plan is not None and plan.wanted:
            lines += [(f" {safe(c)}", "accent") for c in plan.commands(None)]
        return lines

    @override
    def hint(self) -> tuple[str, str]:
        if self._conflicts:
            return f"changed by someone else: {'; '.join(self._conflicts)}", "bad"
        if self.subject is None:
            return f"the domain is gone; {APP.back} goes back", "warn"
        if not self._rows:
            return "its definition has not been read yet", "warn"
        if self.changes:
            return f"{KEY.plan} shows the plan; {KEY.clear_row} forgets this row", ""
        return f"{KEY.edit} types another value; nothing is applied before the plan", ""

    # -- commands ----------------------------------------------------------------------------

    async def do_edit(self) -> None:
        """Ask for the value; what is wrong with it is said while it is typed."""
        row, plan = self._row, self._plan
        if row is None or plan is None:
            self.say("nothing is known of it yet", "warn")
            return
        now = plan.wanted.get(row.key) or row.config_before or row.live_before
        await self.ask(
            row.label,
            now.text if now else "",
            HINTS.get(row.kind, "none takes it away"),
            typed=lambda text: self._echo(row.key, text),
            accepted=lambda text: self._accept(row.key, text),
            given_up=self.unsay,
        )

    def _echo(self, key: SettingKey, text: str) -> PinPlan | None:
        """The plan with it; what cannot be planned says why."""
        plan = self._plan
        try:
            planned = plan.set(key, parse_setting(key[0], text)) if plan else None
        except ValueError as error:
            self.say(str(error), "warn")
            return None
        self.unsay()
        return planned

    def _accept(self, key: SettingKey, text: str) -> bool:
        planned = self._echo(key, text)
        if planned is None:
            return False
        self._put(planned)
        return True

    def _put(self, plan: PinPlan) -> None:
        self.console.plans[self._uuid] = plan
        self._conflicts = ()
        self._show()

    def do_clear_row(self) -> None:
        """Forget what is planned in this row."""
        row, plan = self._row, self._plan
        if row is not None and plan is not None:
            self._put(plan.unset(row.key))

    async def do_plan(self) -> None:
        """Show the plan, pins and all."""
        from vconsole.screens.pins.plan import PlanScreen

        plan = self._plan
        if plan is not None:
            await self.console.show_page(PlanScreen(plan.to_change(), plan))

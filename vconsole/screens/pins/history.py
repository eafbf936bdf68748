"""The pin changes that were made: when, by whom, what; newest first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from vconsole.changes.history import Record
from vconsole.features.pins.model.compare import PCpus
from vconsole.features.pins.model.undo import undo_now
from vconsole.features.pins.proof_words import proof_notes, step_words
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.words import plural, rows_label
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("history")
COLUMNS: Final[tuple[Column[Record], ...]] = (
    Column(
        *("when", "When (UTC)", 17),
        cell=lambda record: (safe(record.when.replace("T", " ").rstrip("Z")[:16]), ""),
    ),
    Column("origin", "What", 9, cell=lambda record: (record.origin, "")),
    Column(
        "domain", "Domain", 16, cut="middle", flex=True, cell=lambda record: (safe(record.name), "")
    ),
    Column(
        *("rows", "Rows", 16),
        cell=lambda record: (rows_label(step.key for step, _ in record.steps), ""),
    ),
    Column(
        *("outcome", "Outcome", 9),
        cell=lambda record: (record.outcome, "good" if record.outcome == "applied" else "warn"),
    ),
    Column(
        *("operator", "Who", 24), from_width=100, cell=lambda record: (safe(record.operator), "dim")
    ),
)


class HistoryScreen(ListPage):
    """The list above, the rows and virsh lines of the one under the cursor below."""

    SCOPE = "history"
    BINDINGS: ClassVar = bindings("history")
    COLUMNS = COLUMNS
    CHOSEN = "history.undo"
    DEFAULT_CSS = """
    HistoryScreen NotesView { height: 50%; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._records: tuple[Record, ...] = ()

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show what was done since."""
        history = self.console.history
        if history.records is self._records and self._records:
            self.explain()  # a proof may have grown
            return
        self._records = history.records
        where = history.path or f"not saved: {history.problem or 'kept in memory'}"
        words = f"{plural(len(self._records), 'change')}   {safe(str(where))}"
        newest_first = [str(i) for i in reversed(range(len(self._records)))]
        self.show_list("Pin history", words, newest_first)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._records[int(key)])

    @property
    def _record(self) -> Record | None:
        key = self.table.key
        return self._records[int(key)] if key is not None else None

    @override
    def notes(self) -> Iterator[Note]:
        if (record := self._record) is not None:
            yield f" {record.when}  {safe(record.operator)}  {record.uuid}", "dim"
            if (proof := self.console.proof(record.id)) is not None:
                yield from proof_notes(proof)
            yield from ((f" {step_words(step)}  {status}", "") for step, status in record.steps)
            yield from ((f" {safe(command)}", "accent") for command in record.commands)

    def hint(self) -> tuple[str, str]:
        """Say how to go back in time."""
        if not self._records:
            return "no pin was changed here yet", ""
        return (
            f"{KEY.undo} undoes this one, {APP.undo} the last of this connection; "
            f"{APP.redo} does it again",
            "",
        )

    async def do_undo(self) -> None:
        """Show what undoing the one under the cursor would change, by what the host says now."""
        from vconsole.screens.pins.plan import PlanScreen

        record, state = self._record, self.host_state
        if record is None:
            self.say("no pin was changed here yet", "warn")
        elif record.uri != state.connection.uri:
            self.say(f"it was made on {record.uri}", "warn")
        else:
            domain = state.domain(record.uuid)
            found = undo_now(record.change, domain, PCpus.of(state.pcpus))
            if found.change.steps:
                against = [(f" ! {safe(words)}", "warn") for words in found.conflicts]
                page = PlanScreen(found.change, reasons=against)
                await self.console.show_page(page)
            else:
                words = found.words if found.conflicts else "its rows are as they were before"
                self.say(safe(words), "warn")

    def virsh(self) -> str:
        """Name the lines of the change under the cursor."""
        record = self._record
        return "\n".join(record.commands) if record else ""

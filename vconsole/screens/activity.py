"""What was changed on hosts: when, by whom, what became of it; newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from vconsole.changes.activity import is_change
from vconsole.changes.dispatcher import Request
from vconsole.changes.entry import Entry
from vconsole.changes.log import Log, ReadLog
from vconsole.changes.settle import ReadOutcome
from vconsole.model.column import Column, row_cells
from vconsole.model.keys import Keys
from vconsole.model.request import Reply, command_lines
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe
from vconsole.widgets.bars import FooterBar

KEY = Keys("activity")
COLUMNS: Final[tuple[Column[Entry], ...]] = (
    Column(
        *("when", "When (UTC)", 19),
        cell=lambda entry: (safe(entry.when.replace("T", " ").rstrip("Z")), ""),
    ),
    Column("action", "What", 26, flex=True, cell=lambda entry: (safe(entry.action), "")),
    Column("domain", "Domain", 18, cut="middle", cell=lambda entry: (safe(entry.name), "")),
    Column(
        *("outcome", "Outcome", 9),
        cell=lambda entry: (safe(entry.outcome), "good" if entry.outcome == "applied" else "warn"),
    ),
    Column(
        *("operator", "Who", 24),
        from_width=100,
        flex=True,
        cell=lambda entry: (safe(entry.operator), "dim"),
    ),
)


class ActivityScreen(ListPage):
    """The log above, all of the entry under the cursor below."""

    SCOPE = "activity"
    BINDINGS: ClassVar = bindings("activity")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    ActivityScreen NotesView { height: 8; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}
        self._note = ""
        """Why the changes of others are not shown."""
        self._again = False
        """Something was changed since the log began to be read."""

    def on_mount(self) -> None:
        """Show what is here; what others changed comes when the journal is read."""
        self._show(self.console.activity.newest())
        self._read()

    def _read(self) -> None:
        if not self.read(ReadLog(self.console.activity)):
            self._again = True

    def _show(self, entries: Sequence[Entry]) -> None:
        log, last = self.console.activity, len(entries)
        self._entries = {e.id or str(last - place): e for place, e in enumerate(entries)}
        where = f"not saved: {log.problem}" if log.problem else str(log.path)
        if self._note:
            where = f"{self._note}   {where}"
        words = f"{len(entries)} {'entry' if last == 1 else 'entries'}   {safe(where)}"
        idle = () if self.console.under_way else ("activity.cancel",)
        self.query_one(FooterBar).offer((), without=idle)
        self.show_list("Activity", words, list(self._entries))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadLog) and isinstance(reply.value, Log):
            self._note = reply.value.note
            self._show(reply.value.entries)
            if self._again:
                self._again = False
                self._read()
        elif is_change(request) or isinstance(request, ReadOutcome):
            self._read()

    @property
    def _entry(self) -> Entry | None:
        return self._entries.get(self.table.key or "")

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._entries[key])

    @override
    def notes(self) -> Iterator[Note]:
        if (entry := self._entry) is None:
            return
        yield f" {safe(entry.operator)}   {safe(entry.uuid)}", "dim"
        for line in filter(None, command_lines(entry.virsh.split("\n"))):
            yield f" {safe(line)}", "accent"
        for sign, text, tone in (
            *(("", entry.message, ""), ("- ", entry.before, "dim"), ("+ ", entry.after, "")),
        ):
            if text:
                yield f" {sign}{safe(text)}", tone

    def hint(self) -> tuple[str, str]:
        """Say what still goes on."""
        if count := self.console.under_way:
            return f"{plural(count, 'change')} under way; {KEY.cancel} gives them up", "warn"
        return ("", "") if self._entries else ("nothing was changed from here yet", "")

    def virsh(self) -> str:
        """Name the lines of the entry under the cursor."""
        return self._entry.virsh if self._entry else ""

    def do_cancel(self) -> None:
        """Give up every action that is under way."""
        if not self.console.under_way:
            self.say("nothing is under way", "warn")
            return
        for run in self.console.runs:
            run.cancel()
        self.refresh_hint()

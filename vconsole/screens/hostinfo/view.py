"""Hostinfo as it is seen: the rules, whom they catch, what the domain in view would get."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from vconsole.changes.dispatcher import Request
from vconsole.features.hostinfo.draft import Draft
from vconsole.features.hostinfo.model.rules import Diagnostic
from vconsole.features.hostinfo.requests import ReadService, ReadValues, SaveRules
from vconsole.features.hostinfo.words.guests import COLUMNS as GUEST_COLUMNS
from vconsole.features.hostinfo.words.guests import Guests
from vconsole.features.hostinfo.words.rules import COLUMNS as RULE_COLUMNS
from vconsole.features.hostinfo.words.rules import RuleRow, paint_rule, rule_rows, service_words
from vconsole.files.careful import Loaded
from vconsole.files.config import Config
from vconsole.files.draft import ReadFile
from vconsole.model.column import row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import Keys
from vconsole.model.request import Define, ReadDefinitions, Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.files.editor import FileEditorPage
from vconsole.screens.page import Page
from vconsole.text import Cell, Note, duration, safe
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

KEY = Keys("hostinfo")


class HostinfoView(FileEditorPage[Draft]):
    """Rules on the left, domains on the right, below them what the chosen one would receive."""

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make it for the files in the settings."""
        return cls(Path(config.hostinfo_conf))

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows: dict[str, RuleRow] = {}
        self.guests = Guests()
        self._read_for: tuple[Domain, ...] | None = None
        self._service: dict[str, Any] | None = None
        self._service_problem = ""
        self._log = False

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal():
            yield LineTable(RULE_COLUMNS, self._rule_cells, id="rules")
            with Vertical(id="side"):
                yield LineTable(GUEST_COLUMNS, self._guest_cells, id="guests")
                yield NotesView()

    # -- what there is -----------------------------------------------------------------------

    @property
    def rules_table(self) -> LineTable:
        """The rules."""
        return self.query_one("#rules", LineTable)

    @property
    def guests_table(self) -> LineTable:
        """The domains."""
        return self.query_one("#guests", LineTable)

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor of the right list."""
        return self.guests.domain(self.guests_table.key)

    @property
    def row(self) -> RuleRow | None:
        """The line under the cursor of the left list."""
        return self._rows.get(self.rules_table.key or "")

    # -- showing -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to read."""
        self.every(1.0, self._ask)

    def _ask(self) -> None:
        """Ask what may have changed."""
        for request in (ReadFile(self.path), ReadService(), ReadValues()):
            self.read(request)
        if self._log and self.subject:
            self.read(ReadService(self.guests.socket_name(self.subject)), "log")

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show the domains; their definitions are read when the list of them changes."""
        if after.freshness.read_at is None:
            return
        if after.domains is not self._read_for:
            wanted = tuple(d.uuid for d in after.domains if d.persistent is not False)
            if self.read(ReadDefinitions(wanted)):
                self._read_for = after.domains
        if after.domains is not before.domains or not self.guests.uuids:
            self.guests.follow(after)
            self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadFile) and request.path == self.path:
            self._take_rules(reply)
        elif isinstance(request, ReadService):
            self._take_service(request, reply)
        elif isinstance(request, ReadValues) and isinstance(reply.value, dict):
            self.guests.values = reply.value
            self._show_preview()
        elif isinstance(request, ReadDefinitions) and isinstance(reply.value, dict):
            self.guests.definitions = dict(reply.value)
            self.guests_table.redraw()
            self.refresh_hint()
        elif isinstance(request, Define):
            self._defined(request, reply)

    def _take_service(self, request: ReadService, reply: Reply) -> None:
        told = reply.value if isinstance(reply.value, dict) else {}
        if request.guest is not None:
            self.guests.recent = next(iter(told.get("guests", ())), {})
            self._show_preview()
            return
        self._service, self._service_problem = told.get("daemon"), reply.message
        self.guests.told = {guest["name"]: guest for guest in told.get("guests", ())}
        self._show_title()
        if self.draft is not None:
            self.guests_table.show(self.guests.uuids)

    def _take_rules(self, reply: Reply) -> None:
        before = self.draft
        self.take_file(reply)
        if before is None and self.draft is not None:
            self._show_one_caught()
        self._show_title()

    @override
    def put(self, draft: Draft) -> None:
        self.draft = draft
        self._show()

    def _show(self) -> None:
        if self.draft is None:
            return
        self.guests.judge(self.draft)
        self._rows = rule_rows(self.draft, self.guests.names)
        self.rules_table.show(list(self._rows))
        self.guests_table.show(self.guests.uuids)
        self._show_title()
        self._show_preview()
        self.refresh_hint()

    def _show_title(self) -> None:
        service, _ = service_words(self._service, self._service_problem)
        title = self.query_one(TitleBar)
        title.most_lines = 2 if ": " in service else 1  # a reason is told to its end, with its cure
        rules = (self._service or {}).get("rules")
        since = rules.get("in_force_since") if isinstance(rules, dict) else None
        if isinstance(since, (int, float)):
            service += f", rules in force {duration(time() - since)}"
        staged = "edited, not saved   " if self.changes else ""
        words = f"{staged}{service}   {self.path}"
        title.words = ("Hostinfo", safe(words))

    def _rule_cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(RULE_COLUMNS, self._rows[key])

    def _guest_cells(self, uuid: str) -> tuple[Cell, ...]:
        return row_cells(GUEST_COLUMNS, self.guests.row(uuid))

    def _show_preview(self) -> None:
        domain, notes = self.subject, self.query_one(NotesView)
        if domain is None or self.draft is None:
            notes.notes = []
        elif self._log:
            notes.notes = self.guests.log(domain)
        else:
            notes.notes = self.guests.preview(domain, self.draft.staged)

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the line or the domain under the cursor."""
        draft = self.draft
        if draft is None:
            return self.trouble or "reading the rules", "bad" if self.trouble else ""
        if draft.theirs is not None:
            return f"the file was changed by someone else: {KEY.save} shows both", "bad"
        if self.trouble:
            return self.trouble, "bad"
        if self.focused is self.guests_table and self.subject is not None:
            return self.guests.hint(self.subject)
        row = self.row
        found = next((d for d in draft.rules.diagnostics if row and d.line == row.line), None)
        if found is not None:
            return str(found), _tone(found)
        if self.changes:
            words = f"{plural(self.guests.affected, 'domain')} will get something else"
            return f"{words}; {KEY.save} shows the diff", ""
        if not draft.loaded.exists:
            return f"{self.path} is not there yet: {KEY.add} adds a rule, saving creates it", ""
        return (
            f"{KEY.edit} edits, {KEY.add} adds a rule, {KEY.set} a setting; "
            "the first rule that matches counts",
            "",
        )

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Speak of another line or domain."""
        self.unsay()
        if event.table is self.rules_table:
            self._show_one_caught()
        self._show_preview()
        self.refresh_hint()

    def _show_one_caught(self) -> None:
        """Put the cursor of the domains on one that the rule is for."""
        row, domain = self.row, self.subject
        if row is None or row.stanza is None or domain is None:
            return
        caught = self.guests.caught_by(row.stanza.line)
        if caught is not None and self.guests.grants[domain.uuid][0].line != row.stanza.line:
            self.guests_table.show(self.guests.uuids, cursor=caught)

    def _defined(self, request: Define, reply: Reply) -> None:
        if reply.status == "applied" and isinstance(reply.value, str):
            self.guests.definitions[request.uuid] = reply.value
            self.guests.chosen.discard(request.uuid)
            self.guests_table.redraw()

    # -- the file ----------------------------------------------------------------------------

    @override
    def drafted(self, loaded: Loaded) -> Draft:
        return Draft.of(loaded)

    @override
    def save_request(self, draft: Draft) -> SaveRules:
        return SaveRules(self.path, draft.data, draft.loaded)

    @override
    def paint(self, line: str) -> Iterable[tuple[int, int, str]]:
        return paint_rule(line)

    def consequence(self) -> str:
        """How many domains saving reaches."""
        reached = len(self.draft.affected(self.guests.names)) if self.draft else 0
        return f"{plural(reached, 'domain')} will get something else"

    @override
    def remarks(self) -> list[Note]:
        found = self.draft.rules.diagnostics if self.draft else ()
        return [(safe(f" {one}"), _tone(one)) for one in found]

    @override
    def remark_at(self, line: int) -> tuple[str, str] | None:
        found = self.draft.rules.diagnostics if self.draft else ()
        return next(((str(one), _tone(one)) for one in found if one.line == line), None)


def _tone(found: Diagnostic) -> str:
    return "bad" if found.severity == "error" else "warn"

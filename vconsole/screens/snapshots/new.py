"""A snapshot to be taken: its name, what it holds, and what that would do; enter goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final, NamedTuple, get_args

from vconsole.changes.dispatcher import Request
from vconsole.features.snapshots.model.create import (
    KINDS,
    CreateSnapshot,
    Ground,
    Kind,
    ReadGround,
    Wish,
    plan_create,
    why_no_name,
)
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import HostState
from vconsole.model.keys import Keys
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("newsnapshot")


class Row(NamedTuple):
    """Something that can be chosen of the snapshot."""

    title: str
    value: str
    meaning: str = ""


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("title", "Of the snapshot", 15, cell=lambda row: (row.title, "")),
    Column("value", "", 17, cell=lambda row: (safe(row.value), "accent")),
    Column("meaning", "", 46, flex=True, cell=lambda row: (safe(row.meaning), "dim")),
)
_TONES: Final = {"+": "good", "-": "bad"}
KIND_ORDER: Final[tuple[Kind, ...]] = get_args(Kind)


class NewSnapshotScreen(ListPage, DomainPage):
    """What is wanted above, what it would do below. It goes once the snapshot was taken."""

    SCOPE = "newsnapshot"
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("newsnapshot"), *STRAY]
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    NewSnapshotScreen LineTable { height: 6; }
    NewSnapshotScreen NotesView { height: 1fr; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._wish = Wish("")
        self._ground: Ground | None = None
        self._trouble = ""
        self._taken = False

    # -- showing -----------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Look at the domain anew; after the snapshot was taken there is nothing to do here."""
        if self._taken:
            self._leave()
        else:
            self.console.dispatcher.ask(ReadGround(self._uuid))

    def _leave(self) -> None:
        self.console.call_later(self.console.pop_screen)

    def replied(self, request: Request, reply: Reply) -> None:
        """Take what the snapshot would stand on, and notice that it was taken."""
        if isinstance(request, CreateSnapshot) and request.uuid == self._uuid:
            self._taken = reply.status == "applied"
            if self._taken and self.console.page is self:
                self._leave()
        if request == ReadGround(self._uuid):
            self._ground = reply.value if isinstance(reply.value, Ground) else None
            self._trouble = reply.message
            self._show()

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Look again when the domain starts or stops."""
        was, is_now = before.domain(self._uuid), self.subject
        if was and is_now and was.active != is_now.active:
            self.console.dispatcher.ask(ReadGround(self._uuid))
        self._show()

    def _show(self) -> None:
        domain, ground = self.subject, self._ground
        name, state = (safe(domain.name), domain.state) if domain else ("", "gone")
        words = [state]
        if ground is not None:
            words.append(plural(len(ground.disks), "disk"))
        if ground is not None and ground.running:
            words.append("agent does not answer" if ground.agent else "agent answers")
        self.show_list(f"New snapshot of {name}", "   ".join(words), list(self._rows()))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._rows()[key])

    def _rows(self) -> dict[str, Row]:
        wish = self._wish
        quiesce = "yes" if wish.quiesce else "no"
        return {
            "name": Row("Name", wish.name or "-"),
            "description": Row("Description", wish.description or "-"),
            "kind": Row("What it holds", wish.kind, KINDS[wish.kind]),
            "quiesce": Row("Quiesce", quiesce, self._quiesce_words()),
        }

    def _quiesce_words(self) -> str:
        ground = self._ground
        if ground is not None and ground.agent:
            return f"not now: {ground.agent}"
        return "the agent freezes file systems meanwhile"

    def _plan(self) -> Proposal:
        """What would be done; raises ValueError with the reason where nothing can be."""
        domain, ground = self.subject, self._ground
        if domain is None or ground is None:
            raise ValueError(self._trouble or "reading the domain")
        return plan_create(domain.uuid, domain.name, ground, self._wish)

    def _planned(self) -> tuple[Proposal, str]:
        """(what would be done, why nothing can be)."""
        try:
            return self._plan(), ""
        except ValueError as error:
            return Proposal(), str(error)

    @override
    def notes(self) -> list[Note]:
        proposal, reason = self._planned()
        notes: list[Note] = [(f" {safe(reason)}", "warn")] if reason else []
        notes += [(f" {safe(note)}", "") for note in proposal.notes]
        for change in proposal.changes:
            notes += [(f" {safe(line)}", _TONES.get(line[:1], "")) for line in change.lines()]
            notes += [(f" {safe(line)}", "accent") for line in change.virsh()]
        return notes

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return safe(self._trouble), "bad"
        return (
            f"{KEY.choose} chooses, {KEY.edit} edits; "
            f"{KEY.apply} shows the change before it is made",
            "",
        )

    @override
    def virsh(self) -> str:
        uri = self.host_state.connection.uri
        return "\n".join(
            line for change in self._planned()[0].changes for line in change.virsh(uri)
        )

    # -- commands ----------------------------------------------------------------------------

    async def do_choose(self) -> None:
        """Take the next kind, quiesce or not, or edit what is text."""
        wish, row = self._wish, self.table.key
        if row == "kind":
            kind = KIND_ORDER[(KIND_ORDER.index(wish.kind) + 1) % len(KIND_ORDER)]
            self._wish = replace(wish, kind=kind, quiesce=wish.quiesce and kind == "disk-only")
        elif row == "quiesce":
            kind = wish.kind if wish.quiesce else "disk-only"  # the only kind that it goes with
            self._wish = replace(wish, kind=kind, quiesce=not wish.quiesce)
        else:
            await self.do_edit()
        self._show()

    async def do_edit(self) -> None:
        """Edit name or description."""
        row = self.table.key
        if row == "name":
            hint = "no / in it; it becomes part of file names"
            await self.ask(
                *("name", self._wish.name, hint), accepted=self._named, typed=self._check_name
            )
        elif row == "description":
            await self.ask(
                *("description", self._wish.description, "what it is for"), accepted=self._described
            )
        else:
            self.say(f"{KEY.choose} chooses here", "warn")

    def _check_name(self, text: str) -> bool:
        """Say what is wrong with a name while it is typed."""
        if reason := why_no_name(text, self._ground.taken if self._ground else ()):
            self.say(safe(reason), "bad")
        else:
            self.unsay()
        return not reason

    def _named(self, text: str) -> bool:
        if not self._check_name(text):
            return False
        self._wish = replace(self._wish, name=text)
        self._show()
        return True

    def _described(self, text: str) -> bool:
        if not text.isprintable():
            self.say("only characters that print", "bad")
            return False
        self._wish = replace(self._wish, description=text)
        self._show()
        return True

    async def do_apply(self) -> None:
        """Show the change."""
        await self.propose("take a snapshot", self._plan)

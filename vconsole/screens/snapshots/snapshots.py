"""The snapshots of one domain: the tree they form, what each holds, taking, reverting, deleting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import time
from typing import ClassVar, cast, get_args

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.snapshots.model.change import Then, Which, plan_delete, plan_revert
from vconsole.features.snapshots.model.tree import Branch, ReadSnapshots, SnapshotList, tree
from vconsole.features.snapshots.words import COLUMNS, Row, snapshot_notes, virsh_words
from vconsole.model.column import row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import ESCAPE, Keys
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.xmlview import paint_xml, xml_lines

KEY = Keys("snapshots")
LOOK_EVERY_S = 5.0


class SnapshotsScreen(ListPage, DomainPage):
    """The tree above, the snapshot under the cursor below; enter shows its XML instead."""

    SCOPE = "snapshots"
    BINDINGS: ClassVar = bindings("snapshots")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    SnapshotsScreen NotesView { height: 8; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._known: SnapshotList | None = None
        self._branches: dict[str, Branch] = {}
        self._trouble = ""

    def compose_body(self) -> ComposeResult:
        """Title, tree, details, and the XML in their place."""
        yield from super().compose_body()
        yield LinesView(id="xml")

    # -- what commands may look at -----------------------------------------------------------

    @property
    def _branch(self) -> Branch | None:
        return self._branches.get(self.table.key or "")

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Read, and again and again: libvirt has no event for snapshots."""
        self.query_one("#xml").display = False
        self.every(LOOK_EVERY_S, lambda: self.read(ReadSnapshots(self._uuid)))

    def replied(self, request: Request, reply: Reply) -> None:
        """Take what was read, here or after a change of this domain."""
        if getattr(request, "uuid", None) != self._uuid:
            return
        if isinstance(request, ReadSnapshots):
            self._trouble = reply.message
        if isinstance(reply.value, SnapshotList):
            self._known = reply.value
        self._show()

    # -- showing -----------------------------------------------------------------------------

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        if self.subject is not self._domain or not before.domains:
            self.follow()
            self._show()

    def _show(self) -> None:
        known, domain = self._known, self._domain
        self._branches = {row.key: row for row in tree(known.snapshots if known else ())}
        state = domain.state if self.subject and domain else "gone"
        words = [safe(state), plural(len(self._branches), "snapshot") if known else ""]
        words += [f"and {known.unread} more, not read"] if known and known.unread else []
        name = safe(domain.name) if domain else ""
        cursor = None
        if not self.table.keys:  # begin where the domain stands
            cursor = next((k for k, row in self._branches.items() if row.snapshot.current), None)
        title, words = f"Snapshots of {name}", list(filter(None, words))
        self.show_list(title, "   ".join(words), list(self._branches), cursor)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        row = Row(self._branches[key], time(), self.console.config.ascii)
        return row_cells(COLUMNS, row)

    @override
    def explain(self) -> None:
        super().explain()
        self._show_xml()

    @override
    def notes(self) -> Iterable[Note]:
        row = self._branch
        return snapshot_notes(row, time(), self._lines(row)) if row else ()

    def _lines(self, row: Branch) -> list[str]:
        """The virsh lines that revert to a snapshot and delete it."""
        known, domain = self._known, self._domain
        if known is None or domain is None:
            return []
        name = row.snapshot.name
        plans = (
            plan_revert(self._uuid, domain.name, known, name),
            plan_delete(self._uuid, domain.name, known, name),
        )
        return [line for plan in plans for change in plan.changes for line in change.virsh()]

    @override
    def hint(self) -> tuple[str, str]:
        if self._trouble:
            return safe(self._trouble), "bad"
        if self._known is None:
            return "reading the snapshots", ""
        if row := self._branch:
            return (safe(row.problem), "warn") if row.problem else ("", "")
        return f"it has no snapshots; {KEY.create} takes one", ""

    async def on_line_table_chosen(self, event: LineTable.Chosen) -> None:
        """Show its XML by mouse."""
        self.do_detail()

    def virsh(self) -> str:
        """Name the words that show what is in view."""
        row, domain = self._branch, self._domain
        if domain is None:
            return ""
        name = domain_argument(domain.name, domain.uuid)
        return virsh_words(name, row.snapshot if row else None, xml=self._xml_is_open)

    # -- the XML -----------------------------------------------------------------------------

    @property
    def _xml_is_open(self) -> bool:
        return bool(self.query_one("#xml").display)

    def _show_xml(self) -> None:
        if self._xml_is_open and (row := self._branch):
            text = row.snapshot.xml
            view = self.query_one("#xml", LinesView)
            view.show(xml_lines(text) if text else ("its XML is not known",), paint_xml)

    def do_detail(self) -> None:
        """Show the XML of the snapshot, or the tree again."""
        if self._branch is None:
            self.say("no snapshot here", "warn")
            return
        self._open_xml(not self._xml_is_open)
        self.set_focus(self.query_one("#xml" if self._xml_is_open else "LineTable"))

    def _open_xml(self, opened: bool) -> None:
        self.query_one("#xml").display = opened
        for kind in (LineTable, NotesView):
            self.query_one(kind).display = not opened
        self._show_xml()

    def go_back(self) -> bool:
        """Close the XML."""
        if not self._xml_is_open:
            return False
        self.do_detail()
        return True

    # -- changes -----------------------------------------------------------------------------

    async def do_create(self) -> None:
        """Ask for what a new one needs."""
        from vconsole.screens.snapshots.new import NewSnapshotScreen

        page = NewSnapshotScreen(self._uuid)
        await self.console.show_page(page)
        await page.do_edit()

    async def do_revert(self) -> None:
        """Ask how the domain goes on then, and show what is lost."""
        choices = get_args(Then)
        await self._choose("then", choices, "revert to a snapshot", self._revert)

    async def do_delete(self) -> None:
        """Ask what of it, and show what is lost."""
        choices = (*get_args(Which), "metadata")
        await self._choose("delete", choices, "delete a snapshot", self._delete)

    def _revert(self, known: SnapshotList, domain: Domain, name: str, choice: str) -> Proposal:
        return plan_revert(domain.uuid, domain.name, known, name, cast("Then", choice))

    def _delete(self, known: SnapshotList, domain: Domain, name: str, choice: str) -> Proposal:
        metadata = choice == "metadata"
        which = "alone" if metadata else cast("Which", choice)
        return plan_delete(domain.uuid, domain.name, known, name, which, metadata)

    async def do_flatten(self) -> None:
        """Show what pulls the chains that snapshots of disks made into the images in use."""
        from vconsole.features.storage.model.disk_plan import flatten_all

        if (domain := self.subject) is not None:
            wanted = Propose(((domain.uuid, domain.name),), flatten_all)
            await self.console.show_changes("flatten its disks", asking=wanted)

    async def _choose(
        self,
        verb: str,
        choices: tuple[str, ...],
        title: str,
        plan: Callable[[SnapshotList, Domain, str, str], Proposal],
    ) -> None:
        """Let one of the choices be typed beside the tree, then show the change."""
        self._open_xml(False)  # the question takes the focus
        known, row, domain = self._known, self._branch, self.subject
        if known is None or row is None or domain is None:
            self.say("no snapshot here", "warn")
            return

        async def accepted(text: str) -> bool:
            if text.strip() not in choices:
                self.say(f"{safe(text)!r} is none of {', '.join(choices)}", "bad")
                return False
            name = row.snapshot.name
            return await self.propose(title, lambda: plan(known, domain, name, text.strip()))

        label = f"{verb} ({', '.join(choices)}):"
        await self.ask(label, choices[0], f"{ESCAPE} does nothing", accepted=accepted)

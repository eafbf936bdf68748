"""Memory and vCPUs of a domain: what it has now and from its next start on, and what is in use."""

from __future__ import annotations

import shlex
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.features.resources.model.numbers import Reading, ReadResources
from vconsole.features.resources.model.plan_memory import MemoryWish
from vconsole.features.resources.model.room import room_of
from vconsole.features.resources.model.rows import ROWS, Row
from vconsole.features.resources.words import usage_lines
from vconsole.model.column import Column, row_cells
from vconsole.model.command import writable
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Propose
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import STRAY, bindings
from vconsole.text import Cell, glyph, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

KEY = Keys("resources")


class Shown(NamedTuple):
    """A row as it is: what runs, what is defined, and how they differ."""

    row: Row
    live: str
    config: str
    differs: str


COLUMNS: Final[tuple[Column[Shown], ...]] = (
    Column("mark", "", 1, cell=lambda shown: ("~" if shown.differs else "", "warn")),
    Column("title", "What", 18, cell=lambda shown: (shown.row.title, "")),
    Column("live", "Live", 15, cell=lambda shown: (shown.live, "dim" if shown.live == "-" else "")),
    Column(
        *("config", "Config", 15),
        cell=lambda shown: (
            shown.config,
            "warn" if shown.differs else "dim" if shown.config == "-" else "",
        ),
    ),
    Column("differs", "", 26, flex=True, cell=lambda shown: (shown.differs, "warn")),
)
LOOK_EVERY_S = 2.0
WATCH_S = 5
"""How often a guest reports that is watched."""


class InUse(LinesView, can_focus=False):
    """What is in use; nothing there can be chosen."""


class ResourcesScreen(ListPage, DomainPage):
    """The numbers above, one a row; what guest, balloon and host have in use below."""

    SCOPE = "resources"
    OFFER_NEEDS = (writable,)
    TYPED = "digits"
    BINDINGS: ClassVar = [*bindings("resources"), *STRAY]
    COLUMNS = COLUMNS
    CHOSEN = "resources.edit"
    DEFAULT_CSS = """
    ResourcesScreen LineTable { height: 2fr; max-height: 8; }
    ResourcesScreen InUse { height: 1fr; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._reading = Reading()
        self._trouble = "reading"

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LineTable(self.COLUMNS, self.cells)
        yield InUse()

    # -- what commands may look at -----------------------------------------------------------

    @property
    def _row(self) -> Row:
        return ROWS[self.table.key or "maximum"]

    # -- showing -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Show the rows, and look again and again."""
        self.table.show(list(ROWS))
        self.every(LOOK_EVERY_S, self.read_again)

    def on_resize(self, event: Resize) -> None:
        """Draw the bars anew."""
        self._show_use()

    @override
    def read_again(self) -> None:
        self.read(ReadResources(self._uuid))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if not isinstance(request, ReadResources) or request.uuid != self._uuid:
            return
        self._trouble = "" if isinstance(reply.value, Reading) else reply.message or reply.status
        if isinstance(reply.value, Reading):
            self._reading = reply.value
        self.table.show(list(ROWS))
        self._show_use()
        self.refresh_hint()

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        domain = self.follow()
        if domain is None:
            return
        sign = glyph(domain.state, self.console.config.ascii)
        state = f"{sign} {domain.state}" if self.subject else "gone"
        self.query_one(TitleBar).words = (f"Memory and vCPUs of {safe(domain.name)}", state)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        row = ROWS[key]
        return row_cells(COLUMNS, Shown(row, *row.words(self._reading)))

    def _show_use(self) -> None:
        width, ascii_only = self.size.width, self.console.config.ascii
        self.query_one(InUse).show(usage_lines(self._reading, width, ascii_only))

    @override
    def hint(self) -> tuple[str, str]:
        if self.subject is None:
            return f"the domain is gone; {APP.back} goes back", "warn"
        if self._trouble:
            return safe(self._trouble), "" if self._trouble == "reading" else "bad"
        row, live = self._row, self._reading.live
        watch = f"; {KEY.statistics} has the guest report" if live and live.period_s == 0 else ""
        when = " from the next start on" if row.targets == ("config",) else ""
        return f"{KEY.edit} sets {_inside(row.title)}{when}{watch}", ""

    @override
    def virsh(self) -> str:
        domain = self._domain
        name = shlex.quote(domain_argument(domain.name, domain.uuid)) if domain else "DOMAIN"
        return self._row.virsh.replace("{}", name)

    # -- commands ----------------------------------------------------------------------------

    async def do_edit(self) -> None:
        """Ask for another value; what it means, or what is wrong with it, is said while typed."""
        row = self._row
        now = self._reading.config if "live" not in row.targets else self._reading.live
        now = now or self._reading.config or self._reading.live
        if now is None:
            self.say(self._trouble or "nothing is known of it yet", "warn")
            return
        await self.ask(
            row.title,
            row.start(now),
            row.hint,
            typed=lambda text: self._echo(row, text),
            accepted=lambda text: self._accepted(row, text),
            given_up=lambda: self.say("nothing was done"),
        )

    def _echo(self, row: Row, text: str) -> bool:
        """Say what a text means, or why it means nothing."""
        try:
            self.say(safe(row.echo(text)))
        except ValueError as error:
            self.say(safe(str(error)), "bad")
            return False
        return True

    async def _accepted(self, row: Row, text: str) -> bool:
        """Show what it would change."""
        if not self._echo(row, text):
            return False
        domain = self.subject
        if domain is not None:
            room = room_of(domain, self.host_state, self._reading.needed_kib)
            await self._propose(f"set {_inside(row.title)}", row.wish(text, room).plan, row.targets)
        return True

    async def do_statistics(self) -> None:
        """Show what has the guest report, or stop; enter there does it."""
        live = self._reading.live
        if live is None:
            known = "it does not run: there is no guest to ask" if self._reading.config else ""
            self.say(known or safe(self._trouble) or "nothing is known of it yet", "warn")
            return
        seconds = 0 if live.period_s else WATCH_S
        title = (
            f"have the guest report every {seconds} s" if seconds else "stop the guest's reports"
        )
        await self._propose(title, MemoryWish(period_s=seconds).plan, ("live",))

    async def _propose(self, title: str, plan: Planner, targets: tuple[Target, ...]) -> None:
        if (domain := self.subject) is not None:
            self.unsay()
            asking = Propose(((domain.uuid, domain.name),), plan, self._possible(targets))
            await self.console.show_changes(title, asking=asking)

    def _possible(self, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        """Those of them that the domain has; the first one, where it has none, says why."""
        has = {"live": self._reading.live, "config": self._reading.config}
        able = [t for t in targets if t != "both" and has[t]]
        return targets if len(able) == 2 or not able else tuple(able)


def _inside(title: str) -> str:
    """A title within a sentence."""
    return title if title[:2] == "vC" else f"{title[0].lower()}{title[1:]}"

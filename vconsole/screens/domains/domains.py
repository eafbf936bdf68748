"""The list of domains: what runs, what it uses, where it may run, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_not
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult

from vconsole.features.domains.columns import COLUMNS, EXAMPLE, SORTS, TERMS, rows, sort_rows
from vconsole.features.domains.model import Query, Row
from vconsole.model.attention import attention
from vconsole.model.column import Cell, row_cells
from vconsole.model.command import connected
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Locality, PinKey, Usage
from vconsole.model.keys import APP, Keys
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import safe
from vconsole.widgets.opening import Opening
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar
from vconsole.widgets.unreached import Unreached

KEY, PIN = Keys("domains"), Keys("pin")


class _Seen(NamedTuple):
    """The cells of a row, and what they were made from besides the domains and the pCPUs."""

    usage: Usage
    steady: tuple[Locality | None, Mapping[PinKey, CpuSet] | None]
    """Where its memory lies, and where the kernel lets it run."""
    cells: tuple[Cell, ...]


class DomainsScreen(ListPage):
    """Find a domain and open it, or its pins."""

    SCOPE = "domains"
    PAGE = "domains"
    BINDINGS: ClassVar = bindings("domains")
    COLUMNS = COLUMNS
    CHOSEN = "domains.open"

    def __init__(self) -> None:
        super().__init__()
        self._query = Query()
        self._sort, self._descending = "name", False
        self._opened = False
        """The opening was shown, or is over."""
        self._opening: Opening | None = None
        self._by_uuid: dict[str, Domain] = {}
        self._chosen: set[str] = set()
        self._order: list[str] = []
        self._sorted_from: tuple[Domain, ...] | None = None
        self._seen: dict[tuple[str, bool], _Seen] = {}
        """(UUID, whether it is chosen) -> a row that was shown."""

    @override
    def compose_body(self) -> ComposeResult:
        """Between title and list, where there is no host, why, and what can be done."""
        yield TitleBar()
        yield Unreached()
        yield LineTable(self.COLUMNS, self.cells)

    @property
    @override
    def subject(self) -> Domain | None:
        return self._by_uuid.get(self.table.key or "")

    @property
    @override
    def in_sight(self) -> frozenset[str] | None:
        return None if SORTS[self._sort].moves else frozenset(self.table.keys_in_view)

    # -- showing -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Sort again only when that can change the order."""
        if after.domains is not before.domains:
            self._by_uuid = {d.uuid: d for d in after.domains}
            self._chosen &= self._by_uuid.keys()
        self.query_one(Unreached).words = self._unreached()
        if after.domains and not self._opened:
            self._open(after.connection.guide)
        if after.domains is not before.domains or after.pcpus is not before.pcpus:
            self._seen.clear()
        self._arrange(force=_ground(before) != _ground(after))

    def _open(self, guide: str) -> None:
        """On the demo say what this is for, and go to the domain to try it on."""
        self._opened = True
        uuid = next((uuid for uuid, d in self._by_uuid.items() if d.name == guide), None)
        if uuid is not None:
            self._arrange(cursor=uuid, force=True)
            self._opening = Opening(opening(guide))
            self.mount(self._opening, before=self.table)

    @override
    def unsay(self) -> None:
        """After the first key the opening is over."""
        super().unsay()
        if self._opening is not None:
            self._opening.remove()
            self._opening = None

    @override
    def explain(self) -> None:
        """The hint says all there is to say."""

    def _arrange(self, cursor: str | None = None, force: bool = False) -> None:
        host_state = self.host_state
        if force or SORTS[self._sort].moves or host_state.domains is not self._sorted_from:
            self._sorted_from = host_state.domains
            self._order = self._sorted()
        self.table.show(self._order, cursor=cursor)
        self._show_title()

    def _sorted(self) -> list[str]:
        found = self._query.select(rows(self.host_state.domains, self.host_state))
        ordered = sort_rows(found, self._sort, reverse=self._descending)
        return [row.domain.uuid for row in ordered]

    def _show_title(self) -> None:
        total = "-" if self.host_state.unlisted else len(self.host_state.domains)
        count = f"{len(self._order)}/{total}" if self._query.text else f"{total}"
        arrow = "↓" if self._descending else "↑"
        if self.console.config.ascii:
            arrow = "v" if self._descending else "^"
        chosen = f"   {len(self._chosen)} chosen" if self._chosen else ""
        self.query_one(TitleBar).words = (f"Domains {count}{chosen}", safe(self._query.text))
        if self.table.marks.get(self._sort) != arrow:
            self.table.marks = {self._sort: arrow}
            self.table.redraw()

    @override
    def cells(self, uuid: str) -> tuple[Cell, ...]:
        chosen, host_state = uuid in self._chosen, self.host_state
        row = Row(self._by_uuid[uuid], host_state, self.console.config.ascii, chosen)
        steady = host_state.locality.get(uuid), host_state.allowed.get(uuid)
        seen = self._seen.get((uuid, chosen))
        if seen is None or any(map(is_not, seen.steady, steady)):
            cells = row_cells(COLUMNS, row)
        elif seen.usage is row.usage:
            return seen.cells
        else:
            cells = tuple(
                c.cell(row) if c.moves else old for c, old in zip(COLUMNS, seen.cells, strict=True)
            )
        self._seen[uuid, chosen] = _Seen(row.usage, steady, cells)
        return cells

    def hint(self) -> tuple[str, str]:
        """Say why nothing is read, else what is wrong with the domain or what it is."""
        if self._query.problem:
            return self._query.problem, "warn"
        if self.host_state.freshness.read_at is not None and (reason := connected(self)):
            return reason, "warn"
        if (domain := self.subject) is None:
            return self._empty_hint()
        if words := attention(domain, self.host_state):
            return f"{domain.name}: {words}", "warn"
        return f"{domain.name}  {domain.title or ''}", ""

    def _empty_hint(self) -> tuple[str, str]:
        fresh = self.host_state.freshness
        if fresh.read_at is None:
            return fresh.reason or "connecting", "warn" if fresh.reason else ""
        if self.host_state.domains:
            return f"no domain matches; {APP.back} shows all", "warn"
        uri = self.host_state.connection.uri
        if fresh.reason:
            return fresh.reason, "warn"
        if "/session" in uri:
            system = uri.replace("/session", "/system")
            return f"{uri} has no domains; the machine's: -c {system}", "warn"
        return f"no domains in {uri}", ""

    def _unreached(self) -> tuple[str, ...]:
        """Why there is no host, or nothing on it, and what can be done; else nothing."""
        fresh, uri = self.host_state.freshness, self.host_state.connection.uri
        if fresh.read_at is not None and not self.host_state.domains and not fresh.reason:
            return no_domains(uri)
        if fresh.read_at is not None or not fresh.reason:
            return ()
        return no_host(fresh.reason, fresh.cure, uri)

    def virsh(self) -> str:
        """Name the domain under the cursor, or the list."""
        domain = self.subject
        return f"dominfo {domain.uuid}" if domain else "list --all --title"

    # -- commands ----------------------------------------------------------------------------

    def do_demo(self) -> None:
        """Leave for the demo host."""
        self.console.open_demo()

    def do_select(self) -> None:
        """Choose the domain, or not any more."""
        if domain := self.subject:
            self._chosen ^= {domain.uuid}
            self.table.action_move(1)
            self._arrange()

    def do_select_all(self) -> None:
        """Choose all that are shown."""
        self._chosen |= set(self._order)
        self._arrange()

    async def do_actions(self) -> None:
        """List what can be done with those chosen, else with the one under the cursor."""
        from vconsole.screens.lifecycle.actions import ActionsScreen

        chosen = [uuid for uuid in self._by_uuid if uuid in self._chosen]
        if not chosen and self.subject:
            chosen = [self.subject.uuid]
        await self.console.show_page(ActionsScreen(tuple(chosen)))

    async def do_fit(self) -> None:
        """Plan for those chosen, else for all that run."""
        from vconsole.features.pins.model.fit_many import FitMany
        from vconsole.screens.pins.many import ManyScreen

        wanted = self._chosen or {uuid for uuid, d in self._by_uuid.items() if d.active}
        uuids = tuple(uuid for uuid in self._by_uuid if uuid in wanted)
        await self.console.show_page(ManyScreen(FitMany(uuids, self.host_state)))

    async def do_profiles(self) -> None:
        """Save where those chosen, else all, run."""
        from vconsole.screens.pins.profiles import ProfilesScreen

        await self.console.show_page(ProfilesScreen(frozenset(self._chosen)))

    async def do_agent(self) -> None:
        """Open its agent; where domains are chosen, show how they are given the channel."""
        if self._chosen:
            await self._add_channels()
        elif domain := self.subject:
            await self.console.open_page("agent", domain.uuid)

    async def _add_channels(self) -> None:
        from vconsole.features.agent.model.channel import add_channel
        from vconsole.model.proposal import Propose

        chosen = tuple((u, d.name) for u, d in self._by_uuid.items() if u in self._chosen)
        asking = Propose(chosen, add_channel(), ("both", "live", "config"))
        await self.console.show_changes("add the agent's channel", asking=asking)

    async def do_divergence(self) -> None:
        """Compare live and config of those chosen, else of the one under the cursor."""
        from vconsole.screens.divergence import DivergenceScreen

        one = {self.subject.uuid} if self.subject else set()
        wanted = self._chosen or one
        uuids = tuple(uuid for uuid in self._by_uuid if uuid in wanted)
        await self.console.show_page(DivergenceScreen(uuids))

    def do_sort(self) -> None:
        """Sort by the next column on the screen."""
        shown = self.table.shown  # nothing before it is laid out, or where there is no room
        order = [name for name in SORTS if name in shown or not shown]
        here = order.index(self._sort) if self._sort in order else -1
        self._sort = order[(here + 1) % len(order)]
        self._descending = SORTS[self._sort].falls
        self._arrange(force=True)
        self.say(f"sorted by {self._sort}; {KEY.reverse} turns it around")

    def do_reverse(self) -> None:
        """Turn the order around."""
        self._descending = not self._descending
        self._arrange(force=True)

    async def do_filter(self) -> None:
        """Ask for the filter."""
        await self.ask(
            "filter",
            self._query.text,
            EXAMPLE,
            typed=self._filter,
            accepted=self._keep_filter,
            given_up=lambda: self._filter(""),
        )

    async def do_jump(self) -> None:
        """Ask for the beginning of a name."""
        hint = "the beginning of a name"
        await self.ask("jump to", "", hint, typed=self._jump, accepted=lambda text: True)

    def _keep_filter(self, text: str) -> bool:
        self._filter(text)
        return True

    def _filter(self, text: str) -> None:
        self._query = Query.parse(text, TERMS)
        self._arrange(force=True)
        self.refresh_hint()

    def _jump(self, text: str) -> None:
        start = text.casefold()
        if not start:
            return
        names = ((uuid, self._by_uuid[uuid].name.casefold()) for uuid in self._order)
        found = next((uuid for uuid, name in names if name.startswith(start)), None)
        if found is None:
            self.say(f"no domain begins with {text}", "warn")
            return
        self.unsay()
        self.table.show(self._order, cursor=found)
        self.refresh_hint()

    def go_back(self) -> bool:
        """Choose none, else show all again."""
        if self._chosen:
            self._chosen.clear()
            self._arrange()
            return True
        if self._query.text:
            self._filter("")
            return True
        return False


def no_host(reason: str, cure: str, uri: str) -> tuple[str, ...]:
    """The cause, the cure, and the other ways."""
    other = "qemu:///system" if "/session" in uri else "qemu:///session"
    ways = f"vconsole -c {other}, or of another machine: -c qemu+ssh://root@HOST/system"
    return (
        f"cause       {reason}",
        *([f"cure        {cure}"] if cure else []),
        f"else        {ways}",
        f"meanwhile   it is tried again all the time; {KEY.demo} opens the demo host: nothing real"
        " changes there",
    )


def no_domains(uri: str) -> tuple[str, ...]:
    """What a session without domains is, and where those of the machine are."""
    if "/session" not in uri:
        return ()
    system = uri.replace("/session", "/system")
    return (
        f"cause       {uri} has no domains: a session is your own, not the machine's",
        f"cure        vconsole -c {system}; for ever: export LIBVIRT_DEFAULT_URI={system}",
        "else        a domain that you define here yourself is shown at once",
    )


def opening(guide: str) -> str:
    """What the program is for, and what to press."""
    cure = f"{KEY.pin} {PIN.suggest} {PIN.plan} {Keys('plan').apply}"
    return (
        "vconsole shows where guests run and pins them, live."
        f" {cure} brings {guide} to its memory; {APP.help} lists keys"
    )


def _ground(host_state: HostState) -> tuple[int, ...]:
    """Identify what order and filter are made from."""
    return id(host_state.domains), id(host_state.locality), id(host_state.pcpus)

"""The network interfaces of a domain: what they are plugged into, and what goes through them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final, NamedTuple

from vconsole.changes.dispatcher import Request
from vconsole.features.network.model.interfaces import (
    DomainVnics,
    Holders,
    ReadTraffic,
    ReadVnics,
    Source,
    Traffic,
    Vnic,
    duplicates,
    holders,
    speeds,
)
from vconsole.features.network.model.mac import MacError, make_mac, wanted_mac
from vconsole.features.network.model.places import HostNetwork, ReadHostNetwork
from vconsole.features.network.model.plan import adder, address_giver, linker, mover, remover
from vconsole.features.network.words import alarm, mark, speed, vnic_notes
from vconsole.model import rates
from vconsole.model.column import Column, row_cells
from vconsole.model.command import writable
from vconsole.model.host_state import HostState
from vconsole.model.keys import Keys
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Propose
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe, spark

KEY = Keys("network")


class Row(NamedTuple):
    """An interface and what goes through it; speeds in bytes a second."""

    vnic: Vnic
    sign: Cell
    received: float | None
    sent: float | None
    history: Sequence[float]
    ascii_only: bool

    @property
    def tone(self) -> str:
        """The style of what is not remarkable."""
        return "" if self.vnic.live else "dim"


def _link(row: Row) -> Cell:
    nic = row.vnic.now
    return nic.link, row.tone if nic.up else "warn"


def _history(row: Row) -> Cell:
    return spark(row.history, max(row.history, default=0.0), 10, row.ascii_only), "accent"


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("mark", "", 1, cell=lambda row: row.sign),
    Column("target", "Target", 8, cell=lambda row: (safe(row.vnic.now.target or "-"), row.tone)),
    Column("mac", "MAC", 17, cell=lambda row: (safe(row.vnic.now.mac or "-"), row.tone)),
    Column("model", "Model", 7, cell=lambda row: (safe(row.vnic.now.model or "-"), row.tone)),
    Column(
        *("source", "Source", 15),
        flex=True,
        cell=lambda row: (safe(str(row.vnic.now.source)), row.tone),
    ),
    Column("link", "Link", 4, cell=_link),
    Column("rx", "Received/s", 10, "right", cell=lambda row: (speed(row.received), row.tone)),
    Column("tx", "Sent/s", 9, "right", cell=lambda row: (speed(row.sent), row.tone)),
    Column("history", "", 10, from_width=100, cell=_history),
)
LOOK_EVERY_S, OTHERS_EVERY_S = 2.0, 10.0
TARGETS: tuple[Target, ...] = ("both", "live", "config")


class NetworkScreen(ListPage, DomainPage):
    """The interfaces above, all about the one under the cursor below."""

    SCOPE = "network"
    OFFER_NEEDS = (writable,)
    BINDINGS: ClassVar = bindings("network")
    COLUMNS = COLUMNS
    DEFAULT_CSS = """
    NetworkScreen LineTable { height: auto; max-height: 40%; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._traffic: Traffic | None = None
        self._before: Traffic | None = None
        self._fleet: tuple[DomainVnics, ...] | None = None
        self._holders: Holders = {}
        self._shared: Holders = {}
        self._network: HostNetwork | None = None
        self._vnics: dict[str, Vnic] = {}
        self._history: dict[str, tuple[float, ...]] = {}

    # -- what commands may look at -----------------------------------------------------------

    @property
    def _vnic(self) -> Vnic | None:
        return self._vnics.get(self.table.key or "")

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look, and again; at all domains and the host less often."""
        self.every(LOOK_EVERY_S, lambda: self.read(ReadTraffic(self._uuid)))
        self.every(OTHERS_EVERY_S, lambda: self.read(ReadVnics()))
        self.every(OTHERS_EVERY_S, lambda: self.read(ReadHostNetwork()))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        value = reply.value
        if isinstance(request, ReadTraffic) and request.uuid == self._uuid:
            if isinstance(value, Traffic):
                self._take(value)
            if reply.message:
                self.say(reply.message, "bad")
        elif isinstance(request, ReadVnics) and isinstance(value, tuple):
            self._fleet, self._holders = value, holders(value)
            self._shared = duplicates(self._holders)
        elif isinstance(request, ReadHostNetwork) and isinstance(value, HostNetwork):
            self._network = value
        else:
            return
        self._show()

    def _take(self, traffic: Traffic) -> None:
        """Lengthen the histories; of interfaces that are gone they go."""
        latest, self._traffic = self._traffic, traffic
        if latest is not None and rates.too_soon(traffic.at_s - latest.at_s):
            return
        self._before = latest
        pairs = {target: speeds(self._before, traffic, target) for target in traffic.counters}
        self._history = {
            target: rates.extend(
                self._history.get(target, ()), None if None in pair else sum(filter(None, pair))
            )
            for target, pair in pairs.items()
        }

    # -- showing -----------------------------------------------------------------------------

    @override
    def show_host_state(self, before: HostState, after: HostState) -> None:
        self.follow()
        self._show()

    def _show(self) -> None:
        found = self._traffic.domain.vnics if self._traffic else ()
        self._vnics = {}
        for vnic in found:
            name = vnic.now.mac or vnic.now.called
            again = sum(key.split()[0] == name for key in self._vnics) if name else 0
            self._vnics[f"{name} {again}"] = vnic
        domain = self._domain
        what = f"Network of {safe(domain.name)}: {domain.state}" if domain else "Network"
        count = plural(len(found), "interface") if self._traffic else "reading"
        if self._traffic and self._traffic.domain.problem:
            count = "not read"
        self.show_list(what, count, list(self._vnics))

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        vnic, traffic = self._vnics[key], self._traffic
        target = vnic.now.target
        received, sent = speeds(self._before, traffic, target) if traffic else (None, None)
        past, ascii_only = self._history.get(target, ()), self.console.config.ascii
        sign = mark(vnic, self._shared)
        return row_cells(COLUMNS, Row(vnic, sign, received, sent, past, ascii_only))

    @override
    def notes(self) -> Iterable[Note]:
        vnic = self._vnic
        if vnic is None or self._traffic is None:
            return ()
        counters = self._traffic.counters.get(vnic.now.target)
        trouble = alarm(vnic, self._shared, self._uuid)
        return vnic_notes(vnic, counters, self._network or HostNetwork(), trouble)

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the interface, else what the keys do."""
        if self._domain is not None and self.subject is None:
            return f"{self._domain.name} is gone; this is what was known last", "warn"
        if self._traffic is None:
            return "reading", ""
        if problem := self._traffic.domain.problem:
            return safe(problem), "bad"
        vnic = self._vnic
        if vnic is None:
            return f"it has no interface; {KEY.add} adds one", ""
        if words := alarm(vnic, self._shared, self._uuid):
            return words, "bad"
        if vnic.differs:
            return f"{vnic.now.called}: {vnic.differs}", "warn"
        return (
            f"{KEY.move} moves it, {KEY.link} pulls its cable; "
            "nothing is done before the next page",
            "",
        )

    def virsh(self) -> str:
        """Name what lists the interfaces, or counts for the one under the cursor."""
        target = self._vnic.now.target if self._vnic else ""
        return (
            f"domifstat {self._uuid} {shlex.quote(target)}" if target else f"domiflist {self._uuid}"
        )

    # -- commands ----------------------------------------------------------------------------

    async def do_move(self) -> None:
        """Choose what it is plugged into; the next page does it."""
        if (which := self._which()) is not None:
            there = (self._network or HostNetwork()).what
            await self._choose(f"move {which} to", lambda to: mover(which, to, there(to)))

    async def do_add(self) -> None:
        """Choose what a new interface is plugged into; the next page adds it."""
        if self._fleet is None:
            self.say("the addresses of the other domains are still being read", "warn")
            return
        mac = make_mac(self._holders)
        await self._choose(f"add the interface {mac} on", lambda source: adder(source, mac))

    async def do_link(self) -> None:
        """Turn the link around; the next page does it."""
        if (which := self._which()) is not None and self._vnic is not None:
            up = not self._vnic.now.up
            words = f"set the link of {which} {'up' if up else 'down'}"
            await self._propose(words, linker(which, up))

    async def do_remove(self) -> None:
        """Take it away; the next page does it."""
        if (which := self._which()) is not None:
            await self._propose(f"take {which} away", remover(which))

    async def do_mac(self) -> None:
        """Ask for another address, a free one being there to be taken."""
        which = self._which()
        if which is None:
            return
        if self._fleet is None:
            self.say("the addresses of the other domains are still being read", "warn")
            return
        await self.ask(
            f"MAC of {safe(which)}",
            make_mac(self._holders),
            "an address, or 00:16:3e for one that begins so",
            typed=self._free,
            accepted=lambda text: self._take_mac(which, text),
            given_up=self.unsay,
        )

    async def do_host(self) -> None:
        """Open networks and bridges."""
        await self.console.open_page("networks")

    def _which(self) -> str | None:
        if self._vnic is None:
            self.say("there is no interface here", "warn")
            return None
        return self._vnic.now.called

    async def _choose(self, title: str, plan: Callable[[Source], Planner]) -> None:
        from vconsole.screens.network.choice import NetworkChoiceScreen

        if self._network is None:
            self.say("the networks and bridges are still being read", "warn")
            return

        async def chosen(source: Source) -> None:
            await self._propose(f"{title} {source}", plan(source))

        page = NetworkChoiceScreen(title, self._network, self._fleet or (), chosen)
        await self.console.show_page(page)

    async def _propose(
        self, words: str, plan: Planner, targets: tuple[Target, ...] = TARGETS
    ) -> None:
        asking = Propose(((self._uuid, self.named),), plan, targets)
        await self.console.show_changes(words, asking=asking)

    def _free(self, text: str) -> str | None:
        """The address that is typed, if a guest may have it."""
        known = self._holders
        try:
            mac = wanted_mac(text, known)
        except MacError as error:
            self.say(str(error), "warn")
            return None
        if mac in known:
            self.say(f"{mac} is the address of {known[mac][0]} already", "bad")
            return None
        self.unsay()
        return mac

    async def _take_mac(self, which: str, text: str) -> bool:
        if (mac := self._free(text)) is None:
            return False
        title = f"give {which} the address {mac}"
        await self._propose(title, address_giver(which, mac), ("config",))
        return True

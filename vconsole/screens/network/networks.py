"""The networks and bridges of the host, and which interfaces of which domains are on them."""

from __future__ import annotations

from typing import ClassVar

from vconsole.changes.dispatcher import Request
from vconsole.features.network.model.interfaces import (
    DomainVnics,
    Holders,
    ReadVnics,
    Source,
    Vnic,
    duplicates,
    holders,
)
from vconsole.features.network.model.places import HostNetwork, Network, ReadHostNetwork
from vconsole.features.network.words import COLUMNS, alarm, guest_row, lease_words, place_row
from vconsole.model.column import row_cells
from vconsole.model.host_state import Domain
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, Note, safe

KEY = Keys("networks")
LOOK_EVERY_S = 5.0
_Guest = tuple[DomainVnics, Vnic]
_Row = Source | _Guest


class NetworksScreen(ListPage, FilteredPage):
    """Each network and bridge, below it who is on it; its leases at the bottom."""

    SCOPE = "networks"
    EXAMPLE = "br0  web  52:54"
    BINDINGS: ClassVar = bindings("networks")
    COLUMNS = COLUMNS
    CHOSEN = "networks.open"
    DEFAULT_CSS = """
    NetworksScreen NotesView { height: 5; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._network: HostNetwork | None = None
        self._fleet: tuple[DomainVnics, ...] = ()
        self._on: dict[Source, dict[str, _Guest]] = {}
        self._shared: Holders = {}
        self._guests: dict[Source, int] = {}
        self._rows: dict[str, _Row] = {}

    @property
    def _row(self) -> _Row | None:
        return self._rows.get(self.table.key or "")

    @property
    def subject(self) -> Domain | None:
        """The domain whose interface is under the cursor."""
        row = self._row
        return self.host_state.domain(row[0].uuid) if isinstance(row, tuple) else None

    # -- reading -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look, and again."""
        self._show()
        self.every(LOOK_EVERY_S, lambda: self.read(ReadHostNetwork()))
        self.every(LOOK_EVERY_S, lambda: self.read(ReadVnics()))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        value = reply.value
        if isinstance(request, ReadHostNetwork):
            if isinstance(value, HostNetwork):
                self._network = value
            if trouble := reply.message or (self._network.problem if self._network else ""):
                self.say(trouble, "bad")
        elif isinstance(request, ReadVnics):
            if isinstance(value, tuple):
                self._fleet, self._shared = value, duplicates(holders(value))
                self._on = _by_source(value)
            if reply.message:
                self.say(reply.message, "bad")
        else:
            return
        self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        network = self._network or HostNetwork()
        self._guests = network.places(self._fleet)
        self._rows = {}
        for source in self._guests:
            guests = self._guests_of(source)
            if guests or self._matches(str(source)):
                self._rows[f"{source}"] = source
                self._rows |= guests
        words = [
            plural(len(network.networks), "network"),
            plural(sum(s.kind == "bridge" for s in self._guests), "bridge"),
            f"{plural(len(self._shared), 'shared MAC')}" if self._shared else "",
        ]
        how = "   ".join(filter(None, words)) if self._network else "reading"
        self.show_list("Networks", how, list(self._rows))

    def _guests_of(self, source: Source) -> dict[str, _Row]:
        """Who is on it, as far as the filter shows them; all where it shows the source itself."""
        everyone = self._matches(str(source))
        return {
            key: (domain, vnic)
            for key, (domain, vnic) in self._on.get(source, {}).items()
            if everyone or self._matches(f"{domain.name} {vnic.now.target} {vnic.now.mac}")
        }

    def _matches(self, text: str) -> bool:
        return all(word in text.casefold() for word in self.words)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        row, network = self._rows[key], self._network or HostNetwork()
        if isinstance(row, tuple):
            return row_cells(COLUMNS, guest_row(*row, self._shared, network))
        return row_cells(COLUMNS, place_row(row, network.what(row), self._guests[row]))

    @override
    def notes(self) -> list[Note]:
        row, network = self._row, self._network or HostNetwork()
        notes: list[Note] = []
        if isinstance(row, tuple):
            leases = network.leases_of(row[1].now.mac)
            if trouble := alarm(row[1], self._shared, row[0].uuid):
                notes.append((f" {safe(trouble)}", "bad"))
            notes += [(f" {lease_words(lease)}", "") for lease in leases]
        elif row is not None and isinstance(network.what(row), Network):
            leases = tuple(lease for lease in network.leases if lease.network == row.name)
            notes += [(f" {safe(e.mac)}  {lease_words(e)}", "") for e in leases]
            notes = notes or [(" no leases", "dim")]
        return notes

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the interface, else what the keys do."""
        row = self._row
        if isinstance(row, tuple):
            if words := alarm(row[1], self._shared, row[0].uuid) or row[1].differs:
                return f"{row[0].name}: {words}", "warn"
            return f"{KEY.open} opens the interfaces of {row[0].name}", ""
        if row is None and self.words:
            return f"nothing matches; {APP.back} shows all", "warn"
        unread = [domain.name for domain in self._fleet if domain.problem]
        if unread:
            return f"not read: {', '.join(unread[:3])}", "warn"
        return f"{KEY.open} on a domain opens its interfaces", ""

    def virsh(self) -> str:
        """Name what shows the row under the cursor."""
        row = self._row
        if isinstance(row, tuple):
            return f"domiflist {domain_argument(row[0].uuid, row[0].uuid)}"
        return "net-list --all"

    # -- commands ----------------------------------------------------------------------------

    async def do_open(self) -> None:
        """Open the interfaces of the domain."""
        if (domain := self.subject) is not None:
            await self.console.open_page("network", domain.uuid)

    @override
    def filtered(self) -> None:
        self._show()


def _by_source(fleet: tuple[DomainVnics, ...]) -> dict[Source, dict[str, _Guest]]:
    """Who is on what, by a key of their own."""
    found: dict[Source, dict[str, _Guest]] = {}
    for domain in fleet:
        for number, vnic in enumerate(domain.vnics):
            source = vnic.now.source
            found.setdefault(source, {})[f"{source} {domain.uuid} {number}"] = domain, vnic
    return found

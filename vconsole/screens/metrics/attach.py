"""Which domains can read metrics: the disk, the channel, now and from their next start on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.metrics.model.provision import Attachments, Devices, What, Wish
from vconsole.features.metrics.requests import PlanDevices, ReadAttachments
from vconsole.model.column import Column, row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.metrics.below import Metrics
from vconsole.screens.page import bindings
from vconsole.text import Cell, glyph, safe
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

KEY = Keys("metricsattach")


class Row(NamedTuple):
    """A domain, and what it has of both devices."""

    domain: Domain
    found: Attachments
    chosen: bool
    ascii_only: bool

    @property
    def tone(self) -> str:
        """The style of what is not remarkable."""
        return "" if self.domain.active else "dim"


def _mark(row: Row) -> Cell:
    return ("+", "accent") if row.chosen else ("!", "bad") if row.found.alarm else ("", "")


def _state(row: Row) -> Cell:
    state = row.domain.state
    return f"{glyph(state, row.ascii_only)} {state}", row.tone


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column(
        "name",
        "Domain",
        16,
        cut="middle",
        flex=True,
        cell=lambda row: (safe(row.domain.name), row.tone),
    ),
    Column("state", "State", 12, cell=_state),
    Column("disk_live", "Disk live", 12, cell=lambda row: _device(row.found.live, "disk")),
    Column("disk_config", "config", 12, cell=lambda row: _device(row.found.config, "disk")),
    Column("channel_live", "Channel live", 12, cell=lambda row: _device(row.found.live, "channel")),
    Column("channel_config", "config", 7, cell=lambda row: _device(row.found.config, "channel")),
)
UNKNOWN = Attachments()
LOOK_EVERY_S = 5.0


class MetricsAttachScreen(ListPage, FilteredPage):
    """The domains; those chosen, or the one under the cursor, are given the device or lose it."""

    SCOPE = "metricsattach"
    BINDINGS: ClassVar = bindings("metricsattach")
    COLUMNS = COLUMNS
    CHOSEN = "metricsattach.open"
    DEFAULT_CSS = """
    MetricsAttachScreen LineTable { scrollbar-gutter: stable; }
    """

    def __init__(self, metrics: Metrics) -> None:
        super().__init__()
        self._metrics = metrics
        self._what: What = "disk"
        self._domains: dict[str, Domain] = {}
        self._chosen: set[str] = set()
        self._first = metrics.subject.uuid if metrics.subject else None

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LineTable(self.COLUMNS, self.cells)

    @property
    @override
    def subject(self) -> Domain | None:
        return self._domains.get(self.table.key or "")

    @property
    def _found(self) -> Mapping[str, Attachments]:
        return self._metrics.picture.attachments

    # -- showing -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look, and again."""
        self.every(LOOK_EVERY_S, self._metrics.ask_devices)

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show the domains by name."""
        if after.domains is not before.domains or not self._domains:
            self._show()

    def replied(self, request: Request, reply: Reply) -> None:
        """Show what they have; the page below has taken it in."""
        if isinstance(request, ReadAttachments):
            if not isinstance(reply.value, Mapping):
                self.say(reply.message, "bad")
            self._show()

    def _show(self) -> None:
        domains = sorted(self.host_state.domains, key=lambda d: d.name.casefold())
        self._domains = {d.uuid: d for d in domains if self._matches(d)}
        self._chosen &= {domain.uuid for domain in domains}
        chosen = f"   {len(self._chosen)} chosen" if self._chosen else ""
        words = safe(f"{self._device_words()}{chosen}")
        self.show_list("Attach", words, list(self._domains), self._first)
        self._first = None

    def _matches(self, domain: Domain) -> bool:
        return all(word in f"{domain.name} {domain.state}".casefold() for word in self.words)

    def _device_words(self) -> str:
        if self._what == "channel":
            return "the channel: the host's metrics and the guest's own"
        if self._own:
            return "a disk for each guest: the host's metrics and the guest's own"
        return f"the disk {self._metrics.picture.path}: metrics of all guests"

    @property
    def _own(self) -> bool:
        """The daemon writes a disk for each domain."""
        config = self._metrics.picture.config
        return config is not None and config.settings.domain_disks

    @override
    def cells(self, uuid: str) -> tuple[Cell, ...]:
        found, chosen = self._found.get(uuid, UNKNOWN), uuid in self._chosen
        row = Row(self._domains[uuid], found, chosen, self.console.config.ascii)
        return row_cells(COLUMNS, row)

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the domain, else what the keys do."""
        domain = self.subject
        if domain is None:
            return (f"no domain matches; {APP.back} shows all", "warn") if self.words else ("", "")
        if alarm := self._found.get(domain.uuid, UNKNOWN).alarm:
            return f"{domain.name}: {alarm}", "bad"
        other = "channel" if self._what == "disk" else "disk"
        return (
            f"{KEY.attach} attaches the {self._what}, {KEY.detach} detaches it; "
            f"{KEY.what} is for the {other}",
            "",
        )

    @override
    def virsh(self) -> str:
        return f"domblklist --details {self.subject.uuid}" if self.subject else ""

    # -- commands ----------------------------------------------------------------------------

    def do_what(self) -> None:
        """Attach the other: disk or channel."""
        self._what = "channel" if self._what == "disk" else "disk"
        self._show()

    def do_select(self) -> None:
        """Choose the domain, or not."""
        if (domain := self.subject) is not None:
            self._chosen ^= {domain.uuid}
            self.table.action_move(1)
            self._show()

    async def do_attach(self) -> None:
        """Show what would be attached; enter there does it."""
        await self._plan(attach=True)

    async def do_detach(self) -> None:
        """Show what would be detached; enter there does it."""
        await self._plan(attach=False)

    async def _plan(self, attach: bool) -> None:
        one = {self.subject.uuid} if self.subject else set()
        wanted = self._chosen or one
        domains = tuple((d.uuid, d.name) for d in self.host_state.domains if d.uuid in wanted)
        wish = Wish(self._what, attach, str(self._metrics.picture.path), own=self._own)
        self._chosen = set()
        await self.console.show_changes(wish.words, asking=PlanDevices(domains, wish))

    async def do_open(self) -> None:
        """Open the domain."""
        if domain := self.subject:
            await self.console.open_page("domain", domain.uuid)

    @override
    def filtered(self) -> None:
        self._show()


def _device(present: Devices, what: What) -> Cell:
    """One half of what a domain has."""
    if present is None:
        return "", ""
    found = [device for device in present if device.what == what]
    if not found:
        return "-", "dim"
    if any(device.alarm for device in found):
        writable = any("writable" in device.alarm for device in found)
        return f"{found[0].target} {'WRITABLE' if writable else 'WRONG'}", "bad"
    if what == "channel":
        return "open" if found[0].in_use else "yes", "good"
    return " ".join(device.target for device in found), "good"

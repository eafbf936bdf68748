"""The metrics disk: how it is, what is on it, and what each guest can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.config import parse
from vconsole.features.metrics.model.provision import Attachments
from vconsole.features.metrics.model.spec import VhostmdConfig
from vconsole.features.metrics.model.status import DaemonStatus, Trial
from vconsole.features.metrics.model.stock import twin_words
from vconsole.features.metrics.picture import Picture
from vconsole.features.metrics.requests import (
    DiskReport,
    ReadAttachments,
    ReadDaemon,
    ReadDisk,
    TryMetric,
)
from vconsole.features.metrics.words import disk as metricswords
from vconsole.features.metrics.words import rows as metricrows
from vconsole.features.metrics.words.rows import Row, Shown
from vconsole.files.careful import Loaded
from vconsole.files.config import Config
from vconsole.files.draft import ReadFile
from vconsole.files.places import config_path
from vconsole.model.column import row_cells
from vconsole.model.host_state import Domain, HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.request import ChangeDevice, Reply
from vconsole.override import override
from vconsole.screens.list_page import FilteredPage, ListPage
from vconsole.screens.metrics.below import Form
from vconsole.screens.page import Page, bindings
from vconsole.text import Cell
from vconsole.widgets.bars import FooterBar
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import NotesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

ALL, DISK, GUEST = range(3)
DEVICES_EVERY_S, DEVICES_SOONEST_S = 30.0, 3.0
"""Devices are looked at again that often, and that soon after a domain has started or stopped."""
CONFIG_EVERY_S = 5.0
"""Looks at the disk between two at the daemon's configuration."""


KEY = Keys("metrics")


class Facts(LinesView, can_focus=False):
    """A few lines that do not scroll."""


class MetricsScreen(ListPage, FilteredPage):
    """The disk above, its metrics below; as everybody sees them, or as one guest does."""

    SCOPE = "metrics"
    EXAMPLE = "cpu  web-01"
    BINDINGS: ClassVar = bindings("metrics")
    COLUMNS = metricrows.COLUMNS
    CHOSEN = "metrics.open"
    DEFAULT_CSS = """
    MetricsScreen Facts { height: 3; }
    MetricsScreen LineTable { scrollbar-gutter: stable; }
    MetricsScreen NotesView { height: auto; max-height: 5; display: none; }
    MetricsScreen #cure { display: none; }
    """

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make it for the files in the settings."""
        return cls(Path(config.metrics_disk), Path(config.vhostmd_conf))

    def __init__(self, path: Path, conf: Path) -> None:
        super().__init__()
        self.conf = conf
        self.picture = Picture(path)
        self._loaded: Loaded | None = None
        self._rows: dict[str, Row] = {}
        self._names: dict[str, str] = {}
        self._view, self._guest = ALL, ""
        self._asking, self._stale, self._asked_at = False, True, -DEVICES_EVERY_S
        self._states: tuple[tuple[str, str], ...] = ()

    def compose_body(self) -> ComposeResult:
        """Title, the disk, its metrics or what to do, who reads what."""
        yield TitleBar()
        yield Facts()
        yield LineTable(self.COLUMNS, self.cells)
        yield LinesView(id="cure")
        yield NotesView()

    # -- what there is -----------------------------------------------------------------------

    @property
    def row(self) -> Row | None:
        """The one under the cursor."""
        return self._rows.get(self.table.key or "")

    @property
    def guest(self) -> str:
        """The UUID of the domain as which the page is seen, or ""."""
        return self._guest if self._view == GUEST else ""

    @property
    def subject(self) -> Domain | None:
        """The domain as which the page is seen, else whose metric is under the cursor."""
        uuid = self.guest or (self.row.owner if self.row else "")
        return self.host_state.domain(uuid) if uuid else None

    # -- asking ------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to read."""
        self._show()
        self.every(1.0, lambda: self.read(self.disk_request))
        self.every(1.0, lambda: self.read(ReadDaemon()))
        self.every(CONFIG_EVERY_S, lambda: self.read(ReadFile(self.conf)))
        self.every(1.0, self._ask_devices_if_due)

    @property
    def disk_request(self) -> ReadDisk:
        """What looks at the disk."""
        return ReadDisk(self.picture.path)

    def _ask_devices_if_due(self) -> None:
        age_s = monotonic() - self._asked_at
        if age_s > DEVICES_EVERY_S or (self._stale and age_s > DEVICES_SOONEST_S):
            self.ask_devices()

    def ask_devices(self) -> None:
        """Look which domains have the disk or the channel, unless that is under way."""
        uuids = tuple(domain.uuid for domain in self.host_state.domains)
        if self._asking or not uuids:
            return
        self._asking, self._stale, self._asked_at = True, False, monotonic()
        self.console.dispatcher.ask(ReadAttachments(uuids, str(self.picture.path)))

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Take the names in; what starts or stops has other devices."""
        if after.domains is before.domains and self._names:
            return
        self._names = {domain.uuid: domain.name for domain in after.domains}
        states = tuple((domain.uuid, domain.state) for domain in after.domains)
        if states != self._states:
            self._states, self._stale = states, True
            self._ask_devices_if_due()
        self._show()

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        value = reply.value
        if isinstance(request, ReadDisk):
            report = value if isinstance(value, DiskReport) else self.picture.report
            self._learn(report=report, trouble=reply.message)
        elif isinstance(request, ReadDaemon):
            known = value if isinstance(value, DaemonStatus) else None
            self._learn(daemon=known, daemon_problem=reply.message)
        elif (
            isinstance(request, ReadFile)
            and request.path == self.conf
            and isinstance(value, Loaded)
        ):
            if value != self._loaded:
                self._loaded = value
                self._learn(config=_read(value))
        elif isinstance(request, ReadAttachments):
            self._asking = False
            found = value if isinstance(value, Mapping) else self.picture.attachments
            self._learn(attachments=found, attachments_problem=reply.message)
        elif isinstance(request, ChangeDevice):
            self._stale = True
        elif isinstance(request, TryMetric) and self.console.page is self:
            trial = value if isinstance(value, Trial) else None
            self.say(*metricswords.trial_words(request.name, trial, reply.message))

    def _learn(self, **known: Any) -> None:
        """Show what is known now; the list is made anew only for other metrics."""
        before, self.picture = self.picture, replace(self.picture, **known)
        if before.metrics is not self.picture.metrics or "attachments" in known:
            self._show()
            return
        self._show_around()
        self.table.show(self.table.keys)

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        report, only = self.picture.report, self.guest or None
        if report is not None:
            self._rows = metricrows.rows(
                report.metrics, report.tracks, self._names, only, self.words
            )
            self.table.show(list(self._rows))
        self._show_notes()
        self._show_around()

    def _show_around(self) -> None:
        """Show what is above and below the list."""
        picture, cure = self.picture, self.query_one("#cure", LinesView)
        title = metricswords.title_words(picture, self.host_state.connection)
        self.query_one(TitleBar).words = ("Metrics", title)
        self._show_facts()
        if nothing := picture.report is not None and not picture.metrics:
            assert picture.report is not None
            latest, settings = picture.report.state.latest, config_path()
            cure.show(metricswords.missing_lines(latest, str(settings)))
        cure.display, self.table.display = nothing, not nothing
        self._offer()
        self.refresh_hint()

    def _offer(self) -> None:
        """Have the footer name what replaces commands, where there are some to replace."""
        config, command = self.picture.config, ("metrics.builtin",)
        has_twins = config is not None and bool(twin_words(config))
        first, without = (command, ()) if has_twins else ((), command)
        self.query_one(FooterBar).offer(first, without)

    def explain(self) -> None:
        """Name the guest to be seen as."""
        self._show_facts()

    def _show_facts(self) -> None:
        guest = self.guest or self._candidate()
        name = self._names.get(guest, guest) or "a guest"
        views = ("all", "disk reader", f"{name} (channel)")
        self.query_one(Facts).show(metricswords.facts(self.picture, views, self._view))

    def _show_notes(self) -> None:
        picture, notes = self.picture, self.query_one(NotesView)
        if not picture.metrics or self._view == ALL:
            notes.notes = ()
        elif self._view == DISK:
            notes.notes = metricswords.leak_notes(picture, self._names)
        else:
            name = self._names.get(self.guest, self.guest)
            found, path = picture.attachments.get(self.guest), str(picture.path)
            notes.notes = metricswords.guest_notes(name, self.guest, found, path)
        notes.display = bool(notes.notes)

    @override
    def cells(self, key: str) -> tuple[Cell, ...]:
        row, picture = self._rows[key], self.picture
        ways = metricswords.ways(picture.attachments.get(row.owner)) if row.owner else ("", "")
        why = picture.failure(row.metric) if row.metric else ""
        shown = Shown(row, ways, why, picture.is_over, self.console.config.ascii)
        return row_cells(metricrows.COLUMNS, shown)

    def hint(self) -> tuple[str, str]:
        """Say what is wrong with the row under the cursor, else what it is."""
        row, picture = self.row, self.picture
        if picture.report is None:
            return (picture.trouble, "bad") if picture.trouble else ("reading the disk", "")
        if row is None:
            return (f"no metric matches; {APP.back} shows all", "warn") if self.words else ("", "")
        if row.metric is None:
            return self._heading_hint(row, picture.attachments.get(row.owner))
        if problem := row.problem or picture.failure(row.metric):
            return problem, "warn"
        return row.words, ""

    def _heading_hint(self, row: Row, found: Attachments | None) -> tuple[str, str]:
        config = self.picture.config
        if not row.owner and config is not None and (twins := twin_words(config)):
            return f"{KEY.builtin} {twins}", ""
        if not row.owner:
            return "metrics of this host: every guest with a disk or the channel reads them", ""
        if found is None:
            return f"{row.title}: its devices are not known", ""
        if found.alarm:
            return f"{row.title}: {found.alarm}", "bad"
        words = [f"disk {d.target}" if d.what == "disk" else d.what for d in found.now]
        return f"{row.title}: {' and '.join(words) or 'no disk, no channel: it reads nothing'}", ""

    def virsh(self) -> str:
        """Name what lists the disks of the domain under the cursor."""
        return f"domblklist --details {self.subject.uuid}" if self.subject else ""

    # -- commands ----------------------------------------------------------------------------

    def _candidate(self) -> str:
        """The guest to see the page as: that under the cursor, else the first one there is."""
        owners = [row.owner for row in self._rows.values() if row.owner]
        if self.row is not None and self.row.owner:
            return self.row.owner
        return self._guest if self._guest in owners else owners[0] if owners else ""

    def do_reader(self) -> None:
        """See all, what the disk gives to its readers, what the channel gives to one guest."""
        self._guest = self._candidate()
        self._view = (self._view + 1) % 3
        if self._view == GUEST and not self._guest:
            self._view = ALL
            self.say("no guest has metrics on this disk", "warn")
        self._show()

    async def do_raw(self) -> None:
        """Show the document itself."""
        await self._open_bytes("raw")

    async def do_hex(self) -> None:
        """Show the bytes."""
        await self._open_bytes("hex")

    async def _open_bytes(self, form: Form) -> None:
        from vconsole.screens.metrics.bytes import MetricsBytesScreen

        if self.picture.content(header=True):
            await self.console.show_page(MetricsBytesScreen(self, form))
        else:
            self.say("there are no bytes to show", "warn")

    @override
    def go_back(self) -> bool:
        if self.words:
            self._filter("")
        elif self._view != ALL:
            self._view = ALL
            self._show()
        else:
            return False
        return True

    @override
    def filtered(self) -> None:
        self._show()

    async def do_service(self) -> None:
        """Go to vhostmd's unit."""
        from vconsole.screens.service import ServiceScreen

        await self.console.show_page(ServiceScreen("vhostmd"))

    async def do_open(self) -> None:
        """Open the domain."""
        if domain := self.subject:
            await self.console.open_page("domain", domain.uuid)

    def do_test(self) -> None:
        """Have the daemon get the metric under the cursor now."""
        metric = self.row.metric if self.row else None
        if metric is None:
            self.say("no metric here: move to one", "warn")
            return
        self.console.dispatcher.ask(TryMetric(self.picture.configured(metric), metric.context))
        self.say(f"testing {metric.name}")

    async def do_attach(self) -> None:
        """Open the list of domains with and without disk and channel."""
        from vconsole.screens.metrics.attach import MetricsAttachScreen

        await self.console.show_page(MetricsAttachScreen(self))

    async def do_configure(self) -> None:
        """Open the daemon's configuration."""
        await self._configure(replacing=False)

    async def do_builtin(self) -> None:
        """Show what replaces commands that are built in as well; enter there saves it."""
        await self._configure(replacing=True)

    async def _configure(self, replacing: bool) -> None:
        from vconsole.screens.metrics.config import MetricsConfigScreen

        await self.console.show_page(MetricsConfigScreen(self.conf, replacing))


def _read(loaded: Loaded) -> VhostmdConfig | None:
    """The configuration; None where it is not valid, which its own page explains."""
    try:
        return parse(loaded.data) if loaded.exists else None
    except ConfigError:
        return None

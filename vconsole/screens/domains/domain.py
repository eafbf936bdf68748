"""One domain: what it is, what its threads do, where its memory lies, its devices and its XML."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.events import Resize
from textual.widget import Widget

from vconsole.changes.dispatcher import Request
from vconsole.features.domains.words import (
    DEVICE_COLUMNS,
    THREAD_COLUMNS,
    Thread,
    drift_words,
    memory,
    overview,
    thread_columns,
    threads,
)
from vconsole.model.attention import attention
from vconsole.model.column import row_cells
from vconsole.model.host_state import Detail, Device, Domain, HostState
from vconsole.model.keys import Keys, key
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, glyph, percent, safe, sizes
from vconsole.widgets.bars import StatusBar
from vconsole.widgets.lines import LinesView
from vconsole.widgets.table import LineTable
from vconsole.widgets.tabs import TabStrip
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff, paint_xml, xml_diff, xml_lines

if TYPE_CHECKING:
    from vconsole.screens.definition import DefinitionEditor

KEY = Keys("domain")
TABS = ("Overview", "CPU", "Memory", "Devices", "XML")
OVERVIEW, CPU, MEMORY, DEVICES, XML = range(5)
_PAGES = ("resources", "agent", "network", "snapshots", "policy", "divergence", "edit")
_PAGE_WORDS = ("memory", "agent", "network", "snapshots", "policy", "differences", "edit")
KEYS = "  ".join(f"{key(f'domain.{p}')} {w}" for p, w in zip(_PAGES, _PAGE_WORDS, strict=True))
"""Said where nothing is odd: the pages about the domain that the footer has no room for."""
XmlMode = Literal["live", "inactive", "difference"]


class DomainScreen(DomainPage):
    """Five tabs about a domain. When it vanishes, what was known last stays."""

    SCOPE = "domain"
    PAGE = "domain"
    HINT_LINES = StatusBar.MOST_LINES  # a device is described whole nowhere else
    AUTO_FOCUS = "#view-0"
    BINDINGS: ClassVar = bindings("domain")
    DEFAULT_CSS = """
    DomainScreen .hidden { display: none; }
    """

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._detail: Detail | None = None
        self._threads: dict[str, Thread] = {}
        self._devices: dict[str, Device] = {}
        self._xml_mode: XmlMode | None = None
        self._editor: DefinitionEditor | None = None

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield TabStrip(TABS)
        yield LinesView(id="view-0")
        yield LineTable(thread_columns(80), self._thread_cells, id="view-1")
        yield LinesView(id="view-2")
        yield LineTable(DEVICE_COLUMNS, self._device_cells, id="view-3")
        yield LinesView(id="view-4")

    def on_mount(self) -> None:
        """Show the first tab."""
        for tab in range(1, len(TABS)):
            self._view(tab).add_class("hidden")

    def on_resize(self, event: Resize) -> None:
        """Give the sets of pCPUs the room there is."""
        self._tables[CPU].columns = thread_columns(event.size.width)
        self._tables[CPU].lay_out()
        self._show_tab()

    # -- what commands may look at -----------------------------------------------------------

    @property
    def tab(self) -> int:
        """The tab that is open."""
        return self.query_one(TabStrip).open_tab

    def _view(self, tab: int) -> Widget:
        return self.query_one(f"#view-{tab}")

    @cached_property
    def _tables(self) -> dict[int, LineTable]:
        return {tab: self.query_one(f"#view-{tab}", LineTable) for tab in (CPU, DEVICES)}

    # -- showing -----------------------------------------------------------------------------

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Keep what is known, and show the open tab."""
        self.follow()
        if after.detail is not None and after.detail.uuid == self._uuid:
            self._detail = after.detail
        self._show_title()
        self._show_tab()

    def _show_title(self) -> None:
        domain = self._domain
        if domain is None:
            return
        usage = self.host_state.usage.get(domain.uuid)
        sign = glyph(domain.state, self.console.config.ascii)
        words = (
            f"{sign} {domain.state}" if self.subject else "gone",
            "-" if domain.vcpus is None else plural(domain.vcpus, "vCPU"),
            sizes(domain.memory_bytes, domain.max_memory_bytes),
            f"CPU {percent(usage.cpu_percent if usage else None)} %",
            safe(domain.title or ""),
        )
        self.query_one(TitleBar).words = (safe(domain.name), "   ".join(filter(None, words)))

    def _show_tab(self) -> None:
        if self._domain is None:
            return
        show = (
            self._show_overview,
            self._show_threads,
            self._show_memory,
            self._show_devices,
            self._show_xml,
        )
        show[self.tab](self._domain)

    def _show_overview(self, domain: Domain) -> None:
        lines = overview(domain, self.host_state, self._detail)
        self.query_one("#view-0", LinesView).show(lines)

    def _show_threads(self, domain: Domain) -> None:
        rows = threads(domain, self._detail, self.host_state)
        self._threads = {f"{kind} {number}": row for row in rows for kind, number in (row.key,)}
        self._tables[CPU].show(list(self._threads))

    def _show_memory(self, domain: Domain) -> None:
        width, ascii_only = self.size.width, self.console.config.ascii
        lines = memory(domain, self.host_state, self._detail, width, ascii_only)
        self.query_one("#view-2", LinesView).show(lines)

    def _show_devices(self, domain: Domain) -> None:
        devices = self._detail.devices if self._detail else ()
        self._devices = {str(place): device for place, device in enumerate(devices)}
        self._tables[DEVICES].show(list(self._devices))

    def _thread_cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(THREAD_COLUMNS, self._threads[key])

    def _device_cells(self, key: str) -> tuple[Cell, ...]:
        return row_cells(DEVICE_COLUMNS, self._devices[key])

    def _show_xml(self, domain: Domain) -> None:
        view, mode = self.query_one("#view-4", LinesView), self._mode()
        live, config = self._documents()
        if mode == "difference" and live and config:
            lines = xml_diff(live, config)
            view.show(lines or ("the next start changes nothing",), paint_diff)
            return
        text = live if mode == "live" else config
        missing = f"its {mode} XML is not known" if self._detail else "reading"
        view.show(xml_lines(text) if text else (missing,), paint_xml)

    def _documents(self) -> tuple[str | None, str | None]:
        return (self._detail.xml_live, self._detail.xml_config) if self._detail else (None, None)

    def _mode(self) -> XmlMode:
        """What the XML tab shows; at first what is in force."""
        running = self._domain is not None and self._domain.active
        return self._xml_mode or ("live" if running else "inactive")

    # -- the status line ---------------------------------------------------------------------

    def hint(self) -> tuple[str, str]:
        """Say what is odd: that it is gone, a thread that is elsewhere, or else."""
        fresh, domain = self.host_state.freshness, self._domain
        if domain is None:
            if fresh.read_at is not None:
                return "there is no such domain on this host", "warn"
            return fresh.reason or "connecting", "warn" if fresh.reason else ""
        if self.subject is None:
            return f"{safe(domain.name)} is gone; this is what was known last", "warn"
        if self.tab == XML:
            return self._xml_hint()
        if (device := self._device) is not None:
            return safe(f"{device.kind} {device.target}: {device.description}"), ""
        if words := self._remark(domain):
            return words, "warn"
        return KEYS, ""

    @property
    def _device(self) -> Device | None:
        """The one under the cursor; its row may have less room than its words need."""
        return self._devices.get(self._tables[DEVICES].key or "") if self.tab == DEVICES else None

    def _remark(self, domain: Domain) -> str:
        row = self._threads.get(self._tables[CPU].key or "") if self.tab == CPU else None
        if row is not None and row.remark:
            return row.remark
        drift = drift_words(threads(domain, self._detail, self.host_state))
        return drift or domain.problem or attention(domain, self.host_state) or ""

    def _xml_hint(self) -> tuple[str, str]:
        mode = self._mode()
        if mode == "difference":
            return f"what the next start changes: - now, + then; {KEY.xml} shows the live XML", ""
        after = "the inactive XML" if mode == "live" else "the difference"
        return f"{mode} XML, read-only; {KEY.xml} shows {after}", ""

    def virsh(self) -> str:
        """Name what the open tab shows; threads and devices by the row under the cursor."""
        domain = self._domain
        if domain is None:
            return ""
        name = shlex.quote(domain_argument(domain.name, domain.uuid))
        words = (
            "dominfo {}",
            self._thread_words(),
            "dommemstat {}" if domain.active else "numatune {}",
            self._device_words(),
            "dumpxml {}" if self._mode() == "live" else "dumpxml --inactive {}",
        )
        return words[self.tab].format(name)

    def _thread_words(self) -> str:
        row = self._threads.get(self._tables[CPU].key or "")
        kind = row.key[0] if row else "vcpu"
        words = {"emulator": "emulatorpin {}", "iothread": "iothreadinfo {}"}
        return words.get(kind, "vcpuinfo --pretty {}")

    def _device_words(self) -> str:
        device = self._devices.get(self._tables[DEVICES].key or "")
        words = {"disk": "domblklist --details {}", "interface": "domiflist {}"}
        return words.get(device.kind if device else "disk", "dumpxml {}")

    # -- commands ----------------------------------------------------------------------------

    def open_tab(self, tab: int) -> None:
        """Show a tab and give it the keys."""
        if tab != self.tab:
            self._view(self.tab).add_class("hidden")
            self.query_one(TabStrip).open_tab = tab
            self._view(tab).remove_class("hidden")
            self._view(tab).focus()
        self._show_tab()
        self.refresh_hint()

    def do_next_tab(self) -> None:
        """Go to the tab at the right."""
        self.open_tab((self.tab + 1) % len(TABS))

    def do_previous_tab(self) -> None:
        """Go to the tab at the left."""
        self.open_tab((self.tab - 1) % len(TABS))

    async def do_edit(self) -> None:
        """Edit its definition as text."""
        from vconsole.screens.definition import DefinitionEditor

        self._editor = self._editor or DefinitionEditor(self, self._uuid)
        await self._editor.begin()

    def replied(self, request: Request, reply: Reply) -> None:
        """Hand the definition to who edits it."""
        if self._editor is not None:
            self._editor.replied(request, reply)

    def show_difference(self) -> None:
        """Show what the next start changes of its XML."""
        self._xml_mode = "difference"
        self.open_tab(XML)

    def do_xml(self) -> None:
        """Go to the XML; there, show its next form."""
        if self.tab == XML:
            order: tuple[XmlMode, ...] = ("live", "inactive", "difference")
            self._xml_mode = order[(order.index(self._mode()) + 1) % len(order)]
        self.open_tab(XML)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        """Open by mouse."""
        self.open_tab(event.tab)

    def on_line_table_moved(self, event: LineTable.Moved) -> None:
        """Speak of another row."""
        self.unsay()
        self.refresh_hint()

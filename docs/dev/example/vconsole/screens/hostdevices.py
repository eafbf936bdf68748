"""The devices of the host."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from vconsole.features.hostdevices.model import HostDevice, ReadHostDevices

from vconsole.changes.dispatcher import Request
from vconsole.model.column import Heading
from vconsole.model.request import Reply
from vconsole.screens.page import Page, bindings
from vconsole.text import Cell, safe
from vconsole.widgets.table import LineTable
from vconsole.widgets.title import TitleBar

COLUMNS = (
    Heading("name", "Device", 24, flex=True),
    Heading("kind", "Kind", 12),
    Heading("parent", "Parent", 24),
)


class HostDevicesScreen(Page):
    """One line a device; ``u`` goes up to its parent."""

    SCOPE = "hostdevices"
    BINDINGS: ClassVar = bindings("hostdevices")

    def __init__(self) -> None:
        super().__init__()
        self._devices: dict[str, HostDevice] = {}

    def compose_body(self) -> ComposeResult:
        """Title and list."""
        yield TitleBar()
        yield LineTable(COLUMNS, self._cells)

    def on_screen_resume(self) -> None:
        """Read whenever the page comes to the front."""
        self.read(ReadHostDevices())

    def replied(self, request: Request, reply: Reply) -> None:
        """Show what was read, or say why not."""
        if not isinstance(request, ReadHostDevices):
            return
        if not isinstance(reply.value, tuple):
            self.say(reply.message, "bad")
            return
        self._devices = {device.name: device for device in reply.value}
        self.query_one(LineTable).show(list(self._devices))
        self.query_one(TitleBar).words = ("Devices", f"{len(self._devices)} of this host")

    def _cells(self, name: str) -> tuple[Cell, ...]:
        device = self._devices[name]
        return (safe(device.name), ""), (safe(device.kind), ""), (safe(device.parent), "dim")

    def do_parent(self) -> None:
        """Put the cursor on the parent."""
        table = self.query_one(LineTable)
        device = self._devices.get(table.key or "")
        if device and device.parent in self._devices:
            table.show(list(self._devices), cursor=device.parent)

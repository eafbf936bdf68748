"""The devices of the host."""

from __future__ import annotations

from typing import ClassVar, Final

from vconsole.features.hostdevices.model import HostDevice, ReadHostDevices

from vconsole.changes.dispatcher import Request
from vconsole.model.column import Column, row_cells
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.list_page import ListPage
from vconsole.screens.page import bindings
from vconsole.text import Cell, safe

COLUMNS: Final[tuple[Column[HostDevice], ...]] = (
    Column("name", "Device", 24, flex=True, cell=lambda device: (safe(device.name), "")),
    Column("kind", "Kind", 12, cell=lambda device: (safe(device.kind), "")),
    Column("parent", "Parent", 24, cell=lambda device: (safe(device.parent), "dim")),
)


class HostDevicesScreen(ListPage):
    """One line a device; ``u`` goes up to its parent."""

    SCOPE = "hostdevices"
    BINDINGS: ClassVar = bindings("hostdevices")
    COLUMNS = COLUMNS

    def __init__(self) -> None:
        super().__init__()
        self._devices: dict[str, HostDevice] = {}

    def on_screen_resume(self) -> None:
        """Read whenever the page comes to the front."""
        self.read(ReadHostDevices())

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if not isinstance(request, ReadHostDevices):
            return
        if not isinstance(reply.value, tuple):
            self.say(reply.message, "bad")
            return
        self._devices = {device.name: device for device in reply.value}
        self.show_list("Devices", f"{len(self._devices)} of this host", list(self._devices))

    @override
    def cells(self, name: str) -> tuple[Cell, ...]:
        return row_cells(COLUMNS, self._devices[name])

    def do_parent(self) -> None:
        """Put the cursor on the parent."""
        device = self._devices.get(self.table.key or "")
        if device and device.parent in self._devices:
            self.table.show(list(self._devices), cursor=device.parent)

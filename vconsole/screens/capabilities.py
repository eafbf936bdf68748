"""What the host can do: the capabilities XML."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.capabilities.model import ReadCapabilities
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply
from vconsole.model.words import plural
from vconsole.override import override
from vconsole.screens.page import Page, bindings
from vconsole.text import safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_xml, xml_lines


class CapabilitiesScreen(Page):
    """Read what libvirt says of the host; f5 reads it anew."""

    SCOPE = "capabilities"
    BINDINGS: ClassVar = bindings("capabilities")
    AUTO_FOCUS = "LinesView"

    def __init__(self) -> None:
        super().__init__()
        self._xml, self._trouble = "", ""

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Ask for it."""
        self.query_one(TitleBar).words = ("Capabilities", "")

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Begin to read as soon as there is a host."""
        if not self._xml:
            self.read_again()

    @override
    def read_again(self) -> None:
        self.read(ReadCapabilities())

    def replied(self, request: Request, reply: Reply) -> None:
        """Show it; what was known stays where nothing was read."""
        if not isinstance(request, ReadCapabilities):
            return
        self._trouble = reply.message
        if isinstance(reply.value, str):
            self._xml = reply.value
            lines = xml_lines(reply.value)
            self.query_one(TitleBar).words = ("Capabilities", plural(len(lines), "line"))
            self.query_one(LinesView).show(lines, paint_xml)
        self.refresh_hint()

    def hint(self) -> tuple[str, str]:
        """Say why there is nothing to see."""
        if self._trouble:
            return f"the capabilities cannot be read: {safe(self._trouble)}", "bad"
        return ("", "") if self._xml else ("reading", "")

    @override
    def virsh(self) -> str:
        return "capabilities"

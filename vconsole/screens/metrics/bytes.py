"""The metrics as they are read: the document, or its bytes in hexadecimal."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from vconsole.changes.dispatcher import Request
from vconsole.features.metrics.requests import ReadDisk
from vconsole.features.metrics.words.disk import HexLines, raw_lines
from vconsole.model.keys import APP, Keys
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.metrics.below import Form, Metrics
from vconsole.screens.page import Page, bindings
from vconsole.text import safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_xml

KEY = Keys("metricsbytes")


class MetricsBytesScreen(Page):
    """What the page of metrics is made from, in the same view; it follows the disk."""

    SCOPE = "metricsbytes"
    BINDINGS: ClassVar = bindings("metricsbytes")
    AUTO_FOCUS = "LinesView"

    def __init__(self, metrics: Metrics, form: Form) -> None:
        super().__init__()
        self._metrics, self._form = metrics, form
        self._shown: tuple[Form, bytes] | None = None

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Show them, and go on looking."""
        self._show()
        self.every(1.0, lambda: self.read(self._metrics.disk_request))

    def replied(self, request: Request, reply: Reply) -> None:
        """Show what was read; the page below has taken it in."""
        if isinstance(request, ReadDisk):
            self._show()

    def _show(self) -> None:
        guest = self._metrics.guest
        content = self._metrics.picture.content(guest, header=self._form == "hex")
        if (self._form, content) == self._shown:
            return
        self._shown = self._form, content
        view = self.query_one(LinesView)
        if self._form == "raw":
            view.show(raw_lines(content), paint_xml)
        else:
            view.show(HexLines(content))
        what = "Document" if self._form == "raw" else "Bytes"
        domain = self._metrics.subject if guest else None
        name = domain.name if domain else guest
        source = f"the channel of {name}" if guest else str(self._metrics.picture.path)
        words = f"{source}   {len(content):,} bytes"
        self.query_one(TitleBar).words = (what, safe(words))
        self.refresh_hint()

    def hint(self) -> tuple[str, str]:
        """Name the other form."""
        if self._form == "raw":
            return f"as it is read; {KEY.hex} shows its bytes, {APP.back} goes back", ""
        what = "the whole answer" if self._metrics.guest else "a header of 16 bytes, the document"
        return f"{what}; {KEY.raw} shows it as text, {APP.back} goes back", ""

    def do_raw(self) -> None:
        """Show the document."""
        self._form = "raw"
        self._show()

    def do_hex(self) -> None:
        """Show the bytes."""
        self._form = "hex"
        self._show()

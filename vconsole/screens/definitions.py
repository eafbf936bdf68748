"""Edits of inactive definitions: what each would change, one key to do it, what became of it."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.app import ComposeResult

from vconsole.desk import Request
from vconsole.model.requests import Define, Reply
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural
from vconsole.model.xml_edit import diff
from vconsole.screens.base import Page, bindings
from vconsole.text import safe
from vconsole.widgets.lines import Line, LinesView
from vconsole.widgets.title import TitleBar
from vconsole.widgets.xmlview import paint_diff

_PASSWORD = re.compile(r"(?<=passwd=)(['\"]).*?\1")
"""Definitions are read with passwords, so that none is lost; nobody needs to see one."""
_TONES = {"applied": "good", "refused": "warn"}


class DefinitionsScreen(Page):
    """The differences, domain by domain, and what to know before; enter applies them."""

    SCOPE = "definitions"
    BINDINGS: ClassVar = bindings("definitions")
    AUTO_FOCUS = "LinesView"

    def __init__(self, what: str, edits: tuple[Define, ...], notes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._what, self._edits, self._notes = what, edits, notes
        self._asked = False
        self._replies: dict[str, Reply] = {}

    @property
    def changes(self) -> int:
        """How many definitions are still to be changed."""
        return 0 if self._asked else len(self._edits)

    def compose_body(self) -> ComposeResult:
        """Title and lines."""
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Show them."""
        super().on_mount()
        self._show()

    def _show(self) -> None:
        done = f"   {len(self._replies)} of {len(self._edits)} done" if self._asked else ""
        words = f"{plural(len(self._edits), 'domain')}   takes effect at the next start{done}"
        self.query_one(TitleBar).words = (self._what.capitalize(), words)
        lines: list[Line] = [((f" {safe(note)}", "warn"),) for note in self._notes]
        for edit in self._edits:
            lines.append(self._heading(edit))
            lines += (_PASSWORD.sub(r"\1***\1", line) for line in diff(edit.before, edit.after))
        self.query_one(LinesView).show(lines, paint_diff)
        self.refresh_hint()

    def _heading(self, edit: Define) -> Line:
        reply = self._replies.get(edit.uuid)
        if reply is None:
            return ((f" {safe(edit.name)}", "strong"),)
        message = f"  {reply.message}" if reply.status != "applied" else ""
        result = (f"  {reply.status}{safe(message)}", _TONES.get(reply.status, "bad"))
        return (f" {safe(edit.name)}", "strong"), result

    def hint(self) -> tuple[str, str]:
        """Name the next key, or what became of it."""
        if not self._asked:
            return "enter applies; esc goes back, nothing is changed", ""
        failed = [e.name for e in self._edits if self._status(e) not in ("", "applied")]
        if failed:
            return f"not done: {', '.join(failed)}", "bad"
        if len(self._replies) < len(self._edits):
            return "applying", ""
        return "done and read back; it takes effect at the next start", "good"

    def _status(self, edit: Define) -> str:
        reply = self._replies.get(edit.uuid)
        return reply.status if reply else ""

    def virsh(self) -> str:
        """Name the command that edits by hand."""
        names = (domain_argument(edit.name, edit.uuid) for edit in self._edits)
        return "\n".join(f"virsh edit {name}" for name in names)

    def do_apply(self) -> None:
        """Compare with what was shown, define, and read back."""
        if self._asked:
            self.say("that was done already", "warn")
            return
        self._asked = True
        for edit in self._edits:
            self.console.desk.ask(edit)
        self._show()

    def replied(self, request: Request, reply: Reply) -> None:
        """Note what became of one."""
        if request in self._edits and isinstance(request, Define):
            self._replies[request.uuid] = reply
            self._show()

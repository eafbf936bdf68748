"""A daemon as a service of the machine: its state, its last lines, and what can be done with it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from vconsole.changes.dispatcher import Request
from vconsole.model.keys import APP, Keys
from vconsole.model.proposal import Proposal
from vconsole.model.request import Reply
from vconsole.model.unit import VERBS, ChangeUnit, Daemon, ReadUnit, Unit, Verb, facts
from vconsole.override import override
from vconsole.screens.page import Page, bindings
from vconsole.text import Line, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.notes import wrapped
from vconsole.widgets.title import TitleBar

KEY = Keys("service")
EVERY_S = 2.0
LABEL = 12
_TONES = {"active": "good", "failed": "bad", "inactive": "warn"}


class ServiceScreen(Page):
    """What systemd knows of one daemon."""

    SCOPE = "service"
    BINDINGS: ClassVar = bindings("service")
    AUTO_FOCUS = "LinesView"

    def __init__(self, daemon: Daemon) -> None:
        super().__init__()
        self._daemon = daemon
        self._unit: Unit | None = None
        self._trouble = ""

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    def on_mount(self) -> None:
        """Begin to ask."""
        self._show()
        self.every(EVERY_S, self.read_again)

    @override
    def read_again(self) -> None:
        self.read(ReadUnit(self._daemon))

    @override
    def replied(self, request: Request, reply: Reply) -> None:
        if isinstance(request, ReadUnit) and request.daemon == self._daemon:
            if isinstance(reply.value, Unit):
                self._unit = reply.value
            self._trouble = reply.message
            self._show()

    # -- showing -----------------------------------------------------------------------------

    def _show(self) -> None:
        unit = self._unit
        words = unit.state if unit and unit.found else ""
        self.query_one(TitleBar).words = (f"Service {self._daemon}", safe(words))
        lines = [] if unit is None else [*self._facts(unit), *_journal(unit, self._width)]
        self.query_one(LinesView).show(lines)
        self.refresh_hint()

    @property
    def _width(self) -> int:
        return max(40, self.query_one(LinesView).scrollable_content_region.width)

    def on_resize(self, event: Resize) -> None:
        """Break its lines anew."""
        self.call_after_refresh(self._show)

    def _facts(self, unit: Unit) -> list[Line]:
        tones = {"state": _TONES.get(unit.active, ""), "ended by": "bad"}
        lines: list[Line] = []
        for label, value in facts(unit):
            text = safe("-" if value is None else str(value))
            first, *more = wrapped(text, self._width - LABEL - 1)
            lines.append(((f" {label:<{LABEL}}", "dim"), (first, tones.get(label, ""))))
            lines += [((" " * (LABEL + 1) + part.strip(), ""),) for part in more]
        return lines

    @override
    def hint(self) -> tuple[str, str]:
        unit = self._unit
        if self._trouble:
            return self._trouble, "bad"
        if unit is None:
            return "asking systemd", ""
        if not unit.found:
            return f"{unit.name} is not installed: a package or make install brings it", "warn"
        if unit.active != "active":
            return f"{KEY.on} starts it now and with the machine, {KEY.start} now only", "warn"
        return f"{KEY.reload} has it read its files anew; {APP.back} goes back", ""

    @override
    def virsh(self) -> str:
        return f"systemctl status {self._unit.name}" if self._unit else ""

    # -- commands ----------------------------------------------------------------------------

    async def _change(self, verb: Verb) -> None:
        unit = self._unit
        if unit is None or not unit.found:
            self.say(self.hint()[0], "warn")
            return
        change = ChangeUnit(unit.name, verb, unit.state)
        title = f"{VERBS[verb]} {unit.name}"
        await self.propose(title, lambda: Proposal((change,)))

    async def do_on(self) -> None:
        """Start it, now and with the machine."""
        await self._change("on")

    async def do_off(self) -> None:
        """Stop it for good."""
        await self._change("off")

    async def do_start(self) -> None:
        """Start it."""
        await self._change("start")

    async def do_stop(self) -> None:
        """Stop it."""
        await self._change("stop")

    async def do_restart(self) -> None:
        """Restart it."""
        await self._change("restart")

    async def do_reload(self) -> None:
        """Have it read its files anew."""
        await self._change("reload")


def _journal(unit: Unit, width: int) -> list[Line]:
    if not unit.found:
        return []
    lines: list[Line] = [(("", ""),), ((" Journal", "strong"),)]
    if unit.journal_problem:
        lines.append(((f" {safe(unit.journal_problem)}", "warn"),))
    newest_first = (wrapped(f" {safe(line)}", width) for line in reversed(unit.journal))
    return [*lines, *(((part, ""),) for parts in newest_first for part in parts)]

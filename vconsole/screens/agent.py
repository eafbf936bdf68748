"""A guest's agent: whether it is reached, what it tells of the guest, what it can be made to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import wrap
from time import monotonic
from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from vconsole.changes.activity import is_change
from vconsole.changes.dispatcher import Request
from vconsole.features.agent import words as agentwords
from vconsole.features.agent.model.changes import (
    COMMAND_S,
    FREEZE_S,
    MOST_COMMAND_S,
    MOST_FREEZE_S,
    TAINT,
    AgentCommand,
    FreezeFs,
    SleepMode,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
    readable,
    seconds,
    through_agent,
    typed_command,
)
from vconsole.features.agent.model.channel import PrivateAgentCommand, add_channel, remove_channel
from vconsole.features.agent.model.report import PARTS, AgentReport, Part, ReadAgent
from vconsole.features.agent.model.wire import AgentJsonError
from vconsole.model.agent_channels import AGENT
from vconsole.model.host_state import HostState
from vconsole.model.keys import APP, Keys
from vconsole.model.outcome import Target
from vconsole.model.proposal import Change, Planner, Proposal, Propose
from vconsole.model.request import Reply
from vconsole.override import override
from vconsole.screens.domain_page import DomainPage
from vconsole.screens.page import bindings
from vconsole.text import Line, glyph, line, safe
from vconsole.widgets.lines import LinesView
from vconsole.widgets.title import TitleBar

KEY = Keys("agent")
LOOK_EVERY_S = 10.0
"""How often the channel is looked at; the guest is asked when that has changed, or by f5."""
LABEL = 14
_MODES: Mapping[str, SleepMode] = {"mem": "mem", "disk": "disk", "hybrid": "hybrid"}
_TARGETS: tuple[Target, ...] = ("both", "live", "config")


class AgentScreen(DomainPage):
    """The report, or the answer to the last command until esc."""

    SCOPE = "agent"
    BINDINGS: ClassVar = bindings("agent")
    AUTO_FOCUS = "LinesView"

    def __init__(self, uuid: str) -> None:
        super().__init__(uuid)
        self._report: AgentReport | None = None
        self._trouble = ""
        self._asked: ReadAgent | None = None
        """The question whose answer is awaited."""
        self._changed = False
        """There is more to ask: something was done since it was asked, or f5 came too early."""
        self._channel = AGENT
        self._timeout_s = COMMAND_S
        self._answer: tuple[str, str] | None = None
        """(what was sent, what came), while it is shown."""

    @override
    def compose_body(self) -> ComposeResult:
        yield TitleBar()
        yield LinesView()

    # -- what commands may look at -----------------------------------------------------------

    @override
    def virsh(self) -> str:
        return f"guestinfo {self._uuid}"

    # -- asking ------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look at the channel, now and again; count down what is frozen."""
        self.every(LOOK_EVERY_S, self._look)
        self.every(1.0, self._count_down)

    def _look(self) -> None:
        """See whether there is an agent, which bothers no guest; after a change ask for all."""
        self._ask(PARTS if self._changed else ())

    @override
    def read_again(self) -> None:
        self._ask(PARTS)

    def _ask(self, parts: tuple[Part, ...]) -> None:
        """One question at a time."""
        if self._asked is None:
            self._changed = False
            self._asked = ReadAgent(self._uuid, self.named, parts)
            self.console.dispatcher.ask(self._asked)
        elif parts and not self._asked.parts:
            self._changed = True

    def replied(self, request: Request, reply: Reply) -> None:
        """Take a report in, an answer to a command, or notice that something was changed."""
        if isinstance(request, ReadAgent) and request is self._asked:
            self._asked = None
            self._take(request, reply)
            if self._changed and self.console.page is self:
                self.read_again()
        elif getattr(request, "uuid", "") == self._uuid and is_change(request):
            self._changed = True
            if isinstance(request, AgentCommand | PrivateAgentCommand):
                self._answer = request.what, _shown(reply)
            if self.console.page is self:
                self.read_again()
            self._show()

    def _take(self, request: ReadAgent, reply: Reply) -> None:
        if request.parts:
            self.unsay()  # that it is read
        found = reply.value
        self._trouble = "" if isinstance(found, AgentReport) else reply.message or reply.status
        if isinstance(found, AgentReport):
            news = self._report is None or self._report.state != found.state
            if request.parts or news:
                self._report = found
            if not request.parts and news and found.state != "off":
                self.read_again()
        self._show()

    # -- showing -----------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Break the words to the width."""
        self._show()

    @property
    def _freezing(self) -> FreezeFs | None:
        """The freeze of this domain that is under way."""
        changes = (change for run in self.console.runs for change in run.under_way)
        own = (c for c in changes if isinstance(c, FreezeFs) and c.uuid == self._uuid)
        return next(own, None)

    def _count_down(self) -> None:
        if self._freezing is not None:
            self.refresh_hint()

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Follow the state; one that begins to run or ends has another agent."""
        known, self._domain = self._domain, self.subject or self._domain
        self._show()
        if known and self.subject and known.active != self.subject.active:
            self._look()

    def _show(self) -> None:
        self.query_one(TitleBar).words = (f"Agent of {safe(self.named)}", self._state_words())
        view = self.query_one(LinesView)
        if self._answer is not None:
            what, text = self._answer
            view.show(((("  " + safe(what), "dim"),), *(f"  {part}" for part in text.split("\n"))))
        elif self._report is not None:
            width = self.size.width
            rows = agentwords.rows(self._report)
            view.show([part for row in rows for part in _lines(row, width)])
        else:
            view.show(((("  asking", "dim"),),))
        self.refresh_hint()

    def _state_words(self) -> str:
        domain, report = self._domain, self._report
        sign = f"{glyph(domain.state, self.console.config.ascii)} {domain.state}" if domain else ""
        when = f"asked {agentwords.clock(report.read_s)[11:]} UTC" if report else ""
        over = f"{KEY.command} sends over {safe(self._channel)}" if self._channel != AGENT else ""
        return "   ".join(filter(None, (sign if self.subject else "gone", when, over)))

    def hint(self) -> tuple[str, str]:
        """Say what is frozen, what is wrong and its cure, or the next key."""
        if (freezing := self._freezing) is not None:
            if (until := freezing.wait.until) is None:
                return freezing.wait.what or "freezing", "warn"
            left_s = max(0.0, until - monotonic())
            return f"frozen, thawed in {left_s:.0f} s at the latest; {KEY.freeze} thaws now", "warn"
        if self._trouble:
            return line(self._trouble), "bad"
        if self._answer is not None:
            return f"{APP.back} goes back to the report", ""
        if self._report is None:
            return "asking the agent", ""
        words, tone = agentwords.advice(self._report)
        cures = {"absent": f"{KEY.add} to "}
        first = cures.get(self._report.state, f"{KEY.freeze} to " if self._report.frozen else "")
        return (
            (f"{first}{words}", tone)
            if words
            else (f"{APP.refresh} asks again, {KEY.command} sends a command", "")
        )

    def go_back(self) -> bool:
        """Show the report again."""
        shown, self._answer = self._answer is not None, None
        if shown:
            self._show()
        return shown

    # -- commands ----------------------------------------------------------------------------

    async def _propose(self, title: str, plan: Planner, targets: tuple[Target, ...]) -> None:
        asking = Propose(((self._uuid, self.named),), plan, targets)
        await self.console.show_changes(title, asking=asking)

    async def _through_agent(self, change: Change, *notes: str) -> None:
        """Show what would be done; enter there does it."""
        await self._propose(change.what, through_agent(change, *notes), ("both",))

    async def do_add(self) -> None:
        """Give it the channel."""
        await self._propose("add the agent's channel", add_channel(), _TARGETS)

    async def do_remove(self) -> None:
        """Take it away."""
        await self._propose("remove the agent's channel", remove_channel(), _TARGETS)

    async def do_freeze(self) -> None:
        """Freeze for a while; what is frozen is thawed."""
        if (freezing := self._freezing) is not None:
            freezing.wait.give_up()
            self.say("thawing")
        elif self._report is not None and self._report.frozen:
            await self._through_agent(ThawFs(self._uuid, self.named))
        else:
            hint = f"seconds, up to {MOST_FREEZE_S:g}; it is thawed then, whatever happens here"
            await self.ask("freeze for", f"{FREEZE_S:g}", hint, accepted=self._freeze)

    async def _freeze(self, text: str) -> bool:
        return await self._accept(
            lambda: FreezeFs(self._uuid, self.named, seconds(text, MOST_FREEZE_S))
        )

    async def _accept(self, make: Callable[[], Change], *notes: str) -> bool:
        """Go on with what was typed, or say why not and keep the question open."""
        try:
            change = make()
        except ValueError as error:
            self.say(line(error), "bad")
            return False
        await self._through_agent(change, *notes)
        return True

    async def do_clock(self) -> None:
        """Set its clock."""
        await self._through_agent(SyncTime(self._uuid, self.named))

    async def do_suspend(self) -> None:
        """Ask where to; one that sleeps is woken."""
        if self.subject is not None and self.subject.state == "pmsuspended":
            wake = Proposal((WakeGuest(self._uuid, self.named),))
            await self.console.show_changes("wake up", [wake])
            return
        await self.ask("suspend to", "mem", "mem, disk or hybrid", accepted=self._suspend)

    async def _suspend(self, text: str) -> bool:
        return await self._accept(lambda: SuspendGuest(self._uuid, self.named, _mode(text)))

    async def do_command(self) -> None:
        """Ask for it; it is checked while it is typed."""
        hint = 'guest-info, or {"execute": "guest-info"}'
        accepted, typed = self._send, self._check
        await self.ask("command", "", hint, accepted=accepted, typed=typed, given_up=self.unsay)

    def _check(self, text: str) -> None:
        try:
            typed_command(text)
        except AgentJsonError as error:
            self.say(line(error), "warn")
        else:
            self.unsay()

    async def _send(self, text: str) -> bool:
        named = self._uuid, self.named
        if self._channel == AGENT:
            return await self._accept(
                lambda: AgentCommand(*named, typed_command(text), self._timeout_s), TAINT
            )
        return await self._accept(
            lambda: PrivateAgentCommand(
                *named, self._channel, typed_command(text), float(self._timeout_s)
            )
        )

    async def do_timeout(self) -> None:
        """Ask how long an answer may take."""
        hint = f"seconds for an answer to a command, up to {MOST_COMMAND_S}"
        await self.ask("time-out", str(self._timeout_s), hint, accepted=self._set_timeout)

    def _set_timeout(self, text: str) -> bool:
        try:
            self._timeout_s = round(seconds(text, MOST_COMMAND_S))
        except ValueError as error:
            self.say(line(error), "bad")
            return False
        self.say(f"an answer may take {self._timeout_s} s")
        return True

    def do_channel(self) -> None:
        """Send over the next of its channels."""
        names = (AGENT, *(self._report.private if self._report else ()))
        if len(names) == 1:
            self.say("it has no other channel that an agent may be behind", "warn")
            return
        place = names.index(self._channel) if self._channel in names else 0
        self._channel = names[(place + 1) % len(names)]
        self._show()


def _lines(row: agentwords.Row, width: int) -> list[Line]:
    """A row, its words broken to the width."""
    label, words, tone = row
    parts = wrap(words, max(20, width - LABEL - 2), drop_whitespace=False) or [""]
    labels = (label, *[""] * (len(parts) - 1))
    lines = zip(labels, parts, strict=True)
    return [((f"  {label:<{LABEL}}", "dim"), (part, tone)) for label, part in lines]


def _mode(text: str) -> SleepMode:
    mode = _MODES.get(text.strip())
    if mode is None:
        raise ValueError(f"{text[:40]!r} is none of mem, disk and hybrid")
    return mode


def _shown(reply: Reply) -> str:
    """The answer to a command, or why there is none."""
    if not isinstance(reply.value, str):
        return f"{reply.status}: {reply.message}" if reply.message else reply.status
    return readable(reply.value)

"""The console as its manual speaks of it: what is pressed, what is seen then.

Everything here is read from the screen as painted, never from a widget's memory.
"""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from time import monotonic
from typing import TypeVar

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input

from tests.feed import Answers, ScriptedDispatcher, ScriptedFeed, make_console
from tests.lies import lies_in
from tests.scenes import uuid_of
from vconsole.changes.activity import ActivityLog
from vconsole.changes.dispatcher import Request
from vconsole.changes.history import History
from vconsole.console.app import VConsole
from vconsole.files.config import Config
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Pin, PinKind
from vconsole.model.request import Reply
from vconsole.widgets.bars import FooterBar, HeaderBar, StatusBar
from vconsole.widgets.title import TitleBar

R = TypeVar("R")
ROUNDS = 200
"""After so many rounds of messages something never comes to rest."""
PATIENCE_S = 60.0
"""What a timer brings comes by then, on however busy a machine."""


class Console:
    """A console on a scripted host, and the person in front of it."""

    def __init__(self, app: VConsole, host: ScriptedFeed, pilot: Pilot[int]) -> None:
        self.app, self.host, self.pilot = app, host, pilot

    # -- what the person does ----------------------------------------------------------------

    async def press(self, *keys: str) -> None:
        """Press keys; those that print a character may be written as printed.

        A text is typed into a field without waiting for what each of its letters does.
        """
        for key, following in pairwise((*keys, "")):
            character = key if len(key) == 1 else None
            name = _character_to_key(key) if character else key
            self.app.post_message(events.Key(name, character))
            is_typing = isinstance(self.app.focused, Input) and len(key) == len(following) == 1
            if not is_typing:
                await self.settle()

    def asked(self, kind: builtins.type[R]) -> list[R]:
        """What was asked of the dispatcher so far, of one kind."""
        dispatcher = self.app.dispatcher
        assert isinstance(dispatcher, ScriptedDispatcher)
        return [request for request in dispatcher.asked if isinstance(request, kind)]

    def forget(self) -> None:
        """Drop the script's own notes of what was looked at and asked."""
        self.host.views.clear()
        dispatcher = self.app.dispatcher
        assert isinstance(dispatcher, ScriptedDispatcher)
        dispatcher.asked.clear()

    async def type(self, text: str) -> None:
        """Press a key for each character."""
        await self.press(*text)

    async def settle(self) -> None:
        """Wait until nothing is under way: no timing, so that a slow machine tests the same."""
        calm = 0
        for _ in range(ROUNDS):
            await self.pilot._wait_for_screen()
            if not self.app.is_running or self.app._exception:
                return
            self.app.screen._on_timer_update()
            waiting = any(
                pump.message_queue_size for pump in (self.app, *self.app.screen.walk_children())
            )
            calm = 0 if waiting or not self.host.started else calm + 1
            if calm == 3:
                return
        raise AssertionError("the console does not come to rest")

    async def until(self, words: str) -> None:
        """Wait for what needs a timer, such as the palette's search."""
        await self.comes(lambda: words in self.text, repr(words))

    async def comes(self, what: Callable[[], object], named: str = "that") -> None:
        """Wait for it; a test that fails for want of it says what is on the screen."""
        end = monotonic() + PATIENCE_S
        while not what():
            assert monotonic() < end, f"{named} does not come:\n{self.text}"
            await self.pilot.pause(0.02)

    # -- what happens meanwhile --------------------------------------------------------------

    async def host_says(self, host_state: HostState) -> None:
        """Another reading of the host arrives."""
        self.host.show(host_state)
        await self.settle()

    async def carried_out(self, request: Request, reply: Reply) -> None:
        """A change that nobody pressed a key for here comes to its end."""
        dispatcher = self.app.dispatcher
        assert isinstance(dispatcher, ScriptedDispatcher)
        entry = dispatcher.records.begun(request)
        self.app._reply(request, dispatcher.records.ended(entry, request, reply))
        await self.settle()

    # -- what is on the screen ---------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """The screen, line by line; of a dialog only itself."""
        strips = self.app.screen._compositor.render_strips()
        return [strip.text.rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """All of the screen."""
        return "\n".join(self.lines)

    def sees(self, *words: str) -> None:
        """All these words are on the screen."""
        for word in words:
            assert word in self.text, f"{word!r} is not on the screen:\n{self.text}"

    def sees_no(self, *words: str) -> None:
        """None of these words is on the screen."""
        for word in words:
            assert word not in self.text, f"{word!r} is on the screen:\n{self.text}"

    def _line_of(self, kind: builtins.type[Widget]) -> str:
        page = self.app.page
        assert page is not None
        strips, lines = page._compositor.render_strips(), page.query_one(kind).region.line_range
        first, *more = (strips[y].text.rstrip() for y in lines)
        return " ".join((first, *map(str.strip, more)))

    @property
    def header(self) -> str:
        """The first line."""
        return self._line_of(HeaderBar)

    @property
    def title(self) -> str:
        """The line that names the page."""
        return self._line_of(TitleBar).strip()

    @property
    def status(self) -> str:
        """The line that answers."""
        return self._line_of(StatusBar).strip()

    @property
    def footer(self) -> str:
        """The last line."""
        return self._line_of(FooterBar).strip()

    def row(self, beginning: str) -> str:
        """The line that begins so, behind the column of marks."""
        found = [ln for ln in self.lines if ln.lstrip(" !").startswith(beginning)]
        assert found, f"no line begins with {beginning!r}:\n{self.text}"
        return found[0].strip()

    def has_row(self, beginning: str) -> bool:
        """Some line begins so."""
        return any(ln.lstrip(" !").startswith(beginning) for ln in self.lines)

    @property
    def page(self) -> str:
        """The name of the page in front."""
        assert self.app.page is not None
        return self.app.page.SCOPE

    @property
    def here(self) -> str | None:
        """The name of the domain under the cursor or in view."""
        assert self.app.page is not None
        subject = self.app.page.subject
        return subject.name if subject else None

    @property
    def is_open(self) -> bool:
        """The console has not been left."""
        return self.app._running and not self.app._exit

    # -- what the host got -------------------------------------------------------------------

    def domain(self, name: str) -> Domain:
        """A domain as the host has it."""
        found = self.host.host_state.domain(uuid_of(name))
        assert found is not None
        return found

    def pin(self, name: str, number: int | None = 0, kind: PinKind = "vcpu") -> Pin:
        """One row of the pins that the host has."""
        return next(p for p in self.domain(name).pins if p.key == (kind, number))

    def live(self, name: str) -> list[str]:
        """The live sets of the vCPUs that the host has."""
        return [str(p.live) for p in self.domain(name).pins if p.kind == "vcpu"]


@asynccontextmanager
async def console_on(
    host_state: HostState,
    size: tuple[int, int] = (80, 24),
    *,
    config: Config | None = None,
    history: History | None = None,
    answers: Answers | None = None,
    log: ActivityLog | None = None,
) -> AsyncIterator[Console]:
    """Sit down in front of a host; `answers` handle what is asked beside the reading."""
    app, host = make_console(host_state, config, history, answers)
    app._activity = log
    async with app.run_test(size=size) as pilot:
        console = Console(app, host, pilot)
        await console.settle()
        yield console
        assert not (lies := lies_in(console.text)), lies
        app._exit = True  # it ends: a timer may find a page half taken apart


def sets(*texts: str) -> list[str]:
    """Cpusets as the model writes them."""
    return [str(CpuSet.parse(text)) for text in texts]

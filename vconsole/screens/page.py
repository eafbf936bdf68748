"""What every page has: header, status and footer around its body, what is known, its commands.

And what it may ask of the program around it, `Console`; the app has more, and pages do not see it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from string import digits
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import DescendantFocus, Idle, Resize
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Static

from vconsole.model.command import Need
from vconsole.model.host_state import EMPTY, Domain, HostState
from vconsole.model.keys import APP, Typed
from vconsole.registry import COMMANDS, of_scope
from vconsole.text import safe
from vconsole.widgets.bars import FooterBar, HeaderBar, StatusBar
from vconsole.widgets.keyed import keyed

if TYPE_CHECKING:
    from vconsole.changes.activity import ActivityLog
    from vconsole.changes.dispatcher import Request
    from vconsole.changes.history import History
    from vconsole.changes.run import C, ChangeRun, OnFailure
    from vconsole.features.pins.model.plan import PinPlan
    from vconsole.files.config import Config
    from vconsole.model.proof import Proof
    from vconsole.model.proposal import Proposal
    from vconsole.model.request import Reply
    from vconsole.widgets.prompt import Accepted, Prompt


class Asking(Protocol):
    """Who answers requests beside the feed: the dispatcher, or a script in tests."""

    def ask(self, request: Request) -> None:
        """Answer it; the reply is published."""

    def stop(self) -> None:
        """End without waiting for a request that hangs."""


class Console(Protocol):
    """The app, as pages see it."""

    config: Config
    interval_s: float
    host_state: HostState
    """The latest reading."""
    plans: dict[str, PinPlan]
    """Domain UUID -> changes planned and not applied yet."""

    def key_named(self, command_id: str) -> str:
        """Name the key that runs a command on the page in front."""

    def notify(self, message: str, *, markup: bool = True) -> None:
        """Show a toast."""

    @property
    def page(self) -> Page | None:
        """The page in front, below any dialog."""

    @property
    def history(self) -> History:
        """The pin changes made."""

    def proof(self, id: str) -> Proof | None:
        """What a change of pins brought, by the id of its record."""

    @property
    def activity(self) -> ActivityLog:
        """The log of every change."""

    @property
    def dispatcher(self) -> Asking:
        """Answers requests; every page that is open sees the replies."""

    @property
    def runs(self) -> list[ChangeRun[Any]]:
        """Changes that are under way, and some that are over."""

    @property
    def progress(self) -> str:
        """How far a change is that takes long; empty while none does."""

    @property
    def under_way(self) -> int:
        """How many changes have not ended."""

    @property
    def screen(self) -> Screen[Any]:
        """What is in front, a dialog too."""

    @property
    def screen_stack(self) -> Sequence[Screen[Any]]:
        """The pages, the one in front last."""

    def carry_out(
        self, title: str, changes: Sequence[C], on_failure: OnFailure[C] | None = None
    ) -> ChangeRun[C]:
        """Begin changes; they go on whatever page is in front; see `changes.run.OnFailure`."""

    def open_demo(self) -> None:
        """Leave this host for the demo."""

    def page_shown(self, page: Page) -> None:
        """Bring a page up to date that came to the front."""

    async def open_page(self, page: str, uuid: str | None = None) -> None:
        """Open a page by its name."""

    async def show_page(self, page: Page) -> None:
        """Put a page in front."""

    async def replace_page(self, page: Page) -> None:
        """Put a page in the place of the one in front."""

    async def show_changes(
        self, title: str, proposals: Iterable[Proposal] = (), asking: Request | None = None
    ) -> None:
        """Show what would be changed; enter there does it. See `screens.changes`."""

    async def action_run_command(self, name: str) -> None:
        """Run a command by its id, or say why it cannot run."""

    # -- Textual's ---------------------------------------------------------------------------

    def push_screen(self, screen: Screen[Any]) -> Any:
        """Put a dialog in front."""

    def pop_screen(self) -> Awaitable[Any]:
        """Take away what is in front."""

    def post_message(self, message: Message) -> bool:
        """Send the app a message."""

    def call_later(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """Call when what waits has been handled."""

    def suspend(self) -> AbstractContextManager[None]:
        """Give the terminal away."""


def bindings(scope: str) -> list[BindingType]:
    """Bind the commands of a scope; the ids make them rebindable."""
    return [
        Binding(c.keys, f'app.run_command("{c.id}")', c.word, id=c.id, show=False)
        for c in of_scope(scope)
    ]


STRAY: list[BindingType] = [Binding(",".join(digits), "screen.stray", show=False)]
"""Takes digits before the program does. A command of the page that is bound to one has it."""


WIDGETS_BEHIND = 2
"""How many widgets may tell each other of a change, one after the other, before it is painted."""
SMALLEST = (40, 8)
"""Columns and rows below which a page would hide what matters."""


class TooSmall(Static):
    """Takes the place of a page that the terminal has no room for."""

    DEFAULT_CSS = "TooSmall { height: 1fr; content-align: center middle; }"


class Notice(Static):
    """What is to be known of the connection on every page."""

    DEFAULT_CSS = """
    Notice { height: 1; padding: 0 1; background: $background; color: $warning; text-style: bold; }
    """


class Page(Screen[None]):
    """A screen of the console. Subclasses fill `compose_body` and `show_host_state`.

    Textual calls an `on_...` handler of every class in the hierarchy, the subclass first: one that
    calls `super()` would do it twice.
    """

    DEFAULT_CSS = """
    Page.-too-small > * { display: none; }
    Page.-too-small > TooSmall { display: block; }
    """

    SCOPE: ClassVar[str]
    """The scope of its commands, and the name of the page."""
    PAGE: ClassVar[Literal["domains", "domain", "host", "pin"]] = "domains"
    """What the host is asked to read for it."""
    HINT_LINES: ClassVar[int] = 1
    """How high the status line may grow for what the cursor is on."""
    OFFER_NEEDS: ClassVar[tuple[Need, ...]] = ()
    """What its hint offers needs this; where it is not given the reason is the hint."""
    TYPED: ClassVar[Typed] = ""
    """What is typed in it: text, or digits where values or a decision are asked for, and where a
    digit too many is not to lead away from what was begun."""
    AUTO_FOCUS = "LineTable"

    host_state: var[HostState] = var(EMPTY, init=False)
    _prompt: Prompt | None = None

    def __init__(self) -> None:
        super().__init__()
        self._awaited: dict[tuple[type, str], Request] = {}
        """What was read and is not answered yet."""
        self._looks: list[tuple[Callable[[], object], Timer]] = []
        """What is called while this page is in front, and its clock."""

    @classmethod
    def make(cls, uuid: str | None, config: Config) -> Page:
        """Make the page; those about a domain take its UUID."""
        return cls()

    @property
    def console(self) -> Console:
        """The app, typed."""
        return cast("Console", self.app)

    @property
    def is_there(self) -> bool:
        """Whether it has its widgets: not before it is mounted, nor while it is being closed.

        A screen that is taken apart is on the stack, and mounted, until the last of it is gone.
        While the program ends nothing is attached, and nothing can be mounted. What is being taken
        apart is not displayed, though some of it is left.
        """
        return self.is_mounted and self.is_attached and self.display and bool(self.children)

    # -- what commands may look at (commands.command.Context) --------------------------------

    @property
    def known(self) -> HostState:
        """The latest state of the host."""
        return self.host_state

    @property
    def subject(self) -> Domain | None:
        """The domain under the cursor or in view."""
        return None

    @property
    def changes(self) -> int:
        """How many changes are planned here."""
        return 0

    @property
    def spent(self) -> str:
        """Why none of them can be applied any more, or yet."""
        return ""

    @property
    def in_view(self) -> str | None:
        """UUID of the domain to read in detail."""
        return None

    @property
    def in_sight(self) -> frozenset[str] | None:
        """UUIDs of the domains whose use is on the screen; None where that of all is wanted."""
        return None

    # -- building ----------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Header, body, status, footer."""
        tail = [COMMANDS["app.palette"], COMMANDS["app.help"]]
        yield HeaderBar()
        yield from self.compose_body()
        status = StatusBar()
        status.hint_lines = self.HINT_LINES
        yield status
        everywhere = [c for c in of_scope("app") if c not in tail]
        commands = [*of_scope(self.SCOPE), *everywhere]
        yield FooterBar(commands, tail, dict(self.console.config.keys), typed=self.TYPED)

    def compose_body(self) -> ComposeResult:
        """Compose what is between header and status line."""
        yield from ()

    def on_mount(self) -> None:
        """Fill the header."""
        header = self.query_one(HeaderBar)
        header.interval_s = self.console.interval_s

    def on_resize(self, event: Resize) -> None:
        """Say so where there is too little room."""
        small = event.size.width < SMALLEST[0] or event.size.height < SMALLEST[1]
        self.set_class(small, "-too-small")
        notices = self.query(TooSmall)
        if not small:
            notices.remove()
        elif not notices:
            self.mount(TooSmall(f"needs {SMALLEST[0]}x{SMALLEST[1]}", markup=False))

    def on_screen_resume(self) -> None:
        """Show what happened meanwhile, and look again."""
        self.console.page_shown(self)
        for _, clock in self._looks:
            clock.reset()
        self.look()

    def on_screen_suspend(self) -> None:
        """Look no more, until it is back."""
        for _, clock in self._looks:
            clock.pause()

    def look(self) -> None:
        """Look at once at all that is looked at again and again."""
        for look, _ in self._looks:
            look()

    def every(self, seconds: float, look: Callable[[], object]) -> None:
        """Look now and again while this page is in front, and at once whenever it comes back."""
        self._looks.append((look, self.set_interval(seconds, look)))

    async def on_idle(self, event: Idle) -> None:
        """Hear first what the widgets have to say of one key or reading: one paint, not several.

        A widget that is told of another's change (the hint, of the cursor's) says in its own time
        that it is to be painted, which is after this page would have begun to paint.
        """
        for _ in range(WIDGETS_BEHIND):
            await asyncio.sleep(0)
            if self.message_queue_size:
                event.prevent_default()  # it is idle again when that is dealt with
                return

    def watch_host_state(self, before: HostState, after: HostState) -> None:
        """Hand it down."""
        if not self.is_there:
            return
        self.query_one(HeaderBar).host_state = after
        if after.connection.notice != before.connection.notice:
            self._notice(after.connection.notice)
        self.show_host_state(before, after)
        self.refresh_hint()

    def _notice(self, words: str) -> None:
        """Keep a sentence on the connection under the header."""
        self.query(Notice).remove()
        if words:
            self.mount(Notice(words, markup=False), after=self.query_one(HeaderBar))

    def show_host_state(self, before: HostState, after: HostState) -> None:
        """Show a new state of the host; work only on what changed."""

    def hint(self) -> tuple[str, str]:
        """(text, tone) for the status line: what there is to say of the row in view."""
        return "", ""

    def refresh_hint(self) -> None:
        """Say anew what there is to say; how far a job is goes before what is no warning."""
        if not self.is_there:
            return
        text, tone = self.hint()
        if not tone:
            reason = next((found for need in self.OFFER_NEEDS if (found := need(self))), None)
            text, tone = (reason, "warn") if reason else (text, tone)
        if tone not in ("warn", "bad") and (progress := self.console.progress):
            text, tone = progress, ""
        self.query_one(StatusBar).hint = text, tone

    def say(self, text: str, tone: str = "") -> None:
        """Put a command's answer on the status line, until the next key."""
        if self.is_there:
            self.query_one(StatusBar).said = (text, tone)

    def action_stray(self) -> None:
        """Stay here; see `STRAY`."""
        self.say(f"digits open no page from here; {APP.back} goes back first", "warn")

    def unsay(self) -> None:
        """Give the status line back to the hint."""
        if self.is_there:
            self.query_one(StatusBar).said = None

    async def ask(
        self,
        label: str,
        text: str,
        hint: str,
        *,
        accepted: Accepted,
        typed: Callable[[str], object] | None = None,
        given_up: Callable[[], object] | None = None,
    ) -> None:
        """Ask a question above the status line; see `Prompt.ask`. Made when first needed.

        The hint is on the status line where a text takes its place.
        """
        if self._prompt is None:
            from vconsole.widgets.prompt import Prompt, PromptLine

            self._prompt = Prompt()
            line = PromptLine(self._prompt)
            await self.mount(line, before=self.query_one(StatusBar))
        if not self.is_there:
            return
        hint = keyed(self, hint)

        def taken(text: str) -> bool | Awaitable[bool]:
            self.unsay()
            return accepted(text)

        def left() -> None:
            self.unsay()
            if given_up is not None:
                given_up()

        self._prompt.ask(label, text, hint, accepted=taken, typed=typed, given_up=left)
        if text:  # it stands in the place of the hint
            self.say(hint)

    async def propose(self, title: str, plan: Callable[[], Proposal]) -> bool:
        """Show what a planner would change, or say why nothing can be; then it answers False."""
        try:
            proposal = plan()
        except ValueError as error:
            self.say(safe(str(error)), "bad")
            return False
        self.unsay()
        await self.console.show_changes(title or proposal.changes[0].what, [proposal])
        return True

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Going elsewhere, by a click say, gives the question up."""
        if event.widget is not self._prompt:
            self.give_up_question()

    def give_up_question(self) -> bool:
        """Close the question that is open; False where none is."""
        prompt = self._prompt
        if prompt is None or not prompt.is_open:
            return False
        prompt.action_give_up()
        return True

    def read_again(self) -> None:
        """Ask anew for what the page reads beside the state of the host."""

    def virsh(self) -> str:
        """Name the virsh words equivalent to what is in view, without ``virsh -c URI``."""
        return ""

    def go_back(self) -> bool:
        """Close what is open within the page; False when there is nothing and the page may go."""
        return False

    def read(self, request: Request, about: str = "") -> bool:
        """Ask for what this page shows; answers whether it was asked.

        Not while another page is in front, and never twice at once: a host that is slow or hangs
        is not asked again before it has answered.

        Args:
            request: One that reads.
            about: Tells requests of one type apart.
        """
        key = type(request), about
        if self.console.page is not self or key in self._awaited:
            return False
        self._awaited[key] = request
        self.console.dispatcher.ask(request)
        return True

    def answered(self, request: Request, reply: Reply) -> None:
        """Note that a request has its answer, whoever asked, and take it.

        What was asked before a change and is not answered yet may be older than the change.
        """
        from vconsole.changes.activity import is_change

        awaited = {} if is_change(request) else self._awaited
        self._awaited = {key: asked for key, asked in awaited.items() if asked is not request}
        self.replied(request, reply)

    def replied(self, request: Request, reply: Reply) -> None:
        """Take the answer to a request of this page; others are not its business."""

    def on_footer_bar_pressed(self, event: FooterBar.Pressed) -> None:
        """Run a command that was clicked."""
        self.call_later(self.console.action_run_command, event.command.id)

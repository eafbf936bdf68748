"""The app: hands the state of the host down to the page in front, and changes to the host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual.app import App
from textual.css.query import NoMatches
from textual.events import Event, Key
from textual.widget import MountError

from vconsole.console.aftermath import Aftermath
from vconsole.console.ascii_only import draw_ascii_only
from vconsole.console.closed_widgets import install as forget_closed_widgets
from vconsole.console.early import collect_again
from vconsole.console.frames import install as frames_at_once
from vconsole.console.light_actions import install as light_actions
from vconsole.console.light_strips import install as light_strips
from vconsole.console.navigation import AppCommands
from vconsole.console.partial_repaint import install as write_less
from vconsole.console.proving import Proving
from vconsole.console.runs import Runs
from vconsole.console.themes import THEMES
from vconsole.files.config import Config
from vconsole.host.source import View
from vconsole.host.stderr import leave_trace
from vconsole.model.command import a_domain
from vconsole.model.host_state import EMPTY, HostState
from vconsole.model.keys import APP, shown_key
from vconsole.model.words import plural
from vconsole.registry import COMMANDS as COMMANDS_BY_ID
from vconsole.screens.domains.domains import DomainsScreen
from vconsole.screens.messages import HostStateReady, Open, Replied
from vconsole.screens.page import Page, bindings
from vconsole.text import line, use_ascii
from vconsole.widgets.takes_text import TakesText

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType
    from textual.command import Provider
    from textual.driver import Driver
    from textual.screen import Screen

    from vconsole.changes.activity import ActivityLog
    from vconsole.changes.dispatcher import Request
    from vconsole.changes.history import History
    from vconsole.changes.recorder import Records
    from vconsole.changes.run import C, ChangeRun, OnFailure
    from vconsole.changes.store import PinHistory
    from vconsole.features.pins.model.plan import PinPlan
    from vconsole.model.proof import Proof
    from vconsole.model.proposal import Logged, Proposal
    from vconsole.model.request import Reply
    from vconsole.screens.page import Asking

TO_DEMO = -1
"""The return code where a console on the demo host is to take the place of this one."""


class Feed(Protocol):
    """Where the states of the host come from: the poller, or a script in tests."""

    def start(self) -> None:
        """Begin to publish."""

    def go_on(self) -> None:
        """Read all there is: the first frame, which has the list, is on the screen."""

    def look(self, view: View) -> None:
        """Say what is on the screen."""

    def see(self, sight: frozenset[str] | None) -> None:
        """Say what rows are in sight; None where all are wanted."""

    def refresh(self, uuid: str = "") -> None:
        """Read now; the configuration of a domain anew, where one was changed."""

    def stop(self) -> None:
        """End without waiting for a call that hangs."""


def _provider(name: str) -> type[Provider]:
    """Import the palette when it is first opened."""
    from vconsole.console import palette

    return cast("type[Provider]", getattr(palette, name))


OpenFeed = Callable[[Callable[[HostState], object]], Feed]
"""Makes the feed, given where to publish the states of the host (from any thread)."""
OpenDispatcher = Callable[[Callable[["Request", "Reply"], object], "Records"], "Asking"]
"""Makes the dispatcher when the first request comes, given where to publish replies and who keeps
the record of changes."""


class VConsole(App[int]):
    """The console. Pages are on one stack above the list of domains; escape goes back."""

    TITLE = "vconsole"
    COMMAND_PALETTE_BINDING = "ctrl+backslash"  # ours is the command app.palette
    BINDINGS: ClassVar = bindings("app")
    COMMANDS: ClassVar = {lambda: _provider("CommandProvider"), lambda: _provider("DomainProvider")}

    def __init__(
        self,
        config: Config,
        open_feed: OpenFeed,
        open_dispatcher: OpenDispatcher,
        history: History | None = None,
        state: Path | None = None,
    ) -> None:
        super().__init__(ansi_color=config.theme.startswith("ansi") or None)
        write_less()
        forget_closed_widgets()
        frames_at_once()
        light_actions()
        light_strips()
        use_ascii(config.ascii)
        for theme in THEMES:
            self.register_theme(theme)
        self.set_reactive(App.theme, config.theme)
        self.stylesheet.set_variables(self.get_css_variables())
        draw_ascii_only(self, config.ascii)
        self.config = config
        self.interval_s = config.interval_s
        self.host_state: HostState = EMPTY
        self.plans: dict[str, PinPlan] = {}
        """Domain UUID -> changes planned and not applied yet; they survive leaving the page."""
        self._known_history, self._state = history, state
        self._pins: PinHistory | None = None
        self._feed = open_feed(self._publish)
        self._open_dispatcher = open_dispatcher
        self._dispatcher: Asking | None = None
        self._activity: ActivityLog | None = None
        self._log_problem = ""
        self.aftermath = Aftermath(self, state)
        self.proving = Proving(self)
        self._runs = Runs(self)
        self._quitting = False
        quit_keys = config.keys.get("app.quit", COMMANDS_BY_ID["app.quit"].keys)
        self._quit_keys = frozenset(quit_keys.split(","))

    @property
    def history(self) -> History:
        """The pin changes made, by whatever program."""
        return self.pins.now()

    @property
    def pins(self) -> PinHistory:
        """Where they are kept."""
        if self._pins is None:
            from vconsole.changes.store import PinHistory

            self._pins = PinHistory(self._state, self._known_history)
        return self._pins

    def proof(self, id: str) -> Proof | None:
        """What a change of pins brought, by the id of its record."""
        return self.proving.of(id)

    @property
    def activity(self) -> ActivityLog:
        """The log of every change."""
        if self._activity is None:
            from vconsole.changes.activity import ActivityLog

            self._activity = ActivityLog(self._state)
            self._log_problem = self._activity.problem  # no directory: known from the start
        return self._activity

    # -- life --------------------------------------------------------------------------------

    def get_default_screen(self) -> Page:
        """Start at the list of domains."""
        return DomainsScreen()

    def on_mount(self) -> None:
        """Take the user's keys."""
        self.set_keymap(dict(self.config.keys))
        self._feed.start()

    def on_ready(self) -> None:
        """The first frame is on the screen, and the list in it or about to follow."""
        self._feed.go_on()
        self.set_timer(0.3, collect_again)  # it takes 20 ms, which the list need not wait for

    def on_unmount(self) -> None:
        """Let the feed go."""
        self._feed.stop()
        self.proving.close()
        if self._dispatcher is not None:
            self._dispatcher.stop()

    def get_driver_class(self) -> type[Driver]:
        """Ours knows slow and closed terminals."""
        from vconsole.console.terminal import TerminalDriver

        return TerminalDriver

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Draw, unless the terminal does not take what it was given: then it gets the last."""
        drops = getattr(self._driver, "drops_frame", None)
        if drops is None or not drops():
            super()._display(screen, renderable)

    def key_named(self, command_id: str) -> str:
        """Name the key that runs a command on the page in front; its word where none does."""
        command, page = COMMANDS_BY_ID[command_id], self.page
        typed = page.TYPED if page is not None else ""
        return shown_key(command, self.config.keys, typed) or command.word

    # -- data down ---------------------------------------------------------------------------

    def _publish(self, host_state: HostState) -> None:
        self.post_message(HostStateReady(host_state))

    def on_host_state_ready(self, message: HostStateReady) -> None:
        """Show a reading on the page in front."""
        if not self.is_running:  # the pages are taken apart
            return
        self.host_state = message.host_state
        self.aftermath.host_read()
        self.proving.host_read()
        page = self.page
        if page is not None and page.is_there:
            page.host_state = message.host_state
            self._feed.see(self.proving.with_changed(page.in_sight))

    @property
    def page(self) -> Page | None:
        """The page in front, below any dialog."""
        return next((s for s in reversed(self.screen_stack) if isinstance(s, Page)), None)

    def page_shown(self, page: Page) -> None:
        """Bring a page up to date that came to the front, and read what it needs."""
        if page.host_state is self.host_state:  # plans and history may have changed meanwhile
            page.show_host_state(self.host_state, self.host_state)
            page.refresh_hint()
        page.host_state = self.host_state
        self._feed.look(View(page.PAGE, page.in_view))

    # -- requests beside the reading ---------------------------------------------------------

    @property
    def dispatcher(self) -> Asking:
        """Answers requests; every page that is open sees the replies."""
        if self._dispatcher is None:
            from vconsole.changes.jobs import JobBoard, directory_of
            from vconsole.changes.recorder import Records

            board = JobBoard(directory_of(self._state))
            records = Records(
                self.activity, lambda: self.host_state.connection.uri, self.pins, board
            )
            self._dispatcher = self._open_dispatcher(self._reply, records)
        return self._dispatcher

    def _handle_exception(self, error: Exception) -> None:
        """While the program ends, a page that is half made or half gone misses its widgets."""
        if not self._exit:
            super()._handle_exception(error)
        elif not isinstance(error, (MountError, NoMatches)):
            leave_trace()

    def _reply(self, request: Request, reply: Reply) -> None:
        self.post_message(Replied(request, reply))

    def on_replied(self, message: Replied) -> None:
        """Go on with what is under way, and tell the pages."""
        from vconsole.changes.activity import is_change

        if not self.is_running:
            return
        request, reply = message.request, message.reply
        if is_change(request):
            self._say_log_problem()
            self._feed.refresh(cast("Logged", request).uuid)  # few changes tell it by an event
            self.proving.replied(request, reply)
        self.aftermath.replied(request, reply)
        self._runs.replied(request, reply)
        for page in self.screen_stack:
            if isinstance(page, Page) and page.is_there:
                page.answered(request, reply)

    # -- changes under way and the log of them ------------------------------------------------

    def carry_out(
        self, title: str, changes: Sequence[C], on_failure: OnFailure[C] | None = None
    ) -> ChangeRun[C]:
        """Begin changes; they go on whatever page is in front."""
        self.proving.begun(changes)
        return self._runs.begin(title, changes, on_failure)

    @property
    def runs(self) -> list[ChangeRun[Any]]:
        """Changes that are under way, and some that are over."""
        return self._runs.all

    @property
    def progress(self) -> str:
        """How far a change is that takes long; empty while none does."""
        return self._runs.progress

    @property
    def under_way(self) -> int:
        """How many changes have not ended."""
        return self._runs.under_way

    def _say_log_problem(self) -> None:
        """Where a change could not be written down, say so once."""
        before, self._log_problem = self._log_problem, self.activity.problem
        if self._log_problem and self._log_problem != before:
            words = f"not in the activity log: {line(self._log_problem)}"
            self.notify(words, severity="warning", markup=False)

    # -- commands ----------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Take keys strictly one after the other.

        Textual hands a key to the focused widget and looks at bindings when it comes back; by then
        later keys may have gone to the wrong widget. Whoever types ahead over a slow line, or
        pastes a script, must not pin what the cursor left. So a key is done when this returns.
        """
        if not isinstance(event, Key) or event.is_forwarded or not self._keys_are_ours():
            await super().on_event(event)
            return
        if event.key not in self._quit_keys:
            self._quitting = False
        focused = self.focused
        if isinstance(focused, TakesText) and focused is not None:
            with focused._context():
                await focused._on_key(event)
            if focused.typed(event):
                return
        await self._check_bindings(event.key)

    def _keys_are_ours(self) -> bool:
        """Our widgets have bindings only; those of others (the palette) may handle keys."""
        return isinstance(self.screen, Page)

    async def action_run_command(self, name: str) -> None:
        """Run a command by its id, or say why it cannot run."""
        command, page = COMMANDS_BY_ID[name], self.page
        if page is None or not self.is_running or command.scope not in ("app", page.SCOPE):
            return  # the last is of a page that was left meanwhile
        page.unsay()
        if reason := command.why_not(page):
            page.say(reason, "warn")
            return
        if command.opens:
            subject = page.subject if a_domain in command.needs else None
            await self.open_page(command.opens, subject.uuid if subject else None)
            return
        target: AppCommands | Page = AppCommands(self) if command.scope == "app" else page
        done = getattr(target, f"do_{command.action}")()
        if isawaitable(done):
            await done

    async def open_page(self, page: str, uuid: str | None = None) -> None:
        """Open a page by its name; it is ready for keys when this returns."""
        await AppCommands(self).open(page, uuid)

    async def show_page(self, page: Page) -> None:
        """Put a page in front, filled and focused."""
        await self.push_screen(page)
        self.page_shown(page)
        page.set_focus(page.query(page.AUTO_FOCUS or "*").first())

    async def replace_page(self, page: Page) -> None:
        """Put a page in the place of the one in front."""
        await self.pop_screen()
        await self.show_page(page)

    async def show_changes(
        self, title: str, proposals: Iterable[Proposal] = (), asking: Request | None = None
    ) -> None:
        """Show what would be changed; enter there does it."""
        from vconsole.screens.changes import ChangesScreen

        await self.show_page(ChangesScreen(title, proposals, asking))

    async def on_open(self, message: Open) -> None:
        """Open a page that a dialog or the palette asked for."""
        await self.open_page(message.page, message.uuid)

    def refresh_host(self) -> None:
        """Read now instead of at the next tick."""
        self._feed.refresh()

    def open_demo(self) -> None:
        """Give place to a console on the demo host."""
        self.exit(return_code=TO_DEMO)

    def quit_unless_planned(self) -> None:
        """Quit; the first time warn of planned changes that would be lost."""
        planned = [p.name for p in self.plans.values() if p.begun]
        if planned and not self._quitting and self.page is not None:
            self._quitting = True
            names = ", ".join(planned[:3])
            self.page.say(
                f"planned changes of {names} are not applied; {APP.quit} again drops them", "warn"
            )
            return
        if self.under_way and not self._quitting and self.page is not None:
            self._quitting = True
            count = plural(self.under_way, "change")
            self.page.say(f"{count} under way; {APP.quit} again leaves what is unobserved", "warn")
            return
        self.exit(0)

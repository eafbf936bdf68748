"""What a page may ask of the program around it; the app has more, and pages do not see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from textual.message import Message
from textual.screen import Screen

if TYPE_CHECKING:
    from vconsole.changes.activity import ActivityLog
    from vconsole.changes.dispatcher import Request
    from vconsole.changes.history import History
    from vconsole.changes.run import C, ChangeRun
    from vconsole.features.pins.model.plan import PinPlan
    from vconsole.files.config import Config
    from vconsole.screens.page import Page


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
    plans: dict[str, PinPlan]
    """Domain UUID -> changes planned and not applied yet."""
    runs: list[ChangeRun[Any]]
    """Changes that are under way, and some that are over."""

    @property
    def page(self) -> Page | None:
        """The page in front, below any dialog."""

    @property
    def history(self) -> History:
        """The pin changes made."""

    @property
    def activity(self) -> ActivityLog:
        """The log of every change."""

    @property
    def dispatcher(self) -> Asking:
        """Answers requests; every page that is open sees the replies."""

    @property
    def under_way(self) -> int:
        """How many changes have not ended."""

    @property
    def screen(self) -> Screen[Any]:
        """What is in front, a dialog too."""

    @property
    def screen_stack(self) -> Sequence[Screen[Any]]:
        """The pages, the one in front last."""

    def carry_out(self, title: str, changes: Sequence[C]) -> ChangeRun[C]:
        """Begin changes; they go on whatever page is in front."""

    def page_shown(self, page: Page) -> None:
        """Bring a page up to date that came to the front."""

    async def open_page(self, page: str, uuid: str | None = None) -> None:
        """Open a page by its name."""

    async def show_page(self, page: Page) -> None:
        """Put a page in front."""

    async def replace_page(self, page: Page) -> None:
        """Put a page in the place of the one in front."""

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

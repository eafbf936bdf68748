"""Changes under way, whatever page is in front, and some that are over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from textual.timer import Timer

from vconsole.screens.page import Console

if TYPE_CHECKING:
    from vconsole.changes.dispatcher import Request
    from vconsole.changes.run import C, ChangeRun, OnFailure
    from vconsole.model.request import Reply

KEPT: Final = 50
"""What is over and still shown on the page of jobs."""
_EVERY_S: Final = 1.0


class Program(Console, Protocol):
    """The app, as it is seen from here."""

    def set_interval(self, interval: float, callback: Callable[[], object]) -> Timer:
        """Call now and again."""


class Runs:
    """Begins changes, gives them their answers, and says how far they are.

    Attributes:
        all: The oldest first.
    """

    def __init__(self, app: Program) -> None:
        self._app = app
        self.all: list[ChangeRun[Any]] = []
        self._follower: Timer | None = None

    def begin(
        self, title: str, changes: Sequence[C], on_failure: OnFailure[C] | None
    ) -> ChangeRun[C]:
        """Begin changes; one after another where a failure means something to later ones."""
        from vconsole.changes.run import AT_A_TIME, ChangeRun

        at_a_time = AT_A_TIME if on_failure is None else 1
        run = ChangeRun(title, changes, self._app.dispatcher.ask, at_a_time, on_failure)
        over = [r for r in self.all if r.done][-KEPT:]
        self.all = [r for r in self.all if not r.done or r in over] + [run]
        if self._follower is None:
            self._follower = self._app.set_interval(_EVERY_S, self.follow)
        run.begin()
        return run

    def replied(self, request: Request, reply: Reply) -> None:
        """Go on with what is under way."""
        from vconsole.changes.settle import ReadOutcome

        for run in self.all:
            if isinstance(request, ReadOutcome):
                run.settled(request.of, reply)
            else:
                run.replied(request, reply)

    def follow(self) -> None:
        """Say on the page in front how far they are; nothing once all are over."""
        if (page := self._app.page) is not None:
            page.refresh_hint()
        if not self.under_way and self._follower is not None:
            self._follower.stop()
            self._follower = None

    @property
    def under_way(self) -> int:
        """How many changes have not ended."""
        return sum(len(run.changes) - len(run.replies) for run in self.all)

    @property
    def progress(self) -> str:
        """How far the first change is that says so, and how many go on besides."""
        going = [(run, c, w) for run in self.all for c, w in run.waiting.items() if w.what]
        if not going:
            return ""
        from vconsole.features.jobs.words import wait_words

        (run, change, wait), more = going[0], self.under_way - 1
        if (several := len(run.changes)) > 1:
            return f"{run.title}: {len(run.replies)} of {several} ended, {wait_words(wait)}"
        return f"{change.what}: {wait_words(wait)}{f', {more} more' if more else ''}"

"""What became of changes that nobody saw end: of an earlier program, and of unknown outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vconsole.model.keys import APP
from vconsole.model.words import plural
from vconsole.screens.page import Console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vconsole.changes.dispatcher import Request
    from vconsole.changes.settle import ReadOutcome
    from vconsole.model.request import Reply

LOOK_BACK_S = 0.5
"""After the first reading: the list of domains is not to wait for it."""


class Program(Console, Protocol):
    """The app, as it is seen from here."""

    def set_timer(self, delay: float, callback: Callable[[], object]) -> object:
        """Call later."""


class Aftermath:
    """Asks the host, and says what it finds on the page in front.

    Args:
        app: The program.
        state: The directory of what outlives it, or None.
    """

    def __init__(self, app: Program, state: Path | None) -> None:
        self._app, self._state = app, state
        self.looked_back = False
        """It was asked what an earlier program had no time to write down."""
        self._cut_off: list[ReadOutcome] = []
        self._told: dict[int, Reply] = {}
        """What became of those, by their place."""
        self._left = 0
        self._words: dict[str, str] = {}
        """What was said of them, and of the files that they left."""
        self._unknown: list[ReadOutcome] = []
        """Changes of unknown outcome: asked about with the next reading that succeeds."""

    def host_read(self) -> None:
        """Look back, once; ask what became of changes of unknown outcome, now that it answers."""
        if self._app.host_state.freshness.stale:
            return
        unknown, self._unknown = self._unknown, []
        for request in unknown:
            self._app.dispatcher.ask(request)
        if not self.looked_back:
            self.looked_back = True
            self._app.set_timer(LOOK_BACK_S, self._look_back)

    def _look_back(self) -> None:
        path = self._app.activity.path
        if path is None or not path.exists():
            return
        from vconsole.changes.jobs import directory_of
        from vconsole.changes.log import ReadCutOff
        from vconsole.model.job import ReadJobs

        ask, uri = self._app.dispatcher.ask, self._app.host_state.connection.uri
        ask(ReadCutOff(self._app.activity, uri))
        if (directory := directory_of(self._state)) is not None:
            ask(ReadJobs(directory))

    def replied(self, request: Request, reply: Reply) -> None:
        """Note what is not known, and say what became of the rest when all is told."""
        from vconsole.changes.log import ReadCutOff
        from vconsole.changes.settle import MOST_CUT_OFF, ReadOutcome, summary
        from vconsole.model.job import JobsFound

        if isinstance(reply.settle, ReadOutcome):
            self._unknown.append(reply.settle)
        if isinstance(request, ReadCutOff) and isinstance(reply.value, tuple):
            self._cut_off = [ReadOutcome(entry) for entry in reply.value[:MOST_CUT_OFF]]
            for wanted in self._cut_off:
                self._app.dispatcher.ask(wanted)
        elif (place := self._place(request)) is not None:
            self._told[place] = reply
            if len(self._told) == len(self._cut_off):
                told = [self._told[n] for n in sorted(self._told)]
                self._say("changes", f"{summary(told)}; Activity names them")
        elif isinstance(reply.value, JobsFound) and not self._left:
            self._left = len(reply.value.leftovers)
            if self._left:
                files = plural(self._left, "unfinished file")
                self._say("files", f"{files} of jobs that were cut off: {APP.jobs} shows them")

    def _place(self, request: Request) -> int | None:
        """Which of those that were cut off a request asks about; one may be asked again."""
        places = (n for n, wanted in enumerate(self._cut_off) if wanted is request)
        return next(places, None)

    def _say(self, of: str, words: str) -> None:
        """Say what an earlier program left, after what was said of it before; each once."""
        if self._words.get(of) == words:
            return
        self._words[of] = words
        if self._app.page is not None:
            self._app.page.say("; ".join(self._words.values()), "warn")

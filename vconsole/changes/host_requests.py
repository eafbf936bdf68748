"""Answers what is asked of the host beside the reading, on connections of its own.

The connection is not the one that feeds the screen: a request that hangs, in a guest agent say,
must not hold up the reading.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, cast

from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.host.together import WIDTH
from vconsole.model.manifest import Answer, imported, name_of
from vconsole.model.request import Reply
from vconsole.model.xml_edit import XmlEditError
from vconsole.model.xml_read import XmlError
from vconsole.registry import ANSWERS

SHARED = (
    Answer("vconsole.model.proposal:Propose", "vconsole.host.devices:propose"),
    Answer(
        "vconsole.model.request:ReadConfigurations", "vconsole.host.devices:read_configurations"
    ),
    Answer("vconsole.model.request:ReadDefinitions", "vconsole.host.definitions:read_definitions"),
    Answer(
        "vconsole.model.request:ChangeDevice",
        "vconsole.host.devices:change_device",
        changes=True,
        tells="vconsole.host.devices:tell_device",
    ),
    Answer(
        "vconsole.model.request:Define",
        "vconsole.host.definitions:define",
        changes=True,
        tells="vconsole.host.definitions:tell_define",
    ),
    Answer(
        "vconsole.changes.settle:ReadOutcome", "vconsole.changes.settle:read_outcome", link="settle"
    ),
    Answer("vconsole.changes.log:ReadLog", "vconsole.changes.log:read_log", local=True),
    Answer("vconsole.changes.log:ReadCutOff", "vconsole.changes.log:read_cut_off", local=True),
    Answer("vconsole.files.draft:ReadFile", "vconsole.files.draft:read_file", local=True),
)
"""What features share: to read and change devices, definitions and files."""


MARGIN_S = 1.0
"""A request says that there is no connection so long before its own deadline."""
FULL = "libvirt does not answer, or is full (max_clients)"


class HostRequests:
    """Opens connections when first needed, and again when one was lost.

    Args:
        open_: Connects.
        answers: What the features answer.
        demo: The host is the demo.
        more_s: How much longer than its deadline a request may take: see `Dispatcher`.
    """

    def __init__(
        self,
        open_: Callable[[], Link],
        answers: Iterable[Answer] = ANSWERS,
        demo: bool = False,
        more_s: Callable[[], float] = float,
    ) -> None:
        self._open, self._more_s = open_, more_s
        found = ((a, a.demo if demo else "") for a in (*SHARED, *answers))
        self._answers = {a.request: replace(a, handler=own) if own else a for a, own in found}
        self._lock = Lock()
        self._links: dict[str, Link] = {}
        """By `Answer.link`, and a number where several are needed."""
        self._openings: dict[str, _Opening] = {}
        self._busy = Counter[str]()
        """Requests under way, by the connection; one that nobody waits for any more is one, too."""

    def handlers(self) -> Mapping[type, Callable[[Any], Reply]]:
        """Type of request -> its handler, imported when it is first asked for."""
        return _Handlers(self._answers, self._handle)

    def _handle(self, answer: Answer, request: Any) -> Reply:
        if answer.local:
            return cast("Reply", imported(answer.handler)(request))
        name = self._with_room(answer.link)
        try:
            return self._handle_on(name, answer, request)
        finally:
            with self._lock:
                self._busy[name] -= 1

    def _with_room(self, name: str) -> str:
        """The connection of this name, or another one where that is taken up.

        libvirtd works on five calls of a client at a time, by default: a sixth waits, also one that
        would take no time, until a guest answers that hangs.
        """
        with self._lock:
            names = (f"{name} {number}" if number else name for number in count())
            found = next(each for each in names if self._busy[each] < WIDTH)
            self._busy[found] += 1
        return found

    def _handle_on(self, name: str, answer: Answer, request: Any) -> Reply:
        begun, limit_s = monotonic(), request.deadline_s + self._more_s()
        try:
            link = self._connected(name, limit_s - MARGIN_S)
        except HostError as error:
            if answer.changes:  # nothing was begun
                return Reply("refused", f"not connected: {error.title}: {error.message}")
            return _failed(error)
        if answer.changes:
            self._ask_anew()
        if answer.changes and not answer.link:
            link = link.until(begun + limit_s)
        try:
            if answer.changes and link.connection.read_only:
                return Reply("refused", f"read-only: {link.connection.read_only_reason}")
            return cast("Reply", imported(answer.handler)(link, request))
        except HostError as error:
            self._forget(name)
            if answer.changes:  # the call that was cut off may have been carried out
                return Reply("unknown", f"{error.title}: {error.message}")
            return _failed(error)
        except errors.libvirt_error() as error:
            return Reply("failed", errors.message(error))
        except (XmlError, XmlEditError) as error:
            return Reply("failed", errors.one_line(error))

    def _connected(self, name: str, wait_s: float) -> Link:
        """The connection of this name; opened once, whoever waits for it, and not for long.

        Raises:
            HostError: There is none, or it takes longer than the request may.
        """
        with self._lock:
            link = self._links.get(name)
            if link is not None and link.events.closed is None and not link.stuck:
                return link
            opening = self._openings.get(name)
            if opening is None:
                opening = self._openings[name] = _Opening(self._open)
        if not opening.over.wait(max(wait_s, MARGIN_S)):
            raise HostError("no further connection", FULL)
        with self._lock:
            if self._openings.get(name) is opening:
                del self._openings[name]
                if opening.link is not None:
                    self._links[name] = opening.link
        if opening.link is None:
            raise opening.error or HostError("cannot connect", "the attempt ended without an error")
        return opening.link

    def _ask_anew(self) -> None:
        """Who changes something may have been allowed to meanwhile, and to look at it as well."""
        with self._lock:
            links = list(self._links.values())
        for link in links:
            link.ask_anew()

    def _forget(self, name: str) -> None:
        """Open anew for the next request; a thread that still uses the old one may finish."""
        with self._lock:
            self._links.pop(name, None)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            links, self._links = self._links, {}
        for link in links.values():
            link.close()


class _Opening:
    """An attempt to connect, on a thread of its own: it may hang."""

    def __init__(self, open_: Callable[[], Link]) -> None:
        self.link: Link | None = None
        self.error: Exception | None = None
        self.over = Event()
        self._open = open_
        Thread(target=self._run, name="vconsole-connect", daemon=True).start()

    def _run(self) -> None:
        try:
            self.link = self._open()
        except Exception as error:  # handed to those who wait
            self.error = error
        self.over.set()


def _failed(error: HostError) -> Reply:
    return Reply("failed", f"{error.title}: {error.message}")


class _Handlers(Mapping[type, Callable[[Any], Reply]]):
    """By the names of types: none is imported to be found."""

    def __init__(
        self, answers: Mapping[str, Answer], handle: Callable[[Answer, Any], Reply]
    ) -> None:
        self._answers, self._handle = answers, handle

    def __getitem__(self, kind: type) -> Callable[[Any], Reply]:
        return partial(self._handle, self._answers[name_of(kind)])

    def __iter__(self) -> Iterator[type]:
        return (imported(name) for name in self._answers)

    def __len__(self) -> int:
        return len(self._answers)

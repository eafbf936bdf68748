"""Answers requests beside the reading of the host, so that a slow one delays nothing else.

Each request is handled on a daemon thread with a deadline. Past it the answer is ``unknown``, the
thread is left behind, and whatever it may still bring is dropped. As long as it hangs, who asks the
same is told so at once: a page asks again and again, and each would leave another thread behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Lock, Thread, Timer
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from vconsole.host.stderr import leave_trace
from vconsole.model.request import Reply

if TYPE_CHECKING:
    from vconsole.changes.entry import Entry
    from vconsole.changes.recorder import Recorder


class Request(Protocol):
    """A value that says what is wanted."""

    @property
    def deadline_s(self) -> float:
        """Seconds after which nobody waits for the answer."""


Handler = Callable[[Any], Reply]
"""Handles one type of request; may block, may raise."""
_TOO_LATE = Reply("refused", "not begun in time: is the disk of the activity log away?")


@dataclass(slots=True)
class _Job:
    number: int
    request: Request
    timer: Timer | None = None
    limit_s: float = 0.0
    """How long it may take."""
    entry: Entry | None = None
    """What the recorder knows it by."""
    begun: bool = False
    late: bool = False
    """Whether its handler was called before its time was over; else it never is."""
    asked_at: float = field(default_factory=monotonic)
    since: float = field(default_factory=monotonic)


class Dispatcher:
    """Takes requests from one thread, hands them to a few others, and publishes the replies.

    Args:
        handlers: Type of request -> who handles it.
        publish: Is given (request, reply) once for each request, from any thread.
        width: Requests handled at a time.
        hanging: Requests left behind before new ones are refused.
        recorder: Is told of each request before and after it is handled, in the thread of that.
        more_s: How much longer than its deadline a request may take: the host may be far away.
    """

    def __init__(
        self,
        handlers: Mapping[type, Handler],
        publish: Callable[[Request, Reply], object],
        width: int = 4,
        hanging: int = 16,
        recorder: Recorder | None = None,
        more_s: Callable[[], float] = float,
    ) -> None:
        self._recorder, self._more_s = recorder, more_s
        self._handlers, self._publish = handlers, publish
        self._width, self._most_hanging = width, hanging
        self._lock = Lock()
        self._numbers = count()
        self._waiting: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._hanging: dict[int, _Job] = {}
        self._stopped = False

    def ask(self, request: Request) -> None:
        """Handle a request as soon as there is room for it."""
        with self._lock:
            self._waiting.append(_Job(next(self._numbers), request))
        self._begin_next()

    def stop(self) -> None:
        """Begin nothing more and publish nothing more."""
        with self._lock:
            self._stopped = True
            timers = [job.timer for job in self._running.values() if job.timer]
        for timer in timers:
            timer.cancel()

    def _begin_next(self) -> None:
        while (job := self._next()) is not None:
            job.since, without = monotonic(), self._without_asking(job.request)
            work = self._handle if without is None else partial(self._answer, without)
            Thread(target=work, args=(job,), name="vconsole-dispatcher", daemon=True).start()

    def _next(self) -> _Job | None:
        with self._lock:
            if self._stopped or not self._waiting or len(self._running) >= self._width:
                return None
            job = self._waiting.popleft()
            self._running[job.number] = job
            return job

    def _record(self, job: _Job) -> None:
        if self._recorder is not None:
            job.entry = self._recorder.begun(job.request)

    def _without_asking(self, request: Request) -> Reply | None:
        """What is known of a request that would only hang as well."""
        from vconsole.changes.activity import is_change

        with self._lock:
            hanging = list(self._hanging.values())
        same = (job for job in hanging if job.request == request and not is_change(request))
        if (job := next(same, None)) is not None:
            return Reply("unknown", _silent(request, f"for {monotonic() - job.since:.0f} s"))
        full = len(hanging) >= self._most_hanging
        return Reply("refused", f"{len(hanging)} requests hang already") if full else None

    def _answer(self, reply: Reply, job: _Job) -> None:
        try:
            self._record(job)
        except Exception:
            leave_trace()
        self._finish(job, reply)

    def _handle(self, job: _Job) -> None:
        job.limit_s = job.request.deadline_s + self._more_s()
        job.timer = Timer(job.limit_s, self._expire, (job,))
        job.timer.daemon = True
        job.timer.start()
        try:
            self._record(job)
            handler = self._handlers[type(job.request)]
            reply = handler(job.request) if self._may_begin(job) else _TOO_LATE
        except Exception as error:  # the edge: whatever a handler did not foresee is an answer too
            leave_trace()
            reply = Reply("failed", f"{type(error).__name__}: {error}")
        self._finish(job, reply)

    def _may_begin(self, job: _Job) -> bool:
        """Unless its author was told meanwhile that it is not: nothing is done behind the back."""
        with self._lock:
            job.begun = not job.late
            return job.begun

    def _expire(self, job: _Job) -> None:
        with self._lock:
            if job.number in self._running:
                self._hanging[job.number] = job
            job.late = True
        words = _silent(job.request, f"within {job.limit_s:g} s")
        self._finish(job, Reply("unknown", words) if job.begun else _TOO_LATE)

    def _finish(self, job: _Job, reply: Reply) -> None:
        """Publish the first reply to a job; a later one only frees the thread."""
        with self._lock:
            first = self._running.pop(job.number, None) is not None
            if not first:
                self._hanging.pop(job.number, None)
            wanted = first and not self._stopped
        if job.timer is not None:
            job.timer.cancel()
        if self._recorder is not None:  # one that comes late as well: it is the truth
            try:
                reply = self._recorder.ended(job.entry, job.request, reply)
            except Exception:  # whoever asked is told all the same
                leave_trace()
        if reply.took_s is None:
            reply = replace(reply, took_s=monotonic() - job.asked_at)
        if wanted:
            with suppress(Exception):  # a user interface that is closing
                self._publish(job.request, reply)
        self._begin_next()


def _silent(request: Request, how_long: str) -> str:
    """Say that nothing answers; of a file, what may hold whoever looks at it."""
    path = getattr(request, "path", None)
    cause = f": is {path} on a server that is away?" if isinstance(path, Path) else ""
    return f"no answer {how_long}{cause}"

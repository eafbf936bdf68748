"""Answers requests beside the reading of the host, so that a slow one delays nothing else.

Each request is handled on a daemon thread with a deadline. Past it the answer is ``unknown``, the
thread is left behind, and whatever it may still bring is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from threading import Lock, Thread, Timer
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


@dataclass(slots=True)
class _Job:
    number: int
    request: Request
    timer: Timer | None = None
    entry: Entry | None = None
    """What the recorder knows it by."""


class Dispatcher:
    """Takes requests from one thread, hands them to a few others, and publishes the replies.

    Args:
        handlers: Type of request -> who handles it.
        publish: Is given (request, reply) once for each request, from any thread.
        width: Requests handled at a time.
        hanging: Requests left behind before new ones are refused.
        recorder: Is told of each request before and after it is handled, in the thread of that.
    """

    def __init__(
        self,
        handlers: Mapping[type, Handler],
        publish: Callable[[Request, Reply], object],
        width: int = 4,
        hanging: int = 16,
        recorder: Recorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._handlers, self._publish = handlers, publish
        self._width, self._most_hanging = width, hanging
        self._lock = Lock()
        self._numbers = count()
        self._waiting: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._hanging: set[int] = set()
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
            refused = len(self._hanging) >= self._most_hanging
            if not refused:
                job.timer = Timer(job.request.deadline_s, self._expire, (job,))
                job.timer.daemon = True
                job.timer.start()
            work = self._refuse if refused else self._handle
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

    def _refuse(self, job: _Job) -> None:
        try:
            self._record(job)
        except Exception:
            leave_trace()
        self._finish(job, Reply("refused", f"{len(self._hanging)} requests hang already"))

    def _handle(self, job: _Job) -> None:
        try:
            self._record(job)
            reply = self._handlers[type(job.request)](job.request)
        except Exception as error:  # the edge: whatever a handler did not foresee is an answer too
            leave_trace()
            reply = Reply("failed", f"{type(error).__name__}: {error}")
        self._finish(job, reply)

    def _expire(self, job: _Job) -> None:
        with self._lock:
            if job.number in self._running:
                self._hanging.add(job.number)
        self._finish(job, Reply("unknown", f"no answer within {job.request.deadline_s:g} s"))

    def _finish(self, job: _Job, reply: Reply) -> None:
        """Publish the first reply to a job; a later one only frees the thread."""
        with self._lock:
            first = self._running.pop(job.number, None) is not None
            if not first:
                self._hanging.discard(job.number)
            wanted = first and not self._stopped
        if job.timer is not None:
            job.timer.cancel()
        if self._recorder is not None:  # one that comes late as well: it is the truth
            try:
                reply = self._recorder.ended(job.entry, job.request, reply)
            except Exception:  # whoever asked is told all the same
                leave_trace()
        if wanted:
            with suppress(Exception):  # a user interface that is closing
                self._publish(job.request, reply)
        self._begin_next()

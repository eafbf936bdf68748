"""One daemon thread that owns a source and does one job at a time.

A call into libvirt cannot be interrupted. Whoever stops waiting for one leaves the thread behind;
it ends by itself when the call comes back, and its answer counts for nothing.
"""

from __future__ import annotations

from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Protocol

from vconsole.host.source import Connect, HostError, HostSource, View
from vconsole.host.stderr import leave_trace
from vconsole.model.host_state import HostState
from vconsole.model.value import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """The job that every worker starts with: to connect. Also its answer."""


@dataclass(frozen=True, slots=True)
class Read:
    """The job to read what `view` needs."""

    view: View


Job = Opened | Read
Answer = Opened | HostState | HostError


class Owner(Protocol):
    """Whom a worker reports to, from its own thread."""

    def finished(self, worker: Worker, job: Job, answer: Answer) -> None:
        """A job is done; after a HostError the worker ends."""

    def ended(self, worker: Worker) -> None:
        """The thread is about to end and the source is closed."""


class Worker:
    """A thread with a source of its own. `job` is what it does now; None while it waits."""

    def __init__(self, connect: Connect, owner: Owner) -> None:
        self.job: Job | None = Opened()
        self.since = monotonic()
        """When the present or the last job began, in monotonic seconds."""
        self._connect, self._owner = connect, owner
        self._source: HostSource | None = None
        self._abandoned = False
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="vconsole-libvirt", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def give(self, job: Job) -> None:
        """Hand over the next job; the worker must be waiting."""
        self.job, self.since = job, monotonic()
        self._jobs.put(job)

    def finish(self) -> None:
        """Close the source and end, as soon as the present job is done."""
        self._jobs.put(None)

    def abandon(self) -> None:
        """Expect nothing more of this worker."""
        self._abandoned = True
        if self._source is not None:
            with suppress(Exception):
                self._source.abandon()
        self.finish()

    def join(self, timeout_s: float) -> None:
        """Wait for the end of the thread, but not for long."""
        self._thread.join(timeout_s)

    @property
    def unfinished(self) -> bool:
        """The source has more to read than the last reading held."""
        with suppress(Exception):
            return self._source is not None and self._source.unfinished
        return False

    @property
    def moved_at(self) -> float:
        """When it last went on: began its job, or another call of it."""
        with suppress(Exception):
            if self._source is not None:
                return max(self.since, self._source.called_at)
        return self.since

    @property
    def slowest_s(self) -> float:
        """The longest call of the last reading; 0 where the source does not know."""
        with suppress(Exception):
            return self._source.slowest_s if self._source is not None else 0.0
        return 0.0

    def _run(self) -> None:
        try:
            job: Job | None = self.job
            while job is not None and self._do(job):
                job = self._jobs.get()
        finally:
            self._close()
            self._owner.ended(self)

    def _do(self, job: Job) -> bool:
        try:
            answer = self._answer(job)
            if not self._abandoned:
                self._owner.finished(self, job, answer)
            return not self._abandoned
        except HostError as error:
            failed = error
        except Exception as error:  # whatever a source, or the owner, does must not end the console
            leave_trace()
            failed = HostError("unexpected error", f"{type(error).__name__}: {error}")
        if not self._abandoned:
            self._owner.finished(self, job, failed)
        return False

    def _answer(self, job: Job) -> Answer:
        if self._source is None:
            self._source = self._connect()
            return Opened()
        return self._source.read(job.view if isinstance(job, Read) else View())

    def _close(self) -> None:
        if self._source is not None:
            with suppress(Exception):
                self._source.close()

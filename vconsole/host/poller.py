"""Keeps the console fed: reads the host in time, and never waits for one that hangs.

A supervisor thread decides what is due and watches the clock; a worker thread (`worker`) makes the
calls. Every call has a deadline. Past it the worker is left behind, the data is marked stale, and
a new worker connects. Everything here is guarded by one lock; the callbacks run under it, so that
what they are given is never out of order, and must be quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from threading import Condition, Thread
from time import monotonic

from vconsole.host.pace import Limits, Pace
from vconsole.host.source import Connect, HostError, View
from vconsole.host.stderr import leave_trace
from vconsole.host.worker import Answer, Job, Opened, Read, Worker
from vconsole.model.host_state import EMPTY, Domain, Freshness, HostState

_SLACK_S = 0.005
"""What is due this soon is due now: one wakeup instead of two."""


class Poller:
    """Reads a host at an interval and hands on what it finds.

    Args:
        connect: Opens the host; called in a worker thread, again after each loss.
        on_host_state: Is given every reading, from any thread.
        interval_s: Seconds from one reading to the next.
        deadline_s: Seconds after which a reading is given up whose call does not come back; more
            where calls usually take so long.
        limits: The other deadlines.
        initial: What is published with a reason as long as nothing was read.
        first_only: Stop after the first reading until `go_on`: nobody can show another yet.
    """

    def __init__(
        self,
        connect: Connect,
        on_host_state: Callable[[HostState], object],
        interval_s: float = 1.0,
        deadline_s: float = 5.0,
        limits: Limits | None = None,
        initial: HostState = EMPTY,
        first_only: bool = False,
    ) -> None:
        self._connect, self._on_host_state = connect, on_host_state
        self._interval_s, self._deadline_s = interval_s, deadline_s
        self._limits = limits or Limits()
        self._last = initial
        self._whole: tuple[Domain, ...] = ()
        """Domains of which each has its details: the same tuple as long as none changes."""
        self._view = View()
        self._again: set[str] = set()
        """Domains that were changed from here since the last reading began."""
        self._changed = Condition()
        self._worker: Worker | None = None
        self._elders: list[Worker] = []
        """Attempts to connect that go on beside that of `_worker`, the longest first."""
        self._connect_s = self._limits.connect_s
        self._left: set[Worker] = set()
        """Workers that were abandoned or are closing, as long as their threads live."""
        self._stopping = False
        self._asked = self._event = self._for_event = False
        self._first_only = first_only
        self._due = self._retry_at = self._wake_at = 0.0
        self._earliest = self._published_at = self._opened_at = 0.0
        self._pace = Pace()
        self._retry_s = self._limits.first_retry_s
        self._thread = Thread(target=self._supervise, name="vconsole-poller", daemon=True)

    # -- for the user interface: none of these waits for the host ------------------------------

    def start(self) -> None:
        """Begin to connect and read."""
        self._thread.start()

    def look(self, view: View) -> None:
        """Say what is on the screen, and read it at once."""
        with self._changed:
            self._view = view
        self.refresh()

    def see(self, sight: frozenset[str] | None) -> None:
        """Say what rows are in sight, from the next reading on."""
        with self._changed:
            self._view = replace(self._view, sight=sight)

    def refresh(self, uuid: str = "") -> None:
        """Read now; the configuration of a domain anew, where one was changed."""
        with self._changed:
            self._asked = True
            if uuid:
                self._again.add(uuid)
            self._bring_forward(monotonic())

    def wake(self) -> None:
        """Read soon: an event says that something changed. Many of them become one reading."""
        with self._changed:
            self._event = True
            self._bring_forward(self._earliest)

    def go_on(self) -> None:
        """Read as it is due from now on."""
        with self._changed:
            self._first_only = False
            self._changed.notify_all()

    def set_interval(self, interval_s: float) -> None:
        """Read at another interval from now on."""
        with self._changed:
            self._interval_s = interval_s
            self._bring_forward(monotonic() + interval_s)

    def stop(self) -> None:
        """End. An idle connection is closed; a call that hangs is left to its fate."""
        with self._changed:
            self._stopping = True
            worker, idle = self._worker, self._worker is not None and self._worker.job is None
            self._worker = None
            self._drop_elders()
            if worker is not None:
                worker.abandon()
            self._changed.notify_all()
        if worker is not None and idle:
            worker.join(0.2)

    # -- from the worker threads ---------------------------------------------------------------

    def finished(self, worker: Worker, job: Job, answer: Answer) -> None:
        """Take the answer to a job, unless nobody waits for it any more."""
        with self._changed:
            if worker in self._elders:
                self._elder_finished(worker, answer)
                return
            if worker is not self._worker:
                return
            took, worker.job = monotonic() - worker.since, None
            if isinstance(answer, HostError):
                self._lost(worker, answer)
            elif isinstance(answer, HostState):
                self._fresh(worker, answer, took)
            else:
                self._opened(took)

    def ended(self, worker: Worker) -> None:
        """Forget a worker whose thread ends; that may make room for a new one."""
        with self._changed:
            if self._are_enough:
                self._retry_at = 0.0
            self._left.discard(worker)
            self._changed.notify_all()

    # -- the supervisor ------------------------------------------------------------------------

    def _supervise(self) -> None:
        with self._changed:
            while not self._stopping:
                now = monotonic()
                pause = self._guarded_step(now)
                self._wake_at = now + pause
                if pause > 0:
                    self._changed.wait(pause)

    def _guarded_step(self, now: float) -> float:
        """Do what is due; a fault of this program is in the log, and the data is called stale."""
        try:
            return self._step(now)
        except Exception as error:
            leave_trace()
            reason = f"unexpected error: {type(error).__name__}: {error}"
            self._go_stale(now, reason, renew=True)
            return self._interval_s

    def _step(self, now: float) -> float:
        """Do what is due; answers after how many seconds to look again."""
        stale = self._last.freshness.stale
        if stale and now - self._published_at >= self._interval_s:
            self._publish(self._last)
        if self._worker is None:
            pause = self._reconnect(now)
        elif self._worker.job is not None:
            pause = self._watch(self._worker, now)
        else:
            pause = self._feed(self._worker, now)
        return min(pause, self._interval_s) if stale else pause

    def _reconnect(self, now: float) -> float:
        if self._are_enough:
            if self._elders:  # the title counts on
                return self._interval_s
            hanging = f"{len(self._left)} calls to libvirt hang; waiting for one to end"
            self._go_stale(now, hanging, renew=True)
            return self._interval_s
        if now < self._retry_at:
            return self._retry_at - now
        self._worker = Worker(self._connect, self)
        self._worker.start()
        return self._limits.patience_s

    @property
    def _are_enough(self) -> bool:
        """So many threads wait for libvirt that another one would not help."""
        return len(self._left) + len(self._elders) >= self._limits.workers

    def _watch(self, worker: Worker, now: float) -> float:
        """Lose patience with a job in two steps: say so, then give it up."""
        assert worker.job is not None
        waited, deadline = now - worker.since, self._deadline(worker.job)
        left = deadline - (now - worker.moved_at)
        if left <= 0:
            if isinstance(worker.job, Opened):
                self._try_beside(worker)
            else:
                self._abandon(worker, worker.job, deadline)
            return 0.0
        of_call = min(self._pace.patience_s(self._limits.patience_s), deadline)
        of_all = max(self._limits.patience_s, self._pace.longest_s)
        calm = min(left - deadline + of_call, of_all - waited)
        if calm > 0:
            return calm
        self._go_stale(worker.since, f"waiting for libvirt to {_doing(worker.job)}")
        self._count(worker)
        return left

    def _count(self, worker: Worker) -> None:
        """Let the screen count the seconds of an attempt to connect: those of the longest."""
        connecting = self._elders[0] if self._elders else worker
        known, since = self._last.freshness, connecting.since
        if isinstance(connecting.job, Opened) and known.connecting_since != since:
            self._publish(replace(self._last, freshness=replace(known, connecting_since=since)))

    def _try_beside(self, worker: Worker) -> None:
        """Begin another attempt to connect; those before go on, and the first answer counts."""
        self._elders.append(worker)
        self._worker = None
        self._connect_s = min(self._limits.longest_connect_s, self._connect_s * 2)
        self._retry_at = 0.0

    def _elder_finished(self, worker: Worker, answer: Answer) -> None:
        """A longer attempt has come through, or failed."""
        self._elders.remove(worker)
        if isinstance(answer, HostError):
            self._left.add(worker)
            self._go_stale(monotonic(), _reason(answer), renew=True, cure=answer.cure)
            return
        self._drop(self._worker)
        self._worker, worker.job = worker, None
        self._opened(monotonic() - worker.since)

    def _opened(self, took: float) -> None:
        self._pace.opened(took)
        self._drop_elders()
        self._connect_s = self._limits.connect_s
        self._opened_at = monotonic()
        self._now()

    def _drop(self, worker: Worker | None) -> None:
        """Expect nothing more of it; it closes what it may still open."""
        if worker is not None:
            self._left.add(worker)
            worker.abandon()

    def _drop_elders(self) -> None:
        for elder in self._elders:
            self._drop(elder)
        self._elders.clear()

    def _feed(self, worker: Worker, now: float) -> float:
        """Give an idle worker what is due."""
        if self._first_only and self._last.freshness.read_at is not None:
            return self._interval_s
        if now < self._due - _SLACK_S:
            return self._due - now
        view = replace(self._view, again=frozenset(self._again), now=self._asked)
        self._for_event, self._asked, self._event = self._event, False, False
        worker.give(Read(view))
        self._again.clear()
        self._due = now + self._interval_s
        return min(self._limits.patience_s, self._interval_s)

    def _deadline(self, job: Job) -> float:
        if isinstance(job, Opened):
            return self._connect_s
        return self._pace.deadline_s(self._deadline_s)

    def _abandon(self, worker: Worker, job: Job, deadline: float) -> None:
        worker.abandon()
        reason = f"libvirt did not {_doing(job)} within {round(deadline, 2):g} s"
        self._lost(worker, HostError("no answer", reason), worker.since)

    # -- what became of it ---------------------------------------------------------------------

    def _fresh(self, worker: Worker, host_state: HostState, took: float) -> None:
        """Publish a reading and decide when the next is due."""
        now, begun, limits = monotonic(), worker.since, self._limits
        if now - self._opened_at >= limits.settled_s:
            self._retry_s = limits.first_retry_s
        self._pace.took(took, worker.slowest_s, self._for_event)
        soon = worker.unfinished and not self._pace.far
        told = 0.0 if soon else self._pace.told_s(self._interval_s)
        freshness = Freshness(begun, reason=host_state.freshness.reason, pace_s=told)
        self._publish(self._recalled(replace(host_state, freshness=freshness)))
        self._due = begun + max(self._interval_s, self._pace.least_s)
        self._earliest = begun + max(limits.between_events_s, self._pace.event_s)
        if worker.unfinished:
            self._due = now + limits.slice_s
        if self._event:
            self._due = min(self._due, self._earliest)
        if self._asked:
            self._due = now
        if self._due < self._wake_at:
            self._changed.notify_all()

    def _recalled(self, host_state: HostState) -> HostState:
        """The state of the host, domains that it has no details of yet as they were last known.

        After a new connection a large fleet is read in slices; its rows need not go blank.
        """
        domains = host_state.domains
        if domains is self._whole or all(d.detailed or d.problem for d in domains):
            self._whole = domains
            return host_state
        known = {domain.uuid: domain for domain in self._last.domains if domain.detailed}
        return replace(host_state, domains=tuple(_merged(d, known) for d in domains))

    def _lost(self, worker: Worker, error: HostError, since: float | None = None) -> None:
        """Go on without this worker."""
        self._left.add(worker)
        self._worker = None
        now = monotonic()
        self._retry_at = now + self._retry_s
        self._retry_s = min(self._limits.last_retry_s, self._retry_s * 2)
        begun = now if since is None else since
        self._go_stale(begun, _reason(error), renew=True, cure=error.cure)
        self._changed.notify_all()

    def _go_stale(self, since: float, reason: str, renew: bool = False, cure: str = "") -> None:
        known = self._last.freshness
        if known.stale and not (renew and (known.reason != reason or known.connecting_since)):
            return
        since = known.stale_since if known.stale_since is not None else since
        stale = Freshness(known.read_at, since, reason, cure)
        self._publish(replace(self._last, freshness=stale))

    def _publish(self, host_state: HostState) -> None:
        self._last, self._published_at = host_state, monotonic()
        if not self._stopping:
            with suppress(Exception):  # a user interface that is closing
                self._on_host_state(host_state)

    def _now(self) -> None:
        self._due = monotonic()
        self._changed.notify_all()

    def _bring_forward(self, moment: float) -> None:
        if moment < self._due:
            self._due = moment
            if self._worker is not None and self._worker.job is None and moment < self._wake_at:
                self._changed.notify_all()


def _merged(domain: Domain, known: Mapping[str, Domain]) -> Domain:
    old = known.get(domain.uuid)
    if domain.detailed or old is None:
        return domain
    return replace(old, name=domain.name, state=domain.state, id=domain.id)


def _doing(job: Job) -> str:
    return "connect" if isinstance(job, Opened) else "answer"


def _reason(error: HostError) -> str:
    return f"{error.title}: {error.message}" if error.title else error.message

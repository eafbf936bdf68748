"""The commands of metrics: whose turn it is, and how long what they said last is published.

Commands run on beside the updates: one that is still at work when an update is due ends in the
next, and the update has what the command said before. So a host whose commands take longer than
the period loses no metric; its values are older, and their age is told.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from vconsole.features.metrics.daemon.actions import (
    VALUE_BYTES,
    XML_BYTES,
    ActionPool,
    Run,
    environment,
)
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import MetricSpec, VhostmdConfig
from vconsole.features.metrics.model.tokens import Subject, UnfitNameError, fill
from vconsole.features.metrics.model.values import Values, decode, values

if TYPE_CHECKING:
    from vconsole.features.metrics.model.sample import DomainSample

_MAX_TIMEOUTS: Final = 3
_REST_PERIODS: Final = 10
"""A command that took too long that often, one time after the other, rests for so long."""
RESTS: Final = f"rests after it took too long {_MAX_TIMEOUTS} times"
WAITS: Final = "not run yet: the commands before it took the whole period"
Key = tuple[int, str, int]
"""Number of the metric; UUID and id of the domain, "" and -1 for the host."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command, and whom it is run for; None is the host."""

    spec: MetricSpec
    domain: DomainSample | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What an update has of a command."""

    metrics: tuple[Metric, ...] = ()
    problem: str = ""
    failed: bool = False
    ran: bool = False
    """It ended since the update before."""
    took_s: float = 0.0
    age_s: float | None = None
    """Of the metrics, where it is an earlier run that brought them."""


@dataclass(slots=True)
class _Action:
    """What is remembered of a command between updates; times are monotonic."""

    since: float
    """When it was first wanted."""
    ran_at: float = 0.0
    timeouts: int = 0
    rests_until: float = 0.0
    news: Told | None = None
    """What came of a run that no update has had yet."""
    kept: tuple[Metric, ...] = ()
    kept_at: float = 0.0
    problem: str = WAITS
    """Why there is nothing to keep."""


class Turns:
    """Runs the commands of one configuration, the host's first."""

    def __init__(self, config: VhostmdConfig, uri: str | None, pool: ActionPool) -> None:
        self._config, self._uri, self._pool = config, uri, pool
        self._actions: dict[Key, _Action] = {}
        self._jobs: Mapping[Key, Job] = {}
        self._queue: deque[Key] = deque()
        self._busy: set[Key] = set()
        self._workers: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Begin no other command, and expect nothing of those that run."""
        self._queue.clear()
        for worker in self._workers:
            worker.cancel()

    def adopt(self, earlier: Turns, numbers: Mapping[int, int]) -> None:
        """Go on with what the commands of an earlier configuration said.

        Args:
            earlier: It runs no more.
            numbers: Of the metrics that are the same: number there -> number here.
        """
        earlier.close()
        self._actions = {
            (numbers[number], uuid, id_): action
            for (number, uuid, id_), action in earlier._actions.items()
            if number in numbers
        }

    async def run(self, jobs: Mapping[Key, Job], until: float | None) -> dict[Key, Told]:
        """Run the commands until all have ended or it is time; what is known of each by then.

        Args:
            jobs: All commands there are.
            until: The monotonic time of the update; None to wait for all.
        """
        now = monotonic()
        self._jobs = jobs
        self._actions = {key: self._actions.get(key) or _Action(now) for key in jobs}
        ready = [k for k in jobs if k not in self._busy and self._actions[k].rests_until <= now]
        self._queue = deque(sorted(ready, key=lambda key: self._turn(key, now)))
        self._employ()
        if self._workers:
            limit_s = None if until is None else max(0.0, until - monotonic())
            done, _ = await asyncio.wait(self._workers, timeout=limit_s)
            for worker in done:
                worker.result()
        return {key: self._told(key) for key in jobs}

    async def get(self, job: Job) -> tuple[Run, Values]:
        """Run a command now."""
        subject = Subject(self._uri)
        if (domain := job.domain) is not None:
            subject = Subject(self._uri, domain.name, str(domain.id), domain.uuid)
        try:
            command = fill(job.spec.action, job.spec.context, subject)
            environ = environment(self._config.path, subject.environment())
        except UnfitNameError as error:
            return Run(error=str(error)), Values()
        run = await self._pool.shell(
            command, environ, limit_s=self._config.action_limit_s, cap_bytes=_cap(job.spec)
        )
        if run.error:
            return run, Values()
        raw = self._config.settings.compat_newline
        return run, values(job.spec, decode(run.output), domain, raw)

    # -- whose turn it is ----------------------------------------------------------------------

    def _turn(self, key: Key, now: float) -> tuple[int, float]:
        """The host's first, then those that waited longest.

        Before all of them those of domains that wait so long that their value would get lost: a
        host whose own commands take the whole period has others, too.
        """
        action = self._actions[key]
        if not key[1]:
            return 1, action.ran_at
        overdue = now - max(action.ran_at, action.since) > self._config.keep_s / 2
        return 0 if overdue else 2, action.ran_at

    def _employ(self) -> None:
        """Have as many at work as may be; one that is at work still goes on with the new queue."""
        self._workers = {worker for worker in self._workers if not worker.done()}
        wanted = min(self._config.settings.parallel_actions, len(self._queue) + len(self._workers))
        while len(self._workers) < wanted:
            self._workers.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        while self._queue:
            key = self._queue.popleft()
            self._busy.add(key)
            try:
                await self._job(key, self._actions[key], self._jobs[key])
            finally:
                self._busy.discard(key)

    async def _job(self, key: Key, action: _Action, job: Job) -> None:
        run, made = await self.get(job)
        self._remember(action, run)
        problem = run.error or made.problem
        if run.cut and not problem:
            problem = f"its output was cut at {_cap(job.spec)} bytes"
        failed = bool(run.error) or not made.metrics
        action.news = Told(made.metrics, problem, failed, True, run.took_s)
        if made.metrics or run.came_to_its_end:
            action.kept, action.kept_at, action.problem = made.metrics, monotonic(), problem

    def _remember(self, action: _Action, run: Run) -> None:
        if run.took_s:
            action.ran_at = monotonic()
        action.timeouts = action.timeouts + 1 if run.timed_out else 0
        if action.timeouts >= _MAX_TIMEOUTS:
            action.rests_until = monotonic() + _REST_PERIODS * self._config.period_s
            action.timeouts = 0

    # -- what is known -------------------------------------------------------------------------

    def _told(self, key: Key) -> Told:
        """What came of it, else what it said before as long as that is not too old."""
        action, now = self._actions[key], monotonic()
        news, action.news = action.news, None
        if news is not None and (news.metrics or not action.kept):
            return news
        age_s = now - action.kept_at
        metrics = action.kept if age_s <= self._config.keep_s else ()
        if news is not None:
            return Told(metrics, news.problem, True, True, news.took_s, age_s if metrics else None)
        if action.rests_until > now:
            return Told(metrics, RESTS, True, age_s=age_s if metrics else None)
        if metrics:
            return Told(metrics, age_s=age_s)
        return Told(problem=action.problem or WAITS, failed=True)


def _cap(spec: MetricSpec) -> int:
    return XML_BYTES if spec.type == "xml" else VALUE_BYTES

"""Samples from a thread of their own: no call into libvirt is ever waited for without an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Final

from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.sample import Needs, Sample
from vconsole.host.stderr import leave_trace

_MAX_ABANDONED: Final = 4
"""Threads that hang in libvirt; more of them are not begun."""
_Job = tuple[Needs, Callable[[Sample], None]]


class _Worker:
    """A thread with a sampler, which reads when it is told to."""

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self.thread = Thread(target=self._run, name="vhostmd-libvirt", daemon=True)
        self.thread.start()

    def read(self, needs: Needs, done: Callable[[Sample], None]) -> None:
        """Read, and tell `done` from the thread."""
        self._jobs.put((needs, done))

    def finish(self) -> None:
        """End once the present reading, if any, comes back."""
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            needs, done = job
            try:
                sample = self.sampler.read(needs)
            except Exception as error:  # whatever libvirt's binding does must not end the thread
                leave_trace(error)
                sample = self.sampler.without_libvirt(f"{type(error).__name__}: {error}")
            done(sample)
        self.sampler.close()


class Samples:
    """Takes samples with a deadline, and has what libvirt said before while it says nothing.

    A reading that misses its deadline goes on, and the next sample has what comes of it; one that
    does not come back for long is left behind with its thread.

    Args:
        make: Makes a sampler, each for a connection of its own.
        give_up_s: How long a reading may take before it is left behind.
    """

    def __init__(self, make: Callable[[], Sampler], give_up_s: float = 30.0) -> None:
        self._make, self._give_up_s = make, give_up_s
        self._worker: _Worker | None = None
        self._abandoned: list[_Worker] = []
        self._pending: tuple[Needs, asyncio.Future[Sample], float] | None = None
        self._silent_since: float | None = None
        """When the first question was asked that is not answered yet."""
        self._last: tuple[Sample, float] | None = None
        """The latest with domains, and when it came."""

    async def read(self, needs: Needs, limit_s: float, keep_s: float = 0.0) -> Sample:
        """A sample.

        Args:
            needs: What it is to hold.
            limit_s: How long libvirt is waited for.
            keep_s: How old its domains may be where libvirt does not answer.
        """
        pending = self._ask(needs)
        if pending is not None:
            done, _ = await asyncio.wait({pending}, timeout=limit_s)
            if done:
                self._pending = self._silent_since = None
                return self._with_domains(pending.result(), keep_s)
        sampler = self._give_up() or (self._abandoned[-1].sampler)
        return self._with_domains(sampler.without_libvirt(self._silence()), keep_s)

    def close(self) -> None:
        """Expect nothing more."""
        if self._worker is not None:
            self._worker.finish()
            self._worker.thread.join(1.0)

    def _ask(self, needs: Needs) -> asyncio.Future[Sample] | None:
        """The question that is under way, or a new one; None while too many hang."""
        if self._pending is not None and self._pending[0] == needs:
            return self._pending[1]
        self._abandoned = [w for w in self._abandoned if w.thread.is_alive()]
        if self._worker is None:
            if len(self._abandoned) >= _MAX_ABANDONED:
                return None
            self._worker = self._hired()
        if self._silent_since is None:
            self._silent_since = monotonic()
        self._pending = needs, _answer(self._worker, needs), monotonic()
        return self._pending[1]

    def _hired(self) -> _Worker:
        sampler = self._make()
        if self._abandoned:
            sampler.remember(self._abandoned[-1].sampler)
        return _Worker(sampler)

    def _give_up(self) -> Sampler | None:
        """Leave a reading behind that hangs; answers the sampler at work, if any."""
        worker = self._worker
        if worker is not None and self._pending is not None:
            if monotonic() - self._pending[2] >= self._give_up_s:
                self._worker = self._pending = None
                worker.finish()
                self._abandoned.append(worker)
            return worker.sampler
        return None

    def _silence(self) -> str:
        silent_s = monotonic() - (self._silent_since or monotonic())
        if silent_s < self._give_up_s:
            return f"it is slow: no answer for {silent_s:.0f} s"
        return f"it hangs: no answer for {silent_s:.0f} s: restart its daemon"

    def _with_domains(self, sample: Sample, keep_s: float) -> Sample:
        """The sample, with the domains as they were where libvirt does not tell them."""
        if sample.domains is not None:
            self._last = sample, monotonic()
        elif self._last is not None and (age_s := monotonic() - self._last[1]) <= keep_s:
            before = self._last[0]
            return replace(
                sample, domains=before.domains, defined=before.defined, domains_age_s=age_s
            )
        return sample


def _answer(worker: _Worker, needs: Needs) -> asyncio.Future[Sample]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Sample] = loop.create_future()

    def settle(sample: Sample) -> None:
        if not future.done():
            future.set_result(sample)

    def done(sample: Sample) -> None:
        with suppress(RuntimeError):  # the loop is closed: the daemon has ended meanwhile
            loop.call_soon_threadsafe(settle, sample)

    worker.read(needs, done)
    return future

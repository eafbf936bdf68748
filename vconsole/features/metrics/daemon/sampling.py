"""Samples from a thread of their own: no call into libvirt is ever waited for without an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.sample import Needs, Sample

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
                sample = self.sampler.without_libvirt(f"{type(error).__name__}: {error}")
            done(sample)
        self.sampler.close()


class Samples:
    """Takes samples with a deadline. A reading that misses it is left behind with its thread.

    Args:
        make: Makes a sampler, each for a connection of its own.
    """

    def __init__(self, make: Callable[[], Sampler]) -> None:
        self._make = make
        self._worker: _Worker | None = None
        self._abandoned: list[_Worker] = []

    async def read(self, needs: Needs, limit_s: float) -> Sample:
        """A sample; without libvirt's part if that does not come in time."""
        self._abandoned = [w for w in self._abandoned if w.thread.is_alive()]
        if len(self._abandoned) >= _MAX_ABANDONED:
            last = self._abandoned[-1].sampler
            return last.without_libvirt("libvirt hangs: restart its daemon")
        if self._worker is None:
            self._worker = _Worker(self._make())
        worker = self._worker
        try:
            return await asyncio.wait_for(_answer(worker, needs), limit_s)
        except TimeoutError:
            self._worker = None
            worker.finish()
            self._abandoned.append(worker)
            return worker.sampler.without_libvirt(f"libvirt did not answer in {limit_s:g} s")

    def close(self) -> None:
        """Expect nothing more."""
        if self._worker is not None:
            self._worker.finish()
            self._worker.thread.join(1.0)


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

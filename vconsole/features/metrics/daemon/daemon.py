"""The daemon at work: sample, collect, publish, at fixed steps; a new configuration in between."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from vconsole.daemon.daemonize import notify, notify_reloading
from vconsole.daemon.journal import NOTICE, Quiet
from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.channel import Channels
from vconsole.features.metrics.daemon.collect import Collection, Collector
from vconsole.features.metrics.daemon.cycle import Schedule
from vconsole.features.metrics.daemon.publish import Publisher, PublishError
from vconsole.features.metrics.daemon.sampling import Samples
from vconsole.features.metrics.daemon.source import ConfigSource
from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.sample import Sample
from vconsole.features.metrics.model.spec import VhostmdConfig
from vconsole.features.metrics.model.status import DaemonStatus, Trial, UpdateStatus

_LIBVIRT_LIMIT_S, _LIBVIRT_SHARE = 10.0, 0.5
"""How long libvirt is waited for in an update: so long, or this share of the period."""
_PUBLISHING_S, _PUBLISHING_SHARE = 1.0, 0.1
"""What is left of a period to publish in."""
_RELOAD_PAUSE_S: Final = 1.0
_RETRY_S, _LONGEST_RETRY_S = 10.0, 3600.0
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)?")
_LOG: Final = logging.getLogger(__name__)
Task = Callable[[], Coroutine[Any, Any, None]]
"""Something that goes on for ever beside the updates, such as a server."""


class Daemon:
    """The metrics daemon. `open` it while it has the rights it needs, then `run` it.

    Attributes:
        collection: What was published last.

    Raises:
        ConfigError: The configuration cannot be used.
    """

    def __init__(
        self,
        source: ConfigSource,
        uri: str | None = None,
        owners: Iterable[int] = (),
        make_sampler: Callable[[], Sampler] | None = None,
    ) -> None:
        self._source, self._uri = source, uri
        self._stamp = source.stamp
        self._config = source.load()
        self._pool = ActionPool(self._config.settings.parallel_actions)
        self._publisher = Publisher(self._pool, owners)
        self._collector = Collector(self._config, uri, self._pool)
        self._samples = Samples(make_sampler or (lambda: Sampler(uri)))
        self._last: Sample | None = None
        self._schedule = Schedule(self._config.period_s)
        self._wake, self._reload, self._stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._busy = asyncio.Lock()
        self._channels: tuple[Channels, asyncio.Task[None]] | None = None
        self._in_force_since_s = time.time()
        self._config_error = ""
        self._update = UpdateStatus()
        self._told: dict[str, str] = {}
        """What is wrong -> in which words, without the numbers in them."""
        self._quiet = Quiet(_LOG)
        self.collection = Collection()

    def open(self) -> None:
        """Make the disk and what else the configuration asks for.

        Raises:
            PublishError: That is not possible.
        """
        self._publisher.configure(self._config)
        _LOG.log(NOTICE, "%s is in force", self._source)
        self._warn_of(self._config)

    async def run(self, beside: Sequence[Task] = ()) -> None:
        """Update until `stop`.

        Args:
            beside: What goes on besides; begun again if it fails.
        """
        tasks = [self._updates, self._reloads, self._watch, _heartbeat, *beside]
        running = [asyncio.create_task(_for_ever(task)) for task in tasks]
        notify("READY=1")
        try:
            await self._stop.wait()
        finally:
            notify("STOPPING=1")
            self._collector.close()
            self._pool.stop()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self._follow_channels(None)
            self._publisher.close()
            self._samples.close()

    def stop(self) -> None:
        """End; running actions are ended, what is published stays."""
        self._stop.set()

    def reload(self) -> None:
        """Read the configuration anew, and update at once."""
        self._reload.set()

    # -- updates -------------------------------------------------------------------------------

    async def _updates(self) -> None:
        self._schedule.hurry()  # to become a daemon took its time
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.wait_s):
                    await self._wake.wait()
                    self._schedule.hurry()
            self._wake.clear()
            self._schedule.begin()
            async with self._busy:
                await self._update_once()
            self._schedule.end()
            self._update.next_s = round(time.time() + self._schedule.wait_s, 3)

    async def _update_once(self) -> None:
        began = monotonic()
        try:
            errors = await self._sample_and_publish()
        except Exception as error:  # the next update may go well
            _LOG.exception("the update failed")
            errors = [f"{type(error).__name__}: {error}"]
        update = self._update
        update.count += 1
        update.took_s = round(monotonic() - began, 4)
        update.last_s = round(time.time(), 3)
        update.bytes, update.errors = self._publisher.content_bytes, tuple(errors)
        self._tell(errors)
        _LOG.info("update %d took %.3f s", update.count, update.took_s)

    async def _sample_and_publish(self) -> list[str]:
        """One update; what went wrong, a line each."""
        period_s = self._config.period_s
        limit_s = min(_LIBVIRT_LIMIT_S, period_s * _LIBVIRT_SHARE)
        needs, keep_s = self._collector.needs, self._config.keep_s
        sample = self._last = await self._samples.read(needs, limit_s, keep_s)
        publishing_s = min(_PUBLISHING_S, period_s * _PUBLISHING_SHARE)
        until = self._schedule.next_at - publishing_s
        self.collection = await self._collector.collect(sample, until)
        ids = {domain.id: domain.uuid for domain in sample.domains or ()}
        self._update.domains = len(ids)
        await self._follow_channels(self._publisher.channels)
        errors = await self._publisher.publish(self.collection, ids, sample.defined)
        return [f"libvirt: {sample.error}", *errors] if sample.error else [*errors]

    async def _follow_channels(self, wanted: Channels | None) -> None:
        """Let the channels of the configuration in force run, and no others."""
        if self._channels is not None and self._channels[0] is not wanted:
            task = self._channels[1]
            self._channels = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if wanted is not None and self._channels is None:
            self._channels = wanted, asyncio.create_task(_for_ever(wanted.run))

    def _tell(self, errors: Iterable[str]) -> None:
        """Log what was not wrong the time before, and what is over."""
        found = {error.partition(": ")[0]: error for error in errors}
        for status in self._collector.statuses:
            if status.problem:
                key = f"metric {status.name} ({status.context})"
                found[key] = f"{key}: {status.problem}"
        now = {key: _NUMBERS.sub("", words) for key, words in found.items()}
        for key, words in found.items():
            if self._told.get(key) != now[key]:
                self._quiet.log(logging.WARNING, key, "%s", words)
        for key in self._told.keys() - found.keys():
            self._quiet.log(NOTICE, f"{key} is over", "%s: all is well again", key)
        self._told = now

    # -- configuration -------------------------------------------------------------------------

    async def _watch(self) -> None:
        async for _ in self._source.changes(self._stamp):
            self.reload()

    async def _reloads(self) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            notify_reloading()
            async with self._busy:
                if self._source.is_being_written():
                    self._config_error = "it is being written"
                    asyncio.get_running_loop().call_later(_RELOAD_PAUSE_S, self.reload)
                else:
                    self._read_anew()
                    self._wake.set()
            notify("READY=1")
            await asyncio.sleep(_RELOAD_PAUSE_S)

    def _read_anew(self) -> None:
        try:
            config = self._source.load()
            if config != self._config:
                self._publisher.configure(config)
        except (ConfigError, PublishError) as error:
            self._config_error = str(error)
            _LOG.error("%s: not taken, the configuration before stays: %s", self._source, error)
            return
        self._config_error = ""
        if config != self._config:
            self._take(config)

    def _take(self, config: VhostmdConfig) -> None:
        self._config, self._in_force_since_s = config, time.time()
        self._pool.resize(config.settings.parallel_actions)
        before = self._last.host if self._last else None
        earlier, self._collector = self._collector, Collector(config, self._uri, self._pool, before)
        self._collector.adopt(earlier)
        self._schedule.change(config.period_s)
        self._warn_of(config)
        _LOG.log(NOTICE, "%s is in force anew", self._source)

    def _warn_of(self, config: VhostmdConfig) -> None:
        for warning in config.warnings:
            _LOG.warning("%s: %s", self._source, warning)

    # -- questions -----------------------------------------------------------------------------

    def status(self) -> DaemonStatus:
        """How it goes."""
        return DaemonStatus(
            os.getpid(),
            str(self._source),
            round(self._in_force_since_s, 3),
            self._config_error,
            self._config.warnings,
            self._config.period_s,
            self._config.disk_path,
            self._config.file_bytes,
            self._config.transports,
            self._channels[0].connected if self._channels else 0,
            self._update,
            self._collector.statuses,
        )

    async def test(self, name: str, context: str) -> Trial:
        """Get one metric now."""
        if self._last is None:
            return Trial(problem="the first update is not done yet")
        made = await self._collector.test(name, context, self._last)
        return Trial(tuple((m.name, m.value) for m in made.metrics), made.problem)


async def _for_ever(task: Task) -> None:
    """Begin anew what fails, ever more seldom."""
    pause_s = _RETRY_S
    while True:
        try:
            await task()
        except Exception:
            _LOG.exception("unexpected")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_RETRY_S)


async def _heartbeat() -> None:
    """Tell systemd's watchdog that the event loop turns."""
    half_s = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(half_s or 3600.0)

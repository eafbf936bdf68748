"""``vconsole hostinfod``: the parts put together, and when each of them is looked after."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any

from vconsole import __version__
from vconsole.daemon.daemonize import notify, notify_reloading
from vconsole.daemon.journal import NOTICE
from vconsole.features.hostinfo.daemon.guests import Guests
from vconsole.features.hostinfo.daemon.rulebook import Rulebook
from vconsole.features.hostinfo.daemon.sockets import Place
from vconsole.features.hostinfo.daemon.status_server import StatusServer
from vconsole.features.hostinfo.daemon.verdicts import read_clauses, verdicts
from vconsole.features.hostinfo.daemon.watch import Watch
from vconsole.features.hostinfo.host.roster import RosterReader
from vconsole.features.hostinfo.host.statistics import Sampler

PATROL_S = 2.0
"""What no event told of is noticed after this time."""
_PRUNE_EVERY_S = 60.0
_FOLLOW_DELAY_S = 0.05
_LOOK_AGAIN_S = 0.5
"""After rules that were not taken because they may be being written."""
_MAX_LOGGED = 20
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says."""

    conf: Path
    directory: Path
    uri: str | None


class Daemon:
    """Answers guests from `run` until SIGTERM, SIGINT or SIGQUIT.

    Attributes:
        guests: Whom it answers.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._began_at = settings, time()
        self._ending = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._book = Rulebook(settings.conf)
        self._place = Place(settings.directory)
        self._pruned_at = monotonic()
        self._following: asyncio.TimerHandle | None = None
        self._reloading = asyncio.Lock()
        self._looking: asyncio.TimerHandle | None = None
        self._libvirt_problem = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._roster = RosterReader(settings.uri, read_clauses, partial(self._post, self._judge))
        self._sampler = Sampler(self._facts, partial(self._post, self._met))
        self.guests = Guests(self._book, self._value, self._peers_changed)
        self._watch = Watch((settings.directory, settings.conf.parent), self._changed)
        self._status = StatusServer(self.guests, self.report)

    async def run(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve; calls `ready` once guests can be answered.

        Args:
            listener: The status socket.
            ready: Tells whoever waits for the start.
        """
        self._handle_signals()
        self._sampler.start()
        self._roster.start()
        await self._reload()
        self._look()
        await self._status.start(listener)
        watching = asyncio.create_task(self._watch.run())
        ready()
        notify("READY=1")
        log.log(NOTICE, "serves %s", self._settings.directory)
        try:
            while not self._ending.is_set():
                self._patrol()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ending.wait(), PATROL_S)
        finally:
            notify("STOPPING=1")
            self._watch.stop()
            self._roster.stop()
            self._sampler.stop()
            self.guests.close()
            await self._status.stop()
            await asyncio.gather(watching, *self._tasks, return_exceptions=True)
            log.log(NOTICE, "ended")

    def stop(self) -> None:
        """Let `run` end."""
        self._ending.set()

    def report(self) -> dict[str, Any]:
        """The daemon, as the status socket tells of it."""
        roster, sample = self._roster.roster, self._sampler.sample
        return {
            "version": __version__,
            "pid": os.getpid(),
            "began_at": self._began_at,
            "rules": {
                "path": str(self._book.path),
                "in_force_since": self._book.since,
                "problem": self._book.pending or self._book.problem,
                "diagnostics": [asdict(found) for found in self._book.diagnostics],
            },
            "directory": {
                "path": str(self._place.path),
                "problem": self._place.problem,
                "left_out": self._place.listing.left_out,
            },
            "libvirt": {"uri": self._settings.uri, "problem": roster.problem},
            "sample_age_s": round(monotonic() - sample.at_s, 3),
            "followers": len(self.guests.watchers),
            "guests": Counter(guest.state for guest in self.guests.all.values()),
        }

    # -- from outside ----------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self._loop.add_signal_handler(number, self.stop)
        self._loop.add_signal_handler(signal.SIGHUP, self._hang_up)

    def _hang_up(self) -> None:
        """Look at everything again, whatever seems to have changed."""
        notify_reloading()
        self._look()
        self._spawn(self._reload()).add_done_callback(lambda _task: notify("READY=1"))

    def _post(self, function: Callable[..., None], *arguments: object) -> None:
        """Call a function in the loop; from another thread, which may outlive the loop."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *arguments)

    def _met(self, name: str, pid: int, uuid: str) -> None:
        guest = self.guests.all.get(name)
        if guest is not None and guest.pid == pid:
            self.guests.identify(name, uuid)

    def _judge(self) -> None:
        roster = self._roster.roster
        self.guests.judge(verdicts(roster.members))
        if roster.problem != self._libvirt_problem:
            self._libvirt_problem = roster.problem
            log.log(NOTICE, "libvirt: %s", roster.problem or "connected")

    def _changed(self, paths: set[Path]) -> None:
        if self._book.path in paths:
            self._spawn(self._reload())
        if paths != {self._book.path}:
            self._look()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- what is looked after --------------------------------------------------------------------

    def _patrol(self) -> None:
        notify("WATCHDOG=1")
        if self._book.stale():
            self._spawn(self._reload())
        if self._place.stale():
            self._look()
        self._watch.check()
        self._roster.supervise()
        if monotonic() - self._pruned_at > _PRUNE_EVERY_S:
            self._pruned_at = monotonic()
            self.guests.prune()

    def _look(self) -> None:
        before = self._place.problem
        entries = self._place.look()
        self.guests.see(self._place.directory, entries)
        if self._place.problem not in ("", before):
            log.warning("%s", self._place.problem)

    async def _reload(self) -> None:
        async with self._reloading:
            book, before, waited = self._book, self._book.problem, self._book.pending
            if book.take(await asyncio.to_thread(book.read), self.guests.all):
                changes = await self.guests.apply(book)
                log.log(NOTICE, "rules of %s in force, new for %d guests", book.path, len(changes))
                for change in changes[:_MAX_LOGGED]:
                    log.log(NOTICE, "%s", change)
            if book.problem and book.problem != before:
                log.error("%s; %s", book.problem, _instead(book.since))
            if book.pending and book.pending != waited:
                log.log(NOTICE, "%s; %s", book.pending, _instead(book.since))
            if self._looking:
                self._looking.cancel()
            if book.pending and not self._ending.is_set():
                self._looking = self._loop.call_later(_LOOK_AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        """Read rules that were not taken; whatever else made them be read may have been sooner."""
        if self._book.pending and not self._reloading.locked() and not self._ending.is_set():
            self._spawn(self._reload())

    # -- what guests are told --------------------------------------------------------------------

    def _value(self, guest: str, statistic: str) -> str | None:
        return self._sampler.sample.value(guest, statistic, monotonic())

    def _facts(self) -> dict[str, str]:
        """What libvirt knows; nothing that is not of now."""
        roster = self._roster.roster
        if roster.problem:
            return {}
        return {
            "guests": str(len(roster.members)),
            "hypervisor": roster.hypervisor,
            "libvirt": roster.libvirt,
        }

    def _peers_changed(self) -> None:
        """Have the processes that are there now measured, soon: many come at once."""
        if self._following is None:
            self._following = self._loop.call_later(_FOLLOW_DELAY_S, self._follow)

    def _follow(self) -> None:
        self._following = None
        self._sampler.follow(self.guests.processes)


def _instead(since: float | None) -> str:
    if since is None:
        return "guests may see nothing until it is mended"
    return "the rules as they were before stay in force"

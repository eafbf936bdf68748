"""The guests: one for each entry of the directory, connected as long as something listens there."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from socket import socket
from time import monotonic
from typing import Literal, Protocol

from vconsole.daemon.journal import Quiet
from vconsole.features.hostinfo.daemon.connection import Connection
from vconsole.features.hostinfo.daemon.sockets import ConnectError, Directory, peer_pid
from vconsole.features.hostinfo.daemon.verdicts import Verdicts
from vconsole.features.hostinfo.host.guest_times import domain_of
from vconsole.features.hostinfo.model.limiter import Ledger
from vconsole.features.hostinfo.model.protocol import Exchange, Session, Terms
from vconsole.features.hostinfo.model.rules import Effective

RETRIES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
LASTED_S = 30.0
"""A connection that was up so long is missed, and tried again soon."""
RECENT = 20
"""Exchanges kept of each guest."""
_STAGGER_S = 0.0005
"""Between the first attempts at many guests, so that others are answered meanwhile."""
_SLICE_S = 0.002
State = Literal["connected", "waiting", "stale", "refused"]
log = Quiet(logging.getLogger(__name__))


class Rule(Protocol):
    """The rules in force, as far as a guest is concerned."""

    def effective(self, name: str) -> Effective:
        """What holds for the socket of this name."""


@dataclass(slots=True)
class Guest:
    """One socket of the directory, and who is behind it."""

    name: str
    inode: int
    terms: Terms
    state: State = "waiting"
    reason: str = ""
    """Why it is not connected."""
    uuid: str | None = None
    pid: int | None = None
    since: float = field(default_factory=monotonic)
    """Monotonic seconds of the last change of state."""
    last: Exchange | None = None
    recent: deque[Exchange] = field(default_factory=lambda: deque(maxlen=RECENT))
    attempts: int = 0
    connection: Connection | None = None
    task: asyncio.Task[None] | None = None
    retry: asyncio.TimerHandle | None = None

    def become(self, state: State, reason: str = "") -> bool:
        """Change the state; whether it is another one."""
        if (state, reason) == (self.state, self.reason):
            return False
        self.state, self.reason, self.since = state, reason, monotonic()
        return True


@dataclass(frozen=True, slots=True)
class Change:
    """A guest for which other rules hold now."""

    name: str
    before: Effective
    now: Effective

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(self._words())}"

    def _words(self) -> Iterator[str]:
        before, now = self.before, self.now
        if before.interval_s != now.interval_s:
            yield f"interval {before.interval_s:g} -> {now.interval_s:g} s"
        if more := now.permitted - before.permitted:
            yield f"may see {', '.join(sorted(more))}"
        if less := before.permitted - now.permitted:
            yield f"may no more see {', '.join(sorted(less))}"
        if before.hide_denied != now.hide_denied:
            yield f"hide_denied = {int(now.hide_denied)}"


class Guests:
    """All guests.

    Args:
        rules: The rules in force.
        value: The value of a statistic for a guest: (socket's name, statistic) -> text or None.
        peers_changed: Called when other processes are behind the sockets.
    """

    def __init__(
        self,
        rules: Rule,
        value: Callable[[str, str], str | None],
        peers_changed: Callable[[], None],
    ) -> None:
        self._rules, self._value, self._peers_changed = rules, value, peers_changed
        self._directory: Directory | None = None
        self._verdicts = Verdicts()
        self.ledger = Ledger()
        self.all: dict[str, Guest] = {}
        self.watchers: list[Callable[[Guest, Exchange], None]] = []
        """Told of every exchange that got a reply."""

    @property
    def processes(self) -> dict[str, int]:
        """Socket's name -> the process behind it."""
        return {name: guest.pid for name, guest in self.all.items() if guest.pid is not None}

    # -- who is there ----------------------------------------------------------------------------

    def see(self, directory: Directory | None, entries: Mapping[str, int]) -> None:
        """Take note of what the directory holds now: name -> inode."""
        self._directory = directory
        for name in self.all.keys() - entries.keys():
            self._drop(self.all.pop(name))
        new = [name for name in entries if name not in self.all]
        for name, guest in self.all.items():
            if guest.inode != entries[name]:
                guest.inode, guest.attempts, guest.uuid = entries[name], 0, None
                self._judge(guest)
                new.append(name)
        for place, name in enumerate(new):
            guest = self.all.get(name) or self._meet(name, entries[name])
            self._schedule(guest, place * _STAGGER_S)

    def judge(self, verdicts: Verdicts) -> None:
        """Take note of what libvirt says."""
        self._verdicts = verdicts
        for guest in self.all.values():
            if guest.uuid is None and (uuid := verdicts.owner(guest.name)):
                self.identify(guest.name, uuid)
            else:
                self._judge(guest)

    def identify(self, name: str, uuid: str) -> None:
        """Take note of which domain is behind a socket."""
        guest = self.all.get(name)
        if guest is not None and guest.uuid != uuid:
            guest.uuid, guest.terms.account = uuid, self.ledger.identify(name, uuid)
            self._judge(guest)

    def close(self) -> None:
        """Disconnect everybody."""
        for guest in self.all.values():
            self._drop(guest)
        self.all.clear()

    def prune(self) -> None:
        """Forget accounts that hold nothing back any more."""
        self.ledger.prune(monotonic(), self.all)

    # -- the rules -------------------------------------------------------------------------------

    async def apply(self, rules: Rule) -> list[Change]:
        """Put other rules in force for everybody; answers whom that concerns."""
        self._rules, changed, begun = rules, [], monotonic()
        for guest in list(self.all.values()):
            before, guest.terms.rule = guest.terms.rule, rules.effective(guest.name)
            if before != guest.terms.rule:
                changed.append(Change(guest.name, before, guest.terms.rule))
            if monotonic() - begun > _SLICE_S:
                await asyncio.sleep(0)
                begun = monotonic()
        return changed

    # -- one guest -------------------------------------------------------------------------------

    def _meet(self, name: str, inode: int) -> Guest:
        terms = Terms(self._rules.effective(name), self.ledger.account(name))
        guest = self.all[name] = Guest(name, inode, terms)
        self._judge(guest)
        return guest

    def _judge(self, guest: Guest) -> None:
        """Serve a guest whose definition is right, and only that."""
        wrong = self._verdicts.problem(guest.name, guest.uuid)
        if wrong:
            self._refuse(guest, wrong)
        elif guest.state == "refused":
            guest.become("waiting")
            self._schedule(guest, 0.0)

    def _refuse(self, guest: Guest, wrong: str) -> None:
        if guest.become("refused", wrong):
            log.log(logging.WARNING, guest.name, "%s: not served: %s", guest.name, wrong)
        self._cut(guest, wrong)

    def _may_serve(self, guest: Guest) -> bool:
        """Whether the process behind a socket that several domains claim is one to be served."""
        doubt = self._verdicts.doubt(guest.name) if guest.uuid is None else ""
        if doubt and guest.pid is not None and (uuid := domain_of(guest.pid)):
            self.identify(guest.name, uuid)
        elif doubt:
            self._refuse(guest, doubt)
        return guest.state != "refused"

    def _drop(self, guest: Guest) -> None:
        if guest.state == "connected":
            log.log(logging.INFO, guest.name, "%s: gone", guest.name)
        self._cut(guest, "the socket is gone")

    def _cut(self, guest: Guest, reason: str) -> None:
        """Disconnect a guest, and do not try again by yourself."""
        if guest.retry is not None:
            guest.retry.cancel()
            guest.retry = None
        if guest.connection is not None:
            connection, guest.connection = guest.connection, None
            connection.close(reason)
        self._set_pid(guest, None)

    def _schedule(self, guest: Guest, delay_s: float) -> None:
        if guest.retry is not None:
            guest.retry.cancel()
        guest.retry = asyncio.get_running_loop().call_later(delay_s, self._connect, guest)

    def _connect(self, guest: Guest) -> None:
        guest.retry = None
        if self._directory is None or guest.connection is not None or guest.state == "refused":
            return
        try:
            taken = self._directory.connect(guest.name)
        except ConnectError as error:
            self._failed(guest, str(error), error.stale)
            return
        self._set_pid(guest, peer_pid(taken))
        if not self._may_serve(guest):
            taken.close()
            return
        session = Session(guest.terms, partial(self._value, guest.name), partial(self._note, guest))
        guest.connection = Connection(guest.terms, session, partial(self._ended, guest))
        guest.task = asyncio.create_task(self._attach(guest, guest.connection, taken))

    async def _attach(self, guest: Guest, connection: Connection, taken: socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: connection, sock=taken)
        guest.task = None
        if guest.connection is connection and guest.become("connected"):
            log.log(logging.INFO, guest.name, "%s: connected", guest.name)

    def _failed(self, guest: Guest, reason: str, stale: bool) -> None:
        level = logging.INFO if stale else logging.WARNING
        if guest.become("stale" if stale else "waiting", reason):
            log.log(level, guest.name, "%s: not connected: %s", guest.name, reason)
        self._again(guest)

    def _ended(self, guest: Guest, connection: Connection, reason: str) -> None:
        if guest.connection is not connection:
            return
        guest.connection = None
        self._set_pid(guest, None)
        if guest.state == "connected" and monotonic() - guest.since >= LASTED_S:
            guest.attempts = 0
        if guest.become("waiting", reason):
            log.log(logging.INFO, guest.name, "%s: disconnected: %s", guest.name, reason)
        self._again(guest)

    def _again(self, guest: Guest) -> None:
        delay_s = RETRIES_S[min(guest.attempts, len(RETRIES_S) - 1)]
        guest.attempts += 1
        self._schedule(guest, delay_s)

    def _set_pid(self, guest: Guest, pid: int | None) -> None:
        if guest.pid != pid:
            guest.pid = pid
            self._peers_changed()

    def _note(self, guest: Guest, exchange: Exchange) -> None:
        if not exchange.told:
            text = "%s: refused too often; hears no more until its interval ends"
            log.log(logging.INFO, f"muted {guest.name}", text, guest.name)
            return
        guest.last = exchange
        guest.recent.append(exchange)
        for watcher in self.watchers:
            watcher(guest, exchange)

"""Which domains run, and what their definitions say, for daemons that must never wait for libvirt.

A thread keeps a read-only connection, lists the running domains when an event says so and now and
then, and reads a definition at first sight, after an event, and in a slow round. What a thread was
given up in goes on in a new one; the latest roster stays, marked with what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from vconsole.host import errors
from vconsole.host.link import Link, open_link
from vconsole.host.source import HostError
from vconsole.host.stderr import leave_trace
from vconsole.model.words import dotted_version

T = TypeVar("T")
_ACTIVE = 1
"""VIR_CONNECT_LIST_DOMAINS_ACTIVE."""
_RECONCILE_S, _COALESCE_S = 15.0, 0.05
_RETRIES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_SLOW_S, _GIVE_UP_S = 5.0, 30.0
"""A call that lasts so long makes the roster stale; so long, and it is given up."""
_MAX_ABANDONED = 4


@dataclass(frozen=True, slots=True)
class Member(Generic[T]):
    """A running domain, and what was made of its definition; None where it cannot be read."""

    uuid: str
    name: str
    about: T | None


@dataclass(frozen=True, slots=True)
class Roster(Generic[T]):
    """The running domains of one moment."""

    members: tuple[Member[T], ...] = ()
    hypervisor: str = ""
    """Such as ``QEMU 8.2.0``."""
    libvirt: str = ""
    """Such as ``9.0.0``."""
    problem: str = "not connected to libvirt yet"
    """Why it is not of now; empty while it is."""


@dataclass(slots=True)
class _Talk(Generic[T]):
    """What one thread knows; a new thread begins anew."""

    thread: Thread | None = None
    since: float | None = None
    """When the present call began."""
    abandoned: bool = False
    failures: int = 0
    """Vain attempts in a row."""
    members: dict[str, Member[T]] = field(default_factory=dict)


class RosterReader(Generic[T]):
    """Keeps a roster.

    Args:
        uri: The connection; None for libvirt's default.
        inspect: Makes of a live definition what is kept of it; called in the thread.
        changed: Called in the thread whenever the roster is another one.
    """

    def __init__(
        self,
        uri: str | None,
        inspect: Callable[[str], T],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._uri, self._inspect, self._changed = uri, inspect, changed
        self._wake, self._ending = Event(), Event()
        self._talk: _Talk[T] = _Talk()
        self._given_up: list[_Talk[T]] = []
        self._roster: Roster[T] = Roster()

    @property
    def roster(self) -> Roster[T]:
        """The latest."""
        hung_s = self._hung_s()
        if hung_s > _SLOW_S and not self._roster.problem:
            return replace(self._roster, problem=f"libvirt has not answered for {hung_s:.0f} s")
        return self._roster

    def start(self) -> None:
        """Begin to connect; does not wait."""
        talk: _Talk[T] = _Talk()
        self._talk = talk
        talk.thread = Thread(target=self._run, args=(talk,), name="vconsole-roster", daemon=True)
        talk.thread.start()

    def stop(self) -> None:
        """End soon; does not wait."""
        self._ending.set()
        self._wake.set()

    def supervise(self) -> None:
        """Begin anew in another thread when a call does not come back; ask now and then."""
        if self._hung_s() < _GIVE_UP_S or self._ending.is_set():
            return
        self._given_up = [t for t in self._given_up if t.thread and t.thread.is_alive()]
        if len(self._given_up) < _MAX_ABANDONED:
            self._talk.abandoned = True
            self._given_up.append(self._talk)
            self._roster = replace(self._roster, problem="libvirt does not answer; trying anew")
            self.start()

    # -- the thread ------------------------------------------------------------------------------

    def _run(self, talk: _Talk[T]) -> None:
        while not self._over(talk):
            try:
                self._converse(talk)
            except Exception as error:  # whatever libvirt does must not end the daemon's eyes
                if not isinstance(error, HostError) and errors.code(error) < 0:
                    leave_trace(error)
                self._publish(talk, problem=_words(error))
            talk.since, talk.members = None, {}
            self._ending.wait(_RETRIES_S[min(talk.failures, len(_RETRIES_S) - 1)])
            talk.failures += 1

    def _converse(self, talk: _Talk[T]) -> None:
        """Connect, and keep the roster until something fails."""
        talk.since = monotonic()
        link = open_link(self._uri, True, False, self._wake.set)
        try:
            hypervisor, libvirt = _versions(link)
            turn = 0
            while not self._over(talk):
                self._read(talk, link, turn)
                talk.since, talk.failures = None, 0
                self._publish(talk, "", hypervisor, libvirt)
                turn += 1
                if self._wake.wait(_RECONCILE_S):
                    self._ending.wait(_COALESCE_S)
                    self._wake.clear()
        finally:
            link.close()

    def _read(self, talk: _Talk[T], link: Link, turn: int) -> None:
        talk.since = monotonic()
        dirty = {_text(key) for key in link.events.take()}
        handles = {h.UUIDString(): h for h in link.call(link.conn.listAllDomains, _ACTIVE)}
        if handles:
            dirty.add(list(handles)[turn % len(handles)])
        for uuid in talk.members.keys() - handles.keys():
            del talk.members[uuid]
        for uuid, handle in handles.items():
            if uuid not in talk.members or uuid in dirty:
                talk.since = monotonic()
                talk.members[uuid] = Member(uuid, handle.name(), self._about(link, handle))

    def _about(self, link: Link, handle: Any) -> T | None:
        import libvirt

        with suppress(libvirt.libvirtError, ValueError):
            return self._inspect(link.call(handle.XMLDesc, 0))
        return None

    def _publish(
        self, talk: _Talk[T], problem: str, hypervisor: str = "", libvirt: str = ""
    ) -> None:
        if talk.abandoned:
            return
        if problem:
            roster = replace(self._roster, problem=problem)
        else:
            roster = Roster(tuple(talk.members.values()), hypervisor, libvirt, "")
        if roster != self._roster:
            self._roster = roster
            self._changed()

    def _over(self, talk: _Talk[T]) -> bool:
        return talk.abandoned or self._ending.is_set()

    def _hung_s(self) -> float:
        since = self._talk.since
        return 0.0 if since is None else monotonic() - since


def _versions(link: Link) -> tuple[str, str]:
    numbers = (
        link.attempt("version", link.conn.getVersion),
        link.attempt("libversion", link.conn.getLibVersion),
    )
    hypervisor, library = (dotted_version(number) if number else "" for number in numbers)
    driver = errors.one_line(link.connection.driver, 40)
    return f"{driver} {hypervisor}".strip(), library


def _text(key: bytes) -> str:
    digits = key.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _words(error: Exception) -> str:
    return f"{error.title}: {error}" if isinstance(error, HostError) else errors.message(error)

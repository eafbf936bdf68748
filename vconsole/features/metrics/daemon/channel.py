"""The virtio transport: finds the sockets of the domains' channels and answers on them.

The guest has ``<target type='virtio' name='org.github.vhostmd.1'/>``; QEMU listens on a socket
whose directory is named after the domain's id; the daemon connects to it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from vconsole.daemon.journal import Quiet
from vconsole.features.metrics.daemon.requests import INVALID, MAX_REQUEST_BYTES, Bucket, Requests
from vconsole.features.metrics.model.document import render_reply
from vconsole.features.metrics.model.metric import Metric
from vconsole.features.metrics.model.spec import Virtio

CHANNEL: Final = "org.github.vhostmd.1"
PLACES: Final = (Path("/run/libvirt/qemu/channel"), Path("/var/lib/libvirt/qemu/channel/target"))
"""Where newer and older releases of libvirt keep the directories of the domains."""
SCAN_EVERY_S: Final = 3.0
_SEND_LIMIT_S: Final = 5.0
_BEFORE_REPLY_S: Final = 0.1
"""A guest may close its port behind the request and open it for the reply: what comes before it
closes is lost, what comes while it is closed QEMU keeps for it."""
_DIRECTORY: Final = re.compile(r"(?:domain-)?([0-9]{1,9})-.*", re.DOTALL)
_MAX_ENTRIES: Final = 8192
_LOG: Final = Quiet(logging.getLogger(__name__))


@dataclass(frozen=True, slots=True)
class Content:
    """What a domain may see."""

    host: tuple[Metric, ...]
    own: tuple[Metric, ...]


@dataclass(slots=True)
class _Guest:
    """A domain with metrics; `seen_at` is when they came."""

    uuid: str
    content: Content
    seen_at: float
    talk: asyncio.Task[None] | None = None
    may_connect: bool = True
    """A channel that closed is not connected again before the next update."""


class Channels:
    """The channels of all domains. For one event loop."""

    def __init__(
        self,
        virtio: Virtio,
        compat_newline: bool = False,
        places: Sequence[Path] = PLACES,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._virtio, self._compat_newline, self._clock = virtio, compat_newline, clock
        own = (Path(virtio.channel_path),) if virtio.channel_path else ()
        self._places = tuple(dict.fromkeys((*own, *places)))
        self._guests: dict[int, _Guest] = {}
        self._told_full = False

    @property
    def connected(self) -> int:
        """How many channels are open."""
        return sum(guest.talk is not None for guest in self._guests.values())

    def update(self, ids: Mapping[int, str], contents: Mapping[str, Content]) -> None:
        """Take new metrics.

        Args:
            ids: Domain id -> UUID.
            contents: UUID -> what that domain may see.
        """
        now = self._clock()
        for number, uuid in ids.items():
            guest = self._guests.get(number)
            if guest is not None and guest.uuid == uuid:
                guest.content, guest.seen_at, guest.may_connect = contents[uuid], now, True
            elif guest is not None or self._has_room():
                self._drop(number)
                self._guests[number] = _Guest(uuid, contents[uuid], now)
        for number, guest in list(self._guests.items()):
            if now - guest.seen_at > self._virtio.expiration_s:
                self._drop(number)

    async def run(self) -> None:
        """Look for sockets for ever, as long as there are domains without a channel."""
        try:
            while True:
                if self.connected < len(self._guests):
                    self.scan()
                await asyncio.sleep(SCAN_EVERY_S)
        finally:
            for number in list(self._guests):
                self._drop(number)

    def scan(self) -> None:
        """Connect to the sockets of domains that have metrics and no channel."""
        for place in self._places:
            for number, directory in _domains_in(place):
                guest = self._guests.get(number)
                if guest is None or guest.talk is not None or not guest.may_connect:
                    continue
                connection = connect(place / directory)
                if connection is not None:
                    self._join(guest, connection)

    def _join(self, guest: _Guest, connection: socket.socket) -> None:
        """Talk; a task that is cancelled before it began runs none of its own `finally`."""

        def over(ended: asyncio.Task[None]) -> None:
            connection.close()
            if guest.talk is ended:
                guest.talk = None

        guest.talk = asyncio.create_task(self._talk(guest, connection))
        guest.talk.add_done_callback(over)

    def _has_room(self) -> bool:
        if len(self._guests) < self._virtio.max_channels:
            return True
        if not self._told_full:
            self._told_full = True
            limit = self._virtio.max_channels
            text = "virtio: more than %d domains: raise <max_channels>"
            _LOG.log(logging.WARNING, "full", text, limit)
        return False

    def _drop(self, number: int) -> None:
        guest = self._guests.pop(number, None)
        if guest is not None and guest.talk is not None:
            guest.talk.cancel()

    async def _talk(self, guest: _Guest, connection: socket.socket) -> None:
        """Answer a guest until it or QEMU goes; it never takes anything else with it."""
        try:
            with connection:
                await self._answer(guest, connection)
        except OSError as error:
            _LOG.log(logging.INFO, guest.uuid, "virtio: domain %s: %s", guest.uuid, error)
        finally:
            guest.talk, guest.may_connect = None, False

    async def _answer(self, guest: _Guest, connection: socket.socket) -> None:
        loop, requests, bucket = asyncio.get_running_loop(), Requests(), Bucket()
        while data := await loop.sock_recv(connection, MAX_REQUEST_BYTES + 1):
            answer = requests.feed(data)
            if answer is not None:
                await asyncio.sleep(_BEFORE_REPLY_S)
                reply = INVALID if answer == "invalid" else self._reply(guest)
                async with asyncio.timeout(_SEND_LIMIT_S):
                    await loop.sock_sendall(connection, reply)
            if pause_s := bucket.take():
                await asyncio.sleep(pause_s)

    def _reply(self, guest: _Guest) -> bytes:
        metrics = (*guest.content.host, *guest.content.own)
        return render_reply(metrics, guest.uuid, self._compat_newline)


def connect(directory: Path) -> socket.socket | None:
    """A non-blocking connection to the channel's socket in a domain's directory; None without one.

    No link is followed, and what is not a socket is not touched: the directory is QEMU's.
    """
    flags = os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(OSError):
        parent = os.open(directory, flags | os.O_PATH | os.O_DIRECTORY)
        try:
            handle = os.open(CHANNEL, flags | os.O_PATH, dir_fd=parent)
        finally:
            os.close(parent)
        try:
            return _connect(handle)
        finally:
            os.close(handle)
    return None


def _connect(handle: int) -> socket.socket | None:
    """Connect to the inode itself, however long its path is and whatever stands there by now."""
    if not stat.S_ISSOCK(os.fstat(handle).st_mode):
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.connect(f"/proc/self/fd/{handle}")
    except OSError:
        connection.close()
        return None
    return connection


def _domains_in(place: Path) -> Iterator[tuple[int, str]]:
    """(domain id, directory) for ``<id>-<name>`` and ``domain-<id>-<name>``."""
    try:
        with os.scandir(place) as entries:
            names = [entry.name for _, entry in zip(range(_MAX_ENTRIES), entries, strict=False)]
    except OSError:
        return
    for name in sorted(names):
        if found := _DIRECTORY.fullmatch(name):
            yield int(found[1]), name

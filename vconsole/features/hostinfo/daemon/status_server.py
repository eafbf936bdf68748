"""The daemon's side of the status socket: bounded in clients, requests, time and memory."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vconsole.daemon.daemonize import StartError
from vconsole.daemon.serving import serve
from vconsole.features.hostinfo.daemon.guests import Guest, Guests
from vconsole.features.hostinfo.daemon.report import exchange_report, guest_report
from vconsole.features.hostinfo.daemon.status import MAX_REQUEST_BYTES
from vconsole.features.hostinfo.model.protocol import Exchange

MAX_CLIENTS = 16
_MODE = 0o660
_IDLE_S, _TAKE_S = 60.0, 5.0
"""For a client to ask something, and to take an answer."""
_SLICE = 25
"""Guests reported at once; other work comes between."""
_MAX_BEHIND = 256
"""Exchanges that wait for a follower; more are left out and counted."""

Document = dict[str, Any]


@contextmanager
def listening(path: Path, owner: tuple[int, int] = (-1, -1)) -> Iterator[socket.socket]:
    """Listen at `path` for root and one group, and leave nothing behind.

    The socket gets its rights before it gets its name; one that nobody listens at is replaced.

    Args:
        path: Where; its directory is made if it is missing.
        owner: uid that the daemon will have, gid of those who may ask; -1 for what it has.

    Raises:
        StartError: Another daemon listens there, or something else is there, or not allowed.
    """
    raw = _bound(path, owner)
    number = path.lstat().st_ino
    try:
        yield raw
    finally:
        raw.close()
        with suppress(OSError):
            if path.lstat().st_ino == number:
                path.unlink()


def _bound(path: Path, owner: tuple[int, int]) -> socket.socket:
    raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        _check_free(path)
        raw.bind(str(new))
        os.chmod(new, _MODE)
        os.chown(new, *owner)
        raw.listen(MAX_CLIENTS)
        os.rename(new, path)
    except (OSError, StartError) as error:
        raw.close()
        with suppress(OSError):
            new.unlink()
        if isinstance(error, StartError):
            raise
        raise StartError(f"{path}: no status socket: {error.strerror or error}") from error
    return raw


def _check_free(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise StartError(f"{path}: no status socket: something else is there: remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        raise StartError(f"{path}: another hostinfod answers there")


class StatusServer:
    """Answers the console.

    Args:
        guests: Whom it tells of.
        daemon: What it says of the daemon.
    """

    def __init__(self, guests: Guests, daemon: Callable[[], Document]) -> None:
        self._guests, self._daemon = guests, daemon
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to answer."""
        self._server = await serve(self._meet, listener, MAX_REQUEST_BYTES)

    async def stop(self) -> None:
        """Leave all clients."""
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._clients) >= MAX_CLIENTS:
            writer.close()
            return
        self._clients.add(task)
        try:
            # Too long a line, a client that is slow or gone: nobody is left to be told. Nor is
            # asyncio, which in Python 3.11 logs a traceback for a client that was cancelled.
            with suppress(OSError, ValueError, TimeoutError, asyncio.CancelledError):
                await self._serve(reader, writer)
                writer.close()
                async with asyncio.timeout(_TAKE_S):
                    await writer.wait_closed()
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await _line(reader):
            words = line.decode(errors="surrogateescape").rstrip("\n").partition(" ")
            verb, name = words[0], words[2]
            if verb == "status" and not name:
                await self._report(writer, list(self._guests.all.values()))
            elif verb == "guest" and name:
                found = self._guests.all.get(name)
                await self._report(writer, [found] if found else [], recent=True)
            elif verb == "follow":
                await self._follow(reader, writer, name)
                return
            else:
                await _write(writer, json.dumps({"error": "bad request"}) + "\n")

    async def _report(
        self, writer: asyncio.StreamWriter, guests: Sequence[Guest], recent: bool = False
    ) -> None:
        """One document, made and sent piece by piece."""
        await _write(writer, f'{{"daemon": {json.dumps(self._daemon())}, "guests": [')
        for start in range(0, len(guests), _SLICE):
            part = (json.dumps(guest_report(g, recent)) for g in guests[start : start + _SLICE])
            await _write(writer, (", " if start else "") + ", ".join(part))
            await asyncio.sleep(0)
        await _write(writer, "]}\n")

    async def _follow(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str
    ) -> None:
        queue: asyncio.Queue[Document] = asyncio.Queue(_MAX_BEHIND)
        left_out = 0

        def take(guest: Guest, exchange: Exchange) -> None:
            nonlocal left_out
            if name in ("", guest.name):
                if queue.full():
                    left_out += 1
                else:
                    queue.put_nowait(exchange_report(guest, exchange))

        self._guests.watchers.append(take)
        me, gone = asyncio.current_task(), asyncio.ensure_future(reader.read(1))
        gone.add_done_callback(lambda _done: me and me.cancel())
        try:
            while True:
                document = await queue.get()
                if left_out:
                    document["left_out"], left_out = left_out, 0
                await _write(writer, json.dumps(document) + "\n")
        finally:
            gone.cancel()
            self._guests.watchers.remove(take)


# Not asyncio.wait_for: in Python 3.11 it loses a cancellation that comes when what it waits for is
# just done, and then the daemon would wait for the client at its end.


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_IDLE_S):
        return await reader.readline()


async def _write(writer: asyncio.StreamWriter, text: str) -> None:
    writer.write(text.encode("ascii"))
    async with asyncio.timeout(_TAKE_S):
        await writer.drain()

"""The other ends of hostinfod: sockets as QEMU binds them, and a daemon on a directory of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from vconsole.daemon.serving import KEEPS_PATH
from vconsole.features.hostinfo.daemon.daemon import Daemon, Settings
from vconsole.features.hostinfo.daemon.report import guest_report
from vconsole.features.hostinfo.daemon.status_server import listening

NOWHERE = "qemu+unix:///system?socket=/nonexistent/libvirt-sock"
"""A libvirt that does not run."""


class Port:
    """A socket that takes one connection at a time, as QEMU's character device does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections = 0
        self._taken = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.reader = asyncio.StreamReader()
        self._writer: asyncio.StreamWriter | None = None

    async def bind(self) -> Port:
        """Listen, in the place of what was there."""
        with suppress(FileNotFoundError):
            self.path.unlink()
        self._server = await asyncio.start_unix_server(
            self._take, str(self.path), backlog=1, **KEEPS_PATH
        )
        return self

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.reader, self._writer = reader, writer
        self._taken.set()

    async def connected(self, seconds: float = 30.0) -> Port:
        """Wait for the daemon."""
        await asyncio.wait_for(self._taken.wait(), seconds)
        return self

    async def send(self, data: bytes) -> None:
        """Say something as the guest; returns once the daemon's side takes it."""
        await self.connected()
        assert self._writer is not None
        self._writer.write(data)
        await self._writer.drain()

    async def line(self, seconds: float = 30.0) -> str:
        """The next line for the guest."""
        return (await asyncio.wait_for(self.reader.readline(), seconds)).decode()

    async def ask(self, request: str, seconds: float = 30.0) -> str:
        """A request and the first line of its reply."""
        await self.send(request.encode() + b"\n")
        return await self.line(seconds)

    async def hang_up(self) -> None:
        """End the connection, and go on listening."""
        await self.connected()
        self._taken.clear()
        if self._writer is not None:
            self._writer.transport.abort()

    async def close(self, unlink: bool = True) -> None:
        """End, as QEMU does."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.transport.abort()
        if unlink:
            with suppress(FileNotFoundError):
                self.path.unlink()


class Bench:
    """A running daemon and its surroundings."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.directory, self.conf = base / "sockets", base / "hostinfo.conf"
        self.status = base / "status.sock"
        self.ports: list[Port] = []
        self._daemon: Daemon | None = None

    @property
    def daemon(self) -> Daemon:
        """The daemon, which must run."""
        assert self._daemon is not None
        return self._daemon

    async def port(self, name: str) -> Port:
        """A guest's socket, new in the directory."""
        port = await Port(self.directory / name).bind()
        self.ports.append(port)
        return port

    def write(self, rules: str) -> None:
        """Put another rules file in place."""
        new = self.base / "new.conf"
        new.write_text(rules)
        os.replace(new, self.conf)

    def guest(self, name: str) -> dict[str, Any]:
        """What the daemon knows of a guest; empty where it knows none."""
        guest = self.daemon.guests.all.get(name)
        return guest_report(guest, recent=True) if guest else {}

    async def until(self, what: Callable[[], object], seconds: float = 30.0) -> float:
        """Wait until it holds; how long that took."""
        begun = monotonic()
        while not what():
            assert monotonic() - begun < seconds, "it did not come about in time"
            await asyncio.sleep(0.005)
        return monotonic() - begun

    @asynccontextmanager
    async def running(self, uri: str = NOWHERE) -> AsyncIterator[Bench]:
        """Run the daemon."""
        ready = asyncio.Event()
        with listening(self.status) as listener:
            self._daemon = Daemon(Settings(self.conf, self.directory, uri))
            task = asyncio.create_task(self._daemon.run(listener, ready.set))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            try:
                assert ready.is_set(), task.result()
                yield self
            finally:
                self._daemon.stop()
                await asyncio.wait_for(task, 30)


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A directory, without a daemon yet; its path is short enough for sockets."""
    base = Path(tempfile.mkdtemp(prefix="hostinfod-", dir="/tmp"))
    made = Bench(base)
    made.directory.mkdir(mode=0o755)
    try:
        yield made
    finally:
        for port in made.ports:
            await port.close()
        shutil.rmtree(base, ignore_errors=True)

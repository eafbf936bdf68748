"""How the console asks the daemon: one line of JSON each way on a Unix socket.

    {"ask": "status"}                                      -> a `DaemonStatus`
    {"ask": "test", "metric": NAME, "context": "host"}     -> a `Trial`

The socket is root's and one group's. To test a metric is to run its command: that is for root, and
for the user that the daemon runs as.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from vconsole.daemon.daemonize import may_not_ask
from vconsole.daemon.serving import serve_until_cancelled
from vconsole.features.metrics.model.status import DaemonStatus, Trial

DEFAULT_PATH: Final = Path("/run/vconsole/vhostmd.sock")
_MAX_REQUEST: Final = 4096
_MAX_ANSWER: Final = 4 << 20
_MAX_CLIENTS: Final = 8
_PEER: Final = struct.Struct("3i")
"""Process, user and group, as SO_PEERCRED has them."""
_PATIENCE_S: Final = 5.0


class ControlError(Exception):
    """The daemon cannot be asked; the message is one line and says why."""


Tester = Callable[[str, str], Awaitable[Trial]]


def bind(path: Path, group: int = -1) -> socket.socket:
    """The daemon's socket, listening; its directory is made if need be.

    Args:
        path: Where.
        group: gid of those who may ask besides its owner; -1 for nobody.

    Raises:
        ControlError: Another daemon listens there, or it cannot be made.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        with suppress(FileExistsError):
            path.parent.mkdir(0o755)
        _clear(path)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        if group != -1:
            os.chown(path, -1, group)
            os.chmod(path, 0o660)
        listener.listen(_MAX_CLIENTS)
    except OSError as error:
        listener.close()
        raise ControlError(f"{path}: {error.strerror or error}") from error
    return listener


def _clear(path: Path) -> None:
    """Remove the socket of a daemon that is gone."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid not in (0, os.geteuid()):
        raise FileExistsError(0, "is something else than the daemon's socket: remove it")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise FileExistsError(0, "another daemon listens there")


class ControlServer:
    """Answers on the socket."""

    def __init__(self, status: Callable[[], DaemonStatus], test: Tester) -> None:
        self._status, self._test = status, test
        self._clients = 0

    async def serve(self, listener: socket.socket) -> None:
        """Answer for ever."""
        await serve_until_cancelled(self._client, listener, _MAX_REQUEST)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            if self._clients <= _MAX_CLIENTS:
                async with asyncio.timeout(_PATIENCE_S):
                    request = await reader.readline()
                may_test = _peer_uid(writer) in (0, os.geteuid())
                writer.write((await self._answer(request, may_test)).encode() + b"\n")
                async with asyncio.timeout(_PATIENCE_S):
                    await writer.drain()
        except (OSError, ValueError):  # gone, too slow or too long a line
            pass
        finally:
            self._clients -= 1

    async def _answer(self, request: bytes, may_test: bool) -> str:
        try:
            asked = json.loads(request)
            if asked["ask"] == "status":
                return self._status().to_json()
            if asked["ask"] == "test" and not may_test:
                return json.dumps({"problem": "only root may have a metric tested: use sudo"})
            if asked["ask"] == "test":
                answer = await self._test(str(asked["metric"]), str(asked["context"]))
                return json.dumps(asdict(answer))
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        return json.dumps({"problem": "this daemon does not understand the question"})


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Who asks, as the kernel says."""
    connection = writer.get_extra_info("socket")
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(data)[1])


def ask_status(path: Path = DEFAULT_PATH, limit_s: float = 2.0) -> DaemonStatus:
    """How the daemon is.

    Raises:
        ControlError: It does not run, does not answer in time, or says something else.
    """
    answer = _ask(path, {"ask": "status"}, limit_s)
    try:
        return DaemonStatus.from_json(answer)
    except ValueError as error:
        raise ControlError(f"{path}: {error}") from error


def ask_test(
    metric: str, context: str = "host", path: Path = DEFAULT_PATH, limit_s: float = 15.0
) -> Trial:
    """Get one metric now, as the daemon would.

    Raises:
        ControlError: The daemon cannot be asked.
    """
    answer = _ask(path, {"ask": "test", "metric": metric, "context": context}, limit_s)
    try:
        found: dict[str, Any] = json.loads(answer)
        pairs = tuple((str(name), str(value)) for name, value in found.get("values", ()))
        return Trial(pairs, str(found.get("problem", "")))
    except (ValueError, TypeError, AttributeError) as error:
        raise ControlError(f"{path}: no answer of the daemon: {error}") from error


def _ask(path: Path, question: dict[str, str], limit_s: float) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(limit_s)
            connection.connect(str(path))
            connection.sendall(json.dumps(question).encode() + b"\n")
            with connection.makefile("rb") as stream:
                return stream.readline(_MAX_ANSWER)
    except FileNotFoundError as error:
        raise ControlError(f"{path}: the daemon does not run") from error
    except PermissionError as error:
        raise ControlError(f"{path}: {may_not_ask(path)}") from error
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror or error}") from error

"""How the console asks ``vconsole hostinfod`` what it does, over the daemon's own Unix socket.

A request is a line, an answer a JSON document in a line:

- ``status``: the daemon and all guests
- ``guest NAME``: the same, with that guest only and its recent exchanges
- ``follow`` or ``follow NAME``: one document for each exchange from now on, until the end

Text in the answers comes from guests and files: it goes through `vconsole.text.safe`.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from time import monotonic
from typing import Any

from vconsole.daemon.daemonize import may_not_ask

SOCKET = Path("/run/vconsole/hostinfod.sock")
MAX_REQUEST_BYTES = 1024
MAX_ANSWER_BYTES = 32 << 20
"""About 30 times what a thousand guests take."""
_READ_BYTES = 1 << 16

Document = dict[str, Any]


class StatusError(Exception):
    """The daemon gave no answer; the message says why in one line."""


def read_status(path: Path = SOCKET, deadline_s: float = 2.0, guest: str | None = None) -> Document:
    """What the daemon does now; see docs/hostinfo-protocol.md for the keys.

    Args:
        path: The daemon's status socket.
        deadline_s: For all of it.
        guest: Only this guest, with its recent exchanges.

    Raises:
        StatusError: The daemon does not run, does not answer in time or answers nonsense.
    """
    until = monotonic() + deadline_s
    with _connected(path, deadline_s) as connection:
        _send(connection, "status" if guest is None else f"guest {guest}", path)
        data = bytearray()
        while not data.endswith(b"\n"):
            part = _receive(connection, until - monotonic(), path)
            if not part:
                raise StatusError(f"{path}: hostinfod ended in the middle of its answer")
            data += part
            if len(data) > MAX_ANSWER_BYTES:
                raise StatusError(f"{path}: an answer without an end: is that hostinfod?")
    return _document(bytes(data), path)


def _connected(path: Path, deadline_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(deadline_s)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError) as error:
        connection.close()
        cure = "systemctl start vconsole-hostinfod"
        raise StatusError(f"{path}: hostinfod does not run: {cure}") from error
    except PermissionError as error:
        connection.close()
        raise StatusError(f"{path}: {may_not_ask(path)}") from error
    except OSError as error:
        connection.close()
        raise StatusError(f"{path}: {error.strerror or error}") from error
    return connection


def _send(connection: socket.socket, request: str, path: Path) -> None:
    try:
        connection.sendall(request.encode(errors="surrogateescape") + b"\n")
    except OSError as error:
        raise StatusError(f"{path}: {error.strerror or error}") from error


def _receive(connection: socket.socket, left_s: float, path: Path) -> bytes:
    try:
        connection.settimeout(max(0.001, left_s))
        return connection.recv(_READ_BYTES)
    except TimeoutError as error:
        raise StatusError(f"{path}: hostinfod does not answer") from error
    except OSError as error:
        raise StatusError(f"{path}: {error.strerror or error}") from error


def _document(line: bytes, path: Path) -> Document:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise StatusError(f"{path}: no JSON: is that hostinfod?") from error
    if not isinstance(document, dict):
        raise StatusError(f"{path}: JSON of another kind: is that hostinfod?")
    if "error" in document:
        raise StatusError(f"{path}: {document['error']}")
    return document

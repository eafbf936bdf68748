"""Guest agents on a unix socket: one that behaves, and the ways in which a guest may not."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Behave = Callable[["Side"], None]


class Side:
    """The guest's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    def order(self) -> Any:
        """The next command; EOFError when the host has hung up."""
        line = self._lines.readline()
        if not line:
            raise EOFError
        return json.loads(line.lstrip(b"\xff"))

    def say(self, data: bytes) -> None:
        self._connection.sendall(data)

    def say_for_ever(self, data: bytes, pause_s: float = 0.0) -> None:
        while True:
            self.say(data)
            time.sleep(pause_s)

    def sync(self) -> int:
        """Answer to the sync as it should be; the number."""
        number = int(self.order()["arguments"]["id"])
        self.say(synced(number))
        return number

    def wait(self) -> None:
        """Say nothing until the host hangs up."""
        while self._lines.readline():
            pass


def synced(number: int) -> bytes:
    return b'\xff{"return": %d}\n' % number


class ScriptedAgent:
    """Listens as QEMU does: one connection after the other, each served by `behave`."""

    def __init__(self, path: Path, behave: Behave) -> None:
        self.path = path
        self._behave = behave
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._behave(Side(connection))
                except (OSError, EOFError, ValueError):
                    continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(30)
        self.path.unlink()


def obedient(side: Side) -> None:
    """As qemu-ga 7.2: the flush before the sync is an error to it."""
    number = int(side.order()["arguments"]["id"])
    flushed = {"error": {"class": "GenericError", "desc": "JSON parse error, stray '\\uFFFD'"}}
    side.say(json.dumps(flushed).encode() + b"\n" + synced(number))
    while True:
        name = side.order()["execute"]
        side.say(json.dumps({"return": {"did": name}}).encode() + b"\n")

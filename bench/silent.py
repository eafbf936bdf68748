"""A server that accepts and never answers: a daemon at its worst."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class SilentServer:
    """Listens on a Unix socket for as long as the ``with`` block lasts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._taken: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def accepted(self) -> int:
        """How many connections were made up to now."""
        return len(self._taken)

    @property
    def uri(self) -> str:
        """The libvirt URI that leads here."""
        return f"qemu+unix:///system?socket={self.path}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._taken.append(self._listener.accept()[0])

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._taken:
            connection.close()
        self._thread.join(1.0)

"""A live tail of what hostinfod tells its followers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from vconsole.features.hostinfo.daemon.status import (
    SOCKET,
    Document,
    StatusError,
    _connected,
    _document,
    _send,
)

_READ_BYTES = 1 << 16
_MAX_EVENT_BYTES = 4096


class Follower:
    """A live tail of exchanges: of all guests, or of one.

    Raises:
        StatusError: The daemon does not run or does not answer in time.
    """

    def __init__(
        self, path: Path = SOCKET, guest: str | None = None, deadline_s: float = 2.0
    ) -> None:
        self._path, self._rest = path, b""
        self._connection = _connected(path, deadline_s)
        try:
            _send(self._connection, "follow" if guest is None else f"follow {guest}", path)
        except StatusError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Iterator[Document]:
        """The exchanges that are there within `timeout_s`; nothing if there were none.

        Raises:
            StatusError: The daemon ended.
        """
        with suppress(TimeoutError):
            self._connection.settimeout(max(0.001, timeout_s))
            part = self._connection.recv(_READ_BYTES)
            if not part:
                raise StatusError(f"{self._path}: hostinfod has ended")
            *lines, self._rest = (self._rest + part).split(b"\n")
            if len(self._rest) > _MAX_EVENT_BYTES:
                raise StatusError(f"{self._path}: a line without an end: is that hostinfod?")
            yield from (_document(line, self._path) for line in lines)

    def close(self) -> None:
        """Listen no more."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""A long way between a client and a daemon of libvirt: each packet is held up, and calls counted.

A round trip is what the client cannot go on without: a call that has to wait for its reply before
the next is sent. Frames are those of libvirt's RPC (src/rpc/virnetprotocol.x): a length, then
program, version, procedure, type (0 is a call), serial, status; big-endian words of four bytes.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

_CALL, _KEEPALIVE = 0, 0x6B656570
_HEADER = struct.Struct(">7I")


class SlowLink:
    """A socket in front of another one, half of `rtt_s` away in each direction."""

    def __init__(self, target: Path, path: Path, rtt_s: float = 0.0) -> None:
        self.path, self.rtt_s = path, rtt_s
        self.calls: list[tuple[float, int]] = []
        """(seconds of `time.monotonic`, procedure) of each call that came through."""
        self._target = target
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self._listener.bind(str(self.path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def uri(self, driver_path: str = "qemu+unix:///system") -> str:
        """The connection through this link."""
        return f"{driver_path}?socket={self.path}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(self._target))
                for source, sink, counted in ((near, far, True), (far, near, False)):
                    _Way(source, sink, self, counted).start()


class _Way:
    """One direction: what was read waits for its time, then goes on."""

    def __init__(
        self, source: socket.socket, sink: socket.socket, link: SlowLink, counted: bool
    ) -> None:
        self._source, self._sink, self._link, self._counted = source, sink, link, counted
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._changed = threading.Condition()
        self._seen = b""

    def start(self) -> None:
        """Read and write, a thread each: what is under way holds nothing up behind it."""
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def _read(self) -> None:
        data = b"begun"
        while data:
            try:
                data = os.read(self._source.fileno(), 1 << 16)
            except OSError:
                data = b""
            if self._counted:
                self._count(data)
            with self._changed:
                self._waiting.append((time.monotonic() + self._link.rtt_s / 2, data))
                self._changed.notify()

    def _count(self, data: bytes) -> None:
        self._seen += data
        while len(self._seen) >= _HEADER.size:
            length, program, _, procedure, kind, _, _ = _HEADER.unpack_from(self._seen)
            if len(self._seen) < length:
                return
            if kind == _CALL and program != _KEEPALIVE:
                self._link.calls.append((time.monotonic(), procedure))
            self._seen = self._seen[length:]

    def _write(self) -> None:
        data = b"begun"
        while data:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                due, data = self._waiting.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                self._sink.sendall(data) if data else self._sink.shutdown(socket.SHUT_RDWR)

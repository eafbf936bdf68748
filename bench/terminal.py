"""Run a program in a pseudo-terminal and note when it wrote what."""

import contextlib
import fcntl
import os
import pty
import resource
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bench.replies import Responder

_READ_BYTES, _LINE_BYTES = 1 << 20, 320
_DROPPED = ("NO_COLOR", "LINES", "COLUMNS", "TMUX", "STY", "PYTHONDONTWRITEBYTECODE")
"""The last one would make Python compile the program anew at each start; a user's does not."""


class Chunk(NamedTuple):
    """One read from the terminal."""

    at: float
    """When it came, in seconds of ``time.perf_counter``."""
    data: bytes


def terminal_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a modern UTF-8 terminal, without the user's own settings."""
    kept = {k: v for k, v in os.environ.items() if k not in _DROPPED and "TEXTUAL" not in k}
    return {
        **kept,
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        **extra,
    }


class Program:
    """A program in a terminal of its own, from its start to its end."""

    def __init__(
        self,
        argv: Sequence[str],
        columns: int,
        rows: int,
        env: Mapping[str, str] | None = None,
        line_bytes_s: float = 0.0,
    ) -> None:
        environment = terminal_environment(env or {})
        size = struct.pack("HHHH", rows, columns, 0, 0)
        self.chunks: list[Chunk] = []
        self.ended = False
        """Whether the terminal was closed by the last program in it."""
        self.exit_code: int | None = None
        self.exited_at = 0.0
        self.usage: resource.struct_rusage | None = None
        self._responder = Responder()
        self._line_bytes_s = line_bytes_s
        self.started_at = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            _become(argv, environment, size)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, size)
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    @property
    def bytes_written(self) -> int:
        """Bytes the program has written up to now."""
        return sum(len(chunk.data) for chunk in self.chunks)

    def stream(self) -> bytes:
        """Return all it has written."""
        return b"".join(chunk.data for chunk in self.chunks)

    def read(self, timeout_s: float) -> bool:
        """Note what it writes next and answer its queries; false when nothing came in time."""
        if self.ended or not self._poll.poll(max(0.0, timeout_s * 1000)):
            return False
        try:
            data = os.read(self._fd, _LINE_BYTES if self._line_bytes_s else _READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return False
        if self._line_bytes_s:
            time.sleep(len(data) / self._line_bytes_s)
        self.chunks.append(Chunk(time.perf_counter(), data))
        if answers := self._responder.answer(data):
            self.write(answers)
        return True

    def write(self, data: bytes) -> None:
        """Type into the terminal."""
        with contextlib.suppress(OSError):
            os.write(self._fd, data)

    def listen(self, seconds: float) -> None:
        """Note everything that is written in this time."""
        end = time.perf_counter() + seconds
        while not self.ended and (left := end - time.perf_counter()) > 0:
            self.read(left)

    def wait_quiet(self, gap_s: float, limit_s: float) -> bool:
        """Read until nothing came for `gap_s`; false when `limit_s` passed before that."""
        end = time.perf_counter() + limit_s
        while not self.ended:
            left = end - time.perf_counter()
            if left <= 0:
                return False
            if not self.read(min(gap_s, left)) and gap_s < left:
                return True
        return True

    def wait_exit(self, limit_s: float) -> bool:
        """Wait for its end, noting what it writes; false when it still runs after `limit_s`."""
        end = time.perf_counter() + limit_s
        while self.exit_code is None and time.perf_counter() < end:
            if self.ended:
                time.sleep(0.001)
            else:
                self.read(0.002)
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.exited_at = time.perf_counter()
                self.exit_code = os.waitstatus_to_exitcode(status)
                self.usage = usage
        return self.exit_code is not None

    def close(self) -> None:
        """End the program if it still runs, politely first, and give the terminal back."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.exit_code is None:
                with contextlib.suppress(OSError):
                    os.kill(self.pid, number)
                self.wait_exit(2.0)
        os.close(self._fd)


def _become(argv: Sequence[str], environment: Mapping[str, str], size: bytes) -> None:
    """Turn the forked child into the program; it never returns."""
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.execvpe(argv[0], list(argv), dict(environment))
    except OSError as error:
        os.write(2, f"{argv[0]}: {error}\n".encode())
    os._exit(127)

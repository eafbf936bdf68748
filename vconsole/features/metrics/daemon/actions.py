"""Runs the shell commands that metrics are got by: each with a deadline and a bound for its output.

A command has a session of its own, no input, and no file of the daemon open. What it has started
and left behind is ended with it.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from time import monotonic, sleep
from typing import IO, Final

SHELL: Final = "/bin/sh"
VALUE_BYTES: Final = 255
"""What vhostmd takes of a command's output."""
XML_BYTES: Final = 2047
"""The same for metrics of type xml."""
_MAX_BYTES: Final = 1 << 16
"""A command that writes more is ended."""
_COMPLAINT_BYTES: Final = 400
_LOOK_EVERY_S: Final = 0.1
_GRACE_S: Final = 0.2
"""How long output is waited for that a child of the command, now ended, may still write."""
_DEATH_S: Final = 1.0
_NOT_INHERITED: Final = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID")


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a command."""

    output: bytes = b""
    """What it wrote, up to the bound."""
    error: str = ""
    """Why it failed; "" if it did not. Holds foreign text."""
    cut: bool = False
    """It wrote more than the bound."""
    timed_out: bool = False
    took_s: float = 0.0

    @property
    def came_to_its_end(self) -> bool:
        """It ran and ended by itself: what it says, or that it says nothing, is its answer."""
        return self.took_s > 0 and not self.timed_out


_ENDS: Final = Run(error="not run: the daemon ends")


class ActionPool:
    """Runs some commands at a time; others wait for their turn."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="action")
        self._lock = Lock()
        self._running: set[int] = set()
        self._stopped = False

    async def shell(
        self,
        command: str,
        environment: Mapping[str, str],
        *,
        limit_s: float,
        cap_bytes: int = VALUE_BYTES,
    ) -> Run:
        """Run a command of the shell; see `run`."""
        argv = (SHELL, "-c", command)
        return await self.run(argv, environment, limit_s=limit_s, cap_bytes=cap_bytes)

    async def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        limit_s: float,
        cap_bytes: int = VALUE_BYTES,
    ) -> Run:
        """Run a program to its end; never raises for what it does.

        Args:
            argv: The program and its arguments.
            environment: All that it finds in its environment.
            limit_s: How long it may take.
            cap_bytes: How much of its output is kept.
        """
        if self._stopped:
            return _ENDS
        work = partial(self._execute, argv, environment, limit_s, cap_bytes)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def resize(self, workers: int) -> None:
        """Run so many commands at a time from now on."""
        if workers != self._workers:
            self._executor.shutdown(wait=False)
            self._workers = workers
            self._executor = ThreadPoolExecutor(workers, thread_name_prefix="action")

    def stop(self) -> None:
        """End every command and begin no other."""
        with self._lock:
            self._stopped = True
            for pid in self._running:
                _kill_group(pid)
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _execute(
        self, argv: Sequence[str], environment: Mapping[str, str], limit_s: float, cap_bytes: int
    ) -> Run:
        began = monotonic()
        with self._lock:  # so that `stop` misses none
            if self._stopped:
                return _ENDS
            try:
                process = _start(argv, environment)
            except (OSError, ValueError) as error:
                return Run(error=f"cannot be run: {error}")
            self._running.add(process.pid)
        try:
            return _Watch(process, began, limit_s, cap_bytes).until_end()
        finally:
            self._bury(process)

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        """Reap the command; its number is nobody else's until then."""
        with self._lock:
            _kill_group(process.pid)
            self._running.discard(process.pid)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_DEATH_S)


class _Watch:
    """Waits for a command, reading what it writes."""

    def __init__(
        self, process: subprocess.Popen[bytes], began: float, limit_s: float, cap_bytes: int
    ) -> None:
        self._process, self._began, self._cap = process, began, cap_bytes
        self._limit_s, self._deadline = limit_s, began + limit_s
        self._output, self._complaint = bytearray(), bytearray()
        self._total = 0

    def until_end(self) -> Run:
        ended = self._read() and self._wait()
        error = self._error(ended)
        return Run(
            bytes(self._output[: self._cap]),
            error,
            len(self._output) > self._cap,
            not ended and self._total <= _MAX_BYTES,
            monotonic() - self._began,
        )

    def _read(self) -> bool:
        """Read until nobody can write any more; False if that took too long or was too much.

        What has ended was in time, also where this machine stood still and the deadline is over.
        """
        ended_at: float | None = None
        with selectors.DefaultSelector() as selector:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe:
                    selector.register(pipe, selectors.EVENT_READ, pipe)
            while selector.get_map():
                now = monotonic()
                if ended_at is None and _has_ended(self._process.pid):
                    ended_at = now
                if ended_at is not None and now > ended_at + _GRACE_S:
                    return True
                late = ended_at is None and now >= self._deadline
                if late or self._total > _MAX_BYTES:
                    return False
                for key, _ in selector.select(min(_LOOK_EVERY_S, max(0.0, self._deadline - now))):
                    if not self._take(key.data):
                        selector.unregister(key.fileobj)
        return True

    def _take(self, pipe: IO[bytes]) -> bool:
        data = os.read(pipe.fileno(), 1 << 14)
        self._total += len(data)
        if pipe is self._process.stdout:
            self._output += data[: self._cap + 1 - len(self._output)]
        else:
            self._complaint += data[: _COMPLAINT_BYTES - len(self._complaint)]
        return bool(data)

    def _wait(self) -> bool:
        """Wait for the end itself, which seldom comes later than that of the output."""
        pause = 0.0005
        while not _has_ended(self._process.pid):
            if monotonic() >= self._deadline:
                return False
            sleep(pause)
            pause = min(pause * 2, 0.02)
        return True

    def _error(self, ended: bool) -> str:
        if not ended:
            if self._total > _MAX_BYTES:
                return f"wrote more than {_MAX_BYTES >> 10} KiB and was ended"
            return f"took longer than {self._limit_s:g} s and was ended"
        status = _status(self._process.pid)
        if status == 0:
            return ""
        words = f"ended with status {status}" if status > 0 else f"ended by signal {-status}"
        complaint = self._complaint.decode("utf-8", "replace").strip()
        return f"{words}: {complaint}" if complaint else words


def environment(path: str | None, more: Mapping[str, str]) -> dict[str, str]:
    """What a command finds: the daemon's own environment, PATH as configured, and `more`."""
    found = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
    if path is not None:
        found["PATH"] = path
    return found | dict(more)


def _start(argv: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environ,
        start_new_session=True,
    )


def _has_ended(pid: int) -> bool:
    """Whether the process has; it is not reaped."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _status(pid: int) -> int:
    """How the process ended: its status, or a signal's number below zero."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if found is None:
        return 0
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

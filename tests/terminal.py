"""A terminal for tests: runs a program on a pty, answers what it asks, and shows its screen.

with Terminal(["vconsole", "--demo"], size=(120, 40)) as terminal:
    terminal.wait_for("Domains")
    terminal.send("down", "enter")
    assert "vCPU" in terminal.text
    terminal.send("q")
    assert terminal.wait_exit() == 0
    assert terminal.modes_left_on() == []
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.emulator import Emulator

T = TypeVar("T")

ESCAPE_PAUSE = 0.2  # a lone escape is told from the start of a longer key by the silence after it

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "escape": "\x1b",
    "space": " ",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "shift+up": "\x1b[1;2A",
    "shift+down": "\x1b[1;2B",
    "shift+right": "\x1b[1;2C",
    "shift+left": "\x1b[1;2D",
    "ctrl+up": "\x1b[1;5A",
    "ctrl+down": "\x1b[1;5B",
    "ctrl+right": "\x1b[1;5C",
    "ctrl+left": "\x1b[1;5D",
    **{f"f{n}": f"\x1bO{letter}" for n, letter in enumerate("PQRS", start=1)},
    **{f"f{n}": f"\x1b[{c}~" for n, c in enumerate((15, 17, 18, 19, 20, 21, 23, 24), start=5)},
}


def key_bytes(key: str) -> bytes:
    """What a terminal sends for a key: a character, a name of KEYS, ctrl+c or alt+x."""
    if key in KEYS:
        return KEYS[key].encode()
    if len(key) == 1:
        return key.encode()
    if key.startswith("ctrl+") and len(key) == 6:
        return bytes([ord(key[5].upper()) & 0x1F])
    if key.startswith("alt+"):
        return b"\x1b" + key_bytes(key[4:])
    raise ValueError(f"no such key: {key!r}")


def _environment(extra: Mapping[str, str | None] | None) -> dict[str, str]:
    unwanted = ("NO_COLOR", "LINES", "COLUMNS", "CI")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    wanted = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
    for name, value in (wanted | dict(extra or {})).items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _take_terminal() -> None:
    """In the child: let standard input be the terminal that controls its session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A program on a terminal of its own; `size` is (columns, rows).

    `env` is added to this process's environment; a name with None is taken from it. One that is not
    `controlling` sends no SIGHUP when it goes, as for a program begun by setsid.
    """

    def __init__(
        self,
        argv: Sequence[str],
        size: tuple[int, int] = (80, 24),
        env: Mapping[str, str | None] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        controlling: bool = True,
    ) -> None:
        self._takes = threading.Event()
        self._takes.set()
        self._hung_up = False
        self._emulator = Emulator(*size)
        self._changed = threading.Condition()
        self._raw = bytearray()
        self._master, slave = pty.openpty()
        self._set_size(*size)
        self._settings = termios.tcgetattr(self._master)
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=_environment(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_take_terminal if controlling else None,
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    # --- what the program shows

    @property
    def raw(self) -> bytes:
        """Every byte the program has written so far."""
        with self._changed:
            return bytes(self._raw)

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.screen())

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's (column, row), from 0."""
        with self._changed:
            return self._emulator.cursor

    @property
    def pid(self) -> int:
        """The program's process."""
        return self._process.pid

    def screen(self) -> list[str]:
        """The screen's lines, without the blanks at their ends."""
        with self._changed:
            return self._emulator.lines()

    def cell(self, column: int, row: int) -> Any:
        """One place of the screen with its colours: a pyte Char (data, fg, bg, bold, reverse)."""
        with self._changed:
            return self._emulator.cell(column, row)

    def wait_for(self, pattern: str, timeout: float = 60.0) -> re.Match[str]:
        """Wait until the screen matches (^ and $ are ends of lines), and return the match."""
        expression = re.compile(pattern, re.MULTILINE)
        found = self._wait(lambda text: expression.search(text), timeout)
        if found is None:
            raise TimeoutError(f"{pattern!r} did not appear in {timeout:g} s\n{self._picture()}")
        return found

    def wait_gone(self, pattern: str, timeout: float = 60.0) -> None:
        """Wait until the screen does not match any more."""
        expression = re.compile(pattern, re.MULTILINE)
        if self._wait(lambda text: expression.search(text) is None or None, timeout) is None:
            raise TimeoutError(f"{pattern!r} stayed for {timeout:g} s\n{self._picture()}")

    def wait_quiet(self, seconds: float = 0.3, timeout: float = 60.0) -> None:
        """Wait until the program has written nothing for a while."""
        end = time.monotonic() + timeout
        with self._changed:
            while self._changed.wait(seconds):
                if time.monotonic() > end:
                    raise TimeoutError(f"the program still writes after {timeout:g} s")

    # --- what the user does

    def send(self, *keys: str) -> None:
        """Press keys: characters and names such as enter, down, ctrl+p, f1, alt+x."""
        for key in keys:
            self.write(key_bytes(key))
            if key == "escape":
                time.sleep(ESCAPE_PAUSE)

    def type_text(self, text: str) -> None:
        """Type a text, letter by letter."""
        self.send(*text)

    def paste(self, text: str) -> None:
        """Paste a text as terminals do for programs that ask for it to be marked."""
        self.write(b"\x1b[200~" + text.encode() + b"\x1b[201~")

    def click(self, column: int, row: int) -> None:
        """Press and release the first mouse button at a place, from 0."""
        for final in "Mm":
            self.write(f"\x1b[<0;{column + 1};{row + 1}{final}".encode())

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        while data:
            data = data[os.write(self._master, data) :]

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        with self._changed:
            self._emulator.resize(columns, rows)
        self._set_size(columns, rows)

    def stall(self) -> None:
        """Take nothing more of what the program writes, as after ctrl+s or on a dead line."""
        self._takes.clear()

    def go_on(self) -> None:
        """Take what the program writes again."""
        self._takes.set()

    def hang_up(self) -> None:
        """Be gone."""
        self._hung_up = True
        self._reader.join(30)
        os.close(self._master)
        self._master = -1

    # --- its end

    def wait_exit(self, timeout: float = 60.0) -> int:
        """Wait for the program's end, and return its code (minus the signal's number)."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"did not end in {timeout:g} s\n{self._picture()}") from None
        self._reader.join(30)  # its last words
        return code

    def modes_left_on(self) -> list[str]:
        """What the program did not put back: terminal modes, keyboard protocol, line settings."""
        with self._changed:
            left = self._emulator.modes_left_on()
        if termios.tcgetattr(self._master) != self._settings:
            left.append("line settings")
        return left

    def close(self) -> None:
        """Kill the program and what it has left in its session's first group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._takes.set()
        self._process.wait(60)
        self._reader.join(30)
        if not self._reader.is_alive() and self._master >= 0:
            os.close(self._master)
            self._master = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- inside

    def _read(self) -> None:
        """The terminal's own thread: take in, show, answer, until the program's side is closed."""
        with contextlib.suppress(OSError):  # how a pty says that
            while (data := self._take()) is not None:
                with self._changed:
                    self._raw += data
                    answer = self._emulator.feed(data)
                    self._changed.notify_all()
                self.write(answer)

    def _take(self) -> bytes | None:
        """What the program wrote next; None once the terminal is gone."""
        while not self._hung_up:
            if self._takes.wait(0.05) and select.select([self._master], [], [], 0.05)[0]:
                return os.read(self._master, 65536) or None
        return None

    def _wait(self, look: Callable[[str], T | None], timeout: float) -> T | None:
        end = time.monotonic() + timeout
        with self._changed:
            while (seen := look("\n".join(self._emulator.lines()))) is None:
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
            return seen

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _picture(self) -> str:
        return "\n".join(f"|{line}" for line in self.screen())

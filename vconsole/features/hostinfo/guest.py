#!/usr/bin/env python3
"""Ask the host for its statistics, from within a guest: ``vconsole-hostinfo physcpus load``.

This one file is all a guest needs: copy it, and run it with any Python from 3.4 on. So it keeps to
that version's syntax and imports the standard library only. It prints a line ``name value unit``
for each statistic, for all that the host permits if none is named; only printable ASCII of what
comes from the host is passed on.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the host refuses one of the names.
"""
# ruff: noqa: UP032

import argparse
import contextlib
import fcntl
import glob
import json
import os
import re
import select
import sys
import termios
import time

TYPE_CHECKING = False  # Python 3.4 has no module typing
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    Line = tuple[int, str]
    IsOurs = Callable[[int, str], bool]

PORTS = ("/dev/ttyS1", "/dev/ttyS2", "/dev/ttyS3")
"""Where hosts put it: COM2 to COM4."""
PROBE_S = 2.0
"""How long a port may take to say that it is hostinfo's."""
MAX_NAMES = 16
MAX_REQUEST = 128
MAX_LINE = 255
MAX_REPLY_BYTES = 64 * 1024
MAX_LEFTOVER_READS = 64

_PAUSE_S = 0.1  # between two tries, whatever the host says
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LINE = re.compile(rb"[\x20-\x7e\t]+")
_REPLY = re.compile(r"([2-5][0-9][0-9])([ -])(.*)")
_RETRY = re.compile(r"\bretry=([0-9]{1,6}(?:\.[0-9]{1,3})?)(?![0-9.])")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?")

VALUE, GREETING = 210, 220
BAD_REQUEST, HIDDEN, UNKNOWN, VERSION, TOO_SOON, FAILED = 400, 403, 404, 426, 429, 500


class HostinfoError(Exception):
    """Nothing was learnt; the message says why, and what to do."""


class Port:
    """A serial port while this process alone uses it, as raw as can be.

    Raises:
        HostinfoError: It cannot be used, or is a console.
    """

    def __init__(self, path: str, timeout_s: float) -> None:
        self.path = path
        self.timeout_s = timeout_s
        with self._named_errors():
            _refuse_console(path)
            self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            try:
                if not os.isatty(self._fd):
                    raise HostinfoError("{}: it is no serial port".format(path))
                self._lock()
                self._before = termios.tcgetattr(self._fd)
                termios.tcsetattr(self._fd, termios.TCSANOW, _raw(self._before))
            except BaseException:
                os.close(self._fd)
                raise

    def close(self) -> None:
        """Leave the port as it was found."""
        with contextlib.suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIOFLUSH)  # else a host that does not read delays us
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        os.close(self._fd)

    def ask(self, command: str, is_ours: "IsOurs") -> "list[Line]":
        """The lines of the reply, as (code, text); what is no part of it is skipped."""
        deadline = time.monotonic() + self.timeout_s
        reply = []
        with self._named_errors():
            self._drop_leftovers()
            self._send("\n{}\n".format(command).encode("ascii"), deadline)  # ends others' lines
            for line in self._lines(deadline):
                match = _REPLY.fullmatch(line)
                if match is None or not is_ours(int(match.group(1)), match.group(3)):
                    continue  # an echo, boot messages, the late answer to somebody else
                reply.append((int(match.group(1)), match.group(3)))
                if match.group(2) == " ":
                    break
        return reply

    @contextlib.contextmanager
    def _named_errors(self) -> "Iterator[None]":
        try:
            yield
        except (OSError, termios.error) as error:  # the latter is no OSError
            raise HostinfoError("{}: {}".format(self.path, error.args[1])) from None

    def _lock(self) -> None:
        deadline = time.monotonic() + self.timeout_s
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    words = "{}: another process is using it".format(self.path)
                    raise HostinfoError(words) from None
                time.sleep(_PAUSE_S)

    def _drop_leftovers(self) -> None:
        for _ in range(MAX_LEFTOVER_READS):
            if not select.select([self._fd], [], [], 0)[0]:
                return
            self._read()

    def _send(self, data: bytes, deadline: float) -> None:
        while data:
            if not select.select([], [self._fd], [], self._left(deadline))[1]:
                continue
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._fd, data) :]

    def _lines(self, deadline: float) -> "Iterator[str]":
        """Each line of printable ASCII that comes in, until it takes too long or is too much."""
        rest, count = b"", 0
        while count <= MAX_REPLY_BYTES:
            if not select.select([self._fd], [], [], self._left(deadline))[0]:
                continue
            data = self._read()
            count += len(data)
            *lines, rest = re.split(b"[\r\n]", rest + data)
            rest = rest[: MAX_LINE + 1]  # enough to know that it is too long
            for line in lines:
                if len(line) <= MAX_LINE and _LINE.fullmatch(line):
                    yield line.decode("ascii")
        raise HostinfoError("{}: it sends without end; is it hostinfo's?".format(self.path))

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            words = "{}: no answer within {:g} s".format(self.path, self.timeout_s)
            raise HostinfoError(words)
        return left

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        if not data:
            raise HostinfoError("{}: the host has closed its end".format(self.path))
        return data


def _raw(before: "list[Any]") -> "list[Any]":
    """Eight bits, no echo, nothing translated, no modem lines."""
    control = list(before[6])
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    flags = termios.CS8 | termios.CREAD | termios.CLOCAL
    return [0, 0, flags, 0, termios.B115200, termios.B115200, control]


def _refuse_console(path: str) -> None:
    """Never write to where the kernel or somebody at a prompt reads and types."""
    device = os.stat(path).st_rdev
    if os.path.basename(os.path.realpath(path)) in _consoles() or device in _terminals():
        raise HostinfoError("{}: it is in use as a console; name another port".format(path))


def _consoles() -> "set[str]":
    """The names of the kernel's consoles, as ttyS0."""
    names = [line.split()[0] for line in _text("/proc/consoles").splitlines() if line.split()]
    return set(names + _text("/sys/class/tty/console/active").split())


def _terminals() -> "set[int]":
    """The terminals of all processes, as of getty and shells; source: proc_pid_stat(5)."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/stat"):
        fields = _text(path).rpartition(")")[2].split()
        number = int(fields[4]) if len(fields) > 4 else 0
        if number:
            found.add(os.makedev(number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00))
    return found


def _text(path: str) -> str:
    """A file of the kernel; nothing where there is none, or no more."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def ask_politely(port: Port, command: str, is_ours: "IsOurs", wait_s: float) -> "list[Line]":
    """Ask, and when that was too soon, again at the time that the host has named."""
    give_up = time.monotonic() + wait_s
    while True:
        reply = port.ask(command, is_ours)
        code, text = reply[-1]
        if code != TOO_SOON:
            return reply
        match = _RETRY.search(text)
        pause_s = max(_PAUSE_S, float(match.group(1)) if match else 1.0)
        if time.monotonic() + pause_s > give_up:
            words = "{}: asked too soon; the host answers in {:g} s, see --wait"
            raise HostinfoError(words.format(port.path, pause_s))
        time.sleep(pause_s)


def find_port(timeout_s: float, paths: "Sequence[str]" = PORTS) -> Port:
    """The first port where hostinfo answers, open.

    Raises:
        HostinfoError: There is none.
    """
    complaints = []
    for path in paths:
        try:
            return _greeted(path, timeout_s)
        except HostinfoError as error:
            complaints.append(str(error))
    advice = "is hostinfo enabled for this guest, and its daemon running? Else name the port by -p"
    raise HostinfoError("no answer ({}): {}".format("; ".join(complaints), advice))


def _greeted(path: str, timeout_s: float) -> Port:
    """The port, once hostinfo has answered there, in a version that is understood."""
    port = Port(path, min(timeout_s, PROBE_S))
    try:
        code, text = ask_politely(port, "HELLO 1", _is_greeting, PROBE_S)[-1]
        if code != GREETING:
            raise HostinfoError("{}: the host says {} {}".format(path, code, text))
    except BaseException:
        port.close()
        raise
    port.timeout_s = timeout_s
    return port


def _is_greeting(code: int, text: str) -> bool:
    known = code == GREETING and text.split()[:2] == ["hostinfo", "1"]
    return known or code in (BAD_REQUEST, VERSION, TOO_SOON)


def query(port: Port, names: "Sequence[str]", wait_s: float) -> "list[Line]":
    """The lines of the answer for these statistics, for all permitted ones if none is named."""

    def is_ours(code: int, text: str) -> bool:
        if code in (BAD_REQUEST, TOO_SOON):
            return True
        of_query = code in (VALUE, HIDDEN, UNKNOWN) or code >= FAILED
        return of_query and (not names or not set(names).isdisjoint(text.split()))

    command = "GET {}".format(" ".join(names)) if names else "ALL"
    return ask_politely(port, command, is_ours, wait_s)


def report(lines: "list[Line]", names: "Sequence[str]", as_json: bool) -> int:
    """Print what was learnt, and complain of what was not; the exit code."""
    values = [text.split(None, 1) for code, text in lines if code == VALUE]
    rows = [(words[0], words[1].strip()) for words in values if len(words) == 2]
    errors = [(code, text) for code, text in lines if code >= BAD_REQUEST]
    told = {name for name, _ in rows}.union(*(text.split() for _, text in errors))
    errors += [(FAILED, "{} was not answered".format(name)) for name in names if name not in told]
    if as_json:
        _print(json.dumps({name: _parsed(value) for name, value in rows}, indent=2) + "\n")
    else:
        _print("".join("{} {}\n".format(*row) for row in rows))
    for _, text in errors:
        _complain(text)
    if any(code in (HIDDEN, UNKNOWN) for code, _ in errors):
        return 3
    return 1 if errors else 0


def _print(text: str) -> None:
    if sys.stdout is None:
        raise HostinfoError("standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the exit tries it once more
        raise HostinfoError("standard output: {}".format(error.strerror)) from None


def _parsed(text: str) -> "dict[str, Any]":
    """``8`` and ``0.5 %`` are numbers, without a unit and with one; all else is text."""
    value, _, unit = text.partition(" ")
    if not _NUMBER.fullmatch(value) or " " in unit:
        return {"value": text, "unit": None}
    return {"value": json.loads(value), "unit": unit or None}


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the program; the exit code."""
    options = _options(argv)
    try:
        port = Port(options.port, options.timeout) if options.port else find_port(options.timeout)
        try:
            lines = query(port, options.names, options.wait)
        finally:
            port.close()
        return report(lines, options.names, options.json)
    except HostinfoError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 1


def _options(argv: "Sequence[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="vconsole-hostinfo",
        description="Ask the host for its statistics.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the host refuses one of the names.",
    )
    add = parser.add_argument
    add("-p", "--port", metavar="DEVICE", help="the serial port, such as /dev/ttyS1; else searched")
    add("--json", action="store_true", help="print a JSON object")
    add("--timeout", type=_seconds, default=5.0, metavar="S", help="for an answer, default 5")
    add("--wait", type=_seconds, default=5.0, metavar="S", help="when asked too soon, default 5")
    add("names", nargs="*", metavar="NAME", type=str.lower, help="a statistic; none for all")
    options = parser.parse_args(argv)
    size = len("GET " + " ".join(options.names))
    if len(options.names) > MAX_NAMES or size > MAX_REQUEST:
        parser.error("too many names, {} are possible; name none for all".format(MAX_NAMES))
    for name in options.names:
        if not _NAME.fullmatch(name):
            parser.error("{} is no name of a statistic".format(ascii(name)))
    return options


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 86400:
        raise argparse.ArgumentTypeError("{} is not from 0 to 86400".format(text))
    return value


def _complain(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write("vconsole-hostinfo: {}\n".format(text))


if __name__ == "__main__":
    sys.exit(main())

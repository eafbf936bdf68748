"""File descriptor 2 belongs to libraries that ignore every error handler; keep it off the screen.

libxml2 and libvirt write there past whatever is registered, what they quote comes from others, and
a log is read with `cat`: a line of it is made harmless before it is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TextIO

from vconsole.text import safe

_last_trace = ""
_traces: Callable[[BaseException], object] | None = None
"""Who is given what nobody foresaw; None: it is written to descriptor 2."""


@contextmanager
def stderr_to(path: Path | None) -> Iterator[TextIO]:
    """Send descriptor 2 to a log, or nowhere; yields what it was.

    Where there is no log, traces go to what it was: they would be lost.
    """
    global _traces
    sys.stderr.flush()
    before = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    copier = _redirect(path)
    earlier = _traces
    if path is None:
        _traces = lambda error: _write(error, before)  # noqa: E731
    try:
        yield before
    finally:
        _traces = earlier
        sys.stderr.flush()
        with suppress(OSError):  # a terminal that is gone
            before.flush()
        os.dup2(before.fileno(), 2)  # the last writer of the pipe, if there is one
        with suppress(OSError):
            before.close()
        if copier is not None:
            copier.join(1)


def _redirect(path: Path | None) -> Thread | None:
    """Point descriptor 2 at nothing, or at a pipe that a thread copies from."""
    if path is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        return None
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    take, give = os.pipe()
    os.dup2(give, 2)
    os.close(give)
    copier = Thread(target=_copy, args=(take, log), name="vconsole-log", daemon=True)
    copier.start()
    return copier


def _copy(take: int, log: int) -> None:
    """Copy line by line, each made harmless; a full disk loses lines and stops nobody."""
    with os.fdopen(take, "rb") as lines, os.fdopen(log, "wb", buffering=0) as file:
        for line in iter(lambda: lines.readline(1 << 16), b""):
            text = line.decode("utf-8", "backslashreplace").rstrip("\n")
            with suppress(OSError):
                file.write(f"{safe(text)}\n".encode("utf-8", "backslashreplace"))


def leave_trace(error: BaseException | None = None) -> None:
    """Write the trace of an exception to the log; the same one only once.

    Args:
        error: None for the one being handled.
    """
    global _last_trace
    import traceback

    found = error or sys.exception()
    if found is None:
        return
    text = "".join(traceback.format_exception(found))
    if text != _last_trace:
        _last_trace = text
        (_traces or (lambda error: _write(error, sys.stderr)))(found)


def _write(error: BaseException, file: TextIO) -> None:
    """Write a trace, each line of it made harmless: it quotes foreign text."""
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    with suppress(OSError, ValueError):  # a terminal that is gone
        file.write("".join(f"{safe(line)}\n" for line in lines))
        file.flush()


def traces_to(write: Callable[[BaseException], object]) -> None:
    """Say where traces go from now on, such as the log of a daemon."""
    global _traces
    _traces = write


def catch_the_rest() -> None:
    """Have what would end a thread, or the program, leave its trace where the others go."""
    import threading

    sys.excepthook = lambda _kind, error, _trace: leave_trace(error)
    threading.excepthook = lambda ended: (
        None if ended.exc_type is SystemExit else leave_trace(ended.exc_value)
    )


def log_path(directory: Path | None) -> Path | None:
    """Where the noise is kept; None where nothing can be written."""
    if directory is None:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "vconsole.log"
        path.open("a").close()
    except OSError:
        return None
    return path

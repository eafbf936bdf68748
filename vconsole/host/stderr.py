"""File descriptor 2 belongs to libraries that ignore every error handler; keep it off the screen.

libxml2 and libvirt write there past whatever is registered, what they quote comes from others, and
a log is read with `cat`: a line of it is made harmless before it is written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TextIO

from vconsole.text import safe

_last_trace = ""


@contextmanager
def stderr_to(path: Path | None) -> Iterator[TextIO]:
    """Send descriptor 2 to a log, or nowhere; yields what it was."""
    sys.stderr.flush()
    before = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    copier = _redirect(path)
    try:
        yield before
    finally:
        sys.stderr.flush()
        with suppress(OSError):  # a terminal that is gone
            before.flush()
        os.dup2(before.fileno(), 2)  # the last writer of the pipe, if there is one
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


def leave_trace() -> None:
    """Write the trace of the exception being handled to the log; the same one only once."""
    global _last_trace
    import traceback

    text = traceback.format_exc()
    if text != _last_trace:
        _last_trace = text
        sys.stderr.write(text)
        sys.stderr.flush()


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

"""File descriptor 2 belongs to libraries that ignore every error handler; keep it off the screen.

libxml2 and libvirt write there past whatever is registered.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def stderr_to(path: Path | None) -> Iterator[TextIO]:
    """Send descriptor 2 to a log, or nowhere; yields what still reaches the terminal.

    ``sys.__stderr__`` is the terminal meanwhile: Textual draws on it.
    """
    sys.stderr.flush()
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
    # typeshed has the name Final, yet it is where Textual looks for the terminal
    saved, sys.__stderr__ = sys.__stderr__, terminal  # type: ignore[misc]
    log = os.open(path or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    try:
        yield terminal
    finally:
        sys.stderr.flush()
        terminal.flush()
        os.dup2(terminal.fileno(), 2)
        sys.__stderr__ = saved  # type: ignore[misc]  # as above
        os.close(log)


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

"""Files of one JSON object a line that are only ever appended to, by several programs at a time."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from pathlib import Path
from typing import Final

READ_BYTES: Final = 1 << 20
"""How much of the end of a file is read."""
LOCK_WAIT_S: Final = 0.05
"""A lock that somebody holds longer is not waited for: an append is one write."""
Stamp = tuple[int, int, int]
"""Inode, size and time of the last change: what tells that a file is another."""


def append_line(path: Path, line: str) -> None:
    """Add one line in one write, on the disk when this returns.

    A line that a crash cut off is closed first.

    Raises:
        OSError: It cannot be written whole.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    try:
        _require_plain_file(handle, path)
        _lock(handle)
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = f"{chr(10) * torn}{line}\n".encode("ascii")
        if os.write(handle, data) != len(data):
            raise OSError(28, "no space left", str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    if not size:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the name of a new file on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_plain_file(handle: int, path: Path) -> None:
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(22, "not a regular file", str(path))
    if mode & 0o077 and os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, 0o600)


def _lock(handle: int) -> None:
    """Take the lock, or go on without it: nobody waits for another program."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return
            time.sleep(0.005)
        else:
            return


def last_lines(path: Path) -> list[str]:
    """The whole lines among the last `READ_BYTES`; none when there is no file.

    Raises:
        OSError: It is no file that can be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(22, "not a regular file", str(path))
        start = max(0, os.fstat(handle).st_size - READ_BYTES - 1)
        file.seek(start)
        data = file.read(READ_BYTES + 1)
    lines = data.decode("utf-8", "replace").split("\n")
    return lines[1:] if start else lines


def stamp(path: Path) -> Stamp | None:
    """What a later look at the file is compared with; None where there is none."""
    try:
        status = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns

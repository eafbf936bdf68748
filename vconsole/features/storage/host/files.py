"""Files that are made beside their place and named when they are whole."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from vconsole.model.job import PARTIAL


def taken_away(partial: str) -> str:
    """Remove what was half made, or say that it is left."""
    if not partial:
        return ""
    try:
        os.unlink(partial)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"; {partial} is left: {error.strerror}"
    return ""


def name_whole(partial: Path, output: Path) -> None:
    """Give an image its name once it is on the disk; never in the place of another."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(partial, output)  # unlike a rename it fails where there is one
        partial.unlink()
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        # vfat and others have no second name for a file: take the place, then fill it
        os.close(os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.rename(partial, output)
    folder = os.open(output.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems have no fsync of folders
            os.fsync(folder)
    finally:
        os.close(folder)


def partials(folder: Path) -> tuple[Path, ...]:
    """Images in a directory that were never finished."""
    with suppress(OSError):
        return tuple(sorted(folder.glob(f"*{PARTIAL}")))
    return ()

"""Files of the console's own, which nobody else writes: replaced whole, read by this user only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from re import compile as pattern
from secrets import token_hex
from time import time

_LEFT = pattern(r"\..+\.[0-9a-f]{16}\.new")
_LEFT_S = 60.0
"""A file that is so old is of a program that was killed while it wrote: nobody takes as long."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_text(path: Path, text: str) -> None:
    """Write it in the place of an older one, and make its directory where there is none.

    Two consoles may do so at a time: the file is what one of them wrote.

    Raises:
        OSError: It cannot be written; the older one is as it was.
        ValueError: The text is none in UTF-8.
    """
    new = path.with_name(f".{path.name}.{token_hex(8)}.new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(path.parent)
    handle = os.open(new, _CREATE, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise


def _sweep(directory: Path) -> None:
    """Remove what killed programs left, whatever they wrote: it may hold what is secret."""
    with suppress(OSError):
        for entry in filter(_LEFT.fullmatch, os.listdir(directory)):
            left = directory / entry
            if time() - left.lstat().st_mtime > _LEFT_S:
                left.unlink()

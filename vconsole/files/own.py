"""Files of the console's own, which nobody else writes: replaced whole, read by this user only."""

from __future__ import annotations

import os
from pathlib import Path

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_text(path: Path, text: str) -> None:
    """Write it in the place of an older one, and make its directory where there is none.

    Raises:
        OSError: It cannot be written; the older one is as it was.
        ValueError: The text is none in UTF-8.
    """
    new = path.with_suffix(".new")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, _CREATE, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)

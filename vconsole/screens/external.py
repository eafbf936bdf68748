"""Hands a text to the user's editor and takes back what it leaves."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vconsole.app import VConsole


class EditorError(Exception):
    """Nothing was taken over; the message says why in one line."""


def edited(console: VConsole, name: str, data: bytes) -> bytes:
    """Give the terminal to $VISUAL, $EDITOR or vi with a private copy; answers what it left.

    Args:
        console: Whose terminal it is.
        name: Of the copy: editors choose their colours by it.
        data: What to edit.

    Raises:
        EditorError: The editor cannot be started, failed, or the copy is gone.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="vconsole-") as folder:
        copy = Path(folder, name)
        try:
            copy.write_bytes(data)
            with console.suspend():
                code = subprocess.run([*shlex.split(command), str(copy)], check=False).returncode
            left = copy.read_bytes()
        except (OSError, ValueError) as error:
            raise EditorError(f"{command}: {error}; nothing was taken over") from error
    if code:
        raise EditorError(f"{command} ended with {code}: nothing was taken over")
    return left

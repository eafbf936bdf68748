"""Reads a file that a command is given, and does not wait for ever for one on a dead mount."""

from __future__ import annotations

import threading
from pathlib import Path

from vconsole.cli.report import FILES_S, CliError
from vconsole.files.careful import SafeFileError, read_given


def given_bytes(path: Path) -> bytes:
    """What is in it.

    Raises:
        CliError: It cannot be read, or not in time.
    """
    found: list[bytes | Exception] = []

    def read() -> None:
        try:
            found.append(read_given(path))
        except Exception as error:  # handed to the caller's thread
            found.append(error)

    thread = threading.Thread(target=read, name="vconsole-file", daemon=True)
    thread.start()
    thread.join(FILES_S)
    if not found:
        raise CliError(f"no answer from the file {path} in {FILES_S:.0f} s")
    if isinstance(found[0], SafeFileError):
        raise CliError(str(found[0])) from found[0]
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]

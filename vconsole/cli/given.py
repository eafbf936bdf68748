"""Reads a file that a command is given, and does not wait for ever for one on a dead mount."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vconsole.cli.report import FILES_S, CliError
from vconsole.files.careful import SafeFileError, read_given

T = TypeVar("T")


def given_bytes(path: Path) -> bytes:
    """What is in it.

    Raises:
        CliError: It cannot be read, or not in time.
    """
    try:
        return in_time(path, lambda: read_given(path))
    except SafeFileError as error:
        raise CliError(str(error)) from error


def in_time(path: object, work: Callable[[], T]) -> T:
    """What comes of looking at a file.

    Raises:
        CliError: It takes too long.
    """
    found: list[T] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            found.append(work())
        except Exception as error:  # handed to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=look, name="vconsole-file", daemon=True)
    thread.start()
    thread.join(FILES_S)
    if failed:
        raise failed[0]
    if not found:
        raise CliError(f"no answer from the file {path} in {FILES_S:.0f} s")
    return found[0]

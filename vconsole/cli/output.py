"""Standard input and outputs that are closed or full: what cannot be written is an error."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Final, TextIO

FAILED = 1
INTERRUPTED = 130
"""What a shell expects of a program that SIGINT ended."""
CUT_OFF = 141
"""What a shell says of a program that SIGPIPE ended: nobody reads its output any more."""

_closed: Final = set[str]()
"""Names of the streams that were closed when the program began."""


def open_what_is_closed() -> None:
    """Have descriptors 0 to 2: else the next file that is opened would be one of them.

    What is written to a closed output is lost, and that is an error, so it is the full device.
    A character that an output's encoding lacks is written as its escape.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            full = "/dev/full" if name == "stdout" and os.path.exists("/dev/full") else os.devnull
            opened = open(full, mode, encoding="utf-8")  # noqa: SIM115  # open till the end
            os.dup2(opened.fileno(), number)
            setattr(sys, name, opened)
            _closed.add(name)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def written(code: int) -> int:
    """Write the rest of the output; answers the exit code, given that of the work."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough of what is done
        give_up_output()
    except OSError as error:
        return max(code, unwritable(error, sys.stderr))
    return code


def terminal_size() -> tuple[int, int]:
    """Columns and lines, as shutil.get_terminal_size finds them, without what else it imports.

    That is all that packs files, 3 ms of the time to the list.
    """
    try:
        size = os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    except (ValueError, OSError):  # closed, or no terminal
        size = os.terminal_size((0, 0))
    return _given("COLUMNS") or size.columns or 80, _given("LINES") or size.lines or 24


def _given(name: str) -> int:
    word = os.environ.get(name, "")
    return int(word) if word.isdecimal() else 0


def unwritable(error: OSError, errors: TextIO) -> int:
    """Say that something cannot be written; answers the exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        give_up_output()
    reason = "standard output is closed" if "stdout" in _closed else error.strerror
    print(f"vconsole: cannot write: {reason}", file=errors)
    return FAILED


def give_up_output() -> None:
    """Forget what is not written yet: the exit would try it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

"""Hands a text to the user's editor and takes back what it leaves; keeps what is not done with."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Final

from vconsole.files.own import replace_text

FOLDER: Final = "drafts"
"""Below the directory of the console's state."""

in_front: Final = Event()
"""An editor has the terminal, and what is typed there is for it: ^C as well."""


class EditorError(Exception):
    """Nothing was taken over; the message says why in one line."""


def run_editor(name: str, data: bytes) -> bytes:
    """Run $VISUAL, $EDITOR or vi on a copy that nobody else can read; answers what it left.

    Args:
        name: Of the copy: editors choose their colours by it.
        data: What to edit.

    Raises:
        EditorError: The editor cannot be started, failed, or the copy is gone.
    """
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="vconsole-") as folder:  # of mode 0700
        copy = Path(folder, name)
        try:
            copy.touch(0o600)
            copy.write_bytes(data)
            with left_the_terminal():
                code = subprocess.run([*shlex.split(command), str(copy)], check=False).returncode
            left = copy.read_bytes()
        except (OSError, ValueError) as error:
            raise EditorError(f"{command}: {error}; nothing was taken over") from error
    if code:
        raise EditorError(f"{command} ended with {code}: nothing was taken over")
    return left


@contextmanager
def left_the_terminal() -> Iterator[None]:
    """Let ^C end the editor at most: the terminal sends it to this program too. SIGQUIT as well.

    They are taken by a function because what is ignored stays so in the editor.
    """
    numbers = (signal.SIGINT, signal.SIGQUIT) if current_thread() is main_thread() else ()
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    in_front.set()
    try:
        yield
    finally:
        in_front.clear()
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that was edited and not used yet, in a file that only its user can read.

    Attributes:
        path: The file; None where no directory is known.
    """

    path: Path | None

    @classmethod
    def of(cls, state: Path | None, uuid: str) -> Draft:
        """The draft of a domain's definition."""
        return cls(state / FOLDER / f"{uuid}.xml" if state else None)

    def keep(self, text: str) -> str:
        """Write it in the place of an older one; answers where it is, in words."""
        if self.path is None:
            return "not kept: neither XDG_STATE_HOME nor HOME names a directory"
        try:
            replace_text(self.path, text)
        except (OSError, ValueError) as error:
            return f"not kept in {self.path}: {error}"
        return f"kept in {self.path}"

    def read(self) -> str | None:
        """The text; None where there is none."""
        if self.path is None:
            return None
        try:
            return self.path.read_text("utf-8")
        except (OSError, ValueError):
            return None

    def drop(self) -> None:
        """Forget it."""
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink()

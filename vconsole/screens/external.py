"""Gives the terminal to the user's editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vconsole.files.editor import EditorError as EditorError
from vconsole.files.editor import run_editor

if TYPE_CHECKING:
    from vconsole.screens.page import Console


def edited(console: Console, name: str, data: bytes) -> bytes:
    """Run the editor on a private copy while the console is suspended; see `run_editor`.

    Raises:
        EditorError: Nothing was taken over.
    """
    with console.suspend():  # an exception in here would leave the terminal suspended
        try:
            return run_editor(name, data)
        except EditorError as error:
            failure = error
    raise failure

"""Gives the terminal to the user's editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vconsole.files.editor import EditorError as EditorError
from vconsole.files.editor import left_the_terminal, run_editor

if TYPE_CHECKING:
    from vconsole.screens.page import Console


def edited(console: Console, name: str, data: bytes) -> bytes:
    """Run the editor on a private copy while the console is suspended; see `run_editor`.

    Raises:
        EditorError: Nothing was taken over.
    """
    # A second ^C for the editor may come when that has just ended. And an exception in here would
    # leave the terminal suspended.
    with left_the_terminal(), console.suspend():
        try:
            return run_editor(name, data)
        except EditorError as error:
            failure = error
    raise failure

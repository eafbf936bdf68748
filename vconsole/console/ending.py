"""The signals that end a program: it ends in order, however far its start has come.

Before there is an app they are noted, and the app ends when it would begin. An exception would not
do: amid an import Python drops one now and then, and the signal with it, or leaves the import
locked for every thread.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from textual.app import App

_SENT: Final = (signal.SIGTERM, signal.SIGHUP)
_TYPED: Final = (signal.SIGINT, signal.SIGQUIT)
"""Before the terminal is taken, ^C and ^\\ send these; later they are sent as the others are."""
_noted: Final[list[int]] = []


def note_signals() -> None:
    """Have them wait for an app; called in the main thread, as Python wants it."""
    for number in (*_SENT, *_TYPED):
        signal.signal(number, lambda number, _frame: _noted.append(number))


def end_by_signals(app: App[Any]) -> None:
    """Have them end an app, called in its loop; and those that were noted end it now."""
    import asyncio  # here: before Textual is imported it would bring TLS

    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        app.exit(return_code=128 + number)

    def end_soon(number: int, _frame: object) -> None:
        with suppress(RuntimeError):  # a loop that is over
            loop.call_soon_threadsafe(end, number)

    for number in _SENT:
        loop.add_signal_handler(number, end, number)
    for number in _TYPED:  # not so: an editor that is given the terminal takes their handlers
        signal.signal(number, end_soon)
    if _noted:
        end(_noted.pop())
        _noted.clear()

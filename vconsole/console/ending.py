"""The signals that end an ssh session: the program ends in order, however far its start has come.

Before there is an app they are noted, and the app ends when it would begin. An exception would not
do: amid an import Python drops one now and then, and the signal with it.
"""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from textual.app import App

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
_noted: Final[list[int]] = []


def note_signals() -> None:
    """Have them wait for an app; called in the main thread, as Python wants it."""
    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: _noted.append(number))


def end_by_signals(app: App[Any]) -> None:
    """Have them end an app, called in its loop; and those that were noted end it now."""
    import asyncio  # here: before Textual is imported it would bring TLS

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, partial(app.exit, return_code=128 + number))
    if _noted:
        app.exit(return_code=128 + _noted.pop())
        _noted.clear()

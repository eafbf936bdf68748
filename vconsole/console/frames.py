"""When a screen is painted: at once, but no sooner than `FRAME_S` after the last time.

Textual 8.2 has a timer for that. It is resumed for each frame, wakes once more after it to see that
there is nothing to do, and keeps to the beat of sixtieths of a second: a key just behind a reading
waits for the next. That is a fifth of what a key costs, and half of the wait here.

The place has no public hook, so it is replaced by name, and only where it looks as it did
(textual is pinned to a minor).
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from time import monotonic
from typing import Any, Final

from textual.screen import Screen

FRAME_S: Final = 1 / 120
"""The least time between two frames."""


class Frames:
    """Stands for the timer of a screen's frames."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._painted_at = 0.0
        self._next: asyncio.Handle | None = None

    def resume(self) -> None:
        """Paint as soon as a frame may come."""
        if self._next is None:
            loop, wait = asyncio.get_running_loop(), self._painted_at + FRAME_S - monotonic()
            later = loop.call_later(wait, self._paint) if wait > 0 else loop.call_soon(self._paint)
            self._next = later

    def pause(self) -> None:
        """Paint no more, until there is something new."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _paint(self) -> None:
        self._next, screen = None, self._screen
        app = screen.app
        if app._exit or not screen.is_running:
            return
        self._painted_at = monotonic()
        try:
            screen._on_timer_update()
        except Exception as error:
            app._handle_exception(error)


_USED: Final = ("_update_timer", "_on_timer_update")


def install() -> None:
    """Put it in place."""
    screen: Any = Screen
    if all(hasattr(screen, name) for name in _USED):
        screen._update_timer = cached_property(Frames)
        screen._update_timer.__set_name__(screen, "_update_timer")

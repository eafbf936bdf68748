"""Scroll bars of whole characters where the terminal shows ASCII only."""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class _Whole(ScrollBarRender):
    """Textual ends a thumb with eighths of a block, whatever the terminal can show."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def whole_scrollbars(ascii_only: bool) -> None:
    """Draw all scroll bars so, or as Textual does."""
    ScrollBar.renderer = _Whole if ascii_only else ScrollBarRender

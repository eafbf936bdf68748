"""What Textual draws itself, of characters that a terminal of ASCII only can show."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from textual.app import App
from textual.scrollbar import ScrollBar, ScrollBarRender

_BORDERS: Final = """
CommandPalette #--input { border: none; border-top: ascii $border; }
CommandPalette CommandList { border: blank; border-bottom: ascii $border; }
CommandPalette LoadingIndicator { display: none; }
Toast, Toast.-warning, Toast.-error { border-left: ascii $border; }
"""
"""The lines around the palette and beside a toast; the dots of a search go."""


class _Whole(ScrollBarRender):
    """Textual ends a thumb with eighths of a block, whatever the terminal can show."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def draw_ascii_only(app: App[Any], ascii_only: bool) -> None:
    """Draw so from now on, or as Textual does; of an app that has not begun yet."""
    ScrollBar.renderer = _Whole if ascii_only else ScrollBarRender
    if ascii_only:
        app.stylesheet.add_source(_BORDERS)

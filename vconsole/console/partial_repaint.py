"""Fewer bytes for a partial repaint.

Textual 8.2 writes a repainted part of a line from the left edge of its widget: a percent that
changed costs the whole row before it, most of what an idle list sends over a thin line. This
writes from the first cell that was asked for. The place has no public hook, so it is replaced by
name, and only where it looks as it did (textual is pinned to a minor).
"""

from __future__ import annotations

from typing import Any

from rich.control import Control
from textual import _compositor


def _render_segments(self: Any, console: Any) -> str:
    """Replace `ChopsUpdate.render_segments`: cropped on both sides."""
    parts: list[str] = []
    for y, first, last in self.spans:
        for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            left, right = max(x, first), min(end, last)
            if strip is None or left >= right:
                continue
            if (left, right) != (x, end):
                strip = strip.crop(left - x, right - x)
            parts += (Control.move_to(left, y).segment.text, strip.render(console))
    return "".join(parts)


def install() -> None:
    """Put it in place."""
    update: Any = getattr(_compositor, "ChopsUpdate", None)
    if hasattr(update, "render_segments"):
        update.render_segments = _render_segments

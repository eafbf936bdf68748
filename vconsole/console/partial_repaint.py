"""Fewer bytes for a repaint.

Textual 8.2 writes a repainted part of a line from the left edge of its widget: a percent that
changed costs the whole row before it, most of what an idle list sends over a thin line. And it
gives every piece of text all of its style, and takes that back behind it. This writes from the
first cell that was asked for, and of a style what differs from the one before. The places have no
public hook, so they are replaced by name, and only where they look as they did (textual is pinned
to a minor).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from rich.color import Color, ColorSystem
from rich.control import Control
from rich.style import Style
from textual import _compositor
from textual.strip import Strip

Codes = tuple[str, str, str]
"""Parameters of SGR: attributes, foreground, background."""
_PLAIN: Final[Codes] = ("", "39", "49")
"""What a terminal writes in after ``ESC [ 0 m``; between two updates it does."""


@lru_cache(maxsize=1024)
def _codes(style: Style, system: ColorSystem) -> Codes:
    attributes = style.without_color._make_ansi_codes(system)
    return attributes, _color(style.color, system, True), _color(style.bgcolor, system, False)


def _color(color: Color | None, system: ColorSystem, foreground: bool) -> str:
    if color is None:
        return "39" if foreground else "49"
    return ";".join(color.downgrade(system).get_ansi_codes(foreground))


class Pen:
    """Writes strips one after the other, and remembers in what style the terminal writes."""

    def __init__(self, console: Any) -> None:
        self._system = console._color_system or ColorSystem.TRUECOLOR
        self._now = _PLAIN
        self._style: Style | None = None
        self._parts: list[str] = []

    def place(self, x: int, y: int) -> None:
        """Go on from another cell."""
        self._parts.append(Control.move_to(x, y).segment.text)

    def strip(self, strip: Strip) -> None:
        """Write a strip."""
        for text, style, _ in strip:
            if text and style is not self._style:
                self._take(style or Style.null())
            self._parts.append(text)

    def _take(self, style: Style) -> None:
        """Write in this style from now on."""
        self._style = style
        after = _codes(style, self._system)
        if after == self._now:
            return
        attributes, *colors = after
        if attributes != self._now[0]:
            words = ["0", attributes, *(c for c in colors if c not in _PLAIN)]
        else:
            words = [c for c, old in zip(colors, self._now[1:], strict=True) if c != old]
        self._now = after
        self._parts.append(f"\x1b[{';'.join(filter(None, words))}m")

    def done(self) -> str:
        """All that was written; the terminal is left in its plain style."""
        if self._now != _PLAIN:
            self._parts.append("\x1b[0m")
        return "".join(self._parts)


def _partial(self: Any, console: Any) -> str:
    """Replace `ChopsUpdate.render_segments`: cropped on both sides."""
    pen = Pen(console)
    for y, first, last in self.spans:
        for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            left, right = max(x, first), min(end, last)
            if strip is None or left >= right:
                continue
            if (left, right) != (x, end):
                strip = strip.crop(left - x, right - x)
            pen.place(left, y)
            pen.strip(strip)
    return pen.done()


def _whole(self: Any, console: Any) -> str:
    """Replace `LayoutUpdate.render_segments`."""
    pen = Pen(console)
    for y, line in enumerate(self.strips, self.region.y):
        pen.place(self.region.x, y)
        strips: Iterable[Strip] = line
        for strip in strips:
            pen.strip(strip)
    return pen.done()


def install() -> None:
    """Put it in place."""
    for name, ours in (("ChopsUpdate", _partial), ("LayoutUpdate", _whole)):
        update: Any = getattr(_compositor, name, None)
        if hasattr(update, "render_segments"):
            update.render_segments = ours

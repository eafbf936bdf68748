"""Fewer bytes and less work for a repaint.

Textual 8.2 writes a repainted part of a line from the left edge of its widget: a percent that
changed costs the whole row before it, most of what an idle list sends over a thin line. And it
gives every piece of text all of its style, and takes that back behind it. This writes from the
first cell that was asked for, and of a style what differs from the one before.

And less work: Textual renders all lines of every widget between the uppermost and the lowest part
that changed, which for a cursor's row and the hint below the list is the whole page. This renders
the lines that changed.

The places have no public hook, so they are replaced by name, and only where they look as they did
(textual is pinned to a minor).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from rich.color import Color, ColorSystem
from rich.control import Control
from rich.style import Style
from textual import _compositor
from textual.geometry import Region
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


def render_partial(self: Any) -> Any:
    """Replace `Compositor.render_partial_update`: of each widget the lines that changed."""
    screen = self.size.region
    dirty = [part for part in (r.intersection(screen) for r in self._dirty_regions) if part]
    self._dirty_regions.clear()
    if not dirty:
        return None
    spans = list(self._regions_to_spans(dirty))
    lines = {y for y, _, _ in spans}
    chops: list[dict[int, Strip | None]] = [dict.fromkeys(cuts[:-1]) for cuts in self.cuts]
    for widget, (region, clip) in self.visible_widgets.items():
        seen = region.intersection(clip)
        changed = [part.intersection(seen) for part in dirty if seen.overlaps(part)]
        if any(_is_open(chops, self.cuts, part) for part in changed):
            _, top, _, height = Region.from_union(changed)
            part = Region(seen.x, top, seen.width, height)
            strips = widget.render_lines(part.translate((-region.x, -region.y)))
            _fill(chops, self.cuts, part, strips, lines)
    return _compositor.ChopsUpdate(chops, spans, [cuts[1:] for cuts in self.cuts])


def _is_open(chops: list[dict[int, Strip | None]], cuts: list[list[int]], part: Region) -> bool:
    """Whether something of a part is not drawn yet by what is in front of it."""
    first, last = part.column_span
    return any(
        chops[y][start] is None
        for y in part.line_range
        for start, end in pairwise(cuts[y])
        if start < last and end > first
    )


def _fill(
    chops: list[dict[int, Strip | None]],
    cuts: list[list[int]],
    part: Region,
    strips: Iterable[Strip],
    lines: set[int],
) -> None:
    """Put a widget's lines where no other is in front of it, cut as their neighbours are."""
    first, last = part.column_span
    for y, strip in zip(part.line_range, strips, strict=True):
        if y in lines:
            starts = [cut for cut in cuts[y] if first <= cut <= last]
            pieces = strip.divide([cut - first for cut in starts[1:]])
            for start, piece in zip(starts, pieces, strict=False):
                if chops[y].get(start) is None:
                    chops[y][start] = piece


THEIRS: Final[Any] = getattr(_compositor.Compositor, "render_partial_update", None)
_USED: Final = ("_dirty_regions", "_regions_to_spans", "cuts", "visible_widgets")


def install() -> None:
    """Put it in place."""
    compositor: Any = _compositor.Compositor
    known = compositor() if THEIRS is not None else None
    if known is not None and all(hasattr(known, name) for name in _USED):
        compositor.render_partial_update = render_partial
    for name, ours in (("ChopsUpdate", _partial), ("LayoutUpdate", _whole)):
        update: Any = getattr(_compositor, name, None)
        if hasattr(update, "render_segments"):
            update.render_segments = ours

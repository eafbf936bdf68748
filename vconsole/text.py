"""The only way from foreign text to the screen, and the units shown there.

Foreign is what somebody else can choose: names, titles, metadata, error messages, file contents.
libvirt accepts control characters, bidi overrides and 4096 characters in a domain name.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

MAX_MARKS = 4
"""Combining marks kept on one character; more would pile up over other rows."""
MAX_CHARS = 8192
"""No text shown is longer than this; what follows is cut before it costs anything."""
ELLIPSIS = "…"
"""Stands where something was cut; see `use_ascii`."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
"""Letters and marks that draw nothing."""

Span = tuple[str, str]
"""(safe text, style): style is "", dim, strong, warn, bad, good or accent."""
Line = str | tuple[Span, ...]
"""A line to read; a bare string is painted when it comes into view."""
Note = Span
"""A remark below a table."""
Cell = Span
"""What stands in a column of a table."""
Cut = Literal["end", "start", "middle"]
"""Which part of a text goes where there is no room for all of it."""


def use_ascii(ascii_only: bool) -> None:
    """Cut texts with a sign that the terminal has, in the whole program."""
    global ELLIPSIS
    ELLIPSIS = "~" if ascii_only else "…"


@lru_cache(maxsize=8192)
def safe(text: str) -> str:
    r"""Make foreign text harmless: one line, visible, no control over the terminal.

    Control, format, bidi and surrogate characters become ``\xNN`` or ``\uNNNN``; combining marks
    are limited to `MAX_MARKS` a character.
    """
    if len(text) > MAX_CHARS:
        text = text[:MAX_CHARS] + ELLIPSIS
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = MAX_MARKS  # a mark without a base would sit on the column before it
    for char in text:
        if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            out.append(char if marks <= MAX_MARKS and not _hidden(char) else _escape(char))
        elif char == " " or (char.isprintable() and char not in _BLANK):
            marks = 0
            out.append(char)
        else:
            marks = MAX_MARKS
            out.append(_escape(char))
    return "".join(out)


def _hidden(char: str) -> bool:
    return char in _BLANK or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def line(error: object) -> str:
    """One safe line of an error's text."""
    return safe(" ".join(str(error).split())[:400])


def cells(text: str) -> int:
    """How many cells a safe text takes; Rich is imported late, daemons have no use for it."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def clip(text: str, width: int, cut: Cut = "end") -> str:
    """Cut safe text to `width` cells, with an ellipsis where something is missing."""
    if cells(text) <= width:
        return text
    if width < 1:
        return ""
    room = width - 1
    tail = {"end": 0, "start": room, "middle": room // 2}[cut]
    return _first(text, room - tail) + ELLIPSIS + _first(text[::-1], tail)[::-1]


def _first(text: str, width: int) -> str:
    """What of it fits into `width` cells."""
    used = 0
    for index, char in enumerate(text):
        used += cells(char)
        if used > width:
            return text[:index]
    return text


def fit(text: str, width: int, align: str = "left", cut: Cut = "end") -> str:
    """Clip or pad safe text to exactly `width` cells."""
    if len(text) <= width and text.isascii():
        return text.rjust(width) if align == "right" else text.ljust(width)
    text = clip(text, width, cut)
    gap = width - cells(text)
    if gap <= 0:
        return text
    return " " * gap + text if align == "right" else text + " " * gap


def size(number: int | None) -> str:
    """Bytes in the largest binary unit: ``6.4 GiB``; unknown is ``-``."""
    return "-" if number is None else " ".join(scaled(number))


def scaled(number: int) -> tuple[str, str]:
    """(digits, unit) of a number of bytes; humanize is imported late, the first frame has none."""
    from humanize import naturalsize

    digits, _, unit = naturalsize(number, binary=True, format="%.1f").partition(" ")
    digits = digits.removesuffix(".0")
    return (digits.partition(".")[0] if len(digits) > 4 else digits), unit


def sizes(part: int | None, whole: int | None) -> str:
    """``8/16 GiB``, or ``16 GiB`` where both are the same; the unit is that of the whole."""
    if part is None or whole is None or part == whole:
        return size(whole if part is None else part)
    (small, unit), (large, whole_unit) = scaled(part), scaled(whole)
    return (
        f"{small}/{large} {unit}" if unit == whole_unit else f"{small} {unit}/{large} {whole_unit}"
    )


def percent(value: float | None) -> str:
    """A share without decimals; unknown is ``-``."""
    return "-" if value is None else f"{value:.0f}"


def duration(seconds: float | None) -> str:
    """An age or a time in its two largest units at most: ``12 s``, ``3 min``, ``2 h 5 min``."""
    if seconds is None:
        return "-"
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


_LEVELS = {False: " ▁▂▃▄▅▆▇█", True: " .:-=+*%#"}


def spark(values: Sequence[float], top: float, width: int, ascii_only: bool = False) -> str:
    """Draw the latest `width` values as one character each, `top` being the highest."""
    levels = _LEVELS[ascii_only]
    shown = values[-width:]
    scale = (len(levels) - 1) / top if top > 0 else 0.0
    drawn = "".join(
        levels[min(len(levels) - 1, max(1 if v >= top / 100 else 0, round(v * scale)))]
        for v in shown
    )
    return drawn.rjust(width)


def bar(share: float | None, width: int, ascii_only: bool = False) -> str:
    """Draw a share of 1 as a bar of `width` cells; unknown is question marks."""
    if share is None:
        return "?" * width
    full = max(0, min(width, round(share * width)))
    solid, empty = ("#", ".") if ascii_only else ("█", "░")
    return solid * full + empty * (width - full)


STATES = {
    "running": ("●", "+"),
    "idle": ("●", "+"),
    "paused": ("◫", "="),
    "in shutdown": ("◔", "~"),
    "shut off": ("○", "-"),
    "crashed": ("✗", "x"),
    "pmsuspended": ("◌", "z"),
}
"""The glyph of a domain's state: for terminals with Unicode, and without."""


def glyph(state: str, ascii_only: bool = False) -> str:
    """One character for a domain's state."""
    return STATES.get(state, ("?", "?"))[ascii_only]

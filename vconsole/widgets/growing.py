"""Lines that grow: what does not fit in one goes on below, where the terminal is high enough."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells
from textual.widget import Widget

from vconsole.text import clip

HIGH = 20
"""Rows of a terminal below which a row is worth more than the end of a sentence."""
INDENT = "   "
_WORD = re.compile(r"\s*\S+\s*|\s+")


def lines_allowed(widget: Widget, most: int) -> int:
    """Answer `most` where the terminal is high enough, else one."""
    return most if widget.screen.size.height >= HIGH else 1


def broken(text: str, width: int, most: int, begin: int = 0) -> list[str]:
    """Break safe text into at most so many lines; the first begins after so many cells.

    What is left over goes into the last line, cut.
    """
    if most == 1 or cell_len(text) <= width - begin or width - begin < 20:
        return [clip(text, width - begin)]
    lines, room = [""], width - begin
    for word in _words(text, width - len(INDENT)):
        begun = lines[-1].strip() or room < width
        if begun and cell_len(lines[-1] + word.rstrip()) > room and len(lines) < most:
            lines.append(INDENT)
            room = width
        lines[-1] += word
    first, *more = lines
    return [clip(first.rstrip(), width - begin), *(clip(line.rstrip(), width) for line in more)]


def _words(text: str, longest: int) -> list[str]:
    """The words of a text, each with the blanks behind it; what is too long is broken anywhere."""
    return [part for word in _WORD.findall(text) for part in chop_cells(word, longest)]

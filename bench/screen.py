"""The screen a person would see: the program's bytes put through a terminal emulator."""

import codecs
import re
from typing import Any, NamedTuple

import pyte

_UNKNOWN_TO_EMULATOR = re.compile(
    r"\x1b\[\?[0-9;:]*[^hl0-9;:$]"  # private queries and reports
    r"|\x1b\[\?[0-9;]*\$[a-z]"  # mode queries
    r"|\x1b\[[<=>][0-9;:]*[ -/]*[@-~]"  # keyboard protocols, secondary attributes
    r"|\x1b\[[0-9;]*[ !\"'$*][@-~]"  # sequences with an intermediate byte
    r"|\x1b\[[0-9;]*t"  # window reports
    r"|\x1b\[[0-9;]*:[0-9;:]*m"  # underline styles
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # device control, application and privacy strings
)
_UNFINISHED = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[PX^_][^\x1b]*\x1b?|[ -/]*)?\Z"
)


class Picture(NamedTuple):
    """One state of the screen, to be compared with another."""

    cells: tuple[tuple[object, ...], ...]
    """Character, colours and attributes of every cell, and the cursor's place as last row."""
    highlight: tuple[tuple[object, ...], ...]
    """Only what marks a place: background and reverse of every cell."""


class Screen:
    """An emulated terminal of a fixed size."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screen: Any = pyte.Screen(columns, rows)
        self._stream: Any = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, written: bytes) -> None:
        """Draw what a program wrote; a sequence cut in two waits for its other half."""
        text = self._held + self._decoder.decode(written)
        unfinished = _UNFINISHED.search(text)
        cut = unfinished.start() if unfinished else len(text)
        self._held = text[cut:]
        self._stream.feed(_UNKNOWN_TO_EMULATOR.sub("", text[:cut]))

    def lines(self) -> list[str]:
        """Return the rows as text without trailing blanks."""
        return [line.rstrip() for line in self._screen.display]

    def is_blank(self) -> bool:
        """Say whether no cell holds a visible character."""
        return not any(self.lines())

    def picture(self) -> Picture:
        """Return what is on the screen now."""
        width = range(self._screen.columns)
        rows = [tuple(self._screen.buffer[y][x] for x in width) for y in range(self._screen.lines)]
        cursor = self._screen.cursor
        return Picture(
            cells=(*rows, (cursor.y, cursor.x)),
            highlight=tuple(tuple((cell.bg, cell.reverse) for cell in row) for row in rows),
        )

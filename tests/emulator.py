"""What a modern terminal does with a program's bytes: shows them, remembers modes, answers.

pyte draws; it is fed only sequences that it knows, since it would show parts of the others as text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any

import pyte

SEQUENCE = re.compile(
    r"""\x1b(?:
        \[ (?P<private>[<=>?]?) (?P<params>[0-9:;]*) (?P<middle>[ -/]*) (?P<final>[@-~])
      | \] (?P<osc>[^\x07\x1b]*) (?:\x07|\x1b\\)
      | [P_^X] [^\x1b]* \x1b\\
      | (?P<escape> [ -/]* [0-OQ-WYZ\\`-~])
    )""",
    re.VERBOSE,
)
BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?|[ -/]*)")
DRAWING = frozenset("@ABCDEFGHJKLMPXadefgmr`'")
DRAWN_MODES = frozenset({"5", "6", "7", "25"})
ON_AT_START = frozenset({"7", "25"})
ALTERNATE_SCREENS = frozenset({"47", "1047", "1049"})
SYNCHRONIZED = "2026"
COLOURS = {"10": "rgb:d0d0/d0d0/d0d0", "11": "rgb:1010/1010/1010"}
"""Foreground and background, as told to who asks."""


class Emulator:
    """The terminal's state; bytes go in, answers come out."""

    def __init__(self, columns: int, rows: int) -> None:
        self._main = pyte.Screen(columns, rows)
        self._alternate = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._main)
        self._screen = self._main
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._modes = set(ON_AT_START)
        self._keyboard_levels = 0

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        return self._screen.cursor.x, self._screen.cursor.y

    def lines(self) -> list[str]:
        """The text of the screen that is shown."""
        return [line.rstrip() for line in self._screen.display]

    def cell(self, column: int, row: int) -> Any:
        """One place with its attributes."""
        return self._screen.buffer[row][column]

    def resize(self, columns: int, rows: int) -> None:
        """Give both screens a new size."""
        for screen in (self._main, self._alternate):
            screen.resize(rows, columns)

    def modes_left_on(self) -> list[str]:
        """Modes that are not as they were at the start."""
        left = [f"?{mode} on" for mode in sorted(self._modes - ON_AT_START, key=int)]
        left += [f"?{mode} off" for mode in sorted(ON_AT_START - self._modes, key=int)]
        if self._keyboard_levels:
            left.append("keyboard protocol")
        return left

    def feed(self, data: bytes) -> bytes:
        """Show the bytes, and return what the terminal answers."""
        answers = []
        for part in self._parts(self._decoder.decode(data)):
            if isinstance(part, str):
                self._stream.feed(part)
            elif part["final"]:
                answers.append(self._control(part))
            elif part["osc"]:
                answers.append(_colour_answer(part["osc"]))
            elif part["escape"]:
                self._stream.feed(part[0])
        return "".join(answers).encode()

    def _parts(self, text: str) -> Iterator[str | re.Match[str]]:
        """Cut into plain text and sequences; what is unfinished waits for the next bytes."""
        text = self._pending + text
        self._pending = ""
        while text:
            plain, escape, rest = text.partition("\x1b")
            if plain:
                yield plain
            text = escape + rest
            if match := SEQUENCE.match(text):
                yield match
                text = text[match.end() :]
            elif BEGUN.fullmatch(text):
                self._pending, text = text, ""
            else:
                text = rest  # not a sequence: a terminal ignores the escape

    def _control(self, match: re.Match[str]) -> str:
        """One control sequence: draw it, keep its mode, or answer it."""
        private, params, final = match["private"], match["params"], match["final"]
        if match["middle"]:
            return self._mode_answer(params) if match["middle"] + final == "$p" else ""
        if final in "hl" and private == "?":
            self._switch(params.split(";"), final == "h")
        elif final == "u" and private in ("<", ">"):
            self._keyboard_levels = max(0, self._keyboard_levels + (1 if private == ">" else -1))
        elif not private and final in DRAWING:
            self._stream.feed(match[0] if ":" not in params else _plain_style(params))
        else:
            return self._answer(private + final, params)
        return ""

    def _switch(self, modes: list[str], on: bool) -> None:
        for mode in modes:
            (self._modes.add if on else self._modes.discard)(mode)
            if mode in ALTERNATE_SCREENS:
                self._show(self._alternate if on else self._main)
            elif mode in DRAWN_MODES:
                self._stream.feed(f"\x1b[?{mode}{'h' if on else 'l'}")

    def _show(self, screen: Any) -> None:
        if screen is self._screen:
            return
        self._stream.detach(self._screen)
        self._stream.attach(screen)
        self._screen = screen
        if screen is self._alternate:
            screen.reset()

    def _mode_answer(self, mode: str) -> str:
        """1 is on, 2 is off, 0 is not known here."""
        if mode == SYNCHRONIZED or mode in self._modes:
            return f"\x1b[?{mode};{1 if mode in self._modes else 2}$y"
        return f"\x1b[?{mode};0$y"

    def _answer(self, question: str, params: str) -> str:
        column, row = self.cursor
        answers = {
            ("c", ""): "\x1b[?62;22c",
            (">c", ""): "\x1b[>1;10;0c",
            ("n", "5"): "\x1b[0n",
            ("n", "6"): f"\x1b[{row + 1};{column + 1}R",
            ("?u", ""): f"\x1b[?{int(self._keyboard_levels > 0)}u",
            (">q", ""): "\x1bP>|test terminal 1\x1b\\",
        }
        return answers.get((question, "" if params == "0" else params), "")


def _colour_answer(osc: str) -> str:
    number, _, wish = osc.partition(";")
    if wish == "?" and number in COLOURS:
        return f"\x1b]{number};{COLOURS[number]}\x1b\\"
    return ""


def _plain_style(params: str) -> str:
    """Style with sub-parameters in the older notation: colours stay, kinds of underline do not."""
    styles = (
        re.sub(":+", ";", style) if style[:2] in ("38", "48") else style.partition(":")[0]
        for style in params.split(";")
    )
    return f"\x1b[{';'.join(styles)}m"

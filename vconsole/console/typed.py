"""What a terminal sends, as events: keys, the mouse, what is pasted; of all else nothing.

Textual's parser takes a sequence that it does not know for keys, one for each of its characters,
and so it does with pasted text that holds an escape. But terminals also answer what the program
before asked over a slow line, and each letter of an answer is a command here. So its parser is
given whole sequences, those that it does not know are dropped, and pasted text never comes near it.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable, Iterator
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.constants import ESCAPE_DELAY
from textual.events import Key, Paste
from textual.keys import Keys

if TYPE_CHECKING:
    from textual.message import Message

TORN_S: Final = 1.0
"""How long the rest of a sequence is waited for; for that of a lone escape, ESCAPE_DELAY."""
_LONGEST: Final = 32
"""What Textual's parser takes as one sequence, in characters."""
_WORDS: Final = r"\][0-9lL]|P[0-9>!]|_[A-Za-z]"
"""How an answer in words begins; an escape and two other keys are keys, typed fast."""
_WHOLE: Final = rf"""\x1b(?:
    \[ M [^\x1b]{{3}}                           # the mouse, in the oldest notation
  | \[ \[ [A-E]                               # F1 to F5 of the Linux console
  | \[ [0-9]+ \$                              # of rxvt, with shift
  | \[ (?![M\[]) [0-?]* [ -/]* [@-~]          # CSI: most keys, the mouse, most answers
  | O [ -~]                                   # SS3: keys
  | (?P<words> {_WORDS}) [^\x07\x1b]* (?:\x07|\x1b\\)  # OSC, DCS and APC: answers in words
  | (?P<alt> [^\[O\]P_\x1b])
)"""
_BEGUN: Final = (
    rf"\x1b(?:\[(?:M[^\x1b]{{0,2}}|\[|[0-?]*[ -/]*)|O"
    rf"|(?:{_WORDS})[^\x07\x1b]*(?:\x1b(?=\x1b|\Z))?|[]P_])?"
)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What a whole sequence is, and the beginning of one; compiled when the first one comes."""
    return re.compile(_WHOLE, re.VERBOSE), re.compile(_BEGUN)


class _Parser(XTermParser):
    """Textual's, without what it fails at."""

    _timeout_time: Any

    def whole(self, text: str) -> list[Message]:
        """Take keys without escape, or one sequence; nothing where it is not known."""
        events = list(self.feed(text))
        if self._timeout_time is not None:  # it waits for more, and would make keys of it
            self.timed_out()
            return []
        return events

    def alone(self, text: str) -> list[Message]:
        """Take an escape, or one and a character: these are keys when nothing follows."""
        return [*self.feed(text), *self.timed_out()]

    def timed_out(self) -> list[Message]:
        """Make keys of what it has, if it waits for more."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
        return list(self.tick())

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        """Take what is written as a key and is none that it knows for none.

        A terminal tells of keys that are let go where another program asked for that.
        """
        try:
            yield from super()._sequence_to_key_events(sequence, alt)
        except (ValueError, OverflowError):
            yield Key(Keys.Ignore, sequence)

    def parse_mouse_code(self, code: str) -> Message | None:
        """Count in cells where the terminal does not know how many pixels it has."""
        if self.terminal_pixel_size is not None and 0 in tuple(self.terminal_pixel_size):
            self.mouse_pixels = False
        return super().parse_mouse_code(code)


class Typed:
    """Takes bytes as they come, however they are cut."""

    def __init__(self, debug: bool = False) -> None:
        self._parser = _Parser(debug)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._held, self._due = "", 0.0
        """The beginning of a sequence, and when no more of it is waited for."""
        self._pasted: list[str] | None = None
        """What has come of a paste; None where there is none."""

    @property
    def patience(self) -> float | None:
        """Seconds until what is held is taken for what it is; None where nothing is held."""
        return max(0.0, self._due - monotonic()) if self._held else None

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take what came."""
        text = self._decode(data)
        while text:
            if self._pasted is not None:
                text = yield from self._paste(text)
            elif self._held or text[0] == "\x1b":
                text = yield from self._sequence(text)
            else:
                keys, escape, rest = text.partition("\x1b")
                yield from self._parser.whole(keys)
                text = escape + rest

    def tick(self) -> Iterator[Message]:
        """Take what is held for what it is, if no more of it came in time."""
        if self._held and monotonic() >= self._due:
            held, self._held = self._held, ""
            yield from self._cut_off(held)

    def _sequence(self, text: str) -> Generator[Message, None, str]:
        """Take a sequence; answers what is behind it."""
        begun, self._held = self._held, ""
        text = begun + text
        of_whole, of_begun = _patterns()
        if whole := of_whole.match(text):
            yield from self._known(whole)
            return text[whole.end() :]
        start = of_begun.match(text)
        assert start is not None  # an escape is enough
        if start.end() < len(text):
            yield from self._cut_off(start[0])
            return text[start.end() :]
        if len(begun) < 2:
            self._due = monotonic() + (ESCAPE_DELAY if text == "\x1b" else TORN_S)
        self._held = text
        return ""

    def _known(self, whole: re.Match[str]) -> Iterable[Message]:
        """Take a whole sequence."""
        if whole[0] == BRACKETED_PASTE_START:
            self._pasted = [""]
        elif whole["alt"]:
            return self._parser.alone(whole[0])
        elif not whole["words"] and len(whole[0]) <= _LONGEST:
            return self._parser.whole(whole[0])
        return ()

    def _cut_off(self, begun: str) -> Iterable[Message]:
        """Take an escape that nothing follows; what has lost its end is no key."""
        return self._parser.alone(begun) if len(begun) <= 2 else ()

    def _paste(self, text: str) -> Generator[Message, None, str]:
        """Take what is pasted, up to its end; answers what is behind that."""
        assert self._pasted is not None
        text = self._pasted.pop() + text
        end = text.find(BRACKETED_PASTE_END)
        if end < 0:
            cut = max(0, len(text) - len(BRACKETED_PASTE_END))  # it may have begun
            self._pasted += text[:cut], text[cut:]
            return ""
        pasted = "".join([*self._pasted, text[:end]])
        self._pasted = None
        lines = pasted.replace("\r\n", "\n").replace("\r", "\n")
        yield Paste("".join(c for c in lines if c.isprintable() or c in "\n\t"))
        return text[end + len(BRACKETED_PASTE_END) :]

"""A modern terminal's side of the talk: answers to queries, and the modes it was left in."""

import re
from collections.abc import Callable

_QUERIES: dict[str, tuple[bytes, Callable[[bytes], bytes]]] = {
    # name: (what the program asks, the answer made from the digits in the question)
    "primary_attributes": (rb"\x1b\[0?c", lambda _: b"\x1b[?62;4;22c"),
    "secondary_attributes": (rb"\x1b\[>0?c", lambda _: b"\x1b[>0;276;0c"),
    "cursor_position": (rb"\x1b\[6n", lambda _: b"\x1b[1;1R"),
    "status": (rb"\x1b\[5n", lambda _: b"\x1b[0n"),
    "mode": (rb"\x1b\[\?(?P<mode_number>\d+)\$p", lambda number: _mode_report(number)),
    "keyboard": (rb"\x1b\[\?u", lambda _: b"\x1b[?0u"),
    "version": (rb"\x1b\[>0?q", lambda _: b"\x1bP>|bench 1\x1b\\"),
    "foreground": (rb"\x1b\]10;\?(?:\x07|\x1b\\)", lambda _: b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    "background": (rb"\x1b\]11;\?(?:\x07|\x1b\\)", lambda _: b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
}
_ANY_QUERY = re.compile(
    b"|".join(b"(?P<%s>%s)" % (name.encode(), asked) for name, (asked, _) in _QUERIES.items())
)
_LONGEST_QUERY = 32
_KNOWN_MODES = {b"2026": 2}
"""Modes the terminal has, with their state: 2 is "known and off" (2026: synchronized output)."""


def _mode_report(number: bytes) -> bytes:
    return b"\x1b[?%s;%d$y" % (number, _KNOWN_MODES.get(number, 0))


class Responder:
    """Finds the queries in a byte stream, however it is cut, and answers each of them once."""

    def __init__(self) -> None:
        self._tail = b""

    def answer(self, written: bytes) -> bytes:
        """Return what a terminal types back after the program has written this."""
        stream = self._tail + written
        answers = b""
        end = 0
        for query in _ANY_QUERY.finditer(stream):
            end = query.end()
            name = next(n for n, text in query.groupdict().items() if text and n in _QUERIES)
            answers += _QUERIES[name][1](query.group("mode_number") or b"")
        self._tail = stream[max(end, len(stream) - _LONGEST_QUERY) :]
        return answers


_MODE_NAMES = {
    b"47": "alternate screen",
    b"1000": "mouse",
    b"1002": "mouse drag",
    b"1003": "mouse motion",
    b"1004": "focus reports",
    b"1006": "mouse format",
    b"1047": "alternate screen",
    b"1049": "alternate screen",
    b"2004": "bracketed paste",
    b"2026": "synchronized output",
}
_MODE_CHANGE = re.compile(rb"\x1b\[(?:\?(?P<modes>[0-9;]+)(?P<how>[hl])|(?P<keys>[<>])[0-9;]*u)")


def modes_left_on(stream: bytes) -> list[str]:
    """Return the names of what a program switched on in its terminal and never off again."""
    on: dict[str, bool] = {}
    keyboards = 0
    for change in _MODE_CHANGE.finditer(stream):
        if change["keys"]:
            keyboards = max(0, keyboards + (1 if change["keys"] == b">" else -1))
            continue
        for mode in change["modes"].split(b";"):
            if mode == b"25":
                on["hidden cursor"] = change["how"] == b"l"
            elif mode in _MODE_NAMES:
                on[_MODE_NAMES[mode]] = change["how"] == b"h"
    return sorted([name for name, left in on.items() if left] + ["keyboard"] * (keyboards > 0))

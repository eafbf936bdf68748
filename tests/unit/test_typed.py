"""What a terminal sends is a key, the mouse or pasted text; nothing else of it acts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.events import Key, MouseDown, Paste
from textual.message import Message

from vconsole.console.typed import Typed

ANSWERS = (
    b"\x1b[?62;22c",  # what it is, thrice
    b"\x1b[>41;2500;0c",
    b"\x1bP>|tmux 3.3a\x1b\\",
    b"\x1b[0n",  # how it is
    b"\x1b[8;24;80t",  # its size
    b"\x1b[?0u",  # its keyboard
    b"\x1b]11;rgb:1010/1010/1010\x1b\\",  # its colour, in both notations
    b"\x1b]11;rgb:1010/1010/1010\x07",
    b"\x1bP1$r0m\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b]lthe title\x1b\\",
    b"\x1b[" + b"1;" * 40 + b"m",
    b"\x1b[M !!",  # the mouse, as it was told of once
)
PASTED = b"\x1b[200~q\x1b[31mred\x1b\x1b2\x1b" + b"2" * 40 + b"\r\nend\x9b\x00\x1b[201~"
KNOWN = tuple(keys.encode() for keys in ANSI_SEQUENCES_KEYS if keys not in ("\x1b", "\x1b\x1b"))


def patient(typed: Typed) -> list[Message]:
    """What comes of it when nothing follows."""
    typed._due = 0.0
    return list(typed.tick())


def shown(events: list[Message]) -> list[tuple[object, ...]]:
    names = ("key", "character", "text", "x", "y")
    return [(type(e).__name__, *(getattr(e, name, None) for name in names)) for e in events]


def keys(data: bytes) -> list[str]:
    typed = Typed()
    events = [*typed.feed(data), *patient(typed)]
    return [e.key for e in events if isinstance(e, Key)]


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_somebody_else_asked_the_terminal_is_no_key(answer: bytes) -> None:
    assert keys(b"a" + answer + b"b") == ["a", "b"]
    assert keys(answer[:-1] + b"\x1b[B") == ["down"], "nor when its end is lost"
    if not answer.startswith(b"\x1b[M"):
        assert keys(answer[: max(3, len(answer) // 2)]) == []


def test_what_is_pasted_is_text_whatever_is_in_it() -> None:
    typed = Typed()
    events = list(typed.feed(b"a" + PASTED + b"b"))
    a, pasted, b = events
    assert isinstance(pasted, Paste)
    assert pasted.text == "q[31mred2" + "2" * 40 + "\nend�"
    assert [e.key for e in (a, b) if isinstance(e, Key)] == ["a", "b"]


def test_a_long_paste_has_ends_of_lines_however_the_terminal_sends_them() -> None:
    typed, text = Typed(), b"one\rtwo\r\nthree\n" * 5000
    data = b"\x1b[200~" + text + b"\x1b[201~"
    events = [e for n in range(0, len(data), 4096) for e in typed.feed(data[n : n + 4096])]
    assert [e.text for e in events if isinstance(e, Paste)] == ["one\ntwo\nthree\n" * 5000]


@pytest.mark.parametrize("text", KNOWN)
def test_every_key_that_textual_knows_is_that_key(text: bytes) -> None:
    parser: Any = XTermParser()
    theirs = list(parser.feed(text.decode()))
    if parser._timeout_time is not None:
        parser._timeout_time = 0.0
        theirs += parser.tick()
    typed = Typed()
    assert shown([*typed.feed(text), *patient(typed)]) == shown(theirs)


def test_alt_and_what_begins_a_sequence_is_a_key_when_nothing_follows() -> None:
    typed = Typed()
    assert list(typed.feed(b"\x1b]")) == []
    assert [e.key for e in patient(typed) if isinstance(e, Key)] == ["right_square_bracket"]
    assert keys(b"\x1bx") == ["alt+x"]
    assert keys(b"\x1b\x1b[B") == ["escape", "down"]


def test_keys_typed_fast_behind_an_escape_are_keys() -> None:
    """A slow line hands them on together: only what begins as an answer does is taken for one."""
    bracket = "right_square_bracket"
    assert keys(b"\x1b]]x") == [bracket, bracket, "x"]
    assert keys(b"\x1bPPq")[1:] == ["P", "q"]
    assert keys(b"\x1bXXq")[1:] == ["X", "q"]
    assert keys(b"\x1b^^q")[1:] == ["circumflex_accent", "q"]


PIECES = st.lists(
    st.sampled_from((*KNOWN, *ANSWERS, PASTED, "ü".encode(), b"\x1b[<0;3;4M", b"\x1b[97;5u")),
    max_size=6,
)


@given(PIECES)
def test_it_does_not_matter_where_a_slow_line_cuts(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    whole, byte_by_byte = Typed(), Typed()
    one_by_one = [e for n in range(len(data)) for e in byte_by_byte.feed(data[n : n + 1])]
    assert shown(one_by_one) == shown(list(whole.feed(data)))


@given(st.lists(st.sampled_from([*b"\x1b[]OPM<>?;:$0123456789~umRtcqA\x07\\\xc3\xff \n\x9b"])))
def test_noise_ends_nothing(noise: list[int]) -> None:
    typed = Typed()
    list(typed.feed(bytes(noise)))
    list(typed.feed(b"\x1b[201~\x07\x1b[I"))
    events = [*typed.feed(b"q"), *typed.feed(b"q")]
    assert [e.key for e in events[-1:] if isinstance(e, Key)] == ["q"]


def test_a_terminal_without_pixels_counts_the_mouse_in_cells() -> None:
    typed = Typed()
    list(typed.feed(b"\x1b[48;24;80;0;0t"))
    (down,) = typed.feed(b"\x1b[<0;5;6M")
    assert isinstance(down, MouseDown)
    assert (down.x, down.y) == (4, 5)

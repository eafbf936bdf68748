"""The test terminal: what it shows, answers and remembers."""

from __future__ import annotations

import sys
import textwrap

import pytest

from tests.emulator import Emulator
from tests.terminal import Terminal

ASK = textwrap.dedent(
    r"""
    import os, sys, termios, tty
    before = termios.tcgetattr(0)
    tty.setraw(0)
    for question, end in (
        ("\x1b[6n", b"R"), ("\x1b[c", b"c"), ("\x1b[?2026$p", b"y"), ("\x1b[?2048$p", b"y"),
        ("\x1b[?u", b"u"), ("\x1b[>0q", b"\\"), ("\x1b]11;?\x07", b"\\"),
    ):
        os.write(1, question.encode())
        answer = b""
        while not answer.endswith(end):
            answer += os.read(0, 100)
        os.write(1, ascii(answer).encode() + b"\r\n")
    termios.tcsetattr(0, termios.TCSANOW, before)
    """
)


def shown(text: str, columns: int = 20, rows: int = 2) -> list[str]:
    emulator = Emulator(columns, rows)
    for byte in text.encode():
        emulator.feed(bytes([byte]))
    return emulator.lines()


def test_questions_are_answered() -> None:
    with Terminal([sys.executable, "-c", ASK]) as terminal:
        assert terminal.wait_exit() == 0
        assert terminal.screen()[:7] == [
            r"b'\x1b[1;1R'",
            r"b'\x1b[?62;22c'",
            r"b'\x1b[?2026;2$y'",
            r"b'\x1b[?2048;0$y'",
            r"b'\x1b[?0u'",
            r"b'\x1bP>|test terminal 1\x1b\\'",
            r"b'\x1b]11;rgb:1010/1010/1010\x1b\\'",
        ]
        assert terminal.modes_left_on() == []


def test_keys_arrive_and_the_screen_can_be_waited_for() -> None:
    program = "while True: print('got', ascii(input('> ')))"
    with Terminal([sys.executable, "-c", program], size=(40, 10)) as terminal:
        terminal.wait_for("^> ?$")
        terminal.type_text("web-01")
        terminal.send("enter")
        terminal.wait_for("^got 'web-01'$")
        terminal.send("ctrl+d")
        assert terminal.wait_exit() == 1
        assert b"EOFError" in terminal.raw


def test_the_program_learns_a_new_size() -> None:
    program = "import os; input(); print(*os.get_terminal_size())"
    with Terminal([sys.executable, "-c", program]) as terminal:
        terminal.resize(100, 30)
        terminal.send("enter")
        terminal.wait_for("^100 30$")
        assert len(terminal.screen()) == 30


def test_a_program_that_never_ends_is_killed() -> None:
    with Terminal(["sleep", "100"]) as terminal, pytest.raises(TimeoutError):
        terminal.wait_exit(timeout=0.1)
    assert terminal.wait_exit() == -9


def test_what_is_left_on_is_named() -> None:
    emulator = Emulator(20, 2)
    emulator.feed(b"\x1b[?1049;1006h\x1b[?25l\x1b[>1u")
    assert emulator.modes_left_on() == ["?1006 on", "?1049 on", "?25 off", "keyboard protocol"]
    emulator.feed(b"\x1b[?1049;1006l\x1b[?25h\x1b[<u")
    assert emulator.modes_left_on() == []


def test_leaving_the_alternate_screen_brings_back_the_first() -> None:
    assert shown("before\x1b[?1049h\x1b[Happ") == ["app", ""]
    assert shown("before\x1b[?1049h\x1b[Happ\x1b[?1049l") == ["before", ""]


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[<u",
        "\x1b[>4;1m",
        "\x1b[?2026$p",
        "\x1b[4:3m",
        "\x1bP+q544e\x1b\\",
        "\x1b]52;c;aGk=\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x1b_Ga=d\x1b\\",
        "\x1b(B",
        "\x1b[!p",
    ],
)
def test_a_sequence_is_never_shown_as_text(sequence: str) -> None:
    assert shown(f"a{sequence}b") == ["ab", ""]

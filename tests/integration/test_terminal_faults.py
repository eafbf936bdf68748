"""The running console against hostile text, signals, odd terminals and bad input, in a pty."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from xml.sax.saxutils import escape

import psutil
import pytest

from tests.emulator import Emulator
from tests.fleet import HOSTILE_NAMES
from tests.terminal import Terminal

Open = Callable[..., Terminal]
VCONSOLE = (sys.executable, "-m", "vconsole")
CLEAN = re.compile(
    rb"\x1b\[[0-9;?>=<$]*[a-zA-Z~]"  # colours, cursor, modes
    rb"|\x1b\[\?[0-9;]+\$[a-z]"
    rb"|\x1b\]1[01];\?(?:\x07|\x1b\\)"  # asks for the terminal's colours
    rb"|\x1b[()][AB0]|\x1b[=>78]|\x1bP[+>$=0-9]*[a-zA-Z]?[^\x1b]{0,60}\x1b\\"
    rb"|\x1b\]22;[a-z-]*(?:\x07|\x1b\\)"  # the shape of the mouse pointer
)
"""Sequences that a screen without foreign text may hold."""


def xml_name(name: str) -> str | None:
    """The name as libvirt would take it from XML, or None for what XML cannot hold."""
    if any((c < " " and c not in "\t\r") or "\ud800" <= c <= "\udfff" for c in name):
        return None
    return escape(name, {"\r": "&#13;", "\t": "&#9;"})


@pytest.fixture
def hostile_node(tmp_path: Path) -> Path:
    """A node file for the test driver in which every name and title is hostile."""
    domains = []
    for number, name in enumerate(HOSTILE_NAMES):
        text = xml_name(name)
        if text is None or "/" in name:
            continue
        title = text.replace("&#13;", " ")  # libvirt refuses line ends in titles only
        domains.append(
            f"<domain type='test'><name>{text}</name>"
            f"<uuid>00000000-0000-4000-8000-{number:012d}</uuid><title>{title}</title>"
            "<memory>65536</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>"
        )
    path = tmp_path / "hostile.xml"
    path.write_text(f"<node>{''.join(domains)}</node>", "utf-8")
    return path


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Open]:
    """A maker of running consoles."""
    opened: list[Terminal] = []

    def make(
        *options: str, size: tuple[int, int] = (80, 24), env: dict[str, str | None] | None = None
    ) -> Terminal:
        base: dict[str, str | None] = {
            "XDG_STATE_HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path),
        }
        terminal = Terminal([*VCONSOLE, *options], size=size, env=base | (env or {}))
        opened.append(terminal)
        return terminal

    yield make
    for terminal in opened:
        terminal.close()


def assert_clean(raw: bytes) -> None:
    """Nothing but what a clean run may contain: no control of the terminal by foreign text."""
    rest = CLEAN.sub(b"", raw)
    assert b"\x1b" not in rest, rest[rest.index(b"\x1b") :][:80]
    text = rest.decode("utf-8")
    bad = [c for c in text if (c < " " and c not in "\r\n\x0f\x0e") or "\x7f" <= c <= "\x9f"]
    assert not bad, bad[:5]
    assert not any(c in text for c in "\u2028\u202e\u2066\u200b\ufeff")


@pytest.mark.parametrize(("size", "rows"), [((80, 24), 16), ((120, 40), 4)])
def test_hostile_names_on_every_page(
    console: Open, hostile_node: Path, size: tuple[int, int], rows: int
) -> None:
    """Whatever a domain is called, it is shown escaped; header and footer stay where they are."""
    screen = console("-c", f"test://{hostile_node}", size=size)
    screen.wait_for(r"Domains \d+")
    screen.wait_for(r"64 MiB")
    for _ in range(rows):
        for keys in (("enter",), ("tab",), ("tab",), ("tab",), ("tab",), ("p",), ("space",)):
            screen.send(*keys)
        screen.send("enter")
        screen.wait_quiet()
        lines = screen.screen()
        assert lines[0].startswith(" vconsole"), lines[0]
        assert "help" in lines[-1]
        screen.send("escape", "escape", "escape")
        screen.wait_for(r"Domains \d+")
        screen.send("down")
    screen.wait_quiet()  # not in the middle of a sequence
    assert_clean(screen.raw)
    screen.send("q", "q")
    assert screen.wait_exit() == 0
    assert screen.modes_left_on() == []


def test_markup_is_shown_as_it_is(console: Open, hostile_node: Path) -> None:
    """Names that look like markup are names."""
    screen = console("-c", f"test://{hostile_node}", size=(120, 40))
    screen.wait_for(r"\[link=file:x\]")
    screen.wait_for(r"\[red\]alarm")
    screen.wait_for(r"--help")
    screen.send("ctrl+p", *"link")
    screen.wait_for(r"domain \[link=file:x\]")


ENDS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT]


@pytest.mark.parametrize("number", ENDS)
def test_signals_give_the_terminal_back(console: Open, number: signal.Signals) -> None:
    """An ssh session that drops, a service that stops: out within a second."""
    screen = console("--demo")
    screen.wait_for(r"web-02 .*GiB")
    os.kill(screen.pid, number)
    os.kill(screen.pid, signal.SIGCONT)  # as the kernel does when a session ends, and `timeout`
    assert screen.wait_exit(20) == 128 + number
    assert screen.modes_left_on() == []


@pytest.mark.parametrize("before", [(), (signal.SIGSTOP,)], ids=["", "stopped"])
def test_who_is_continued_has_the_terminal_once(
    console: Open, before: tuple[signal.Signals, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGCONT comes to who was never stopped too, or was by a SIGSTOP that nobody can see."""
    monkeypatch.setattr(Emulator, "_mode_answer", lambda *_: "")  # tmux knows of no such modes
    screen = console("--demo")
    screen.wait_for(r"cache-01")
    for times in range(2, 5):  # taken so often
        for number in (*before, signal.SIGCONT):
            os.kill(screen.pid, number)
        end = monotonic() + 10
        while screen.raw.count(b"\x1b[?1049h") < times and monotonic() < end:
            sleep(0.01)
        screen.wait_for(r"Domains 24")  # all of it is drawn, for nothing is there
    screen.send("2")
    screen.wait_for(r"^ Host")
    screen.send("q")
    assert screen.wait_exit() == 0
    assert screen.modes_left_on() == []


@pytest.mark.parametrize("number", ENDS)
def test_signals_amid_the_start_leave_nothing_behind(
    console: Open, tmp_path: Path, number: signal.Signals
) -> None:
    """The demo's files are there before Textual is, the terminal is taken before the app is."""
    screen = console("--demo", env={"TMPDIR": str(tmp_path)})
    end = monotonic() + 60
    while not list(tmp_path.glob("vconsole-demo-*")) and monotonic() < end:
        sleep(0.001)
    os.kill(screen.pid, number)
    assert screen.wait_exit() == 128 + number
    assert screen.modes_left_on() == []
    assert not list(tmp_path.glob("vconsole-demo-*"))


def test_a_terminal_that_went_away_ends_the_program(tmp_path: Path) -> None:
    """Without a SIGHUP too, and without a traceback in the log."""
    env = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    screen = Terminal([*VCONSOLE, "--demo"], env=env, controlling=False)
    with screen:
        screen.wait_for(r"web-02 .*GiB")
        screen.hang_up()
        assert screen.wait_exit() == 128 + signal.SIGHUP
    assert "Traceback" not in (tmp_path / "vconsole" / "vconsole.log").read_text()


def wait_idle(pid: int) -> None:
    """Wait until a program has done all that it was asked for, though nobody sees it."""
    process, end, before, calm = psutil.Process(pid), monotonic() + 60, 0.0, 0
    while calm < 4 and monotonic() < end:
        now = process.cpu_times().user
        rests = now - before < 0.05 and process.status() == psutil.STATUS_SLEEPING
        before, calm = now, calm + 1 if rests else 0
        sleep(0.3)


def test_a_terminal_that_stalled_is_not_shown_what_is_over(console: Open) -> None:
    """Frames are dropped, and the last one is drawn."""
    screen = console("--demo", size=(120, 40))
    screen.wait_for(r"web-02 .*GiB")
    screen.stall()
    for _ in range(20):
        screen.send("2", "1", "3", "1")
        sleep(0.02)
    screen.send("2")
    wait_idle(screen.pid)
    before = len(screen.raw)
    screen.go_on()
    screen.wait_for(r"^ Host")
    screen.wait_quiet()
    assert len(screen.raw) - before < 200_000
    screen.send("1")
    screen.wait_for(r"Domains 24")
    screen.send("q")
    assert screen.wait_exit() == 0
    assert screen.modes_left_on() == []


def test_q_leaves_a_terminal_that_is_stalled(console: Open) -> None:
    screen = console("--demo", size=(120, 40))
    screen.wait_for(r"web-02 .*GiB")
    screen.stall()
    for _ in range(5):
        screen.send("2", "1")
        sleep(0.1)
    screen.send("q")
    assert screen.wait_exit(20) == 0


def test_resize_storm(console: Open) -> None:
    """A hundred sizes in a second, down to nothing, and right at the end."""
    screen = console("--demo")
    screen.wait_for(r"web-02 .*GiB")
    for number in range(100):
        screen.resize(20 + number % 90, 5 + number % 40)
        sleep(0.01)
    screen.resize(100, 30)
    screen.wait_for(r"web-02 .*GiB")
    assert screen.screen()[0].startswith(" vconsole")


def test_key_flood_and_paste(console: Open) -> None:
    """A thousand keys are caught up with; pasted text never acts."""
    screen = console("--demo")
    screen.wait_for(r"web-02 .*GiB")
    screen.send(*["down"] * 1000)
    screen.wait_for(r"web-04: |Shop front end, new")
    screen.paste("q\rp\rx\r" * 2000)
    screen.wait_quiet()
    assert "Domains 24" in screen.text
    screen.send("q")
    assert screen.wait_exit() == 0


def test_what_the_terminal_says_late_is_no_key(console: Open) -> None:
    """What the program before asked over a slow line; nor is text with an escape that is pasted."""
    screen = console("--demo", size=(120, 40))
    screen.wait_for(r"cells 4")
    for answer in (b"\x1b[?62;22c", b"\x1b[0n", b"\x1b]11;rgb:1010/1010/1010\x1b\\"):
        screen.write(answer)
    screen.paste("\x1b" + "2" * 40)
    screen.send("down", "?")
    screen.wait_for("closes this")
    assert "Domains" in screen.screen()[0]
    screen.send("escape", "q")
    assert screen.wait_exit() == 0


@pytest.mark.parametrize("term", ["linux", "screen", "xterm"])
def test_odd_terminals(console: Open, term: str) -> None:
    """Usable without colour, without Unicode, without an answer."""
    screen = console("--demo", env={"TERM": term, "NO_COLOR": "1", "COLORTERM": None})
    screen.wait_for(r"web-02 .*GiB")
    assert not re.search(rb"\x1b\[[0-9;]*38;2;", screen.raw), "NO_COLOR means no colour"
    screen.send("q")
    assert screen.wait_exit() == 0


@pytest.mark.parametrize("term", ["dumb", ""])
def test_what_cannot_draw_gets_a_line(console: Open, term: str) -> None:
    screen = console("--demo", env={"TERM": term})
    screen.wait_for(r"^vconsole: TERM names no terminal")
    assert screen.wait_exit() == 2
    assert b"\x1b" not in screen.raw


def test_errors_to_a_file_draw_nothing_into_it(tmp_path: Path) -> None:
    words = f"exec {sys.executable} -m vconsole --demo 2>{tmp_path}/errors"
    env = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal(["sh", "-c", words], env=env) as screen:
        screen.wait_for(r"web-02 .*GiB")
        screen.send("q")
        assert screen.wait_exit() == 0
        assert screen.modes_left_on() == []
    assert (tmp_path / "errors").read_bytes() == b""


def test_the_c_locale_gets_ascii(console: Open) -> None:
    """Python makes UTF-8 of it; tmux without UTF-8 shows each other glyph as the same one."""
    screen = console("--demo", env={"LC_ALL": None, "LC_CTYPE": None, "LANG": "C"})
    screen.wait_for(r"web-02 .*GiB")
    assert screen.text.isascii()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("test:///nowhere.xml", "nowhere.xml"),
        ("test:///etc", "etc"),
        ("qemu+unix:///system?socket=/nonexistent", "nonexistent"),
        ("bogus:///x", "bogus"),
    ],
)
def test_hosts_that_cannot_be_reached(console: Open, uri: str, words: str) -> None:
    """The page says so with the URI and the cause, on clean lines, and keeps trying."""
    screen = console("-c", uri, size=(120, 30))
    screen.wait_for(r"no data")
    screen.wait_for(re.escape(words))
    screen.send("q")
    assert screen.wait_exit() == 0


@pytest.mark.parametrize("uri", ["test:///nowhere.xml", "test:///etc/passwd", "bogus:///x"])
def test_command_line_errors_are_one_line(uri: str) -> None:
    """No traceback, no second line, exit code 1."""
    done = subprocess.run(
        [*VCONSOLE, "-c", uri, "show", "domains"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("vconsole: ")


def test_not_a_terminal() -> None:
    """Without a terminal there is one line and exit code 2."""
    done = subprocess.run(
        [*VCONSOLE, "--demo"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert done.stderr.startswith("vconsole: ")


def test_silent_socket(console: Open, tmp_path: Path) -> None:
    """A daemon that accepts and never answers: keys work, the reason shows, q leaves."""
    import socket

    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(5)
        screen = console("-c", f"qemu+unix:///system?socket={path}", size=(120, 30))
        screen.wait_for(r"connecting \d+ s", timeout=30)
        screen.send("?")
        screen.wait_for("closes this", timeout=20)
        screen.send("escape", "q")
        assert screen.wait_exit(20) == 0

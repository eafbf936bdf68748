"""Who waits for a key sleeps until one is typed, the terminal goes, or the program ends."""

from __future__ import annotations

import os
import pty
import selectors
import tty
from collections.abc import Iterator
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from textual.events import Key

from tests.unit.test_early import until
from vconsole.console.terminal import TerminalDriver, Writer


class Reader:
    """The thread that reads keys, on a terminal of its own; `waits` are its patience in seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.near, self.far = pty.openpty()
        tty.setraw(self.far)
        self.keys: list[str] = []
        self.ended: list[object] = []
        self.waits: list[float | None] = []
        monkeypatch.setattr("asyncio.get_running_loop", lambda: None)  # a driver wants one
        monkeypatch.setattr("signal.signal", lambda *_: None)  # it hears when a job goes on
        app: Any = SimpleNamespace(call_later=self.ended.append)
        self.driver = TerminalDriver(app)
        monkeypatch.setattr(self.driver, "fileno", self.far)
        monkeypatch.setattr(self.driver, "process_message", self._take)
        plain = selectors.SelectSelector.select

        def select(selector: selectors.SelectSelector, timeout: float | None = None) -> Any:
            self.waits.append(timeout)
            return plain(selector, timeout)

        monkeypatch.setattr(selectors.SelectSelector, "select", select)
        self.thread = Thread(target=self.driver.run_input_thread, daemon=True)
        self.thread.start()
        until(lambda: self.waits)

    def _take(self, event: object) -> None:
        if isinstance(event, Key):
            self.keys.append(event.key)

    def type(self, data: bytes) -> None:
        os.write(self.near, data)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    made = Reader(monkeypatch)
    yield made
    made.driver.exit_event.set()
    made.thread.join(30)
    assert not made.thread.is_alive()
    for descriptor in (made.near, made.far):
        os.close(descriptor)


def test_nobody_looks_for_keys_while_none_is_typed(reader: Reader) -> None:
    assert reader.waits == [None]
    reader.type(b"a\x1b[B")
    until(lambda: reader.keys == ["a", "down"])
    until(lambda: reader.waits[-1] is None)


def test_escape_alone_is_a_key_once_nothing_follows_it(reader: Reader) -> None:
    reader.type(b"\x1b")
    until(lambda: reader.keys == ["escape"])
    assert any(wait is not None for wait in reader.waits)
    until(lambda: reader.waits[-1] is None)


def test_a_character_may_come_in_pieces(reader: Reader) -> None:
    """Nothing of it is a letter yet, and that is not the end of what is typed."""
    before = len(reader.waits)
    reader.type("ü".encode()[:1])
    until(lambda: len(reader.waits) > before)
    reader.type("ü".encode()[1:] + b"a")
    until(lambda: reader.keys == ["ü", "a"])


@pytest.mark.parametrize("data", [b"\x1b[97;1:3u", b"\x1b[99999999999999u"])
def test_what_is_no_key_is_passed_over(reader: Reader, data: bytes) -> None:
    """And nothing of what was typed before or behind it is."""
    reader.type(b"a" + data + b"b\x1b[B")
    until(lambda: reader.keys == ["a", "b", "down"])


def test_the_end_of_the_program_wakes_who_waits_and_it_can_begin_again(reader: Reader) -> None:
    """As behind an editor: Textual ends the thread, clears its event and starts another."""
    reader.driver.exit_event.set()
    reader.thread.join(30)
    assert not reader.thread.is_alive()
    reader.driver.exit_event.clear()
    before = len(reader.waits)
    reader.thread = Thread(target=reader.driver.run_input_thread, daemon=True)
    reader.thread.start()
    until(lambda: len(reader.waits) > before)
    reader.type(b"b")
    until(lambda: reader.keys == ["b"])
    assert reader.waits[-1] is None


def test_the_end_of_the_terminal_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(monkeypatch)
    os.close(reader.near)
    reader.thread.join(30)
    assert reader.ended
    assert not reader.thread.is_alive()
    os.close(reader.far)


def test_a_terminal_whose_writes_return_at_once_is_not_gone() -> None:
    """Another program on it may have left it so; what it does not take at once, it takes later."""
    near, far = os.pipe()
    os.set_blocking(far, False)
    gone: list[str] = []
    writer = Writer(far, lambda: gone.append("gone"), lambda: None)
    writer.start()
    text = "x" * (1 << 18)  # more than a pipe holds
    writer.write(text)
    taken = 0
    while taken < len(text) and not gone:
        taken += len(os.read(near, 1 << 16))
    writer.stop()
    assert (taken, gone) == (len(text), [])
    os.close(near)
    os.close(far)

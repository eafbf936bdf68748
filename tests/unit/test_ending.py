"""A signal that ends the program is not lost, however early it comes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from textual.drivers.linux_driver import LinuxDriver

from vconsole.console.ending import end_by_signals, note_signals
from vconsole.console.terminal import TerminalDriver
from vconsole.files.editor import left_the_terminal
from vconsole.screens.external import edited

NUMBERS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def codes_after(*early: int, late: tuple[int, ...] = ()) -> list[int]:
    """The return codes that an app is told to end with."""
    codes: list[int] = []
    app: Any = SimpleNamespace(exit=lambda return_code: codes.append(return_code))

    async def run() -> None:
        end_by_signals(app)
        for number in late:
            os.kill(os.getpid(), number)
        for _ in range(1000):
            await asyncio.sleep(0.001 if len(codes) < len(late) else 0)

    note_signals()
    for number in early:
        os.kill(os.getpid(), number)
    asyncio.run(run())
    return codes


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_came_before_the_app_ends_it_as_it_begins(number: signal.Signals) -> None:
    assert codes_after(number) == [128 + number]
    assert codes_after() == [], "it is not told twice"


@pytest.mark.parametrize("number", NUMBERS)
def test_one_that_comes_later_ends_it_then(number: signal.Signals) -> None:
    assert codes_after(late=(number,)) == [128 + number]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_what_is_typed_into_an_editor_ends_no_app(number: signal.Signals) -> None:
    """The terminal sends ^C to whoever is in front, and that is both."""
    codes: list[int] = []
    app: Any = SimpleNamespace(exit=lambda return_code: codes.append(return_code))

    async def run() -> None:
        end_by_signals(app)
        with left_the_terminal():
            os.kill(os.getpid(), number)
        for _ in range(1000):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert codes == []


def test_one_that_comes_after_the_app_raises_nothing() -> None:
    assert codes_after() == []
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_nor_does_one_typed_before_the_terminal_is_taken_back(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is impatient types ^C more than once; the second comes when the editor is gone."""
    codes: list[int] = []
    app: Any = SimpleNamespace(exit=lambda return_code: codes.append(return_code))

    def take(driver: Any) -> None:
        if driver._key_thread is not None:
            os.kill(os.getpid(), number)
        driver._key_thread = Thread()

    monkeypatch.setenv("VISUAL", "true")
    monkeypatch.setattr(LinuxDriver, "start_application_mode", take)

    async def run() -> None:
        driver = TerminalDriver(app)
        driver.start_application_mode()

        @contextmanager
        def suspend() -> Iterator[None]:
            yield
            driver.start_application_mode()

        console: Any = SimpleNamespace(suspend=suspend)
        assert edited(console, "text", b"text") == b"text"
        for _ in range(1000):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert codes == []

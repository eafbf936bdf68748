"""A call that hangs ends a command in time; one of many calls to a far host takes what it needs."""

from __future__ import annotations

from threading import Event
from time import monotonic, sleep

from tests.fake_source import FakeSource
from vconsole.cli.main import Connected, _with_deadline
from vconsole.cli.report import FAILED

LIMIT_S = 0.2


def calls(source: FakeSource, number: int) -> None:
    for _ in range(number):
        source.called_at = monotonic()
        sleep(0.05)


def test_a_command_of_many_calls_that_come_back_ends_by_itself() -> None:
    connected, source = Connected(), FakeSource()

    def work() -> int:
        connected.to(source)
        calls(source, 12)  # three times as long as one may take
        return 3

    assert _with_deadline(work, LIMIT_S, connected) == (3, False)


def test_a_call_that_hangs_ends_it() -> None:
    connected, source, hold = Connected(), FakeSource(), Event()

    def work() -> int:
        connected.to(source)
        calls(source, 6)
        hold.wait(30)
        return 0

    begun = monotonic()
    assert _with_deadline(work, LIMIT_S, connected) == (FAILED, True)
    assert monotonic() - begun > 0.25 + LIMIT_S
    hold.set()


def test_so_does_a_connection_that_does_not_come() -> None:
    hold = Event()
    assert _with_deadline(lambda: int(hold.wait(30)), LIMIT_S, Connected()) == (FAILED, True)
    hold.set()

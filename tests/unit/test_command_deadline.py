"""A call that hangs ends a command in time; one of many calls to a far host takes what it needs."""

from __future__ import annotations

from queue import Queue
from threading import Event
from time import monotonic, sleep

from tests.fake_source import FakeSource
from vconsole.cli.main import Connected, _with_deadline
from vconsole.cli.report import FAILED

LIMIT_S = 0.2


def calls(source: FakeSource, number: int) -> float:
    """So many calls of 0.05 s each, as long as the machine does not stand still; the longest."""
    longest, begun = 0.0, monotonic()
    for _ in range(number):
        source.called_at = monotonic()
        sleep(0.05)
        longest = max(longest, monotonic() - begun)
        begun = source.called_at
    return longest


def test_a_command_of_many_calls_that_come_back_ends_by_itself() -> None:
    connected, source, longest = Connected(), FakeSource(), Queue[float]()

    def work() -> int:
        connected.to(source)
        longest.put(calls(source, 12))  # three times as long as one may take
        return 3

    ended = _with_deadline(work, LIMIT_S, connected)
    assert ended == (3, False) or longest.get(timeout=30) > LIMIT_S


def test_a_call_that_hangs_ends_it() -> None:
    connected, source, hold, longest = Connected(), FakeSource(), Event(), Queue[float]()

    def work() -> int:
        connected.to(source)
        longest.put(calls(source, 6))
        hold.wait(30)
        return 0

    begun = monotonic()
    assert _with_deadline(work, LIMIT_S, connected) == (FAILED, True)
    took_s = monotonic() - begun
    assert took_s > 0.25 + LIMIT_S or longest.get(timeout=30) > LIMIT_S
    hold.set()


def test_so_does_a_connection_that_does_not_come() -> None:
    hold = Event()
    assert _with_deadline(lambda: int(hold.wait(30)), LIMIT_S, Connected()) == (FAILED, True)
    hold.set()

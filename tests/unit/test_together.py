"""A host far away is asked several questions at a time, one nearby one after another."""

from __future__ import annotations

from threading import Barrier, Lock, current_thread, main_thread
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest

from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.host.together import WIDTH, together


def link(far: bool) -> Any:
    return SimpleNamespace(far=far)


def test_a_host_nearby_is_asked_by_who_wants_to_know() -> None:
    threads = together(link(far=False), lambda _: current_thread(), range(20))
    assert set(threads) == {main_thread()}


def test_so_many_questions_are_on_the_way_at_a_time() -> None:
    """None of them would come back before there are `WIDTH`."""
    barrier = Barrier(WIDTH, timeout=30)

    def ask(item: int) -> int:
        barrier.wait()
        return item * item

    assert together(link(far=True), ask, range(3 * WIDTH)) == [n * n for n in range(3 * WIDTH)]


def test_there_are_no_more_than_the_daemon_works_on() -> None:
    lock, now, most = Lock(), 0, 0

    def ask(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        sleep(0.001)
        with lock:
            now -= 1

    together(link(far=True), ask, range(50))
    assert most <= WIDTH


@pytest.mark.parametrize("items", [0, 1, 2])
def test_few_are_asked_as_well(items: int) -> None:
    assert together(link(far=True), str, range(items)) == [str(n) for n in range(items)]


@pytest.mark.parametrize("far", [False, True])
def test_a_lost_connection_is_told_and_nothing_else_is_asked(far: bool) -> None:
    asked = list[int]()

    def ask(item: int) -> int:
        asked.append(item)
        raise HostError("connection lost", "it broke")

    with pytest.raises(HostError, match="it broke"):
        together(link(far), ask, range(100))
    assert len(asked) <= WIDTH


def test_that_it_is_far_shows_in_the_first_answers() -> None:
    here, threads = link(far=False), list[Any]()

    def ask(_: int) -> None:
        here.far = True
        threads.append(current_thread())

    together(here, ask, range(2 * WIDTH))
    assert threads[0] is main_thread()
    assert len(threads) == 2 * WIDTH


def test_a_host_is_far_if_no_answer_was_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is busy has been quick before."""
    took = 0.0
    times = iter(range(1000))
    monkeypatch.setattr("vconsole.host.link.monotonic", lambda: next(times) * took)
    conn: Any = SimpleNamespace()
    connection: Any = SimpleNamespace(uri="qemu+ssh://far/system")
    made = Link(conn, connection, lambda: None)
    domain = SimpleNamespace(XMLDesc=lambda flags: f"<domain flags='{flags}'/>")
    assert not made.far
    took = 0.02
    assert made.xml_of(domain, 2) == "<domain flags='2'/>"
    assert made.far
    took = 0.0001
    made.xml_of(domain)
    took = 5.0
    made.xml_of(domain)
    assert not made.far

"""The poller never waits for a host that hangs, and never lets its data grow old unmarked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from time import monotonic, sleep

import pytest

from tests import scenes
from tests.fake_source import FakeSource
from vconsole.host.pace import Limits
from vconsole.host.poller import Poller
from vconsole.host.source import HostError, HostSource, View
from vconsole.model.host_state import HostState

QUICK = Limits(
    patience_s=0.06,
    connect_s=0.15,
    first_retry_s=0.01,
    last_retry_s=0.05,
    between_events_s=0.05,
    slice_s=0.001,
)
CALM_S = 60.0
CALM = replace(QUICK, patience_s=CALM_S, connect_s=CALM_S)
"""For what is not about hosts that hang: a machine that stands still for a second is none."""


class Bench:
    """A poller on scripted hosts, and what it published."""

    def __init__(self) -> None:
        self.sources: list[FakeSource] = []
        self.next: list[FakeSource | Exception] = []
        self.snapshots: list[HostState] = []
        self.poller = self.make()

    def make(
        self, interval_s: float = 0.02, limits: Limits = CALM, deadline_s: float = CALM_S
    ) -> Poller:
        return Poller(self.connect, self.snapshots.append, interval_s, deadline_s, limits)

    def connect(self) -> HostSource:
        found = self.next.pop(0) if self.next else FakeSource(scenes.kvm07())
        if isinstance(found, Exception):
            raise found
        self.sources.append(found)
        return found

    @property
    def last(self) -> HostState:
        return self.snapshots[-1]

    def until(self, what: Callable[[], object], seconds: float = 30.0) -> None:
        end = monotonic() + seconds
        while not what():
            assert monotonic() < end, "it did not come about in time"
            sleep(0.002)

    def connected(self, times: int) -> bool:
        """It has connected so often, or more: a busy machine can make any call late."""
        return len(self.sources) >= times

    def said(self, words: str) -> bool:
        """That was published as the reason, however long ago."""
        return any(words in state.freshness.reason for state in tuple(self.snapshots))

    def lose_patience(self, deadline_s: float) -> None:
        """Give a call up that hangs, once it has been found to."""
        self.poller._deadline_s = deadline_s
        self.poller.go_on()

    def fresh(self) -> bool:
        return bool(self.snapshots) and bool(self.last.domains) and not self.last.freshness.stale


@pytest.fixture
def bench() -> Iterator[Bench]:
    yield (made := Bench())
    made.poller.stop()
    for source in made.sources:
        source.release()


@pytest.fixture
def hasty(bench: Bench) -> Bench:
    """One whose poller soon loses patience with a call."""
    bench.poller = bench.make(limits=replace(QUICK, connect_s=CALM_S), deadline_s=0.15)
    return bench


def test_a_reading_is_published_at_every_interval(bench: Bench) -> None:
    bench.poller.start()
    bench.until(lambda: len(bench.snapshots) >= 3)
    assert bench.fresh()
    assert bench.last.freshness.read_at is not None


def test_looking_at_a_domain_reads_it_at_once(bench: Bench) -> None:
    bench.poller = bench.make(interval_s=60)
    bench.poller.start()
    bench.until(bench.fresh)
    view = View("domain", "abc")
    bench.poller.look(view)
    bench.until(lambda: view in bench.sources[0].views)


def test_an_attempt_that_takes_longer_than_the_first_limit_comes_up(bench: Bench) -> None:
    """Every attempt needs longer than `connect_s`; none of them is cut and begun anew."""
    begun: list[float] = []

    def slow() -> HostSource:
        begun.append(monotonic())
        sleep(2.5 * QUICK.connect_s)
        return bench.connect()

    bench.poller = Poller(slow, bench.snapshots.append, 0.02, CALM_S, QUICK)
    bench.poller.start()
    bench.until(bench.fresh)
    assert len(begun) <= QUICK.workers, "one beside another, not one after another for ever"
    bench.until(lambda: len(bench.sources) == len(begun))
    bench.until(lambda: sum(not source.closed for source in bench.sources) == 1)
    since = [state.freshness.connecting_since for state in bench.snapshots]
    assert any(since)
    assert all(begin <= begun[0] for begin in since if begin is not None), "counted from the first"
    assert since[-1] is None


def test_the_first_attempt_to_come_through_counts_however_many_were_begun_since(
    bench: Bench,
) -> None:
    """None is given up while no other has come through."""
    begun: list[threading.Event] = []

    def slow() -> HostSource:
        begun.append(go := threading.Event())
        go.wait(30)
        return bench.connect()

    bench.poller = Poller(slow, bench.snapshots.append, 0.02, CALM_S, QUICK)
    bench.poller.start()
    bench.until(lambda: len(begun) >= 3)
    begun[0].set()
    bench.until(bench.fresh)
    for go in begun:
        go.set()
    bench.until(lambda: len(bench.sources) == len(begun))
    bench.until(lambda: sum(not source.closed for source in bench.sources) == 1)
    assert not bench.sources[0].closed


def test_a_second_attempt_helps_where_the_first_hangs(bench: Bench) -> None:
    hold, attempts = threading.Event(), list[threading.Thread]()

    def first_hangs() -> HostSource:
        attempts.append(threading.current_thread())
        if len(attempts) == 1:
            hold.wait(30)
            raise HostError("cannot connect", "too late")
        return bench.connect()

    bench.poller = Poller(first_hangs, bench.snapshots.append, 0.02, CALM_S, QUICK)
    bench.poller.start()
    bench.until(bench.fresh)
    hold.set()
    attempts[0].join(30)
    seen = len(bench.snapshots)
    bench.until(lambda: len(bench.snapshots) > seen + 1)
    assert not bench.said("too late"), "it counts for nothing"


def test_many_events_become_few_readings(bench: Bench) -> None:
    bench.poller = bench.make(interval_s=60)
    bench.poller.start()
    bench.until(bench.fresh)
    begun = monotonic()
    while monotonic() < begun + 0.2:
        bench.poller.wake()
        sleep(0.001)
    readings, took_s = len(bench.sources[0].views), monotonic() - begun
    assert readings <= 2 + took_s / CALM.between_events_s
    bench.until(lambda: len(bench.sources[0].views) >= 2)


def test_a_source_that_is_unfinished_is_read_again_soon(bench: Bench) -> None:
    bench.poller = bench.make(interval_s=60)
    source = FakeSource(scenes.kvm07())
    source.unfinished = True
    bench.next = [source]
    bench.poller.start()
    bench.until(lambda: len(source.views) >= 5)
    source.unfinished = False


def test_a_hang_is_marked_then_given_up_and_the_data_stays(bench: Bench) -> None:
    bench.poller = bench.make(limits=replace(QUICK, connect_s=CALM_S))
    bench.poller.start()
    bench.until(bench.fresh)
    bench.sources[0].hang()
    bench.until(lambda: bench.last.freshness.stale)
    assert "waiting for libvirt" in bench.last.freshness.reason
    assert bench.last.domains
    bench.lose_patience(0.15)
    bench.until(lambda: bench.connected(2) and bench.fresh())
    assert bench.sources[0].abandoned
    assert bench.said("did not answer within 0.15 s")


class FarSource(FakeSource):
    """Each reading is many calls, each of which comes back in time.

    Attributes:
        slowest_s: The longest that one took: a machine that stands still makes any of them late.
    """

    def __init__(self, calls: int, call_s: float = 0.02) -> None:
        super().__init__(scenes.kvm07())
        self.calls, self.call_s, self.slowest_s = calls, call_s, 0.0

    def read(self, view: View) -> HostState:
        begun = monotonic()
        for _ in range(self.calls):
            self.called_at = monotonic()
            sleep(self.call_s)
            self.slowest_s = max(self.slowest_s, monotonic() - begun)
            begun = self.called_at
            if self.abandoned:
                raise HostError("abandoned", "the call was given up")
        return super().read(view)


def test_a_reading_of_many_calls_over_a_long_way_is_not_given_up(bench: Bench) -> None:
    """It takes twice as long as a call may; it was begun anew for ever."""
    bench.poller = bench.make(deadline_s=0.4)
    far = FarSource(40)
    bench.next = [far]
    bench.poller.start()
    bench.until(bench.fresh)
    assert len(bench.sources) == 1 or far.slowest_s > 0.4


def test_a_far_host_is_stale_when_a_call_hangs_and_not_between_its_calls(bench: Bench) -> None:
    bench.poller = bench.make(limits=replace(CALM, patience_s=0.2))
    far = FarSource(15)  # longer than patience
    bench.next = [far]
    bench.poller.start()
    bench.until(bench.fresh)
    seen = len(bench.snapshots)
    bench.poller.refresh()
    bench.until(lambda: len(far.views) >= 2)
    stale = any(state.freshness.stale for state in bench.snapshots[seen:])
    assert not stale or far.slowest_s > 0.2
    far.hang()
    bench.until(lambda: bench.last.freshness.stale)
    bench.lose_patience(0.4)
    bench.until(lambda: bench.connected(2) and bench.fresh())


def test_a_host_so_far_that_a_call_outlasts_a_deadline_is_late_and_not_stale(bench: Bench) -> None:
    """What a call takes is known from the connection: that took several of them."""
    call_s = 2 * 0.15  # twice the deadline
    far = FarSource(2, call_s)

    def connect() -> HostSource:
        sleep(4 * call_s)
        bench.sources.append(far)
        return far

    limits = replace(QUICK, connect_s=30)
    bench.poller = Poller(connect, bench.snapshots.append, 0.02, 0.15, limits)
    bench.poller.start()
    bench.until(bench.fresh)
    seen = len(bench.snapshots)
    bench.until(lambda: len(far.views) >= 3)
    stale = any(state.freshness.stale for state in bench.snapshots[seen:])
    assert far.slowest_s > 2 * call_s or (not stale and len(bench.sources) == 1)
    far.hang()
    bench.until(lambda: bench.last.freshness.stale)
    bench.until(lambda: far.abandoned)


def test_the_age_of_the_data_is_that_of_the_question(bench: Bench) -> None:
    far = FarSource(10)
    bench.next = [far]
    begun = monotonic()
    bench.poller.start()
    bench.until(bench.fresh)
    read_at = bench.last.freshness.read_at
    assert read_at is not None
    assert begun <= read_at <= far.called_at - 9 * far.call_s


def test_an_event_does_not_wait_for_the_pace_of_a_far_host(bench: Bench) -> None:
    far = FarSource(10)  # 0.2 s, so it is read every 2 s
    bench.next = [far]
    bench.poller.start()
    bench.until(lambda: bench.last.freshness.pace_s if bench.snapshots else 0)
    seen, begun = len(far.views), bench.last.freshness.read_at
    assert begun is not None
    bench.poller.wake()
    bench.until(lambda: len(far.views) > seen)
    assert far.called_at < begun + 1.5 or far.slowest_s > 0.1, "it waited for the pace"


def test_a_slow_host_says_how_often_it_is_read(bench: Bench) -> None:
    far = FarSource(10)
    bench.next = [far]
    bench.poller.start()
    bench.until(lambda: len(far.views) >= 2 and bench.fresh())
    assert bench.last.freshness.pace_s >= 2.0
    far.calls = 0
    bench.poller.refresh()
    bench.until(lambda: bench.last.freshness.pace_s == 0)


def test_what_an_abandoned_worker_finds_is_dropped(hasty: Bench) -> None:
    old = FakeSource(scenes.kvm07(), scenes.empty())
    hasty.next = [old]
    hasty.poller.set_interval(CALM_S)  # `old` is asked again when it hangs, not before
    hasty.poller.start()
    hasty.until(hasty.fresh)
    old.hang()
    hasty.poller.refresh()
    hasty.until(lambda: hasty.connected(2) and hasty.fresh())
    old.release()
    hasty.until(lambda: old.closed)
    assert all(s.domains for s in hasty.snapshots)


def test_errors_of_any_kind_make_the_data_stale_and_reconnect(bench: Bench) -> None:
    bench.poller.start()
    bench.until(bench.fresh)
    bench.sources[0].error = ZeroDivisionError("a bug")
    bench.until(lambda: bench.said("a bug"))
    bench.until(lambda: bench.connected(2) and bench.fresh())


def test_a_host_that_was_never_there_says_why(bench: Bench) -> None:
    bench.next = [HostError("cannot connect", "qemu:///system: refused")] * 3
    bench.poller.start()
    bench.until(lambda: bench.snapshots)
    assert bench.snapshots[0].freshness.reason == "cannot connect: qemu:///system: refused"
    assert not bench.snapshots[0].connection.capable
    bench.until(bench.fresh)


def test_a_domain_that_was_changed_from_here_is_read_anew_once(bench: Bench) -> None:
    bench.poller = bench.make(interval_s=60)
    bench.poller.start()
    bench.until(bench.fresh)
    bench.poller.refresh("web")
    bench.until(lambda: View(again=frozenset({"web"})) in bench.sources[0].views)
    bench.poller.refresh()
    bench.until(lambda: bench.sources[0].views[-1] == View())
    assert bench.sources[0].views.count(View(again=frozenset({"web"}))) == 1


def test_no_more_than_four_calls_are_left_hanging(hasty: Bench) -> None:
    for _ in range(12):
        source = FakeSource(scenes.kvm07())
        source.hang()
        hasty.next.append(source)
    hasty.poller.start()
    hasty.until(lambda: len(hasty.sources) == 4)
    hasty.until(lambda: "4 calls" in hasty.last.freshness.reason or len(hasty.sources) > 4)
    sleep(0.3)
    assert len(hasty.sources) == 4
    hasty.next = []
    hasty.sources[0].release()
    hasty.until(hasty.fresh)


def test_a_hundred_restarts_leave_no_threads_behind(bench: Bench) -> None:
    bench.poller = bench.make(limits=replace(CALM, first_retry_s=0.001, last_retry_s=0.001))
    bench.poller.start()
    bench.until(bench.fresh)
    before = threading.active_count()
    for number in range(100):
        bench.sources[number].error = HostError("connection lost", "the daemon closed it")
        bench.poller.refresh()
        bench.until(partial(bench.connected, number + 2))
    bench.until(bench.fresh)
    bench.until(lambda: threading.active_count() <= before)
    assert all(source.closed for source in bench.sources[:-1])


def test_stopping_does_not_wait_for_a_call_that_hangs(bench: Bench) -> None:
    bench.poller.start()
    bench.until(bench.fresh)
    bench.sources[0].hang()
    sleep(0.05)
    begun = monotonic()
    bench.poller.stop()
    assert monotonic() - begun < 10


def test_rows_keep_their_details_over_a_new_connection(bench: Bench) -> None:
    bench.poller.start()
    bench.until(bench.fresh)
    full = scenes.kvm07()
    bare = replace(
        full, domains=tuple(replace(d, detailed=False, pins=(), title=None) for d in full.domains)
    )
    bench.next = [FakeSource(bare)]
    bench.sources[0].error = HostError("connection lost", "gone")
    bench.until(lambda: bench.connected(2) and bench.fresh())
    assert bench.last.domains == full.domains


def test_a_fault_of_our_own_leaves_a_trace_and_a_stale_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the thread that reads, and in the one that watches the clock."""
    bench.poller.start()
    bench.until(bench.fresh)
    bench.sources[0].error = ZeroDivisionError("in the reader")
    bench.until(lambda: bench.said("in the reader"))
    assert "in the reader" in capsys.readouterr().err
    bench.sources[0].error = None
    bench.until(bench.fresh)

    def fault(*_: object) -> float:
        raise ZeroDivisionError("in the supervisor")

    with monkeypatch.context() as patch:
        patch.setattr(bench.poller, "_feed", fault)
        bench.until(lambda: "in the supervisor" in bench.last.freshness.reason)
        assert bench.last.freshness.stale
    assert "in the supervisor" in capsys.readouterr().err
    bench.until(bench.fresh)


def test_a_user_interface_that_fails_does_not_end_the_poller(bench: Bench) -> None:
    calls: list[int] = []

    def broken(_host_state: HostState) -> None:
        calls.append(1)
        raise RuntimeError("closing")

    bench.poller = Poller(bench.connect, broken, 0.01, CALM_S, CALM)
    bench.poller.start()
    bench.until(lambda: len(calls) >= 3)

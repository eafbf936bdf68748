"""How often a host is read, by what its readings took."""

from __future__ import annotations

import pytest

from vconsole.host.pace import SELDOM_S, STRETCH, Pace


def after(*took_s: float) -> Pace:
    pace = Pace()
    for seconds in took_s:
        pace.took(seconds)
    return pace


def test_nothing_read_yet_asks_for_nothing() -> None:
    assert after().least_s == 0
    assert after().told_s(1.0) == 0


def test_a_reading_takes_a_tenth_of_the_time_at_most() -> None:
    assert after(0.3, 0.3).least_s == pytest.approx(0.3 * STRETCH)


def test_a_host_far_away_is_read_every_ten_seconds_all_the_same() -> None:
    assert after(2.4, 2.4).least_s == SELDOM_S


def test_what_takes_longer_than_that_has_a_third_of_the_time() -> None:
    assert after(6.0, 6.0).least_s == 18


@pytest.mark.parametrize("late_s", [0.5, 4.0, 60.0])
def test_one_late_answer_slows_nothing_down(late_s: float) -> None:
    pace = after(0.01, 0.01)
    for seconds in (late_s, 0.01, 0.01):
        pace.took(seconds)
        assert pace.told_s(1.0) == 0


def test_two_late_answers_do_and_one_quick_one_takes_it_back() -> None:
    pace = after(0.01, 0.5, 0.6)
    assert pace.told_s(1.0) == 5
    pace.took(0.01)
    assert pace.told_s(1.0) == 0


@pytest.mark.parametrize(
    ("took_s", "told_s"), [(0.149, 0), (0.16, 2), (0.3, 3), (6, 20), (21, 120), (45, 180)]
)
def test_the_pace_is_told_as_a_round_number_of_seconds(took_s: float, told_s: float) -> None:
    assert after(took_s, took_s).told_s(1.0) == told_s


def test_the_interval_itself_is_no_pace_to_tell() -> None:
    assert after(6.0, 6.0).told_s(20.0) == 0
    assert after(6.0, 6.0).told_s(10.0) == 20


def test_what_a_call_may_take_follows_what_the_way_takes() -> None:
    pace = Pace()
    pace.opened(16.0)  # some six round trips of 2.6 s
    assert pace.deadline_s(5.0) > 5.2
    pace.took(5.3, 5.2)
    pace.took(15.9, 5.2)
    assert pace.patience_s(1.5) > 5.2
    assert pace.deadline_s(5.0) > 2 * 5.2
    assert pace.longest_s > 20 * 5.2
    pace.took(0.1, 0.03)
    assert (pace.patience_s(1.5), pace.deadline_s(5.0)) == (1.5, 5.0)


@pytest.mark.parametrize("stalled_s", [2.0, 4.9])
def test_a_host_nearby_that_stalls_once_is_waited_for_no_longer_the_next_time(
    stalled_s: float,
) -> None:
    pace = Pace()
    pace.opened(0.04)
    for slowest_s in (0.005, stalled_s, 0.005, stalled_s):
        pace.took(slowest_s * 2, slowest_s)
        assert (pace.patience_s(1.5), pace.deadline_s(5.0)) == (1.5, 5.0)


def test_an_event_comes_first_and_many_of_them_keep_the_pace() -> None:
    pace = after(2.0, 2.0)
    assert pace.event_s == 2.0
    waits = []
    for _ in range(3):
        pace.took(2.0, for_event=True)
        waits.append(pace.event_s)
    assert waits == [4, 8, SELDOM_S]
    pace.took(2.0)
    assert pace.event_s == 2.0

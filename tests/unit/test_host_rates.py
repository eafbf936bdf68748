"""Rates are never negative, above their limit, NaN or infinite, whatever the counters do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import scenes
from vconsole.host.usage import Meter, Sample
from vconsole.model import rates

NUMBERS = st.none() | st.floats() | st.integers(-(2**70), 2**70)
TIMES = st.dictionaries(st.sampled_from(["user", "system", "idle", "iowait"]), st.floats(0, 1e15))


def test_half_a_second_of_one_is_fifty_percent() -> None:
    assert rates.percent(0, 500_000_000, 1.0, 100) == 50


@pytest.mark.parametrize(
    ("before", "after", "elapsed_s", "rate"),
    [(100, 300, 2.0, 100.0), (5, 5, 1.0, 0.0), (300, 100, 2.0, None), (1, 2, 0.0, None)],
)
def test_a_counter_that_goes_back_is_unknown(
    before: int, after: int, elapsed_s: float, rate: float | None
) -> None:
    assert rates.per_second(before, after, elapsed_s) == rate
    assert rates.per_second(None, after, elapsed_s) is None
    assert rates.per_second(before, None, elapsed_s) is None


def test_what_is_missing_or_backwards_is_not_known() -> None:
    assert rates.percent(None, 5, 1.0, 100) is None
    assert rates.percent(5, None, 1.0, 100) is None
    assert rates.percent(5, 4, 1.0, 100) is None
    assert rates.percent(5, 6, 0.0, 100) is None
    assert rates.percent(5, 6, -1.0, 100) is None


def test_a_reading_too_soon_after_the_last_takes_nothing_back() -> None:
    meter, (domain, *_) = Meter(), scenes.kvm07().domains
    meter.measure(domain, Sample(10.0, 0))
    second = meter.measure(domain, Sample(11.0, 5e8))
    assert (second.cpu_percent, second.history) == (50, (50,))
    for at in (11.02, 11.04, 11.06, 11.08):
        again = meter.measure(domain, Sample(at, 5e8 + (at - 11) * 1e9))
        assert (again.cpu_percent, again.history) == (50, (50,))
    after = meter.measure(domain, Sample(11.2, 7e8))
    assert (after.cpu_percent, after.history) == (100, (50, 100))
    assert meter.measure(domain, Sample(11.11, None)).cpu_percent is None


@given(NUMBERS, NUMBERS, st.floats(), st.integers(1, 512))
def test_a_rate_is_within_its_limits_or_missing(
    before: float | None, after: float | None, elapsed_s: float, vcpus: int
) -> None:
    value = rates.percent(before, after, elapsed_s, 100.0 * vcpus)
    assert value is None or 0 <= value <= 100 * vcpus


@given(TIMES, TIMES)
def test_shares_are_within_a_hundred_percent(
    before: dict[str, float], after: dict[str, float]
) -> None:
    shares = rates.shares(before, after)
    assert all(0 <= share <= 100 for share in shares.values())
    assert not shares or math.isclose(sum(shares.values()), 100, abs_tol=1e-6)
    busy = rates.busy(before, after)
    assert busy is None or 0 <= busy <= 100


@given(st.lists(st.none() | st.floats(0, 100), max_size=30))
def test_the_history_holds_the_latest_values(values: list[float | None]) -> None:
    history: tuple[float, ...] = ()
    for value in values:
        history = rates.extend(history, value)
    assert list(history) == [v for v in values if v is not None][-rates.HISTORY :]

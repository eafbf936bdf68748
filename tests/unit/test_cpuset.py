"""Sets of pCPUs: libvirt's notation and the algebra on it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.model_hosts import any_cpusets
from vconsole.model.cpuset import MAX_ID, CpuSet, CpuSetError

ids = st.sets(st.integers(0, MAX_ID), max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0-3,^2", {0, 1, 3}),
        ("^2,0-3", {0, 1, 2, 3}),
        ("0-15,^8", set(range(16)) - {8}),
        ("0-3,^0-2,1", {1, 3}),
        (" 1 , 3 ", {1, 3}),
        ("7-7", {7}),
        ("007", {7}),
        ("5,5,5", {5}),
        (str(MAX_ID), {MAX_ID}),
    ],
)
def test_items_are_evaluated_from_left_to_right(text: str, expected: set[int]) -> None:
    assert set(CpuSet.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is no number"),
        (",", "is no number"),
        ("1,", "is no number"),
        ("a", "'a' is no number"),
        ("1--2", "is no number"),
        ("-1", "is no number"),
        ("^", "is no number"),
        ("³", "is no number"),
        ("٣", "is no number"),
        ("0x10", "is no number"),
        ("9-0", "write 0-9"),
        ("1,^1", "is empty"),
        ("^3", "is empty"),
        (str(MAX_ID + 1), f"beyond {MAX_ID}"),
        ("0-999999999999999999999999", f"beyond {MAX_ID}"),
    ],
)
def test_an_error_names_the_item(text: str, part: str) -> None:
    with pytest.raises(CpuSetError, match=r".+") as error:
        CpuSet.parse(text)
    assert part in str(error.value)


def test_r_means_all_where_all_is_known() -> None:
    everything = CpuSet.of(range(64))
    assert CpuSet.parse(" R ", everything) == everything
    assert CpuSet.parse("all", everything) == everything
    with pytest.raises(CpuSetError):
        CpuSet.parse("r")


@given(ids.filter(bool))
def test_text_round_trip(numbers: set[int]) -> None:
    cpuset = CpuSet.of(numbers)
    assert CpuSet.parse(str(cpuset)) == cpuset
    assert list(cpuset) == sorted(numbers)


@given(ids)
def test_map_round_trip(numbers: set[int]) -> None:
    cpuset = CpuSet.of(numbers)
    assert CpuSet.from_map(cpuset.to_map(MAX_ID + 1)) == cpuset
    assert sum(cpuset.to_map(8)) == len([n for n in numbers if n < 8])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(0, 9)), max_size=12))
def test_exclusion_is_what_a_loop_over_the_items_does(items: list[tuple[bool, int, int]]) -> None:
    expected: set[int] = set()
    for exclude, low, width in items:
        span = set(range(low, low + width + 1))
        expected = expected - span if exclude else expected | span
    text = ",".join(f"{'^' * exclude}{low}-{low + width}" for exclude, low, width in items)
    if expected:
        assert set(CpuSet.parse(text)) == expected
    else:
        with pytest.raises(CpuSetError):
            CpuSet.parse(text)


@given(any_cpusets, any_cpusets)
def test_algebra_is_that_of_sets(one: CpuSet, other: CpuSet) -> None:
    a, b = set(one), set(other)
    assert set(one | other) == a | b
    assert set(one & other) == a & b
    assert set(one - other) == a - b
    assert set(one ^ other) == a ^ b
    assert (one <= other) == (a <= b)
    assert len(one) == len(a)
    assert bool(one) == bool(a)
    assert one.first == min(a, default=None)
    assert all((n in one) == (n in a) for n in range(-1, 301))


@given(any_cpusets)
def test_ranges_are_the_fewest(cpuset: CpuSet) -> None:
    ranges = list(cpuset.ranges())
    assert {n for low, high in ranges for n in range(low, high + 1)} == set(cpuset)
    assert all(high + 1 < low for (_, high), (low, _) in pairwise(ranges))


@given(st.text(st.characters() | st.sampled_from("0123456789-^, \n\x1b\u202e"), max_size=60))
@example("1\n2")
@example("\udc80")
@example("0-" + "9" * 5000)
@example("[link=file:x]")
def test_hostile_text_is_a_set_or_a_clean_line(text: str) -> None:
    complaint = _complaint(text)
    assert complaint.isprintable()
    assert len(complaint) < 500


def _complaint(text: str) -> str:
    try:
        return "" if CpuSet.parse(text) else "empty"
    except CpuSetError as error:
        return str(error)

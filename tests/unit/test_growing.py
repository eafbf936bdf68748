"""Sentences that do not fit go on below; none of their words is lost while there is room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from vconsole.widgets.growing import broken

LONG = "vdb is writable: the guest can forge what all others read: detach it, and attach it again"


def test_what_fits_is_one_line() -> None:
    assert broken("a word", 80, 3) == ["a word"]


def test_what_does_not_fit_goes_on() -> None:
    lines = broken(LONG, 60, 3)
    assert len(lines) == 2
    assert " ".join(" ".join(lines).split()) == LONG


def test_the_first_line_begins_after_the_title() -> None:
    lines = broken(LONG, 80, 2, begin=30)
    assert cell_len(lines[0]) <= 50
    assert " ".join(" ".join(lines).split()) == LONG


def test_what_is_too_long_is_cut_at_the_very_end() -> None:
    lines = broken(LONG, 40, 2)
    assert len(lines) == 2
    assert lines[1].endswith("…")


def test_a_low_terminal_has_one_line() -> None:
    assert broken(LONG, 40, 1) == [LONG[:39] + "…"]


@pytest.mark.parametrize("text", ["", "x" * 300, "宿" * 90])
@given(width=st.integers(0, 120), most=st.integers(1, 4), begin=st.integers(0, 40))
def test_no_line_is_wider_than_the_room(text: str, width: int, most: int, begin: int) -> None:
    lines = broken(text, width, most, begin)
    assert 1 <= len(lines) <= most
    assert cell_len(lines[0]) <= max(0, width - begin)
    assert all(cell_len(line) <= max(0, width) for line in lines)

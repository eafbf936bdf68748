"""The page on performance is what one run of the bench has measured."""

from __future__ import annotations

import re

import pytest

from bench.document import PAGE, filled
from bench.goals import GOALS, Beside


def test_a_table_takes_the_place_of_the_old_one_and_the_words_stay() -> None:
    page = "words\n<!-- bench: one -->\nold\n<!-- end -->\nmore\n"
    once = filled(page, {"one": "| new |\n"})
    assert once == "words\n<!-- bench: one -->\n\n| new |\n\n<!-- end -->\nmore\n"
    assert filled(once, {"one": "| new |\n"}) == once


def test_a_table_that_was_not_measured_is_no_empty_place() -> None:
    with pytest.raises(KeyError, match="one"):
        filled("<!-- bench: one -->\n<!-- end -->", {"two": ""})


def test_the_page_has_no_figure_of_its_own_beside_those_of_the_run() -> None:
    words = re.sub(r"<!-- bench.*?end -->", "", PAGE.read_text(), flags=re.DOTALL)
    assert not re.search(r"\bgoal \d|: (met|\*\*missed)", words)


def test_a_goal_beside_others_is_the_largest_of_them() -> None:
    goal = Beside((("a", "ms"), ("b", "ms")), times=2.0, plus=1.0)
    assert goal.limit({"a": {"ms": 3.0}, "b": {"ms": 5.0}}) == 11.0
    assert goal.limit({"a": {"ms": 3.0}}) is None
    assert len({(g.case, g.figure) for g in GOALS}) == len(GOALS)

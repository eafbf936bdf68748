"""The title of a page: what gives way where there is no room for all of it."""

from __future__ import annotations

import pytest

from vconsole.widgets.title import _with_shorter_path

TITLE = "running   /etc/hostinfo/hostinfo.conf   in force 1 h"


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (60, TITLE),
        (len(TITLE), TITLE),
        (len(TITLE) - 1, "running   …tc/hostinfo/hostinfo.conf   in force 1 h"),
        (40, "running   …/hostinfo.conf   in force 1 h"),
        (10, "running   …stinfo.conf   in force 1 h"),  # the title bar cuts the rest
    ],
)
def test_a_path_is_cut_at_its_start_before_anything_behind_it(room: int, shown: str) -> None:
    assert _with_shorter_path(TITLE, room) == shown


def test_a_title_without_a_path_stays() -> None:
    assert _with_shorter_path("12 domains   3 chosen", 5) == "12 domains   3 chosen"

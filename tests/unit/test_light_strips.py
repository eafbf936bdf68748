"""A line of the screen has a cache when one is asked for, and all that Textual does with lines."""

from __future__ import annotations

from contextlib import suppress

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from vconsole.console import light_strips

CACHES = sorted(light_strips._SIZES)


@pytest.fixture(autouse=True)
def put_in_place() -> None:
    light_strips.install()


def made(strip: Strip) -> list[str]:
    """The caches that it has; asking the strip for one would make it."""

    def has(name: str) -> bool:
        with suppress(AttributeError):
            vars(Strip)[name].__get__(strip)
            return True
        return False

    return [name for name in CACHES if has(name)]


def test_a_line_has_no_cache_until_one_is_asked_for_and_then_it_serves() -> None:
    strip = Strip([Segment("one two", Style(bold=True))])
    assert made(strip) == []
    part = strip.crop(0, 3)
    assert (part.text, strip.cell_length, made(strip)) == ("one", 7, ["_crop_cache"])
    assert strip.crop(0, 3) is part


def test_all_that_is_done_with_lines_is_done() -> None:
    strip = Strip([Segment("one two")])
    assert [one.text for one in strip.divide([3, 7])] == ["one", " two"]
    assert strip.adjust_cell_length(9).text == "one two  "
    assert strip.crop_extend(4, 9, None).text == "two  "
    assert strip.apply_style(Style(bold=True))._segments[0].style == Style(bold=True)
    assert strip == Strip([Segment("one two")])
    assert not hasattr(strip, "nothing_of_it")

"""What foreign text and numbers look like on the screen."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.fleet import HOSTILE_NAMES
from vconsole.text import (
    MAX_CHARS,
    MAX_MARKS,
    bar,
    clip,
    duration,
    fit,
    glyph,
    line,
    percent,
    safe,
    size,
    sizes,
    spark,
)

ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates as well
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-01", "web-01"),
        ("été 宿主 😀", "été 宿主 😀"),
        ("esc\x1b[2J", "esc\\x1b[2J"),
        ("nul\x00del\x7f", "nul\\x00del\\x7f"),
        ("csi\x9b31m", "csi\\x9b31m"),
        ("tab\tcr\rlf\n", "tab\\x09cr\\x0dlf\\x0a"),
        ("line\u2028next\x85", "line\\u2028next\\x85"),
        ("rtl\u202e", "rtl\\u202e"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("nbsp\xa0", "nbsp\\xa0"),
        ("lone\udc9b", "lone\\udc9b"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("filler\u3164\u2800", "filler\\u3164\\u2800"),
        ("vs\ufe0f", "vs\\ufe0f"),
        ("[red]x[/]", "[red]x[/]"),
        ("\\x1b", "\\x1b"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(ANY_TEXT)
def test_safe_text_is_one_printable_line_without_direction(text: str) -> None:
    shown = safe(text)
    assert all(c.isprintable() for c in shown)
    assert not set(BIDI) & set(shown)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co") for c in shown)


@given(st.text(st.sampled_from("a\u0301\u0335\u20dd\u0f71"), max_size=40))
def test_no_more_marks_than_a_cell_can_hold(text: str) -> None:
    run = longest = 0
    for char in safe(text):
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        longest = max(longest, run)
    assert longest <= MAX_MARKS


def test_a_mark_without_a_letter_does_not_sit_on_the_column_before() -> None:
    assert safe("\u0301a") == "\\u0301a"


@given(ANY_TEXT)
def test_different_texts_look_different(text: str) -> None:
    """But for what looks like an escape already."""
    if "\\" not in text:
        assert safe(text) == safe(safe(text)) or safe(text) != text
        assert (safe(text) == text) is text.isprintable() or "\\" in safe(text)


def test_a_text_without_end_costs_nothing() -> None:
    assert len(safe("x" * 10_000_000)) == MAX_CHARS + 1


@given(ANY_TEXT, st.integers(0, 30))
def test_fit_is_exactly_as_wide_as_asked_for(text: str, width: int) -> None:
    assert cell_len(fit(safe(text), width)) == width
    assert cell_len(fit(safe(text), width, "right")) == width


@given(ANY_TEXT, st.integers(0, 30))
def test_clip_is_never_wider_and_says_when_something_is_missing(text: str, width: int) -> None:
    shown = clip(safe(text), width)
    assert cell_len(shown) <= width
    if shown != safe(text) and width > 0:
        assert shown.endswith("…")


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_hostile_names_keep_their_column(name: str) -> None:
    assert cell_len(fit(safe(name), 16)) == 16


def test_wide_characters_are_not_cut_in_half() -> None:
    assert clip("宿主機", 5) == "宿主…"
    assert clip("宿主機", 4) == "宿…"
    assert fit("宿主機", 4) == "宿… "
    assert clip("宿主機", 5, "start") == "…主機"


def test_names_and_paths_that_are_cut_keep_what_tells_them_apart() -> None:
    disks = [f"/var/lib/libvirt/images/db-0{n}.qcow2" for n in (1, 2)]
    assert [clip(path, 14, "start") for path in disks] == ["…s/db-01.qcow2", "…s/db-02.qcow2"]
    guests = ("production-web-1", "production-web-2")
    assert [clip(name, 11, "middle") for name in guests] == ["produ…web-1", "produ…web-2"]


@pytest.mark.parametrize(
    ("error", "shown"),
    [(ValueError("a\n  b\tc"), "a b c"), ("x\x1b[2J", "x\\x1b[2J"), ("y" * 1000, "y" * 400)],
)
def test_an_error_is_one_short_line(error: object, shown: str) -> None:
    assert line(error) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (None, "-"),
        (0, "0 Bytes"),
        (1024, "1 KiB"),
        (int(6.4 * 2**30), "6.4 GiB"),
        (96 * 2**30, "96 GiB"),
        (int(100.7 * 2**30), "100 GiB"),
        (2**40, "1 TiB"),
    ],
)
def test_sizes_are_short(number: int | None, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (8 * 2**30, 16 * 2**30, "8/16 GiB"),
        (2**30, 2**30, "1 GiB"),
        (512 * 2**20, 2**30, "512 MiB/1 GiB"),
        (None, 2**30, "1 GiB"),
        (2**30, None, "1 GiB"),
        (None, None, "-"),
    ],
)
def test_current_and_maximum_share_a_unit(part: int | None, whole: int | None, shown: str) -> None:
    assert sizes(part, whole) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (-5, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_ages(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_percent_of_nothing_is_a_dash() -> None:
    assert (percent(None), percent(0.0), percent(99.6)) == ("-", "0", "100")


def test_a_spark_shows_the_latest_and_never_more_than_full() -> None:
    assert spark((0, 50, 100, 1000), 100, 4) == " ▄██"
    assert spark((1, 2, 100), 100, 2) == "▁█"
    assert spark((), 100, 3) == "   "
    assert spark((5.0,), 0, 1) == "▁"


@given(
    st.lists(st.floats(0, 1e6)), st.just(0.0) | st.floats(1, 1e6), st.integers(1, 12), st.booleans()
)
def test_a_spark_is_as_wide_as_asked_for(
    values: list[float], top: float, width: int, ascii_only: bool
) -> None:
    drawn = spark(values, top, width, ascii_only)
    assert len(drawn) == width
    assert drawn.isascii() or not ascii_only


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(None, "????"), (0.0, "...."), (0.5, "##.."), (1.0, "####"), (7.0, "####"), (-1.0, "....")],
)
def test_a_bar_stays_within_its_ends(share: float | None, drawn: str) -> None:
    assert bar(share, 4, ascii_only=True) == drawn


def test_every_state_has_a_glyph_in_both_alphabets() -> None:
    from vconsole.features.domains.model import STATES

    for state in STATES:
        assert glyph(state) != "?" or state == "no state"
        assert glyph(state, ascii_only=True).isascii()
        assert len(glyph(state)) == 1

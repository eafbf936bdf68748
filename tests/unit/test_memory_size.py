"""Amounts of memory: the units of the guide, exactly, and what libvirt rounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.model.size import MAX_BYTES, UNITS, MemorySizeError, exact, kib_of, parse

FACTORS = [
    ("b", 1),
    ("bytes", 1),
    ("KB", 1000),
    ("k", 1024),
    ("KiB", 1024),
    ("MB", 1000**2),
    ("M", 1024**2),
    ("MiB", 1024**2),
    ("GB", 1000**3),
    ("G", 1024**3),
    ("GiB", 1024**3),
    ("TB", 1000**4),
    ("T", 1024**4),
    ("TiB", 1024**4),
]


@pytest.mark.parametrize(("unit", "factor"), FACTORS)
def test_every_unit_of_the_guide(unit: str, factor: int) -> None:
    assert parse(f"3{unit}").asked_bytes == 3 * factor
    assert parse(f" 3 {unit.upper()} ").asked_bytes == 3 * factor


def test_there_are_no_other_units() -> None:
    assert {unit.lower() for unit, _ in FACTORS} == set(UNITS)


def test_a_number_alone_is_kib() -> None:
    assert parse("524288").words == "512 MiB"


@pytest.mark.parametrize(
    ("text", "kib", "words"),
    [
        ("1b", 1, "1 KiB, rounded up from 1 bytes"),
        ("1024 bytes", 1, "1 KiB"),
        ("1000000KB", 976563, "976563 KiB, rounded up from 1000000000 bytes"),
        ("1500M", 1536000, "1500 MiB"),
        ("2048MiB", 2097152, "2 GiB"),
        ("1TB", 976562500, "976562500 KiB"),
        ("+5M", 5120, "5 MiB"),
    ],
)
def test_rounding_is_up_and_is_told(text: str, kib: int, words: str) -> None:
    assert (parse(text).kib, parse(text).words) == (kib, words)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no amount of memory"),
        ("lots", "no amount of memory"),
        ("512 M B", "no amount of memory"),
        ("٣M", "no amount of memory"),
        ("0x10M", "no amount of memory"),
        ("5EiB", "'EiB' is no unit: use b, KB"),
        ("5Kb/s", "no amount of memory"),
        ("-5M", "is below 0"),
        ("-0.5M", "is below 0"),
        ("1.5G", "no whole number: use a smaller unit, as in 1536MiB"),
        ("1,5G", "no whole number"),
        ("0", "cannot do without memory"),
        ("0TiB", "cannot do without memory"),
        ("8388608TiB", "more than libvirt can count"),
        ("9" * 5000 + "b", "more than libvirt can count"),
    ],
)
def test_nonsense_is_refused_in_one_line(text: str, part: str) -> None:
    with pytest.raises(MemorySizeError, match=part) as caught:
        parse(text)
    assert len(str(caught.value)) < 160
    assert "\n" not in str(caught.value)


def test_the_most_is_read() -> None:
    assert parse(f"{MAX_BYTES}b").kib == 1 << 53


@given(st.integers(1, MAX_BYTES // 1024))
def test_what_is_shown_is_read_back_without_loss(kib: int) -> None:
    shown = parse(exact(kib))
    assert (shown.kib, shown.asked_bytes) == (kib, kib * 1024)


@given(st.text(max_size=30))
def test_no_text_is_worse_than_refused(text: str) -> None:
    try:
        size = parse(text)
    except MemorySizeError:
        return
    assert 0 < size.asked_bytes <= size.kib * 1024 < size.asked_bytes + 1024


def test_an_element_that_cannot_be_read_is_none() -> None:
    assert (kib_of("262144", "KiB"), kib_of("1", "GiB"), kib_of("7", None)) == (262144, 1 << 20, 7)
    assert kib_of("much", "KiB") is None

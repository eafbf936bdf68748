"""MAC addresses: every usual notation, none that a guest cannot have, and new ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.network.model.mac import (
    PREFIXES,
    QEMU,
    XEN,
    MacError,
    make_mac,
    parse_mac,
    wanted_mac,
)

MAC = "52:54:00:1c:7a:02"


@pytest.mark.parametrize(
    "text", [MAC, MAC.upper(), "52-54-00-1C-7A-02", "5254.001c.7a02", "5254001c7a02", f" {MAC}\n"]
)
def test_every_notation_is_the_same_address(text: str) -> None:
    assert parse_mac(text) == MAC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "52:54:00:1c:7a",
        f"{MAC}:00",
        "52:54-00:1c:7a:02",
        "5g:54:00:1c:7a:02",
        "１２:54:00:1c:7a:02",
    ],
)
def test_what_is_none_is_named(text: str) -> None:
    with pytest.raises(MacError, match="is no MAC address; one reads"):
        parse_mac(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01:00:5e:00:00:01", "is a multicast address: its first byte must be even"),
        ("ff:ff:ff:ff:ff:ff", "is a multicast address"),
        ("00:00:00:00:00:00", "is no address of an interface"),
    ],
)
def test_what_no_interface_can_have_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MacError, match=reason):
        parse_mac(text)


@given(st.sampled_from(PREFIXES), st.integers(0, (1 << 23) - 1))
def test_what_is_made_is_an_address_with_its_prefix(prefix: str, number: int) -> None:
    made = make_mac((), prefix, lambda below: number % below)
    assert made.startswith(prefix)
    assert parse_mac(made) == made


def thrown(*numbers: int) -> Callable[[int], int]:
    """Dice that fall so."""
    left = iter(numbers)
    return lambda below: next(left)


def test_one_that_somebody_has_is_not_made() -> None:
    assert make_mac({f"{QEMU}:00:00:07"}, dice=thrown(7, 7, 8)) == f"{QEMU}:00:00:08"


def test_the_upper_half_of_xen_is_not_for_guests() -> None:
    assert make_mac((), XEN, dice=lambda below: below - 1) == "00:16:3e:7f:ff:ff"
    assert make_mac((), QEMU, dice=lambda below: below - 1) == "52:54:00:ff:ff:ff"


def test_where_none_is_found_that_is_said() -> None:
    with pytest.raises(MacError, match="begins with 52:54:00 was found free"):
        make_mac({f"{QEMU}:00:00:00"}, dice=lambda below: 0)


@pytest.mark.parametrize(
    ("word", "made"),
    [("new", f"{QEMU}:00:00:09"), (" 00:16:3E", f"{XEN}:00:00:09"), ("52-54-00-1c-7a-02", MAC)],
)
def test_what_is_asked_for_is_a_word_a_prefix_or_an_address(word: str, made: str) -> None:
    assert wanted_mac(word, (), thrown(9)) == made

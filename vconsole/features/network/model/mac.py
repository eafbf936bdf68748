"""MAC addresses of guests: read in any usual notation, made so that no other guest has them.

Source: IEEE 802, the two lowest bits of the first byte; the prefixes are QEMU's (locally
administered) and the one registered for Xen, of which the lower half is for guests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from secrets import randbelow
from typing import Final

QEMU: Final = "52:54:00"
XEN: Final = "00:16:3e"
PREFIXES: Final = (QEMU, XEN)
NEW: Final = "new"
"""Stands for an address that is to be made."""
Dice = Callable[[int], int]
"""Answers a number from 0 to below the one it is given."""

_HIGHEST: Final = {QEMU: 1 << 24, XEN: 1 << 23}
_TRIES: Final = 1000
_NOTATIONS: Final = (
    re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"),
    re.compile(r"(?:[0-9a-f]{2}-){5}[0-9a-f]{2}"),
    re.compile(r"(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"),
    re.compile(r"[0-9a-f]{12}"),
)


class MacError(ValueError):
    """No address that a guest can have; the message is one line."""


def parse_mac(text: str) -> str:
    """The address as libvirt writes it: ``52:54:00:1c:7a:02``.

    Raises:
        MacError: It is none, or one that no single interface can have.
    """
    lower = text.strip().lower()
    if not any(notation.fullmatch(lower) for notation in _NOTATIONS):
        raise MacError(f"{text[:40]!r} is no MAC address; one reads {QEMU}:1c:7a:02")
    mac = _written(int(re.sub(r"[^0-9a-f]", "", lower), 16))
    if int(mac[:2], 16) & 1:
        raise MacError(f"{mac} is a multicast address: its first byte must be even")
    if mac == _written(0):
        raise MacError(f"{mac} is no address of an interface")
    return mac


def make_mac(taken: Container[str], prefix: str = QEMU, dice: Dice = randbelow) -> str:
    """An address that nobody has.

    Args:
        taken: The addresses of all domains, as `parse_mac` answers them.
        prefix: One of `PREFIXES`.
        dice: Where chance comes from.

    Raises:
        MacError: None was found in a thousand tries.
    """
    first = int(prefix.replace(":", ""), 16) << 24
    for _ in range(_TRIES):
        mac = _written(first + dice(_HIGHEST[prefix]))
        if mac not in taken:
            return mac
    raise MacError(f"no address that begins with {prefix} was found free: type one")


def wanted_mac(text: str, taken: Container[str], dice: Dice = randbelow) -> str:
    """What somebody asked for: an address, or ``new`` or a prefix for one that is made.

    Raises:
        MacError: As `parse_mac` and `make_mac`. Whether somebody has it is not looked at.
    """
    word = text.strip().lower()
    if word == NEW or word in PREFIXES:
        return make_mac(taken, QEMU if word == NEW else word, dice)
    return parse_mac(text)


def _written(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")

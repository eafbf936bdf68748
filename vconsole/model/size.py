"""Amounts of memory as people write them and as libvirt keeps them: whole KiB, rounded up.

Units: https://libvirt.org/formatdomain.html, "Memory Allocation". Upper and lower case are one, as
in libvirt; a number alone is of KiB.
"""

from __future__ import annotations

import re
from typing import Final

from vconsole.model.value import dataclass

UNITS: Final = {
    "b": 1,
    "bytes": 1,
    "kb": 10**3,
    "k": 1 << 10,
    "kib": 1 << 10,
    "mb": 10**6,
    "m": 1 << 20,
    "mib": 1 << 20,
    "gb": 10**9,
    "g": 1 << 30,
    "gib": 1 << 30,
    "tb": 10**12,
    "t": 1 << 40,
    "tib": 1 << 40,
}
MAX_BYTES: Final = (1 << 63) - 1
"""The most that libvirt reads."""
_NAMES: Final = "b, KB, KiB, MB, MiB, GB, GiB, TB, TiB, or k, M, G, T"
_WRITTEN: Final = re.compile(r"([+-]?[0-9]+(?:[.,][0-9]*)?)\s*([A-Za-z]*)")
_LARGEST: Final = (("TiB", 30), ("GiB", 20), ("MiB", 10))


class MemorySizeError(ValueError):
    """A text that is no amount of memory; the message is one line with the cure."""


@dataclass(frozen=True, slots=True)
class MemorySize:
    """An amount that was asked for, and what libvirt makes of it."""

    asked_bytes: int

    @property
    def kib(self) -> int:
        """Whole KiB, rounded up."""
        return -(-self.asked_bytes // 1024)

    @property
    def words(self) -> str:
        """What it is, and that it was rounded: ``976563 KiB, rounded up from 1000000000 bytes``."""
        more = self.asked_bytes % 1024
        rounded = f", rounded up from {self.asked_bytes} bytes" if more else ""
        return exact(self.kib) + rounded


def parse(text: str) -> MemorySize:
    """Read a whole number and a unit, such as ``512MiB``.

    Raises:
        MemorySizeError: It is none.
    """
    shown = text.strip()[:40]
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise MemorySizeError(f"{shown!r} is no amount of memory: give one such as 512MiB or 2G")
    digits, unit = match[1], match[2].lower()
    if unit and unit not in UNITS:
        raise MemorySizeError(f"{match[2][:20]!r} is no unit: use {_NAMES}")
    if not digits.lstrip("+").isdigit():
        below = "is below 0: give an amount such as 512MiB"
        parts = "is no whole number: use a smaller unit, as in 1536MiB"
        raise MemorySizeError(f"{shown!r} {below if digits[0] == '-' else parts}")
    if len(digits) > 20 or (asked := int(digits) * UNITS[unit or "kib"]) > MAX_BYTES:
        raise MemorySizeError(f"{shown!r} is more than libvirt can count, 8388607 TiB")
    if not asked:
        raise MemorySizeError("a domain cannot do without memory: give an amount such as 512MiB")
    return MemorySize(asked)


def kib_of(text: str, unit: str | None) -> int | None:
    """The KiB that an element of libvirt's XML stands for; None where it cannot be read."""
    try:
        return parse(f"{text.strip()} {unit or 'KiB'}").kib
    except MemorySizeError:
        return None


def exact(kib: int) -> str:
    """An amount without loss, in the largest unit that allows it: ``512 MiB``, ``1000001 KiB``."""
    for unit, shift in _LARGEST:
        if kib and not kib & ((1 << shift) - 1):
            return f"{kib >> shift} {unit}"
    return f"{kib} KiB"

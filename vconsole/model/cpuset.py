"""Sets of pCPUs in libvirt's notation, such as ``0-3,^2``.

Source of the notation: virsh(1), vcpupin, and libvirt's virBitmapParse: items are evaluated from
left to right, so ``0-15,^8`` leaves 8 out and ``^8,0-15`` does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vconsole.model.value import dataclass

MAX_ID = 16383
"""The highest pCPU id accepted from text; a bound for hostile input, far above real hosts."""

_ITEM = re.compile(r"(\^?)([0-9]+)(?:-([0-9]+))?")


class CpuSetError(ValueError):
    """Text that is no cpuset; the message names the item and the cure."""


@dataclass(frozen=True, slots=True)
class CpuSet:
    """An immutable set of pCPU ids (or cell ids), kept as the bits of one integer."""

    bits: int = 0

    @classmethod
    def of(cls, ids: Iterable[int]) -> CpuSet:
        """The set of the given ids."""
        bits = 0
        for number in ids:
            bits |= 1 << number
        return cls(bits)

    @classmethod
    def from_map(cls, flags: Iterable[bool]) -> CpuSet:
        """From libvirt-python's cpumap: a sequence of one boolean a pCPU."""
        return cls.of(number for number, allowed in enumerate(flags) if allowed)

    @classmethod
    def parse(cls, text: str, everything: CpuSet | None = None) -> CpuSet:
        """Read ``0-3,^2``; ``r`` and ``all`` mean `everything`, where that is given.

        Raises:
            CpuSetError: An item is no number or range, runs backwards, exceeds `MAX_ID`, or
                nothing is left.
        """
        if everything is not None and text.strip().lower() in ("r", "all"):
            return everything
        bits = 0
        for raw in text.split(","):
            exclude, span = _item_bits(raw.strip())
            bits = bits & ~span if exclude else bits | span
        if not bits:
            raise CpuSetError(f"cpuset {_short(text)} is empty: name at least one pCPU")
        return cls(bits)

    def to_map(self, length: int) -> tuple[bool, ...]:
        """As libvirt-python's cpumap of `length` pCPUs; ids beyond it are left out."""
        return tuple(bool(self.bits >> number & 1) for number in range(length))

    def __iter__(self) -> Iterator[int]:
        bits = self.bits
        while bits:
            low = bits & -bits
            yield low.bit_length() - 1
            bits ^= low

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and number >= 0 and bool(self.bits >> number & 1)

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __bool__(self) -> bool:
        return self.bits != 0

    def __or__(self, other: CpuSet) -> CpuSet:
        return CpuSet(self.bits | other.bits)

    def __and__(self, other: CpuSet) -> CpuSet:
        return CpuSet(self.bits & other.bits)

    def __sub__(self, other: CpuSet) -> CpuSet:
        return CpuSet(self.bits & ~other.bits)

    def __xor__(self, other: CpuSet) -> CpuSet:
        return CpuSet(self.bits ^ other.bits)

    def __le__(self, other: CpuSet) -> bool:
        return not self.bits & ~other.bits

    def __str__(self) -> str:
        """The shortest list of numbers and ranges, as libvirt prints it: ``0-3,8``."""
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges())

    def ranges(self) -> Iterator[tuple[int, int]]:
        """The runs of consecutive ids as (first, last)."""
        first = last = -2
        for number in self:
            if number != last + 1:
                if first >= 0:
                    yield first, last
                first = number
            last = number
        if first >= 0:
            yield first, last

    @property
    def first(self) -> int | None:
        """The lowest id, or None for the empty set."""
        return (self.bits & -self.bits).bit_length() - 1 if self.bits else None


def _item_bits(item: str) -> tuple[bool, int]:
    """(is an exclusion, bits) of one item between commas."""
    match = _ITEM.fullmatch(item) if item.isascii() else None
    if match is None:
        raise CpuSetError(f"cpuset item {_short(item)} is no number or range such as 0-3 or ^2")
    caret, low_text, high_text = match.groups()
    if max(len(low_text), len(high_text or "")) > 9:
        raise CpuSetError(f"pCPU {_short(item)} is beyond {MAX_ID}")
    low, high = int(low_text), int(high_text or low_text)
    if high < low:
        raise CpuSetError(f"cpuset range {_short(item)} runs backwards: write {high}-{low}")
    if high > MAX_ID:
        raise CpuSetError(f"pCPU {high} is beyond {MAX_ID}")
    return bool(caret), (1 << high + 1) - (1 << low)


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")

"""The values in libvirt's XML: numbers, amounts of memory, cpusets; what cannot be read is None."""

from __future__ import annotations

from functools import lru_cache

from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.size import UNITS
from vconsole.model.xml_read import Element

MAX_NUMBER = (1 << 63) - 1


def number(text: str | None) -> int | None:
    """A whole number from 0 to 2**63-1 in decimal digits; None for anything else."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    value = int(text)
    return value if value <= MAX_NUMBER else None


def amount(element: Element | None) -> int | None:
    """The bytes that an element such as ``<memory unit='KiB'>`` stands for."""
    if element is None:
        return None
    return scaled(element.text, element.get("unit", "KiB"))


def scaled(text: str | None, unit: str) -> int | None:
    """A number of libvirt's memory units, in bytes."""
    value, factor = number(text), UNITS.get(unit.lower())
    if value is None or factor is None:
        return None
    return value * factor if value * factor <= MAX_NUMBER else None


@lru_cache(maxsize=4096)
def cpuset(text: str | None) -> CpuSet | None:
    """A cpuset or nodeset; None where there is none, or one that cannot be read.

    Thousands of rows share a few sets: each is read and kept once.
    """
    if not text or not text.strip():
        return None
    try:
        return CpuSet.parse(text)
    except CpuSetError:
        return None

"""How rows and amounts are called in a line of text, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import RowKey, RowKind
from vconsole.model.setting import SETTING_KINDS

KIND_WORDS: Final[dict[RowKind, str]] = {
    "vcpu": "vCPU",
    "emulator": "emulator",
    "iothread": "iothread",
    **{kind: kind.replace("_", " ") for kind in SETTING_KINDS},
    "vcpuset": "default set",
    "memnode": "guest cell",
    "vcpusched": "vCPU sched",
    "emulatorsched": "emulator sched",
    "iothreadsched": "iothread sched",
}
_ORDER: Final[dict[RowKind, int]] = {kind: place for place, kind in enumerate(KIND_WORDS)}


def row_order(key: RowKey) -> tuple[int, int]:
    """Sorts rows as every table shows them: vCPUs, the emulator, iothreads, then settings."""
    kind, number = key
    return _ORDER[kind], -1 if number is None else number


def row_label(key: RowKey) -> str:
    """One row in words: ``vCPU 2``, ``emulator``, ``iothread 1``."""
    kind, number = key
    return KIND_WORDS[kind] if number is None else f"{KIND_WORDS[kind]} {number}"


def rows_label(keys: Iterable[RowKey]) -> str:
    """Several rows in words, numbers gathered: ``vCPU 0-3, 6, emulator``."""
    numbers: dict[RowKind, list[int]] = {}
    for kind, number in sorted(keys, key=row_order):
        numbers.setdefault(kind, []).extend(() if number is None else (number,))
    return ", ".join(
        f"{KIND_WORDS[kind]} {numbers_label(ids)}" if ids else KIND_WORDS[kind]
        for kind, ids in numbers.items()
    )


def numbers_label(ids: Iterable[int]) -> str:
    """Numbers for reading: ``2, 3`` but ``4-7``."""
    parts = (
        f"{first}-{last}" if last > first + 1 else ", ".join(map(str, range(first, last + 1)))
        for first, last in CpuSet.of(ids).ranges()
    )
    return ", ".join(parts)


def amount(count_bytes: float) -> str:
    """Bytes in GiB or MiB with one decimal where it says something: ``6.4 GiB``, ``512 MiB``."""
    for unit, size in (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count_bytes >= size:
            number = count_bytes / size
            return f"{number:.1f} {unit}" if number < 100 else f"{number:.0f} {unit}"
    return f"{count_bytes:.0f} B"


def page_name(size_kib: int) -> str:
    """``2M``, ``1G``, ``64K``."""
    for unit, kib in (("G", 1 << 20), ("M", 1 << 10)):
        if size_kib >= kib and size_kib % kib == 0:
            return f"{size_kib // kib}{unit}"
    return f"{size_kib}K"


def names_label(names: Iterable[str]) -> str:
    """A few names, and how many there are beyond: ``web-01, web-02 and 3 more``."""
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - 2} more" if len(unique) > 2 else ""
    return ", ".join(unique[:2]) + more


def dotted_version(number: int) -> str:
    """libvirt's number of a version as people write it: 9000001 is ``9.0.1`` (virGetVersion)."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def plural(count: int, word: str) -> str:
    """A count with its noun: ``1 pCPU``, ``2 pCPUs``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def pcpus_label(ids: Iterable[int]) -> str:
    """Host CPUs in words: ``pCPU 8``, ``pCPUs 8-11``."""
    numbers = tuple(ids)
    return f"{'pCPU' if len(numbers) == 1 else 'pCPUs'} {numbers_label(numbers)}"

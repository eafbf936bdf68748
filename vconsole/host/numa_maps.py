"""Where the memory of a process lies: ``/proc/PID/numa_maps``, huge pages included; see numa(7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_CHUNK, _MAX_BYTES = 1 << 16, 32 << 20
_ON_CELL = re.compile(rb" N(\d{1,4})=(\d{1,15})")
_PAGE_SIZE = re.compile(rb" kernelpagesize_kB=(\d{1,8})")


def parts(lines: Iterable[bytes]) -> Iterator[tuple[bytes, int, int, int]]:
    """(line, KiB of its pages, cell, bytes there); a mapping without a page size has 4 KiB."""
    left = _MAX_BYTES
    for line in lines:
        left -= len(line)
        if left < 0:
            return
        pages = _ON_CELL.findall(line)
        if pages:
            size = _PAGE_SIZE.search(line)
            page_kib = int(size[1]) if size else 4
            for cell, count in pages:
                yield line, page_kib, int(cell), int(count) * page_kib << 10


def parse_numa_maps(lines: Iterable[bytes]) -> dict[int, int]:
    """Bytes by cell."""
    cells: dict[int, int] = {}
    for _, _, cell, size_bytes in parts(lines):
        cells[cell] = cells.get(cell, 0) + size_bytes
    return cells


def read_numa_maps(path: Path) -> dict[int, int] | None:
    """Bytes by cell; None where the file may not be read or the process is gone."""
    try:
        with path.open("rb", buffering=_CHUNK) as file:
            return parse_numa_maps(file)
    except OSError:
        return None

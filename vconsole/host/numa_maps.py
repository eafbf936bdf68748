"""Where the memory of a process lies: ``/proc/PID/numa_maps``, huge pages included; see numa(7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_CHUNK, _MAX_BYTES = 1 << 16, 32 << 20
_ON_CELL = re.compile(rb" N(\d{1,4})=(\d{1,15})")
_PAGE_SIZE = re.compile(rb" kernelpagesize_kB=(\d{1,8})")


def parse_numa_maps(lines: Iterable[bytes]) -> dict[int, int]:
    """Bytes by cell; a mapping without a page size has pages of 4 KiB."""
    cells: dict[int, int] = {}
    for line in lines:
        pages = _ON_CELL.findall(line)
        if pages:
            size = _PAGE_SIZE.search(line)
            page_bytes = int(size[1]) << 10 if size else 4096
            for cell, count in pages:
                cells[int(cell)] = cells.get(int(cell), 0) + int(count) * page_bytes
    return cells


def read_numa_maps(path: Path) -> dict[int, int] | None:
    """Bytes by cell; None where the file may not be read or the process is gone."""
    try:
        with path.open("rb", buffering=_CHUNK) as file:
            return parse_numa_maps(_bounded(file))
    except OSError:
        return None


def _bounded(lines: Iterable[bytes]) -> Iterable[bytes]:
    left = _MAX_BYTES
    for line in lines:
        left -= len(line)
        if left < 0:
            return
        yield line

"""Where the memory of running domains lies: ``/proc/PID/numa_maps``, huge pages included.

The kernel walks the page tables for it and holds the guest's memory lock meanwhile. So it is read
seldom, by a thread of its own, one domain after another. Format: numa(7).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from vconsole.host.proc import Guest
from vconsole.model.host_state import Locality

_EVERY_S = 3.0
"""Between two domains."""
_IN_VIEW_S = 10.0
"""Between two looks at the domain in view."""
_REST = 20
"""After a look that took long, this many times as long nothing is read."""
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


class LocalityReader:
    """A daemon thread that goes round the running domains. `results` is replaced, not changed."""

    def __init__(self) -> None:
        self.results: Mapping[str, Locality] = {}
        self.denied = False
        """The kernel does not let this user look; nothing more is tried."""
        self._guests: dict[str, Guest] = {}
        self._in_view: str | None = None
        self._changed = Condition()
        self._ended = False
        self._thread: Thread | None = None

    def update(self, guests: Mapping[str, Guest], in_view: str | None) -> None:
        """Say which domains run, and which one is on the screen."""
        with self._changed:
            self._guests = dict(guests)
            self.results = {u: r for u, r in self.results.items() if u in guests}
            hurry = in_view in guests and in_view not in self.results and in_view != self._in_view
            self._in_view = in_view
            if self._thread is None and guests:
                self._thread = Thread(target=self._run, name="vconsole-numa", daemon=True)
                self._thread.start()
            elif hurry:
                self._changed.notify_all()

    def close(self) -> None:
        """End the thread, after the look that it is at."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._ended and not self.denied:
            begun = monotonic()
            with self._changed:
                uuid = self._next(begun)
                guest = self._guests.get(uuid or "")
            if uuid is not None and guest is not None:
                self._look(uuid, guest)
            pause = max(_EVERY_S, _REST * (monotonic() - begun))
            with self._changed:
                if not self._ended:
                    self._changed.wait(pause)

    def _next(self, now: float) -> str | None:
        """The domain in view if it is time, else the one that was not looked at for longest."""
        seen = self.results.get(self._in_view or "")
        if self._in_view in self._guests and (seen is None or now - seen.read_at >= _IN_VIEW_S):
            return self._in_view
        ages = {u: self.results[u].read_at if u in self.results else 0.0 for u in self._guests}
        return min(ages, key=lambda uuid: (ages[uuid], uuid), default=None)

    def _look(self, uuid: str, guest: Guest) -> None:
        path = guest.path / "numa_maps"
        cells = read_numa_maps(path)
        if cells is None:
            self.denied = path.exists() and not os.access(path, os.R_OK)
            return
        with self._changed:
            if uuid in self._guests:
                self.results = {**self.results, uuid: Locality(cells, monotonic())}

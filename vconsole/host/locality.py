"""Where the memory of running domains lies, looked at in turns.

The kernel walks the page tables for it and holds the guest's memory lock meanwhile. So it is read
seldom, by a thread of its own, one domain after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Condition, Thread
from time import monotonic

from vconsole.host.proc import Guest
from vconsole.host.stderr import leave_trace
from vconsole.model.host_state import Locality

_EVERY_S = 3.0
"""Between two domains."""
_IN_VIEW_S = 10.0
"""Between two looks at the domain in view."""
_REST = 20
"""After a look that took long, this many times as long nothing is read."""


class LocalityReader:
    """A daemon thread that goes round the running domains. `results` is replaced, not changed."""

    def __init__(self) -> None:
        self.results: Mapping[str, Locality] = {}
        self._guests: dict[str, Guest] = {}
        self._looked: dict[str, float] = {}
        """UUID -> when, in monotonic seconds, whatever came of it."""
        self._in_view: str | None = None
        self._changed = Condition()
        self._ended = False
        self._thread: Thread | None = None

    def update(self, guests: Mapping[str, Guest], in_view: str | None) -> None:
        """Say which domains run, and which one is on the screen."""
        with self._changed:
            self._guests = dict(guests)
            if not self.results.keys() <= guests.keys():
                self.results = {u: r for u, r in self.results.items() if u in guests}
            self._looked = {u: at for u, at in self._looked.items() if u in guests}
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
        while not self._ended:
            begun = monotonic()
            with self._changed:
                uuid = self._next(begun)
                guest = self._guests.get(uuid or "")
            if uuid is not None and guest is not None:
                here = {u: at for u, at in self._looked.items() if u in self._guests}
                self._looked = {**here, uuid: begun}
                self._guarded_look(uuid, guest)
            pause = max(_EVERY_S, _REST * (monotonic() - begun))
            with self._changed:
                if not self._ended:
                    self._changed.wait(pause)

    def _next(self, now: float) -> str | None:
        """The domain in view if it is time, else the one that was not looked at for longest."""
        looked = {uuid: self._looked.get(uuid, 0.0) for uuid in self._guests}
        if self._in_view in looked and now - looked[self._in_view] >= _IN_VIEW_S:
            return self._in_view
        return min(looked, key=lambda uuid: (looked[uuid], uuid), default=None)

    def _guarded_look(self, uuid: str, guest: Guest) -> None:
        """Look; a fault of this program costs this domain's answer, not those of all."""
        try:
            self._look(uuid, guest)
        except Exception:
            leave_trace()
            with self._changed:
                self.results = {u: r for u, r in self.results.items() if u != uuid}

    def _look(self, uuid: str, guest: Guest) -> None:
        cells = guest.memory()
        with self._changed:
            if cells is not None and uuid in self._guests:
                self.results = {**self.results, uuid: Locality(cells, monotonic())}


class InstantLocality:
    """Looks at all of them each time: for a host where that costs nothing."""

    def __init__(self) -> None:
        self.results: Mapping[str, Locality] = {}

    def update(self, guests: Mapping[str, Guest], in_view: str | None) -> None:
        """Look; the same object stays where nothing has moved."""
        found = {uuid: cells for uuid, guest in guests.items() if (cells := guest.memory())}
        if found != {uuid: known.bytes_by_cell for uuid, known in self.results.items()}:
            self.results = {uuid: Locality(cells, monotonic()) for uuid, cells in found.items()}

    def close(self) -> None:
        """Nothing is held."""

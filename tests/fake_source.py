"""A host that does what a test says, behind the same interface as the real one."""

from __future__ import annotations

from threading import Event

from vconsole.host.source import HostError, View
from vconsole.model.host_state import EMPTY, HostState


class FakeSource:
    """Answers with the given snapshots, one a reading and the last one for ever.

    Attributes:
        views: What was asked for.
        error: Raised by the next calls, while it is set.
        unfinished: What the source says of itself.
        closed: It was closed.
        abandoned: It was given up.
        called_at: When the latest call began, of readings that make several.
        slowest_s: The longest call of the latest reading, where a test says so.
    """

    def __init__(self, *snapshots: HostState) -> None:
        self._snapshots = list(snapshots) or [EMPTY]
        self._free = Event()
        self._free.set()
        self.views: list[View] = []
        self.error: Exception | None = None
        self.unfinished = False
        self.called_at = self.slowest_s = 0.0
        self.closed = self.abandoned = False

    def hang(self) -> None:
        """Let every call hang, as one to a stopped daemon does."""
        self._free.clear()

    def release(self) -> None:
        """Let the calls that hang come back."""
        self._free.set()

    def read(self, view: View) -> HostState:
        """The next state.

        Raises:
            HostError: The test says so.
        """
        self.views.append(view)
        self._pass()
        return self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]

    def abandon(self) -> None:
        """Note it."""
        self.abandoned = True

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def _pass(self) -> None:
        self._free.wait()
        if self.abandoned:
            raise HostError("abandoned", "the call was given up")
        if self.error is not None:
            raise self.error

"""The pin history as several threads share it: those that set pins, and the one that shows it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from vconsole.changes.history import History
from vconsole.model.outcome import Outcome


class PinHistory:
    """Reads the file when first asked, and again whenever it has changed.

    Args:
        directory: Where the file is; None keeps all in memory.
        history: What is known instead of the file.
    """

    def __init__(self, directory: Path | None, history: History | None = None) -> None:
        self._directory, self._history = directory, history
        self._lock = Lock()

    def now(self) -> History:
        """What is known, with what other programs have added meanwhile."""
        with self._lock:
            return self._now()

    @property
    def path(self) -> Path | None:
        """The file, None in memory; it is not looked whether it has changed."""
        with self._lock:
            return (self._history or self._now()).path

    def id_of(self, outcome: Outcome) -> str:
        """The id of what this program has recorded of a change, empty where that is nothing."""
        with self._lock:
            ours = self._history.ours if self._history else ()
        done = (outcome.change.uuid, outcome.applied)
        return next((r.id for r in reversed(ours) if (r.uuid, r.applied) == done), "")

    def record(self, outcome: Outcome, uri: str, split_pins: bool, id: str = "") -> None:
        """Add what became of a change."""
        with self._lock:
            self._history = self._now().record(outcome, uri, split_pins=split_pins, id=id)

    def _now(self) -> History:
        if self._history is None:
            self._history = (
                History.load(self._directory) if self._directory else History.in_memory()
            )
        self._history = self._history.fresh()
        return self._history

"""When to update: at fixed steps of a monotonic clock, never twice for one step."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class Schedule:
    """Steps of equal length from now on; the first one is due at once.

    An update that takes longer than a step makes the steps in between be left out: the next one
    is that which comes after its end. So updates neither pile up nor follow each other without a
    pause, and the steps do not drift.
    """

    def __init__(self, period_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._period_s, self._clock = period_s, clock
        self._next = clock()

    @property
    def wait_s(self) -> float:
        """How long until the next step; 0 if it is due."""
        return max(0.0, self._next - self._clock())

    @property
    def next_at(self) -> float:
        """When the next step is, by the clock: an update that lasts till then costs it."""
        return self._next

    def begin(self) -> None:
        """Take the present step; the next is due at the multiple of the period after it."""
        late_s = max(0.0, self._clock() - self._next)
        self._next += self._period_s * (1 + late_s // self._period_s)

    def end(self) -> None:
        """Leave out the steps that the update lasted over."""
        late_s = self._clock() - self._next
        if late_s >= 0:
            self._next += self._period_s * (1 + late_s // self._period_s)

    def change(self, period_s: float) -> None:
        """Begin anew with another period, at once."""
        self._period_s, self._next = period_s, self._clock()

    def hurry(self) -> None:
        """Make a step due at once; those after it come a whole period later."""
        self._next = self._clock()

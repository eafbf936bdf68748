"""How often a host is read, by what its readings take: a slow daemon is not hammered."""

from __future__ import annotations

from math import ceil, inf

STRETCH = 10
"""A reading may take one part in this many of the time."""
SELDOM_S = 10.0
"""What takes long, over a long way too, is read so often all the same, or a third of the time."""
_TOLD_S = (1, 2, 3, 5, 10, 15, 20, 30, 60)


class Pace:
    """The seconds from one reading to the next that the host needs at least."""

    def __init__(self) -> None:
        self.least_s = 0.0
        self._took_s = inf

    def took(self, seconds: float) -> None:
        """Take note of a reading. A single late one changes nothing: the shorter of two counts."""
        usual, self._took_s = min(seconds, self._took_s), seconds
        self.least_s = min(STRETCH * usual, max(SELDOM_S, usual * 3))

    def told_s(self, interval_s: float) -> float:
        """What to say of the time between two readings: 0 for the interval, else a round number."""
        if self.least_s < interval_s * 1.5:
            return 0.0
        least = self.least_s
        return next((float(s) for s in _TOLD_S if s >= least), ceil(least / 60) * 60.0)

"""How often a host is read, by what its readings take: a slow daemon is not hammered.

And how long it is waited for: an answer over a long way is late, and no sign that the host hangs.
"""

from __future__ import annotations

from math import ceil, inf

from vconsole.model.value import dataclass

STRETCH = 10
"""A reading may take one part in this many of the time."""
SELDOM_S = 10.0
"""What takes long, over a long way too, is read so often all the same, or a third of the time."""
_TOLD_S = (1, 2, 3, 5, 10, 15, 20, 30, 60)
_OPENS = 3
"""Round trips that it takes to connect, at the least: what a call may take before any did."""
_MANY = 30
"""Calls, one after another, of the reading that asks for all there is to know of a host."""
_FAR_S = 0.3
"""Where a call usually takes so long, what is still to be read takes its time as well."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient the poller is, in seconds."""

    patience_s: float = 1.5
    """A call that takes longer makes the data stale, and a reading of several too; unless this host
    usually takes longer: see `Pace`."""
    connect_s: float = 10.0
    """An attempt to connect that takes longer goes on, and another one begins beside it; of that
    it is twice as long, up to `longest_connect_s`. ssh takes more than this at times."""
    longest_connect_s: float = 120.0
    first_retry_s: float = 0.25
    last_retry_s: float = 1.0
    """Attempts to connect start at `first_retry_s` and double up to this."""
    settled_s: float = 5.0
    """A connection that lived this long starts the attempts anew."""
    between_events_s: float = 0.25
    slice_s: float = 0.02
    """Between two readings of a source that is `unfinished`."""
    workers: int = 4
    """Workers that may be left behind, or still connect, before no new one is started."""


class Pace:
    """What one host usually takes, and what follows from it.

    A single late answer changes nothing: of two readings the quicker one counts.

    Attributes:
        least_s: The seconds from one reading to the next that the host needs at least.
        event_s: The same where an event asks for it.
    """

    def __init__(self) -> None:
        self.least_s = self.event_s = 0.0
        self._took_s = inf
        self._slowest_s = self._call_s = 0.0
        """The longest call of the last reading, and of a usual one."""
        self._hurry = 1

    def opened(self, seconds: float) -> None:
        """Take note of a connection that was opened: nothing was asked on it yet."""
        self._slowest_s = self._call_s = seconds / _OPENS

    def took(self, seconds: float, slowest_s: float = 0.0, for_event: bool = False) -> None:
        """Take note of a reading.

        Args:
            seconds: All of it.
            slowest_s: The longest of its calls.
            for_event: Something had happened. The first such reading comes at once, those that
                follow it later and later: many events are many only where the daemon is busy.
        """
        usual, self._took_s = min(seconds, self._took_s), seconds
        self._call_s, self._slowest_s = min(slowest_s, self._slowest_s), slowest_s
        self.least_s = min(STRETCH * usual, max(SELDOM_S, usual * 3))
        self._hurry = self._hurry * 2 if for_event else 1
        self.event_s = min(self._hurry * seconds, self.least_s)

    @property
    def far(self) -> bool:
        """A call alone takes so long that the age of the data is seen."""
        return self._call_s > _FAR_S

    @property
    def longest_s(self) -> float:
        """How long a reading may take, as long as each of its calls comes back."""
        return max(self.least_s, _MANY * self._call_s)

    def patience_s(self, at_least: float) -> float:
        """How long a call may take before the data is called stale."""
        return max(at_least, 2 * self._call_s)

    def deadline_s(self, at_least: float) -> float:
        """How long a call may take before it is given up."""
        return max(at_least, 3 * self._call_s)

    def told_s(self, interval_s: float) -> float:
        """What to say of the time between two readings: 0 for the interval, else a round number."""
        if self.least_s < interval_s * 1.5:
            return 0.0
        least = self.least_s
        return next((float(s) for s in _TOLD_S if s >= least), ceil(least / 60) * 60.0)

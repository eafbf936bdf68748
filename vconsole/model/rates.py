"""From two readings of a counter to a percentage; None where that cannot be said.

Counters come from other programs: they may be missing, go backwards when a thread or guest is
replaced, or jump. A rate is never negative, beyond its limit, NaN or infinite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

HISTORY = 10
"""How many of the latest values are kept for a small picture."""
_SHORTEST_S = 0.1
"""Counters tick in hundredths of a second: over less time there is only noise."""


def too_soon(elapsed_s: float) -> bool:
    """Whether it is too early for another rate: the one before stays, and what it is taken from.

    Who forgets the earlier reading says nothing for as long as something else, an event or a key,
    has the host read again and again.
    """
    return 0 <= elapsed_s < _SHORTEST_S


def per_second(before: float | None, after: float | None, elapsed_s: float) -> float | None:
    """How fast a counter rose.

    None where a reading is missing, the counter went backwards or next to no time passed.
    """
    if before is None or after is None or not _SHORTEST_S <= elapsed_s < math.inf:
        return None
    risen = after - before
    return risen / elapsed_s if 0 <= risen < math.inf else None


def percent(
    before_ns: float | None, after_ns: float | None, elapsed_s: float, limit: float
) -> float | None:
    """Share of `elapsed_s` by which a counter of nanoseconds rose, between 0 and `limit` percent.

    None as of `per_second`.
    """
    rate = per_second(before_ns, after_ns, elapsed_s)
    return None if rate is None else min(rate / 1e7, limit)


def shares(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Each counter's percentage of what all of them rose together; empty where nothing can be said.

    For counters that share out the time, such as those of ``nodecpustats``.
    """
    risen = {key: max(0.0, value - before.get(key, math.inf)) for key, value in after.items()}
    total = sum(risen.values())
    if not 0 < total < math.inf:
        return {}
    return {key: min(100.0, value / total * 100) for key, value in risen.items()}


def busy(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Busy percent of one pCPU from its times by kind: all but ``idle`` and ``iowait``."""
    parts = shares(before, after)
    if not parts:
        return None
    return max(0.0, min(100.0, 100 - parts.get("idle", 0.0) - parts.get("iowait", 0.0)))


def extend(history: tuple[float, ...], value: float | None) -> tuple[float, ...]:
    """The history with one more value, the oldest dropped beyond `HISTORY`."""
    return history if value is None else (*history[1 - HISTORY :], value)

"""Small statistics over lists of figures."""

import math
import statistics
from collections.abc import Iterable, Sequence

Figures = dict[str, float]
"""Named numbers of one run; the name ends in the unit (``ready_ms``, ``move.bytes_p50``)."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile: the smallest value that `share` (0..1) are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(name: str, values: Sequence[float]) -> Figures:
    """Return ``name_p50``, ``name_p95`` and ``name_max``; nothing when there are no values."""
    if not values:
        return {}
    return {
        f"{name}_p50": statistics.median(values),
        f"{name}_p95": percentile(values, 0.95),
        f"{name}_max": max(values),
    }


def medians(runs: Iterable[Figures]) -> Figures:
    """Return the median of each figure over the runs that have it, in first-seen order."""
    gathered: dict[str, list[float]] = {}
    for run in runs:
        for name, value in run.items():
            gathered.setdefault(name, []).append(value)
    return {name: statistics.median(values) for name, values in gathered.items()}

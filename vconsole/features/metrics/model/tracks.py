"""What became of each metric from one document to the next: changed or not, by how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vconsole.features.metrics.model.metric import Metric, MetricTypeError, typed

KEPT: Final = 12
"""Numbers remembered of a metric, one an update."""
Key = tuple[str, str, int]
"""Whose it is, its name, and which of several by that name."""


@dataclass(frozen=True, slots=True)
class Track:
    """The past of one metric."""

    text: str
    numbers: tuple[float, ...] = ()
    """The latest values, oldest first; none of a text."""
    changed: bool = False
    """The latest update brought another value."""

    @property
    def step(self) -> float | None:
        """By how much a number changed in the latest update."""
        if not self.changed or len(self.numbers) < 2:
            return None
        return self.numbers[-1] - self.numbers[-2]


def owner(metric: Metric) -> str:
    """Whose it is: "" for the host, else what the document says of the domain, best its UUID."""
    if metric.context == "host":
        return ""
    return metric.uuid or f"id {'-' if metric.domain_id is None else metric.domain_id}"


def keyed(metrics: Iterable[Metric]) -> dict[Key, Metric]:
    """Each metric by its key, in the order of the document."""
    found: dict[Key, Metric] = {}
    counts: dict[tuple[str, str], int] = {}
    for metric in metrics:
        name = (owner(metric), metric.name)
        counts[name] = number = counts.get(name, -1) + 1
        found[*name, number] = metric
    return found


def followed(tracks: Mapping[Key, Track], metrics: Mapping[Key, Metric]) -> dict[Key, Track]:
    """The tracks after another document; those of metrics that are gone are forgotten."""
    return {key: _next(tracks.get(key), metric) for key, metric in metrics.items()}


def _next(before: Track | None, metric: Metric) -> Track:
    try:
        value = typed(metric)
    except MetricTypeError:
        value = metric.value
    numbers = () if isinstance(value, str) else (float(value),)
    if before is None:
        return Track(metric.value, numbers)
    past = before.numbers if numbers else ()
    return Track(metric.value, (*past, *numbers)[-KEPT:], metric.value != before.text)

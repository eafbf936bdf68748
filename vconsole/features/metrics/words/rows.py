"""The metrics of a host and of its domains as rows: value, how it changed, its short past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, NamedTuple

from vconsole.features.metrics.model.metric import Metric, MetricTypeError, display, typed
from vconsole.features.metrics.model.tracks import Key, Track
from vconsole.model.column import Column
from vconsole.text import Cell, safe, spark

HISTORY = 8
"""Cells of the drawn history."""
HOST = "Host"


@dataclass(frozen=True, slots=True)
class Row:
    """A metric, or the heading of the host or a domain where `metric` is None."""

    owner: str
    """The domain's UUID; "" for the host."""
    title: str
    """Whose it is, for people."""
    metric: Metric | None = None
    track: Track = Track("")
    twice: bool = False
    """Another metric of the same owner has its name: stock readers find neither."""

    @property
    def problem(self) -> str:
        """What is wrong with it."""
        if self.metric is None:
            return ""
        if self.twice:
            return f"{self.metric.name} is there twice: guests' tools find neither"
        try:
            typed(self.metric)
        except MetricTypeError as error:
            return str(error)
        return ""

    @property
    def words(self) -> str:
        """The whole of it in a line: foreign text."""
        if self.metric is None:
            return self.title
        return f"{self.metric.name}: {display(self.metric)}"


class Shown(NamedTuple):
    """A row, and what is known of it beside the disk."""

    row: Row
    ways: Cell = ("", "")
    """Of a heading, how the domain can read metrics."""
    why: str = ""
    """Of a metric, what the daemon says is wrong with it."""
    greyed: bool = False
    """It is not what the disk holds now."""
    ascii_only: bool = False
    """The terminal has no other glyphs."""

    @property
    def calm(self) -> str:
        """The style of what is not remarkable."""
        return "dim" if self.greyed else ""

    @property
    def changed(self) -> str:
        """The style of what may have changed."""
        return "accent" if self.row.track.changed and not self.greyed else self.calm

    @property
    def problem(self) -> str:
        """What is wrong with the metric."""
        return self.row.problem or self.why


def _mark(shown: Shown) -> Cell:
    if shown.row.metric is None:
        return "!" if shown.ways[1] == "bad" else "", "bad"
    return "!" if shown.problem else "", "warn"


def _name(shown: Shown) -> Cell:
    if shown.row.metric is None:
        return safe(shown.row.title), shown.calm or "accent"
    return f"  {safe(shown.row.metric.name)}", shown.calm


def _value(shown: Shown) -> Cell:
    if shown.row.metric is None:
        return shown.ways
    return safe(display(replace(shown.row.metric, unit=None))), shown.changed


def _of_metric(cell: Callable[[Metric], str]) -> Callable[[Shown], Cell]:
    return lambda shown: (safe(cell(shown.row.metric)), "dim") if shown.row.metric else ("", "")


def _history(shown: Shown) -> Cell:
    return history(shown.row.track.numbers, shown.ascii_only), shown.calm or "accent"


COLUMNS: Final[tuple[Column[Shown], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column("name", "Metric", 22, flex=True, cut="middle", cell=_name),
    Column("value", "Value", 17, "right", cell=_value),
    Column("unit", "Unit", 4, cell=_of_metric(lambda metric: metric.unit or "")),
    Column("type", "Type", 6, cell=_of_metric(lambda metric: metric.type)),
    Column("step", "Changed", 9, "right", cell=lambda s: (step(s.row.track), s.changed)),
    Column("history", "", 8, cell=_history),
    Column("why", "", 30, from_width=110, cell=lambda shown: (safe(shown.problem), "warn")),
)


def step(track: Track) -> str:
    """By how much it changed: ``+12``, ``-0.5``, or that a text is another."""
    if not track.changed:
        return ""
    amount = track.step
    if amount is None:
        return "changed"
    return f"{amount:+,.0f}" if abs(amount) >= 1e6 else f"{amount:+,.6g}"


def history(numbers: Sequence[float], ascii_only: bool) -> str:
    """The past of a number; of one that only grows, by how much it grew each time."""
    if len(numbers) < 2:
        return ""
    steps = [after - before for before, after in pairwise(numbers)]
    if len(steps) > 1 and min(steps) >= 0 < max(steps):
        return spark(steps, max(steps), HISTORY, ascii_only)
    low, high = min(numbers), max(numbers)
    if low == high:
        return ""
    least = (high - low) / 50  # the lowest is not nothing
    shown = [number - low + least for number in numbers]
    return spark(shown, max(shown), HISTORY, ascii_only)


def rows(
    metrics: Mapping[Key, Metric],
    tracks: Mapping[Key, Track],
    names: Mapping[str, str],
    only: str | None = None,
    words: Sequence[str] = (),
) -> dict[str, Row]:
    """Key -> row: the host's metrics, then those of each domain, by name.

    Args:
        metrics: Those of a document.
        tracks: What became of each.
        names: UUID -> name of the domains.
        only: The one domain whose metrics are wanted besides the host's.
        words: What must all be in a metric's name or its domain's, in small letters.
    """
    groups: dict[str, list[Row]] = {}
    for key, metric in metrics.items():
        if not key[0] or only in (None, key[0]):
            row = _row(key, metric, metrics, tracks, names)
            if all(word in f"{row.title} {metric.name}".casefold() for word in words):
                groups.setdefault(key[0], []).append(row)
    ordered = sorted(groups.values(), key=lambda g: (bool(g[0].owner), g[0].title.casefold()))
    return dict(_keyed(ordered))


def _row(
    key: Key,
    metric: Metric,
    metrics: Mapping[Key, Metric],
    tracks: Mapping[Key, Track],
    names: Mapping[str, str],
) -> Row:
    owner, name, number = key
    title = names.get(owner, owner) if owner else HOST
    twice = number > 0 or (owner, name, 1) in metrics
    return Row(owner, title, metric, tracks.get(key, Track(metric.value)), twice)


def _keyed(groups: Iterable[list[Row]]) -> Iterator[tuple[str, Row]]:
    for group in groups:
        first = group[0]
        yield first.owner or HOST, Row(first.owner, first.title)
        for number, row in enumerate(group):
            assert row.metric is not None
            yield f"{row.owner}\n{row.metric.name}\n{number if row.twice else ''}", row

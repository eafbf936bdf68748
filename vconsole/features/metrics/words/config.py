"""vhostmd.conf and what the daemon makes of it, as cells and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from vconsole.features.metrics.model.conf_text import ConfigError
from vconsole.features.metrics.model.spec import BUILTIN, MetricSpec
from vconsole.features.metrics.model.status import MetricStatus
from vconsole.features.metrics.model.stock import same_builtin
from vconsole.features.metrics.picture import kept_words
from vconsole.model.column import Column
from vconsole.model.keys import Keys
from vconsole.model.words import plural
from vconsole.text import Cell, Note, duration, safe

KEY = Keys("metricsconfig")
_MOST: Final = 5
"""Warnings shown at a time."""
_MARKS: Final = re.compile(r"(?P<dim><[!?].*?(?:>|$)|\s\w+(?==[\"\']))|(?P<accent></?\w+|/?>)")


class SpecRow(NamedTuple):
    """A configured metric, and what the daemon tells of it."""

    spec: MetricSpec
    told: MetricStatus | None
    now_s: float
    edited: bool = False

    @property
    def calm(self) -> str:
        """The style of what is not remarkable."""
        return "" if self.spec.enabled else "dim"


def _mark(row: SpecRow) -> Cell:
    if row.edited:
        return "*", "accent"
    return ("!", "warn") if row.told is not None and row.told.failing else ("", "")


def _took(row: SpecRow) -> Cell:
    told = row.told
    return f"{told.took_s * 1000:,.0f} ms" if told and told.runs else "-", row.calm


def _failures(row: SpecRow) -> Cell:
    told = row.told
    return str(told.failures) if told else "-", "warn" if told and told.failures else row.calm


def _action(spec: MetricSpec) -> str:
    """How it is got; that it is built in under its own name needs no second name."""
    same = spec.action.strip() == f"{BUILTIN}{spec.name}"
    return "built in" if same else " ".join(spec.action.split())


COLUMNS: Final[tuple[Column[SpecRow], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column(
        *("on", "On", 3), cell=lambda row: ("on", "good") if row.spec.enabled else ("off", "dim")
    ),
    Column("name", "Metric", 25, cut="middle", cell=lambda row: (safe(row.spec.name), row.calm)),
    Column("context", "For", 4, cell=lambda row: (row.spec.context, "dim")),
    Column("type", "Type", 6, cell=lambda row: (row.spec.type, "dim")),
    Column(
        *("action", "Action", 8),
        flex=True,
        cell=lambda row: (safe(_action(row.spec)), row.calm),
    ),
    Column(
        *("value", "Last value", 12, "right"),
        cell=lambda row: (safe(row.told.value) if row.told and row.told.value else "-", row.calm),
    ),
    Column(*("ran", "Ran", 6, "right"), cell=lambda row: (_ago(row.told, row.now_s), row.calm)),
    Column("took", "Took", 7, "right", from_width=100, cell=_took),
    Column("failures", "Fails", 5, "right", cell=_failures),
)


def _ago(told: MetricStatus | None, now_s: float) -> str:
    if told is None or told.at_s is None:
        return "-"
    return duration(now_s - told.at_s)


def config_notes(
    spec: MetricSpec | None,
    told: MetricStatus | None,
    tried: tuple[str, str] | None,
    error: ConfigError | None,
    warnings: Sequence[str],
) -> list[Note]:
    """The metric in full, and what is odd about the file.

    Args:
        spec: The metric.
        told: What the daemon tells of it.
        tried: What the last test of it brought, and its tone.
        error: Why the file cannot be used.
        warnings: What is taken, but perhaps not meant so.
    """
    notes: list[Note] = []
    if error is not None:
        notes.append((safe(f" {error}"), "bad"))
        notes.append(
            (
                f" {KEY.text} edits the text, {KEY.editor} opens it in $EDITOR, "
                f"{KEY.unedit} takes the last edit back",
                "",
            )
        )
    if spec is not None:
        notes += _details(spec)
    if told is not None:
        notes += _told(told)
    if tried is not None:
        notes.append((safe(f" tested: {tried[0]}"), tried[1]))
    notes += [(safe(f" ! {warning}"), "warn") for warning in warnings[:_MOST]]
    return notes


def _details(spec: MetricSpec) -> list[Note]:
    unit = f" in {spec.unit}" if spec.unit else ""
    whose = "the host" if spec.context == "host" else "each domain"
    head = f" {spec.name}: {spec.type}{unit} of {whose}, line {spec.line}"
    lines: list[Note] = [(safe(head), "strong")]
    lines += [(safe(f"   {part.strip()}"), "") for part in spec.action.strip().splitlines()]
    if twin := same_builtin(spec):
        lines.append((f"   the daemon can collect that itself, as {twin}", "dim"))
    if spec.variables:
        lines.append((safe(f"   as {', '.join(f'{v.name} {v.type}' for v in spec.variables)}"), ""))
    return lines


def _told(told: MetricStatus) -> list[Note]:
    how = f"itself, as {told.builtin}" if told.builtin else "by the command"
    runs = f"{plural(told.runs, 'run')}, {told.failures} failed"
    took = f", the last took {told.took_s * 1000:,.0f} ms" if told.took_s else ""
    notes: list[Note] = [(safe(f" vhostmd got it {how}: {runs}{took}"), "dim")]
    if told.value:
        notes.append((safe(f" value: {told.value}"), ""))
    if told.kept:
        notes.append((f" {kept_words(told)}", "warn"))
    if told.problem:
        notes.append((safe(f" ! {told.problem}"), "warn"))
    return notes


def release_notes(before: dict[str, str], after: dict[str, str]) -> list[Note]:
    """Which releases of vhostmd refuse the file by their DTD; red what was taken before."""
    return [
        (
            safe(f" vhostmd {release} would refuse this: {reason}"),
            "dim" if release in before else "bad",
        )
        for release, reason in after.items()
    ]


def paint_tags(line: str) -> Iterator[tuple[int, int, str]]:
    """What to colour in a line of the file."""
    for found in _MARKS.finditer(line):
        yield found.start(), found.end(), found.lastgroup or ""

"""The settings of a domain's policy as cells and notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vconsole.features.policy.model.rows import Row
from vconsole.features.policy.model.settings import SMART
from vconsole.model.column import Column
from vconsole.text import Cell, Note, safe

_TONES: Final = {"needed": "bad", "edited": "accent", "next start": "warn"}


def _mark(row: Row) -> Cell:
    return ("!", "bad") if row.problem else ("*", "accent") if row.edited else ("", "")


def _config(row: Row) -> Cell:
    config = _value(row, row.config, row.defined)
    return (config[0], "accent") if row.edited else config


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column("group", "", 5, cell=lambda row: (row.setting.group if row.first else "", "dim")),
    Column("setting", "Setting", 15, cell=lambda row: (safe(row.setting.title), "")),
    Column("live", "Live", 8, cell=lambda row: _value(row, row.live, row.runs)),
    Column("config", "Config", 8, cell=_config),
    Column("note", "", 10, flex=True, cell=lambda row: (row.note, _TONES.get(row.note, "dim"))),
)
_SHARING: Final = ("live", "config")


def columns(width: int) -> tuple[Column[Row], ...]:
    """The columns; live and config share what is left, up to what reads well."""
    used = sum(column.width + 1 for column in COLUMNS if column.id not in _SHARING)
    each = max(8, min(36, (width - used) // 2 - 1))
    return tuple(replace(c, width=each) if c.id in _SHARING else c for c in COLUMNS)


def row_notes(row: Row, remarks: Iterable[str]) -> list[Note]:
    """The setting in full: its values, what it means, what to know of it as it is."""
    values = {"to be": row.config} if row.edited else {}
    values |= {"config": row.was} if row.defined else {}
    values |= {"live": row.live} if row.runs and row.live not in values.values() else {}
    words = "; ".join(f"{name} {row.full(value)}" for name, value in values.items())
    setting = row.setting
    lines: list[Note] = [(safe(f" {setting.group} {setting.title}: {words}"), "")]
    lines += [(safe(f" {setting.help}"), "dim")] if setting.help else []
    lines += [(safe(f" values: {setting.hint}"), "dim")] if setting.hint else []
    tone = "" if setting.key == SMART else "warn"
    return lines + [(safe(f" {remark}"), tone) for remark in remarks]


def _value(row: Row, value: str | None, known: bool) -> Cell:
    if value is None or not known:
        return row.absent if known else "-", "dim"
    return safe(row.setting.brief(value)), ""

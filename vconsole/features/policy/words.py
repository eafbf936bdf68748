"""The settings of a domain's policy as cells and notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vconsole.features.policy.model.rows import Row
from vconsole.features.policy.model.settings import SMART
from vconsole.text import Cell, Column, Note, safe

_FIXED: Final = (
    Column("mark", "", 1),
    Column("group", "", 5),
    Column("setting", "Setting", 15),
)
_NOTE: Final = Column("note", "", 10, flex=True)
_TONES: Final = {"needed": "bad", "edited": "accent", "next start": "warn"}


def columns(width: int) -> tuple[Column, ...]:
    """The columns; live and config share what is left, up to what reads well."""
    used = sum(column.width + 1 for column in (*_FIXED, _NOTE))
    each = max(8, min(36, (width - used) // 2 - 1))
    return (*_FIXED, Column("live", "Live", each), Column("config", "Config", each), _NOTE)


def row_cells(row: Row) -> tuple[Cell, ...]:
    """Mark, group, setting, live, config, note."""
    config = _value(row, row.config, row.defined)
    return (
        ("!", "bad") if row.problem else ("*", "accent") if row.edited else ("", ""),
        (row.setting.group if row.first else "", "dim"),
        (safe(row.setting.title), ""),
        _value(row, row.live, row.runs),
        (config[0], "accent") if row.edited else config,
        (row.note, _TONES.get(row.note, "dim")),
    )


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

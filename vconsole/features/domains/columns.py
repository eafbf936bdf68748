"""The columns of the list of domains: on the screen, in its filter, and of ``show domains``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vconsole.features.domains.model import Row, of_auto, of_cell, of_pinned, of_state
from vconsole.model.attention import LOCALITY_LIMIT, attention, differing
from vconsole.model.column import Cell, Column, Term, natural, ordered, terms
from vconsole.model.host_state import Domain, HostState
from vconsole.model.placement import differs, locality_percent
from vconsole.text import glyph, percent, safe, size, sizes, spark

_STATE_STYLES: Final = {
    "paused": "warn",
    "shut off": "dim",
    "crashed": "bad",
    "in shutdown": "warn",
}


def _mark(row: Row) -> Cell:
    """``~`` where all there is to say is that live and config differ."""
    if row.chosen:
        return "*", "accent"
    if words := attention(row.domain, row.host_state):
        return "~" if row.domain.diverged and words == differing(row.domain) else "!", "warn"
    return "", ""


def _name(row: Row) -> Cell:
    return safe(row.domain.name), "" if row.domain.active else "dim"


def _state(row: Row) -> Cell:
    state = row.domain.state
    return f"{glyph(state, row.ascii_only)} {state}", _STATE_STYLES.get(state, "")


def _autostart(row: Row) -> Cell:
    return {True: ("yes", ""), False: ("no", "dim"), None: ("-", "dim")}[row.domain.autostart]


def _history(row: Row) -> Cell:
    top = 100.0 * (row.domain.vcpus or 1)
    return spark(row.usage.history, top, 6, row.ascii_only), "accent"


def _cells(row: Row) -> Cell:
    return "-" if row.cells is None else str(row.cells), ""


def _local(row: Row) -> float | None:
    return locality_percent(row.domain, row.host_state)


def _locality(row: Row) -> Cell:
    local = _local(row)
    if local is None:
        return "-", ""
    return f"{local:.0f}%", "warn" if local < LOCALITY_LIMIT else ""


def _pins(row: Row) -> Cell:
    badge = row.badge
    if badge is None:
        return "-", "dim"
    if differs(row.domain):
        return "cfg~", "warn"
    return badge, "dim" if badge == "none" else ""


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column(
        "name",
        "Name",
        15,
        cut="middle",
        flex=True,
        cell=_name,
        sort=lambda row: natural(row.domain.name),
        json="name",
        printed="name",
    ),
    Column(
        "state",
        "State",
        13,
        cell=_state,
        sort=lambda row: row.state_rank,
        term=Term("state", "running", of_state),
        json="state",
        printed="state",
        text=lambda row: row.domain.state,
    ),
    Column(
        "autostart",
        "Auto",
        4,
        from_width=100,
        narrow=1,
        cell=_autostart,
        sort=lambda row: None if row.domain.autostart is None else not row.domain.autostart,
        term=Term("auto", "yes", of_auto),
        json="autostart",
    ),
    Column(
        "vcpus",
        "vCPU",
        4,
        "right",
        cell=lambda row: ("-" if row.domain.vcpus is None else str(row.domain.vcpus), ""),
        sort=lambda row: row.domain.vcpus,
        falls=True,
        json="vcpus",
        printed="vcpus",
    ),
    Column(
        "cpu",
        "CPU %",
        5,
        "right",
        cell=lambda row: (percent(row.usage.cpu_percent), ""),
        moves=True,
        sort=lambda row: row.usage.cpu_percent,
        falls=True,
        json="usage.cpu_percent",
    ),
    Column("history", "", 6, cell=_history, moves=True, json="usage.history"),
    Column(
        "memory",
        "Memory",
        10,
        "right",
        cell=lambda row: (sizes(row.domain.memory_bytes, row.domain.max_memory_bytes), ""),
        sort=lambda row: row.domain.memory_bytes,
        falls=True,
        json="memory_bytes",
        printed="memory",
    ),
    Column(
        "cells",
        "Cells",
        5,
        "right",
        cell=_cells,
        sort=lambda row: None if row.cells is None else tuple(row.cells),
        term=Term("cell", "1", of_cell),
        json="cells",
        value=lambda row: row.cells,
        printed="cells",
    ),
    Column(
        "locality",
        "Loc",
        4,
        "right",
        cell=_locality,
        sort=_local,
        json="locality_percent",
        value=_local,
    ),
    Column(
        "pins",
        "Pins",
        5,
        cell=_pins,
        sort=lambda row: row.pins_rank,
        term=Term("pinned", "no", of_pinned),
        json="pinned",
        value=lambda row: row.badge,
        printed="pins",
        text=lambda row: row.badge,
    ),
    Column(
        "resident",
        "Resident",
        8,
        "right",
        from_width=100,
        cell=lambda row: (size(row.usage.rss_bytes), ""),
        moves=True,
        sort=lambda row: row.usage.rss_bytes,
        falls=True,
        json="usage.rss_bytes",
    ),
    Column(
        "wait",
        "Wait %",
        6,
        "right",
        from_width=110,
        cell=lambda row: (percent(row.usage.wait_percent), ""),
        moves=True,
        sort=lambda row: row.usage.wait_percent,
        falls=True,
        json="usage.wait_percent",
    ),
    Column(
        "title",
        "Title",
        20,
        from_width=118,
        cell=lambda row: (safe(row.domain.title or ""), "dim"),
        sort=lambda row: natural(row.domain.title) if row.domain.title else None,
        json="title",
        printed="title",
    ),
)
SORTS: Final = {column.id: column for column in COLUMNS if column.sort}
TERMS: Final = terms(COLUMNS)
EXAMPLE: Final = "  ".join(["web", *(f"{t.name}:{t.example}" for t in TERMS.values()), "-title"])
"""A filter, for its prompt."""


def rows(domains: Iterable[Domain], host_state: HostState) -> list[Row]:
    """Domains as rows."""
    return [Row(domain, host_state) for domain in domains]


def sort_rows(found: Iterable[Row], column: str, *, reverse: bool = False) -> list[Row]:
    """Sort by a column of `SORTS`, equals by name, the unknown last in both directions.

    Names that are equal in another case stay as they are, which is the order of `HostState`.
    """
    by_name = sorted(found, key=lambda row: natural(row.domain.name))
    if column == "name" and not reverse:
        return by_name
    return ordered(by_name, SORTS[column], reverse=reverse)

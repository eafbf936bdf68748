"""A column of a table, stated once: for the list, its order and filter, and the subcommands."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, Literal, TypeVar

from vconsole.model.value import dataclass

T = TypeVar("T")
Cell = tuple[str, str]
"""(safe text, style), as in `vconsole.text`."""
Order = float | str | tuple[int, ...]
"""What a row sorts by; one type for each column."""
_DIGITS: Final = re.compile(r"([0-9]+)")
_MOST: Final = 16384
"""Names whose place is kept."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a table has to know of a column: title, and room in character cells."""

    id: str
    title: str
    width: int
    align: str = "left"
    cut: Literal["end", "start", "middle"] = "end"
    """Where a text that is too long is cut: not where it differs from its neighbours'."""
    flex: bool = False
    """It takes what is left."""
    from_width: int = 0
    """The width of the table from which it is shown whole."""
    narrow: int = 0
    """Below `from_width` it has this width, and its cells and title their first letters; 0: it is
    not shown there."""


@dataclass(frozen=True, slots=True)
class Term(Generic[T]):
    """A word of a filter that asks for a column's value."""

    name: str
    example: str
    """A value, for the prompt."""
    test: Callable[[str], Callable[[T], bool]]
    """Makes a test of a value in small letters; raises ValueError with what may be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Heading, Generic[T]):
    """A column of rows of type `T`."""

    cell: Callable[[T], Cell]
    moves: bool = False
    """It may change with every reading of the host."""
    sort: Callable[[T], Order | None] | None = None
    """What a row sorts by; None where it is not known."""
    falls: bool = False
    """The largest first, as long as nobody turns it around."""
    term: Term[T] | None = None
    json: str = ""
    """The name of its value in ``--json``; ``usage.wait_percent`` is a member of ``usage``."""
    value: Callable[[T], object] | None = None
    """The value of that name where the row's fields, printed whole, do not have it."""
    printed: str = ""
    """Its title in a subcommand's text; empty where the text does not have it."""
    text: Callable[[T], object] | None = None
    """What is printed where that is not the text of `cell`."""


def row_cells(columns: Iterable[Column[T]], row: T) -> tuple[Cell, ...]:
    """All cells of a row."""
    return tuple(column.cell(row) for column in columns)


def table(columns: Sequence[Column[T]], rows: Iterable[T]) -> tuple[list[str], list[list[object]]]:
    """(titles, rows) as a subcommand prints them."""
    shown = [column for column in columns if column.printed]

    def value(column: Column[T], row: T) -> object:
        return column.text(row) if column.text else column.cell(row)[0]

    return [c.printed for c in shown], [[value(c, row) for c in shown] for row in rows]


def terms(columns: Iterable[Column[T]]) -> dict[str, Term[T]]:
    """Word -> term of a filter of these columns."""
    return {column.term.name: column.term for column in columns if column.term}


def ordered(rows: Iterable[T], column: Column[T], *, reverse: bool = False) -> list[T]:
    """Sort by a column that can be sorted by; equals stay as they are, the unknown comes last."""
    key = column.sort
    assert key is not None, f"{column.id} has no order"
    known: list[tuple[Order, T]] = []
    unknown: list[T] = []
    for row in rows:
        value = key(row)
        if value is None:
            unknown.append(row)
        else:
            known.append((value, row))
    known.sort(key=_first, reverse=reverse)
    return [row for _, row in known] + unknown


def _first(pair: tuple[Order, T]) -> Order:
    return pair[0]


def _natural(text: str) -> str:
    first, *parts = _DIGITS.split(text.casefold())
    numbers = (part.lstrip("0") for part in parts[::2])
    pairs = zip(numbers, parts[1::2], strict=True)
    rest = (f"\0{chr(min(len(n), sys.maxunicode))}{n}{word}" for n, word in pairs)
    return first + "".join(rest)


class _Known(dict[str, str]):
    """Name -> what `natural` made of it: found by one look, where an ``lru_cache`` takes five."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _MOST:
            self.clear()
        self[text] = made = _natural(text)
        return made


natural: Final[Callable[[str], str]] = _Known().__getitem__
"""Sorts ``web-2`` before ``web-10``, whatever the case; no number is too long.

One string, which is small and quickly compared: a word ends in the lowest character, a number
begins with its length as a character.
"""

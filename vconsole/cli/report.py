"""What the subcommands print: JSON with the model's field names, or aligned text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from vconsole.model.column import Column, table
from vconsole.model.cpuset import CpuSet
from vconsole.text import fit, safe

T = TypeVar("T")
FILES_S = 10.0
"""The longest a command waits for a file: one may be on a dead mount."""
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3
ASIDE: Final[list[str]] = []
"""What is said on the standard error once the command has ended: no part of its answer."""


class CliError(Exception):
    """Ends a command with one line and an exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def plain(value: object) -> Any:
    """A model value as JSON values: a cpuset is its string, a dataclass an object."""
    if isinstance(value, CpuSet):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def print_json(value: object) -> None:
    """Print as ASCII: control characters and the like come escaped."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=True))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns as wide as their widest text; unknown is ``-``."""
    texts = [[safe("-" if cell is None else str(cell)) for cell in row] for row in rows]
    widths = [
        max([len(title), *(len(fit(row[i], 0) or row[i]) for row in texts)])
        for i, title in enumerate(titles)
    ]
    for row in [list(titles), *texts]:
        print("  ".join(fit(text, width) for text, width in zip(row, widths, strict=True)).rstrip())


def print_facts(facts: Sequence[tuple[str, object]]) -> None:
    """Print labels and values below each other; unknown is ``-``."""
    width = max(len(label) for label, _ in facts) + 2
    for label, value in facts:
        print(f"{safe(label):<{width}}{safe('-' if value is None else str(value))}".rstrip())


def print_columns(columns: Sequence[Column[T]], rows: Iterable[T]) -> None:
    """Print the rows of a table of the console; its cells are safe already."""
    print_table(*table(columns, rows))


def with_columns(columns: Iterable[Column[T]], row: T, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row, and the values of columns that are none of its fields."""
    return fields | {c.json: plain(c.value(row)) for c in columns if c.value}

"""What is said of a placement that is kept under a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vconsole.features.pins.model.profile import Placement
from vconsole.model.host_state import RowKey
from vconsole.model.words import rows_label


def row_words(placed: Placement) -> list[str]:
    """Its rows, those that say the same together: ``vCPU 0-3, emulator: all``."""
    keys: dict[str, list[RowKey]] = {}
    for key, text in placed.rows.items():
        keys.setdefault(text, []).append(key)
    return [f"{rows_label(same)}: {text}" for text, same in keys.items()]


def in_lines(words: Iterable[str], width: int) -> Iterator[str]:
    """As many side by side as `width` columns take; none is broken that fits a line."""
    line = ""
    for word in words:
        longer = f"{line}   {word}" if line else word
        if line and len(longer) > width:
            yield line
            longer = word
        line = longer
    if line:
        yield line

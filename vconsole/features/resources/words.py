"""The words of the page of memory and vCPUs: what is in use, as bars of one scale."""

from __future__ import annotations

from collections.abc import Iterator

from vconsole.features.resources.model.numbers import Reading
from vconsole.features.resources.model.rows import in_use, report_words
from vconsole.model.words import amount
from vconsole.text import Line, bar

_TITLE, _AMOUNT = 16, 10
_NOTES = {
    "Guest uses": "by processes, not for caches",
    "Balloon leaves": "to the guest",
    "Host RSS": "of QEMU in the host's memory",
}


def usage_lines(reading: Reading, width: int, ascii_only: bool) -> list[Line]:
    """What guest, balloon and host have, and how old the guest's figures are."""
    lines: list[Line] = [(("", ""),)]
    if reading.live is None and reading.config is None:  # not read yet, or not to be read
        return []
    if reading.live is None:
        return [*lines, ((f"  {report_words(reading)}", "dim"),)]
    lines += _bars(reading, width, ascii_only)
    found = reading.statistics
    if found and found.swap_in_kib is not None and found.swap_out_kib is not None:
        moved = f"in {amount(found.swap_in_kib * 1024)}, out {amount(found.swap_out_kib * 1024)}"
        lines.append(((f"  {'Guest swap':<{_TITLE}}", "dim"), (f"{moved} since it booted", "")))
    tone = "warn" if reading.needed_kib is None else "dim"
    mark = "! " if tone == "warn" else "  "
    return [*lines, ((f"{mark}{report_words(reading)}", tone),)]


def _bars(reading: Reading, width: int, ascii_only: bool) -> Iterator[Line]:
    """All of one scale, so that they can be compared."""
    figures = in_use(reading)
    most = max(reading.live.maximum_kib if reading.live else 0, *(kib or 0 for _, kib in figures))
    cells = 40 if width >= 100 else 16
    stale = reading.needed_kib is None
    for title, kib in figures:
        share = kib / most if kib is not None and most else None
        words = "-" if kib is None else amount(kib * 1024)
        old = stale and kib is not None and title == "Guest uses"
        yield (
            (f"  {title:<{_TITLE}}", "dim"),
            (f"{words:>{_AMOUNT}}  ", "warn" if old else ""),
            (bar(share, cells, ascii_only), "warn" if old else "accent"),
            (f"  {'stale' if old else _NOTES[title]}", "warn" if old else "dim"),
        )

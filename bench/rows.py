"""The guests of a load as rows of text. Imports nothing: it is part of the floors' start."""

VCPUS = 4
COLUMNS = (
    ("Name", 16),
    ("State", 9),
    ("vCPU", 4),
    ("CPU %", 6),
    ("Memory", 9),
    ("Cells", 5),
    ("Pins", 5),
    ("Title", 24),
)
"""Headings and widths in cells."""
CPU_COLUMN = 3
CHANGED_SHARE = 10
"""One row in so many changes at each refresh."""


def domain_name(index: int) -> str:
    """Return the name of a domain, counted from 1: ``vm-0001``."""
    return f"vm-{index:04}"


def memory_mib(index: int) -> int:
    """Return its memory in MiB."""
    return (1 + index % 4) * 512


def cpu_text(index: int, tick: int) -> str:
    """Return its CPU share at a tick: another one at each."""
    return f"{(index * 7 + tick * 13) % 1000 / 10:.1f}"


def row(index: int) -> list[str]:
    """Return the cells of a domain as they are at the start."""
    return [
        domain_name(index),
        "running",
        str(VCPUS),
        cpu_text(index, 0),
        f"{memory_mib(index)} MiB",
        str(index % 4),
        "full",
        f"Guest {index} of the load",
    ]


def changed_rows(rows: int, tick: int) -> range:
    """Return the numbers, from 0, of the rows that change at this tick."""
    return range(tick % CHANGED_SHARE, rows, CHANGED_SHARE)

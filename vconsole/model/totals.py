"""Sums over the cells of a host, of which some may be unknown."""

from __future__ import annotations

from collections.abc import Iterable

from vconsole.model.host_state import Cell


def known_cells(cells: Iterable[Cell]) -> tuple[tuple[Cell, ...], str]:
    """The cells whose memory is known, and in words which are not; empty where all are.

    A sum over the others is too small, and would not say so. Cells without memory add nothing.
    """
    found = [cell for cell in cells if cell.total_bytes != 0]
    known = tuple(c for c in found if c.free_bytes is not None and c.total_bytes is not None)
    missing = [str(cell.id) for cell in found if cell not in known]
    if not known or not missing:
        return known, ""
    return (
        known,
        f"without {'cell' if len(missing) == 1 else 'cells'} {', '.join(missing)}, unknown",
    )

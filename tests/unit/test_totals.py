"""A total over cells of which some are unknown says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import console_on
from vconsole.features.domains import cli
from vconsole.features.hostmap.words import total_line
from vconsole.features.resources.model.room import room_of
from vconsole.model.host_state import HostState
from vconsole.model.totals import known_cells


def partly(*unknown: int) -> HostState:
    """The host, of which the memory of some cells cannot be read."""
    scene = scenes.kvm07()
    cells = tuple(
        replace(c, free_bytes=None) if c.id in unknown else replace(c, free_bytes=10 << 30)
        for c in scene.cells
    )
    return replace(scene, cells=cells)


def test_all_known() -> None:
    known, missing = known_cells(partly().cells)
    assert (len(known), missing) == (4, "")
    assert "unknown" not in total_line(partly(), 120, True)


def test_the_total_of_the_host_page() -> None:
    line = total_line(partly(1, 3), 120, True)
    assert "without cells 1, 3, unknown" in line
    free, total = line.split("free")[1].split("GiB")[0].split(" of ")
    both = [cell for cell in partly().cells if cell.id in (0, 2)]
    assert float(free) == 20
    assert float(total) == sum((c.total_bytes or 0) >> 30 for c in both), "of the same cells"


def test_nothing_known_is_unknown() -> None:
    assert "free     - of -" in total_line(partly(0, 1, 2, 3), 120, True)


def test_a_cell_without_memory_is_not_unknown() -> None:
    first, *others = partly().cells
    cells = (replace(first, free_bytes=None, total_bytes=0), *others)
    assert known_cells(cells) == (tuple(others), "")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    cli._cells(partly(2))
    assert "Total free 30 GiB (without cell 2, unknown)" in capsys.readouterr().out


async def test_the_header_of_every_page() -> None:
    async with console_on(partly(2), (120, 40)) as console:
        assert "free >=30 GiB" in console.header


def test_room_for_memory_is_not_denied_by_what_is_unknown() -> None:
    scene = partly(2)
    free = next(d for d in scene.domains if d.numatune is None and not d.hugepages_kib)
    assert room_of(free, scene).free_kib is None
    assert room_of(free, partly()).free_kib == 40 << 20

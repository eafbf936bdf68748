"""Which columns of the matrix are in view: all that fits, and whole cells of what does not."""

from __future__ import annotations

import pytest

from vconsole.model.matrix import Columns
from vconsole.model.topology import CellGroup


def cells(*sizes: int, threads: int = 1) -> tuple[CellGroup, ...]:
    """Cells of so many cores; a cell without any has memory alone."""
    groups, first = [], 0
    for number, size in enumerate(sizes):
        cores = tuple(
            tuple(range(first + c, first + c + threads)) for c in range(0, size * threads, threads)
        )
        groups.append(CellGroup(number, cores))
        first += size * threads
    return tuple(groups)


def room_for(groups: tuple[CellGroup, ...], pcpus: int) -> int:
    """The room that the first pCPUs of a host take."""
    columns = Columns(groups, room=10_000)
    return [x for _, _, _, x in columns.in_view()][pcpus - 1] + columns.width


def shown(columns: Columns) -> list[int]:
    return [pcpu for _, pcpu, _, _ in columns.in_view()]


def test_what_fits_is_shown_wherever_the_cursor_is() -> None:
    groups = cells(8, 8)
    columns = Columns(groups)
    columns.reveal(12)  # before the first layout there is no room, and nothing to decide
    columns.room = room_for(groups, 16)
    columns.reveal(12)
    assert shown(columns) == list(range(16))


def test_a_wider_room_scrolls_back() -> None:
    groups = cells(8, 8, 8)
    columns = Columns(groups, room=room_for(groups, 8))
    columns.reveal(20)
    assert columns.left == 16
    columns.room = room_for(groups, 16)
    columns.reveal(20)
    assert columns.left == 8
    columns.room = room_for(groups, 24)
    columns.reveal(20)
    assert columns.left == 0


@pytest.mark.parametrize("in_view", [1, 2, 3])
@pytest.mark.parametrize("column", range(16))
def test_what_does_not_fit_scrolls_by_whole_cells(column: int, in_view: int) -> None:
    groups = cells(*[2] * 8)
    columns = Columns(groups, room=room_for(groups, 2 * in_view) + 4)
    columns.reveal(column)
    assert columns.left % 2 == 0
    assert {column - column % 2, column - column % 2 + 1} <= set(shown(columns))
    assert len(shown(columns)) >= 2 * in_view


def test_a_cell_of_which_a_part_was_in_view_comes_whole() -> None:
    groups = cells(8, 8, 8)
    columns = Columns(groups, room=room_for(groups, 10))
    columns.reveal(0)
    assert shown(columns) == list(range(10))
    columns.reveal(8)
    assert set(range(8, 16)) <= set(shown(columns))


def test_going_back_shows_the_cell_from_its_beginning() -> None:
    groups = cells(4, 4, 4)
    columns = Columns(groups, room=room_for(groups, 4))
    columns.reveal(11)
    columns.reveal(7)
    assert columns.left == 4


def test_a_cell_that_is_wider_than_the_room_scrolls_by_pcpus() -> None:
    groups = cells(64, 64)
    columns = Columns(groups, room=room_for(groups, 16))
    for column in (0, 20, 63, 64, 100, 127, 70, 10):
        columns.reveal(column)
        assert column in shown(columns)
    columns.reveal(127)
    assert shown(columns)[-1] == 127
    assert len(shown(columns)) >= 14


def test_smt_siblings_and_cells_without_pcpus() -> None:
    groups = cells(4, 0, 4, 0, threads=2)
    columns = Columns(groups, room=room_for(groups, 16))
    columns.reveal(15)
    assert len(shown(columns)) == 16


def test_a_host_without_pcpus() -> None:
    columns = Columns((), room=80)
    assert not columns.reveal(0)
    assert shown(columns) == []


# -- the dense form ------------------------------------------------------------------------------


def test_64_pcpus_of_four_cells_with_eight_l3_domains_fit_68_columns() -> None:
    """What 80 columns leave beside the labels; L3 domains are set apart where there is room."""
    groups = cells(8, 8, 8, 8, threads=2)
    breaks = frozenset(range(0, 64, 8))
    columns = Columns(groups, room=68, dense=True, breaks=breaks)
    assert shown(columns) == list(range(64))
    assert columns.x(8) == 8, "no gap between L3 domains: it would not fit"
    columns.room = 71
    assert shown(columns) == list(range(64))
    assert columns.x(8) == 9
    assert columns.x(16) == 18, "cells stand apart either way"


def test_l3_domains_stand_apart_where_not_all_fits_anyway() -> None:
    columns = Columns(cells(256), room=68, dense=True, breaks=frozenset(range(0, 256, 16)))
    assert columns.x(16) == 17
    assert len(shown(columns)) == 64


def test_numbers_stand_above_each_pcpu_and_l3_domains_apart_in_the_wide_form() -> None:
    columns = Columns(cells(8), room=200, breaks=frozenset((0, 4)))
    assert [columns.x(n) for n in (0, 3, 4, 7)] == [0, 9, 13, 22]


def test_the_dense_form_scrolls_by_whole_cells_too() -> None:
    groups = cells(*[64] * 16)
    columns = Columns(groups, room=68, dense=True)
    columns.reveal(700)
    assert shown(columns)[:64] == list(range(640, 704))

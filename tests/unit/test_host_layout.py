"""The host map and the shape of real machines: every pCPU has a place, areas stand apart."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.unit.machines import MACHINES, epyc_nps4, hybrid, power_smt8
from vconsole.features.hostmap.words import parts_words
from vconsole.model.topology import topology
from vconsole.screens.hostmap.layout import arrange


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_pcpu_has_a_place_of_its_own(name: str, dense: bool, width: int) -> None:
    shape = topology(MACHINES[name]())
    found = arrange(shape, [1] * len(shape.groups), 3, width, dense)
    assert found.spots.keys() == shape.pcpu.keys()
    assert len(set(found.spots.values())) == len(found.spots)
    for pcpu, (column, y) in found.spots.items():
        assert found.x(column) + found.pitch <= width
        assert found.at(found.x(column), y) == pcpu


def test_64_pcpus_a_cell_take_two_lines_in_the_dense_form() -> None:
    shape = topology(epyc_nps4())
    found = arrange(shape, [1] * len(shape.groups), 3, 80, dense=True)
    assert [line.kind for line in found.lines[:3]] == ["heading", "dot", "dot"]
    assert found.lines[1].pcpus[8] is None, "L3 domains stand apart"
    assert len(found.lines) == 3 * 8 + 2


@pytest.mark.parametrize(
    ("width", "first"),
    [(60, ["L3 0", "L3 8"]), (80, ["L3 0,8", "L3 16,24"]), (200, ["L3 0,8", "L3 16,24"])],
)
def test_l3_domains_stand_apart_as_many_in_a_line_as_fit(width: int, first: list[str]) -> None:
    shape = topology(epyc_nps4())
    found = arrange(shape, [1] * len(shape.groups), 3, width)
    cores = [line for line in found.lines if line.kind == "core"]
    assert [line.label for line in cores][:2] == first
    for line in cores:
        runs = [shape.l3_of[p].first if p is not None else None for p in line.pcpus]
        changes = [(a, b) for a, b in pairwise(runs) if a != b]
        assert all(None in pair for pair in changes)


def test_a_band_holds_one_kind_of_cores() -> None:
    shape = topology(hybrid())
    labels = [line.label for line in arrange(shape, [1], 3, 200).lines if line.kind == "core"]
    assert labels == ["P core", "E core"]


def test_l3_domains_of_one_core_are_no_areas() -> None:
    shape = topology(power_smt8())
    assert not shape.several_l3
    assert parts_words(shape) == []


def test_the_words_of_a_host_name_its_parts() -> None:
    assert parts_words(topology(epyc_nps4())) == ["16 L3 domains"]
    assert parts_words(topology(hybrid())) == ["8 P and 16 E cores"]

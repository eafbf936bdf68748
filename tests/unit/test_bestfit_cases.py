"""Best fit on hosts that people have: each got a poor answer once, and gives the right one now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit import placement
from tests.unit.model_hosts import hosts
from tests.unit.placement import MIB, case, fit, guest, machine, rows, vcpus, warned
from vconsole.features.domains.words import tune_words
from vconsole.features.pins.model.bestfit import proposal
from vconsole.features.pins.model.fit_case import Case, case_of
from vconsole.features.pins.model.fit_cells import Choice, choices
from vconsole.features.pins.model.fit_pcpus import Pick
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.attention import attention
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Locality, Pages
from vconsole.model.memory import page_kib

MACHINES = (
    "arm8",
    "epyc-nps4-256",
    "epyc2",
    "i13900k",
    "memless8",
    "power8",
    "power9",
    "r3950x",
    "r5950x",
    "rk3588",
    "tr3960x",
    "tr7970x",
    "xeon-snc2-112",
)
PAIRED = ": best fit or one to one pairs them where 2 threads of a core are free"


# ---- isolated pCPUs


def test_isolated_pcpus_are_for_vcpus_and_the_others_for_the_rest() -> None:
    found = fit(*case("01"))
    assert vcpus(found) == "4,20,5,21,6,22,7,23"
    assert rows(found)["emulator"] == "0-3,16-19"
    assert found.graver == 0


def test_what_isolated_pcpus_cannot_hold_goes_to_others_of_the_cell() -> None:
    host_state, asked = case("01")
    few = CpuSet.parse("14-15,30-31")
    pcpus = tuple(replace(p, isolated=p.id in few) for p in host_state.pcpus)
    found = fit(replace(host_state, pcpus=pcpus), asked)
    assert vcpus(found).startswith("14,30,15,31,1,17")
    assert not found.rows["emulator", None] & few


# ---- which cells


def test_equal_distances_choose_the_cells_with_room() -> None:
    host_state, asked = case("02")
    found = fit(host_state, asked)
    assert found.cells == (1, 3)
    many = guest(host_state, 24, gib=20)
    busy = replace(guest(host_state, 12), uuid="busy", name="busy", state="running")
    taken = ("0", "1", "2", "3", "4", "5", "32", "33", "34", "35", "36", "37")
    pins = [replace(p, live=CpuSet.parse(t)) for p, t in zip(busy.pins, taken, strict=False)]
    held = replace(host_state, domains=(replace(busy, pins=tuple(pins)),))
    assert len(fit(held, many).cells) == 2
    assert 0 not in fit(held, many).cells


def test_sets_of_cells_that_are_not_the_nearest_to_any_are_tried_too() -> None:
    host_state = machine("tr7970x")
    asked = placement.domain((placement.DATA / "three-cells.xml").read_text(), host_state)
    assert fit(host_state, asked).cells == (1, 2, 3)


def test_a_refusal_blames_memory_where_memory_is_the_reason() -> None:
    host_state = machine("tr7970x")
    asked = guest(host_state, 2, gib=60)
    assert fit(host_state, asked).refusal == (
        "memory: 2 vCPUs can be on 2 cells, the best have 45.0 GiB free, 60.0 GiB needed"
    )


def test_memory_bound_to_a_cell_that_is_not_there_does_not_lack_room() -> None:
    """One that starts nowhere, and not one that some free memory would help."""
    host_state = machine("power9")
    for nodeset, missing in (("5", "cell 5"), ("0,5-6", "cells 5, 6")):
        bound = f"<numatune><memory mode='strict' nodeset='{nodeset}'/></numatune>"
        asked = guest(host_state, 2, more=bound)
        host_state = replace(host_state, domains=(asked,))
        plan = PinPlan.of(asked, host_state).stage(("vcpu", 0), CpuSet.parse("4"))
        said = [w.text for w in plan_warnings(plan, host_state)]
        assert f"its memory is bound to {missing}, which this host does not have" in said
        assert not any("cannot hold" in text for text in said)
        assert attention(asked, host_state) == (
            f"its memory is to lie on {missing}, not of this host: it will not start"
        )


def test_memory_at_the_start_is_the_maximum_in_the_pages_it_asks_for() -> None:
    host_state, asked = case("06")
    text = "1.5 GiB free in pages of 2.0 MiB, 2.0 GiB needed"
    assert fit(host_state, asked).refusal == f"cell 1: memory: {text}"
    host_state = replace(host_state, domains=(asked,))
    plan = PinPlan.of(asked, host_state).stage(("vcpu", 0), CpuSet.parse("4"))
    said = [w.text for w in plan_warnings(plan, host_state)]
    assert f"cell 1 cannot hold its memory: {text}" in said


def test_a_bare_hugepages_means_the_default_size_of_the_host() -> None:
    host_state = machine("tr7970x")
    asked = placement.domain((placement.DATA / "huge.xml").read_text(), host_state)
    gib = replace(host_state, node=replace(host_state.node, hugepage_kib=1 << 20))
    assert page_kib(asked, gib) == 1 << 20
    assert page_kib(asked, host_state) == 2048
    power = replace(host_state.cells[0], pages=(Pages(16384), Pages(1 << 24)))
    assert page_kib(asked, replace(host_state, cells=(power,))) == 16384


def test_a_memory_only_cell_wants_the_nearest_cell_with_pcpus() -> None:
    host_state = machine("power9")
    bound = "<numatune><memory mode='strict' nodeset='252'/></numatune>"
    asked = guest(host_state, 2, more=bound)
    found = fit(host_state, asked)
    assert set(found.cells) <= {0, 8}
    assert "memory on cell 252" in " ".join(found.reasons)
    assert not [w for w in warned(host_state, asked, found) if w.severity != "info"]
    cells = tuple(
        replace(cell, distances={**cell.distances, 252: 40 if cell.id == 8 else 80})
        for cell in host_state.cells
    )
    far = tuple(replace(c, distances={**c.distances, 8: 40}) if c.id == 252 else c for c in cells)
    assert fit(replace(host_state, cells=far), asked).cells == (8,)


def test_memory_bound_to_a_memory_only_cell_is_not_away() -> None:
    host_state = machine("power9")
    bound = "<numatune><memory mode='strict' nodeset='252'/></numatune>"
    runs = replace(guest(host_state, 2, more=bound), state="running")
    place = CpuSet.of((4,))
    runs = replace(runs, pins=tuple(replace(p, live=place, config=place) for p in runs.pins))
    lies = {runs.uuid: Locality({252: MIB}, 0.0)}
    host_state = replace(host_state, domains=(runs,), locality=lies)
    assert attention(runs, host_state) is None
    elsewhere = replace(host_state, locality={runs.uuid: Locality({253: MIB}, 0.0)})
    assert attention(runs, elsewhere) == (
        "100 % of its memory on cells its vCPUs may not use: cell 253"
    )


def test_bound_memory_whose_cell_has_too_few_pcpus_borrows_of_the_nearest() -> None:
    host_state = machine("memless8")
    bound = "<numatune><memory mode='strict' nodeset='4'/></numatune>"
    found = fit(host_state, guest(host_state, 8, threads=2, more=bound))
    assert 4 in found.cells
    assert set(found.cells) <= {4, 5, 6, 7}
    assert found.reasons[0].startswith("numatune keeps its memory on cell 4")


# ---- guest cells


def test_a_memnode_alone_binds_and_is_said() -> None:
    host_state, asked = case("03")
    assert fit(host_state, asked).cells == (1,)
    assert tune_words(asked) == "guest cell 0: strict, cell 1"
    host_state = replace(host_state, domains=(asked,))
    plan = PinPlan.of(asked, host_state)
    for number in range(4):
        plan = plan.stage(("vcpu", number), CpuSet.of((24 + number,)))
    assert [w.text for w in plan_warnings(plan, host_state) if w.severity == "warn"] == [
        "numatune keeps the memory of guest cell 0 on cell 1, its vCPUs run on cell 3"
    ]


def test_each_guest_cell_goes_where_its_memory_is_bound() -> None:
    host_state, asked = case("04")
    found = rows(fit(host_state, asked))
    cell_of = {p.id: p.cell for p in host_state.pcpus}
    there = {n: cell_of[int(found[f"vCPU {n}"])] for n in range(8)}
    assert there == {0: 2, 1: 2, 4: 2, 5: 2, 2: 1, 3: 1, 6: 1, 7: 1}


@pytest.mark.parametrize(
    ("name", "cells"), [("memnode", (0, 1)), ("memnode-crossed", (1, 0)), ("memnode-only", (2, 3))]
)
def test_memnodes_of_others(name: str, cells: tuple[int, ...]) -> None:
    host_state = machine("tr7970x")
    asked = placement.domain((placement.DATA / f"{name}.xml").read_text(), host_state)
    found = fit(host_state, asked)
    assert found.cells == cells
    assert found.graver == 0


def test_guest_cells_of_different_pages_are_counted_in_their_own() -> None:
    host_state = machine("epyc-nps4-256")
    cells = "".join(f"<cell id='{n}' cpus='{n}' memory='20' unit='GiB'/>" for n in range(2))
    xml = (
        "<domain><name>g</name><memory unit='GiB'>40</memory><vcpu>2</vcpu><memoryBacking>"
        "<hugepages><page size='1' unit='G' nodeset='1'/></hugepages></memoryBacking>"
        f"<cpu><numa>{cells}</numa></cpu></domain>"
    )
    asked = placement.domain(xml, host_state)
    assert [g.page_kib for g in asked.guest_cells] == [None, 1 << 20]
    found = fit(host_state, asked)
    cell_of = {p.id: p.cell for p in host_state.pcpus}
    place = cell_of[int(rows(found)["vCPU 1"])]
    pages = next(c.pages for c in host_state.cells if c.id == place)
    assert next(p.free or 0 for p in pages if p.size_kib == 1 << 20) >= 20
    assert not warned(host_state, asked, found) or found.graver == 0


# ---- cores, caches, kinds


def test_vcpus_stay_in_one_l3_domain_that_holds_them() -> None:
    found = fit(machine("r3950x"), guest(machine("r3950x"), 8, threads=2))
    assert vcpus(found) == "4,20,5,21,6,22,7,23"
    big = fit(machine("r5950x"), guest(machine("r5950x"), 16, threads=2))
    assert vcpus(big).startswith("8,24,9,25")
    assert all(int(n) % 16 >= 8 for n in vcpus(big).split(","))
    assert "in one L3 domain, pCPUs 8-15, 24-31" in big.reasons


def test_a_plan_over_two_l3_domains_is_warned_of() -> None:
    host_state = machine("r5950x")
    asked = guest(host_state, 4)
    host_state = replace(host_state, domains=(asked,))
    plan = PinPlan.of(asked, host_state)
    for number, pcpu in enumerate((6, 7, 8, 9)):
        plan = plan.stage(("vcpu", number), CpuSet.of((pcpu,)))
    assert [w.text for w in plan_warnings(plan, host_state) if w.severity == "warn"] == [
        "vCPU 0-3 cross 2 L3 domains of cell 0: one is big enough for them"
    ]


def test_kinds_of_cores_are_not_mixed() -> None:
    host_state = machine("rk3588")
    assert vcpus(fit(host_state, guest(host_state, 4))) == "4,5,6,7"
    six = fit(host_state, guest(host_state, 6))
    assert six.reasons[0].startswith("vCPU 0-5 run on performance and efficiency cores")
    arm = replace(host_state, node=replace(host_state.node, model="aarch64"))
    assert "does not start under KVM" in fit(arm, guest(arm, 6)).reasons[0]
    hybrid = machine("i13900k")
    assert "on efficiency cores" in fit(hybrid, guest(hybrid, 16)).reasons
    assert "on performance cores" in fit(hybrid, guest(hybrid, 8, threads=2)).reasons


def test_guest_siblings_are_together_as_far_as_there_are_pairs() -> None:
    found = fit(*case("18"))
    assert any("guest siblings together in 8 of 12 guest cores" in r for r in found.reasons)
    apart = "vCPU 16-23 are siblings for the guest, on different cores of the host"
    assert found.reasons[0] == f"{apart}: 8 cores of this host have 2 threads"
    little = machine("rk3588")
    alone = fit(little, guest(little, 4, threads=2))
    assert alone.reasons[0].endswith(": no core of this host has 2 threads")


def test_different_guest_cores_on_one_core_are_warned_of() -> None:
    host_state, asked = case("01")
    host_state = replace(host_state, domains=(asked,))
    plan = PinPlan.of(asked, host_state)
    for number, pcpu in enumerate((4, 5, 20, 21)):
        plan = plan.stage(("vcpu", number), CpuSet.of((pcpu,)))
    said = [w.text for w in plan_warnings(plan, host_state)]
    assert "vCPU 0-3 are siblings for the guest, on different cores of the host" + PAIRED in said
    assert "vCPU 0-3 are different cores for the guest, on one core of the host" + PAIRED in said


# ---- the rest


def test_the_emulator_goes_to_a_near_idle_cell_before_the_vcpus_own() -> None:
    host_state, asked = case("17")
    found = fit(host_state, asked)
    assert found.rows["emulator", None] <= CpuSet.parse("12-15,28-31")
    assert warned(host_state, asked, found) == ()


def test_the_grave_reasons_stand_first() -> None:
    host_state, _ = case("01")
    pcpus = tuple(replace(p, isolated=False, online=p.id < 4) for p in host_state.pcpus)
    few = guest(host_state, 4)
    found = fit(replace(host_state, pcpus=pcpus), few)
    assert found.graver
    assert found.reasons[found.graver].startswith("cell 0: ")
    assert "nothing is left for the host" in found.reasons[found.graver - 1]


def test_what_starts_with_the_host_keeps_its_place() -> None:
    host_state = machine("tr7970x")
    starts = replace(guest(host_state, 8), uuid="s", name="starts", autostart=True)
    pins = [replace(p, config=CpuSet.of((24 + n,))) for n, p in enumerate(starts.pins[:8])]
    host_state = replace(host_state, domains=(replace(starts, pins=tuple(pins)),))
    asked = guest(host_state, 4)
    found = fit(host_state, asked)
    assert found.cells == (1,)
    assert not warned(host_state, asked, found)


def test_vcpus_plugged_in_later_have_a_place_kept() -> None:
    host_state = machine("tr7970x")
    xml = "<domain><name>g</name><memory>1024</memory><vcpu current='2'>4</vcpu></domain>"
    asked = placement.domain(xml, host_state)
    found = fit(host_state, asked)
    assert [p.plugged for p in asked.pins] == [True, True, False, False, True]
    assert vcpus(found) == "24,25,26,27"
    assert "vCPU 2, 3 not plugged in: a place is kept" in found.reasons


# ---- properties


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize(("count", "threads"), [(1, 1), (2, 2), (4, 1), (8, 2), (13, 1), (32, 2)])
def test_every_machine_answers_soundly(name: str, count: int, threads: int) -> None:
    host_state = machine(name)
    asked = guest(host_state, count, threads=threads)
    found = fit(host_state, asked)
    if not found:
        assert found.refusal
        return
    said = [w.text for w in warned(host_state, asked, found) if w.severity != "info"]
    assert said == list(found.reasons[: found.warned])


def _others(case: Case, chosen: Choice, draw: st.DataObject) -> Iterator[Choice]:
    """Other proposals: on the other cells that do, and with other pCPUs of the same cells."""
    yield from choices(case)
    for _ in range(6):
        picks = []
        for found in chosen.picks:
            by_cell: dict[int, list[int]] = {}
            for pcpu in found.rows.values():
                by_cell.setdefault(case.shape.cell_of[pcpu] or 0, []).append(pcpu)
            order = {
                cell: iter(draw.draw(st.permutations(list(case.free(cell))))) for cell in by_cell
            }
            rows = {key: next(order[case.shape.cell_of[p] or 0]) for key, p in found.rows.items()}
            picks.append(Pick((), rows))
        yield Choice(chosen.cells, tuple(picks), ())


def _company(case: Case, choice: Choice) -> int:
    return sum(case.company[p] for p in choice.pcpus)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(hosts(), st.data())
def test_no_other_proposal_avoids_a_warning(
    made: tuple[HostState, Domain], draw: st.DataObject
) -> None:
    """None is warned of less: of a part of what the one proposed is warned of."""
    host_state, pinned = made
    everything = host_state.all_pcpus
    pins = tuple(replace(p, live=p.live and everything, config=everything) for p in pinned.pins)
    seeker = replace(pinned, pins=pins)  # staying where it is pinned already is no news
    domains = tuple(seeker if d is pinned else d for d in host_state.domains)
    host_state = replace(host_state, domains=domains)
    asked = case_of(seeker, host_state)
    found = choices(asked) if asked.vcpus and asked.shape.cell_pcpus else []
    if not found:
        return
    best = proposal(asked, found[0])
    said = set(best.reasons[: best.warned])
    crowd = _company(asked, found[0])
    for other in _others(asked, found[0], draw):
        if _company(asked, other) > crowd:
            continue  # on the very pCPUs of others is no better than beside them
        less = proposal(asked, other)
        assert not set(less.reasons[: less.warned]) < said

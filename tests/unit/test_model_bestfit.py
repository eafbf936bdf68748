"""Proposals of pins: which cell, which pCPUs, and what is never proposed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests import scenes
from tests.unit.model_hosts import EMULATOR, c, domain, host, hosts, smt_pcpus, uuid_of, vcpu
from vconsole.features.pins.model.bestfit import Suggestion, suggest
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Pages
from vconsole.model.memory import memory_fit
from vconsole.model.placement import occupants
from vconsole.model.topology import topology

WEB = domain("web", ["-", "-"], emulator="-", iothreads=["-"])


def rows(suggestion: Suggestion) -> dict[str, str]:
    return {f"{kind} {n}": str(cpuset) for (kind, n), cpuset in suggestion.rows.items()}


def test_one_vcpu_a_core_and_the_rest_of_the_cell_for_the_others() -> None:
    found = suggest(WEB, host(WEB))
    assert found.cells == (0,)
    assert rows(found) == {
        "vcpu 0": "1",
        "vcpu 1": "2",
        "emulator None": "0,3,8,11",
        "iothread 1": "0,3,8,11",
    }
    assert found.reasons == (
        "cell 0: 16.0 GiB free, 4.0 GiB needed",
        "2 vCPUs, each on a core of its own",
        "emulator, iothread 1 on pCPUs 0, 3, 8, 11",
    )
    assert found.rejected == ()


def test_a_proposal_fills_a_plan_that_has_nothing_to_warn_of() -> None:
    host_state = host(WEB)
    plan = suggest(WEB, host_state).fill(PinPlan.of(WEB, host_state))
    assert len(plan.changes()) == 4
    assert plan_warnings(plan, host_state) == ()


def test_the_core_of_pcpu_0_is_left_to_the_host_while_others_are_free() -> None:
    three = domain("web", ["-"] * 3)
    one_cell = host(three, pcpus=smt_pcpus(1), free_gib=(16.0,))
    assert rows(suggest(three, one_cell)) == {"vcpu 0": "1", "vcpu 1": "2", "vcpu 2": "3"}
    four = domain("web", ["-"] * 4)
    found = suggest(four, host(four, pcpus=smt_pcpus(1), free_gib=(16.0,)))
    assert rows(found)["vcpu 3"] == "0"
    assert "nothing is left for the host of its first core, pCPUs 0, 4" in found.reasons


def test_siblings_are_used_when_the_cores_are_used_up() -> None:
    six = domain("web", ["-"] * 6, emulator="-")
    found = suggest(six, host(six))
    assert list(rows(found).values()) == ["4", "5", "6", "7", "12", "13", "14-15"]
    assert "6 vCPUs on 4 cores, siblings used" in found.reasons
    assert "emulator on pCPUs 14, 15, siblings of its vCPUs" in found.reasons


def test_guest_siblings_get_host_siblings() -> None:
    paired = domain("web", ["-"] * 4, threads=2)
    found = suggest(paired, host(paired))
    assert list(rows(found).values()) == ["1", "9", "2", "10"]
    assert "4 vCPUs on 2 cores, guest siblings together" in found.reasons


def test_guest_siblings_are_together_only_where_they_are() -> None:
    """Four threads of a guest core lie on two cores of two threads; the last two on one."""
    many = domain("web", ["-"] * 6, threads=4)
    found = suggest(many, host(many))
    assert any("guest siblings together in 1 of 2 guest cores" in r for r in found.reasons)


def test_a_full_cell_leaves_no_place_for_the_emulator() -> None:
    eight = domain("web", ["-"] * 8, emulator="-")
    found = suggest(eight, host(eight))
    assert found.rows[EMULATOR] == c("0-3,8-11")
    assert found.reasons[-1].endswith("of cell 0: none is left beside its vCPUs")
    alone = host(eight, pcpus=smt_pcpus(1), free_gib=(16.0,))
    found = suggest(eight, alone)
    assert found.rows[EMULATOR] == c("0-7")
    assert found.reasons[0] == "nothing is left for the host of its first core, pCPUs 0, 4"
    assert "no other is free" in found.reasons[-1]


def test_a_cell_without_the_memory_is_rejected() -> None:
    found = suggest(WEB, host(WEB, free_gib=(8.0, 2.0)))
    assert found.cells == (0,)
    assert found.rejected == ((1, "memory: 2.0 GiB free, 4.0 GiB needed"),)


def test_memory_that_is_there_already_decides() -> None:
    found = suggest(WEB, host(WEB, free_gib=(1.0, 16.0), lies={"web": {0: 4}}))
    assert found.cells == (0,)
    assert found.reasons[0] == "cell 0: its memory is there already"
    part = suggest(WEB, host(WEB, free_gib=(2.0, 16.0), lies={"web": {0: 3, 1: 1}}))
    assert part.reasons[0] == "25 % of its memory is on cell 1, its vCPUs run on cell 0"
    assert part.reasons[1] == (
        "cell 0: 2.0 GiB free, 1.0 GiB more needed, 75 % of its memory is there already"
    )


def test_cores_of_its_own_decide_over_the_lesser_part_of_its_memory() -> None:
    others = [domain("db", ["0", "1", "2", "3"])]
    found = suggest(WEB, host(WEB, *others, lies={"web": {0: 2, 1: 2}}))
    assert found.cells == (1,)
    less = host(WEB, *others, lies={"web": {0: 1, 1: 1}}, free_gib=(16.0, 0.5))
    assert suggest(WEB, less).cells == (0,)
    most = host(WEB, *others, lies={"web": {0: 3, 1: 1}})
    assert suggest(WEB, most).cells == (0,)
    third = smt_pcpus(3)
    spread = host(WEB, *others, pcpus=third, free_gib=(9.0, 9.0, 9.0), lies={"web": {0: 2, 2: 3}})
    assert suggest(WEB, spread).cells == (2,)


def test_numatune_decides() -> None:
    bound = domain("web", ["-"], nodeset="0")
    found = suggest(bound, host(bound, free_gib=(0.5, 64.0)))
    assert found.cells == (0,)
    assert found.rejected == ((1, "numatune keeps its memory on cell 0"),)


def test_huge_pages_count_where_they_are_asked_for() -> None:
    huge = replace(WEB, hugepages_kib=2048)
    without = host(huge, pages=(Pages(4, 9, 9), Pages(2048, 64, 64)))
    assert not suggest(huge, without)
    assert "128 MiB free in pages of 2.0 MiB" in suggest(huge, without).rejected[0][1]
    assert suggest(huge, host(huge, pages=(Pages(2048, 4096, 2048),)))


def test_offline_isolated_and_exclusive_pcpus_are_no_candidates() -> None:
    pcpus = tuple(replace(p, online=p.id != 4, isolated=p.id == 5) for p in smt_pcpus())
    host_state = host(WEB, domain("db", ["6"]), pcpus=pcpus, lies={"web": {1: 4}})
    found = suggest(WEB, host_state)
    assert found.cells == (1,)
    assert rows(found) == {
        "vcpu 0": "5",
        "vcpu 1": "12",
        "emulator None": "7,14-15",
        "iothread 1": "7,14-15",
    }


def test_cores_shared_with_another_domain_come_last() -> None:
    eight = domain("web", ["-"] * 3)
    host_state = host(
        eight, domain("db", ["4", "5", "6"]), lies={"web": {1: 4}}, free_gib=(0.0, 9.0)
    )
    found = suggest(eight, host_state)
    assert list(rows(found).values()) == ["7", "15", "12"]
    assert found.reasons[0] == "vCPU 2 shares a core with db, pinned to the sibling pCPU 4"


def test_the_emptier_cell_wins() -> None:
    pcpus = smt_pcpus(3)
    sets = ("0-3,12-15", "0-3,12-15", "4-7,16-19")
    busy = [domain(f"busy-{n}", [text]) for n, text in enumerate(sets)]
    web = domain("web", ["-"], everything="0-23")
    assert suggest(web, host(web, *busy, pcpus=pcpus, free_gib=(9.0, 30.0, 9.0))).cells == (2,)


def test_the_nearest_cells_together_when_one_does_not_suffice() -> None:
    big = domain("big", ["-"] * 10, gib=40, everything="0-31")
    host_state = host(big, pcpus=smt_pcpus(4), free_gib=(8.0, 30.0, 30.0, 30.0))
    found = suggest(big, host_state)
    assert len(found.cells) == 2
    assert abs(found.cells[0] - found.cells[1]) == 1
    assert 0 not in found.cells
    used = [topology(host_state).cells_of(found.rows[vcpu(n)]) for n in range(10)]
    assert [str(cells) for cells in used] == [str(found.cells[0])] * 5 + [str(found.cells[1])] * 5
    assert len(found.rejected) == 4


def test_every_cell_of_a_proposal_gets_a_vcpu_even_if_guest_siblings_part() -> None:
    two = domain("two", ["-"] * 2, gib=30, threads=2)
    found = suggest(two, host(two))
    assert [str(topology(host(two)).cells_of(found.rows[vcpu(n)])) for n in (0, 1)] == ["0", "1"]


def test_one_kind_of_cores_is_no_reason_to_leave_the_cell_of_its_memory() -> None:
    """Cell 0 has one pCPU awake, of the stronger kind: that alone, and one of cell 1."""
    asleep = c("1-3,8-11")
    pcpus = tuple(
        replace(p, online=p.id not in asleep, kind=int(p.id % 4 > 0)) for p in smt_pcpus()
    )
    bound = domain("web", ["-", "-"], nodeset="0", gib=1.0)
    found = suggest(bound, host(bound, pcpus=pcpus))
    assert found.cells == (0, 1)
    assert found.rows[vcpu(0)] == c("0")


def test_a_refusal_says_why() -> None:
    big = domain("big", ["-"] * 40)
    found = suggest(big, host(big))
    assert not found
    assert found.refusal == "all cells together: 16 free pCPUs for 40 vCPUs"
    assert found.rejected[0] == (0, "8 free pCPUs for 40 vCPUs")
    fat = domain("fat", ["-"], gib=30)
    assert suggest(fat, host(fat)).refusal == (
        "memory: 1 vCPU can be on 1 cell, the best has 16.0 GiB free, 30.0 GiB needed"
    )
    assert suggest(domain("new"), host()).refusal == "its vCPUs are not known yet"
    assert suggest(WEB, HostState()).refusal == "the host names no cells"
    isolated = tuple(replace(p, isolated=True) for p in smt_pcpus())
    assert suggest(WEB, host(WEB, pcpus=isolated)), "a host of isolated pCPUs is there for vCPUs"


def test_isolated_pcpus_are_for_vcpus_where_nothing_else_is_left() -> None:
    pcpus = tuple(replace(p, isolated=p.id not in (0, 4)) for p in smt_pcpus())
    found = suggest(WEB, host(WEB, pcpus=pcpus, lies={"web": {0: 4}}))
    isolated = topology(host(WEB, pcpus=pcpus)).isolated
    assert len(found.rows["vcpu", 0] & isolated) == 1
    assert not found.rows["emulator", None] & isolated
    assert any(reason.endswith("isolated: nothing else runs there") for reason in found.reasons)


def test_unknown_free_memory_is_no_free_memory() -> None:
    assert suggest(WEB, host(WEB, free_gib=(None, 8.0))).cells == (1,)
    assert not suggest(WEB, host(WEB, free_gib=(None, None)))
    unread = replace(WEB, memory_bytes=None)
    assert suggest(unread, host(unread)).reasons[0].endswith("is not known")


def test_its_own_pins_are_not_in_its_way() -> None:
    pinned = domain("web", ["4", "5"])
    assert suggest(pinned, host(pinned)).cells == (1,)
    assert rows(suggest(pinned, host(pinned))) == {"vcpu 0": "4", "vcpu 1": "5"}


@given(hosts())
def test_nothing_impossible_is_ever_proposed(made: tuple[HostState, Domain]) -> None:
    host_state, seeker = made
    found = suggest(seeker, host_state)
    if not found:
        assert found.refusal
        assert found.rows == {}
        return
    shape = topology(host_state)
    taken = occupants(host_state).held_by_others(seeker.uuid)
    assert set(found.rows) == {pin.key for pin in seeker.pins}
    vcpus = [cpuset for (kind, _), cpuset in found.rows.items() if kind == "vcpu"]
    assert all(len(cpuset) == 1 for cpuset in vcpus)
    assert len(set(vcpus)) == len(vcpus)
    for (kind, _), cpuset in found.rows.items():
        assert cpuset <= shape.online - taken
        assert len(cpuset & shape.isolated) <= 1
        assert kind != "vcpu" or shape.cells_of(cpuset) <= CpuSet.of(found.cells)
    assert {shape.cells_of(cpuset).first for cpuset in vcpus} == set(found.cells)
    where = CpuSet.of(found.cells) if seeker.numatune is None else seeker.numatune.nodeset
    assert where is not None
    assert memory_fit(seeker, host_state, where).fits
    assert _has_room(seeker, host_state, tuple(where))
    said = plan_warnings(found.fill(PinPlan.of(seeker, host_state)), host_state)
    assert not [w for w in said if w.severity == "refuse"]
    assert {w.text for w in said if w.severity != "info"} <= set(found.reasons[: found.graver])


def _has_room(seeker: Domain, host_state: HostState, cells: tuple[int, ...]) -> bool:
    """The same judgement in the plainest arithmetic."""
    if seeker.active and seeker.numatune:
        return True
    measured = host_state.locality[uuid_of("seeker")].bytes_by_cell if seeker.active else {}
    room = 0
    for number in cells:
        cell = host_state.cell(number)
        assert cell is not None
        pages = sum((p.free or 0) * p.size_kib * 1024 for p in cell.pages)
        room += (pages if seeker.hugepages_kib else cell.free_bytes or 0) + measured.get(number, 0)
    return room >= (seeker.memory_bytes or 0)


def test_every_domain_of_the_scenes_gets_an_answer() -> None:
    for host_state in (scenes.kvm07(), scenes.sixteen_cells(), scenes.one_cell(30)):
        for found in host_state.domains:
            answer = suggest(found, host_state)
            assert bool(answer.rows) != bool(answer.refusal)
            assert all("\n" not in reason for reason in answer.reasons)

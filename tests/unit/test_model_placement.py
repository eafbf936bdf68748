"""Cells, cores and occupants of hosts of any shape."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from tests import scenes
from tests.unit.model_hosts import c, domain, host, hosts, smt_pcpus, uuid_of
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState, Locality, PCpu, Pin
from vconsole.model.placement import (
    CellGroup,
    cells_allowed,
    core_of,
    differs,
    exclusive_pcpus,
    layout,
    locality_percent,
    occupants,
    pin_badge,
    vcpus_allowed,
)
from vconsole.model.topology import one_per_core, topology

# ---- layout


def test_siblings_stand_together_and_spreads_take_one_per_core() -> None:
    first, second = layout(host())
    assert first.cores == ((0, 8), (1, 9), (2, 10), (3, 11))
    assert first.pcpus == (0, 8, 1, 9, 2, 10, 3, 11)
    assert one_per_core(first.cores) == (0, 1, 2, 3, 8, 9, 10, 11)
    assert (second.cell, second.sockets) == (1, (1, 1, 1, 1))


def test_cells_with_gaps_and_without_cpus_have_their_place() -> None:
    host_state = HostState(
        cells=(Cell(8), Cell(0, pcpus=(0, 1)), Cell(3, pcpus=(5,))),
        pcpus=(PCpu(0), PCpu(1), PCpu(5, cell=3), PCpu(40), PCpu(41, cell=17)),
    )
    groups = layout(host_state)
    assert [group.cell for group in groups] == [0, 3, 8, 17, None]
    assert [group.pcpus for group in groups] == [(0, 1), (5,), (), (41,), (40,)]
    assert topology(host_state).cells_of(c("1,5,40")) == c("0,3")


def test_cores_are_told_apart_by_socket_and_die() -> None:
    pcpus = tuple(PCpu(n, 0, socket=n % 2, die=0, core=n // 4) for n in range(8))
    (group,) = layout(HostState(cells=(Cell(0),), pcpus=pcpus))
    assert group.cores == ((0, 2), (4, 6), (1, 3), (5, 7))
    assert group.sockets == (0, 0, 1, 1)


def test_an_offline_pcpu_that_names_no_core_stands_alone() -> None:
    pcpus = smt_pcpus()
    off = replace(pcpus[9], siblings=CpuSet(), core=None, socket=None, online=False)
    one = replace(pcpus[1], siblings=c("1"))
    group = layout(host(pcpus=(*pcpus[:1], one, *pcpus[2:9], off, *pcpus[10:])))[0]
    assert group.cores == ((0, 8), (1,), (2, 10), (3, 11), (9,))


def test_core_of() -> None:
    host_state = host()
    assert core_of(9, host_state) == c("1,9")
    assert core_of(99, host_state) == c("99")


def test_a_host_without_anything() -> None:
    nothing = HostState()
    assert layout(nothing) == ()
    assert dict(occupants(nothing)) == {}
    assert cells_allowed(domain("web", ["0"]), nothing) is None
    assert pin_badge(domain("web", ["0"]), nothing) == "full"


@given(hosts())
def test_every_pcpu_stands_once(made: tuple[HostState, Domain]) -> None:
    host_state, _ = made
    shown = [pcpu for group in layout(host_state) for pcpu in group.pcpus]
    assert sorted(shown) == list(host_state.all_pcpus)


@pytest.mark.parametrize("scene", [scenes.kvm07, scenes.one_cell, scenes.sixteen_cells])
def test_every_pcpu_stands_once_with_its_siblings(scene: object) -> None:
    assert callable(scene)
    host_state: HostState = scene()
    groups: tuple[CellGroup, ...] = layout(host_state)
    assert sorted(n for g in groups for n in g.pcpus) == list(host_state.all_pcpus)
    cores = {pcpu: core for group in groups for core in group.cores for pcpu in core}
    for pcpu in host_state.pcpus:
        if pcpu.siblings:
            assert CpuSet.of(cores[pcpu.id]) == pcpu.siblings


def test_the_shape_is_made_once_while_only_free_memory_changes() -> None:
    host_state = host()
    cells = tuple(replace(cell, free_bytes=1) for cell in host_state.cells)
    assert topology(replace(host_state, cells=cells)) is topology(host_state)
    fewer = replace(host_state, pcpus=host_state.pcpus[:8])
    assert topology(fewer) is not topology(host_state)


# ---- occupants


def fleet() -> HostState:
    return host(
        domain("db", ["0", "8", "1,9"], emulator="0-3"),
        domain("web", ["4-5", "-"], iothreads=["4"]),
        domain("off", ["2"], state="shut off"),
    )


def test_pinned_threads_are_listed_by_pcpu_and_floating_ones_once() -> None:
    found = occupants(fleet())
    assert [(o.name, o.kind, o.id) for o in found[0]] == [
        ("db", "vcpu", 0),
        ("db", "emulator", None),
    ]
    assert [(o.name, o.kind) for o in found[4]] == [("web", "vcpu"), ("web", "iothread")]
    assert [o.name for o in found[2]] == ["db"]
    assert [(o.name, o.id, o.pinned) for o in found.floating] == [("web", 1, False)]
    assert len(found) == 16
    with pytest.raises(KeyError):
        found[16]


def test_exclusive_is_a_vcpu_within_one_core() -> None:
    host_state = fleet()
    flags = {(o.kind, o.id): o.exclusive for o in occupants(host_state)[9]}
    assert flags == {("vcpu", 2): True}
    assert [o.exclusive for o in occupants(host_state)[4]] == [False, False]
    assert exclusive_pcpus(host_state) == {0: "db", 8: "db", 1: "db", 9: "db"}
    assert exclusive_pcpus(host_state, uuid_of("db")) == {}


def test_a_pcpu_held_twice_names_another_domain() -> None:
    host_state = host(domain("a", ["3"]), domain("b", ["3"]))
    assert exclusive_pcpus(host_state) == {3: "a"}
    assert exclusive_pcpus(host_state, uuid_of("a")) == {3: "b"}
    assert occupants(host_state).held_by_others(uuid_of("a")) == c("3")
    assert occupants(host_state).holder_names(c("0-7")) == ("a", "b")


def test_counts_leave_out_floating_vcpus_and_other_threads() -> None:
    counts = vcpus_allowed(fleet())
    assert [counts[n] for n in (0, 1, 2, 4, 5, 8, 15)] == [1, 1, 0, 1, 1, 1, 0]


def test_pins_beyond_the_host_do_no_harm() -> None:
    found = occupants(host(domain("old", ["3,900", "901"])))
    assert [o.name for o in found[3]] == ["old"]
    assert 901 not in found


@given(hosts())
def test_counts_agree_with_the_lists(made: tuple[HostState, Domain]) -> None:
    host_state, _ = made
    found = occupants(host_state)
    for pcpu, count in vcpus_allowed(host_state).items():
        assert count == sum(o.kind == "vcpu" for o in found[pcpu])
        assert all(pcpu in o.cpuset and o.pinned for o in found[pcpu])
    threads = sum(pin.now is not None for d in host_state.domains if d.active for pin in d.pins)
    assert threads == sum(map(len, found.groups.values())) + len(found.floating)


# ---- badges, cells, locality


@pytest.mark.parametrize(
    ("vcpus", "emulator", "badge"),
    [
        (["-", "-"], "-", "none"),
        (["0", "-"], "-", "part"),
        (["-", "-"], "0-3", "part"),
        (["0", "1"], "-", "full"),
        (["0-7", "0-7"], None, "full"),
        ([], None, None),
    ],
)
def test_pin_badge(vcpus: list[str], emulator: str | None, badge: str | None) -> None:
    web = domain("web", vcpus, emulator=emulator)
    assert pin_badge(web, host(web)) == badge


def test_a_set_of_all_online_pcpus_is_no_pin() -> None:
    pcpus = tuple(replace(p, online=p.id != 15) for p in smt_pcpus())
    web = domain("web", ["0-14"])
    assert pin_badge(web, host(web, pcpus=pcpus)) == "none"
    assert pin_badge(web, host(web)) == "full"


def test_differs_compares_the_halves_that_exist() -> None:
    web = domain("web", ["0", "1"])
    assert not differs(web)
    assert differs(replace(web, pins=(*web.pins, Pin("emulator", None, c("1"), c("2")))))
    assert not differs(replace(web, pins=(Pin("vcpu", 0, c("1"), None),)))


def test_cells_allowed_are_those_of_the_vcpus() -> None:
    web = domain("web", ["0", "8-9"], emulator="4")
    assert cells_allowed(web, host(web)) == c("0")
    assert cells_allowed(domain("web", ["-"]), host()) == c("0-1")
    assert cells_allowed(domain("web", [], emulator="4"), host()) is None


def test_locality_is_the_share_on_the_cells_of_its_vcpus() -> None:
    web = domain("web", ["4", "5"])
    assert locality_percent(web, host(web, lies={"web": {0: 1, 1: 3}})) == 75.0
    assert locality_percent(web, host(web)) is None
    nothing = replace(host(web), locality={web.uuid: Locality({}, 0.0)})
    assert locality_percent(web, nothing) is None

"""One plan for several domains: nobody is in another's way, and a failure leaves nobody so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.machines import MACHINES
from tests.unit.model_hosts import MemoryHost, domain, host, hosts
from tests.unit.placement import guest, machine
from vconsole.changes.run import ChangeRun
from vconsole.features.pins.many_words import COLUMNS, picture, rows, stay_words
from vconsole.features.pins.model.fit_many import fit_many
from vconsole.features.pins.model.many import ManyPlan, put_back, requests
from vconsole.features.pins.model.setting_rows import setting_rows
from vconsole.model.column import row_cells
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Locality, PCpu
from vconsole.model.placement import occupants, vcpu_set
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.topology import topology

GIB = 1 << 30


def running(host_state: HostState, name: str, vcpus: int, gib: float = 2, more: str = "") -> Domain:
    """A domain that runs anywhere."""
    made = guest(host_state, vcpus, gib, more=more)
    pins = tuple(replace(pin, live=pin.config) for pin in made.pins)
    rows = tuple(replace(row, live=row.config) for row in made.settings)
    return replace(made, uuid=name, name=name, state="running", pins=pins, settings=rows)


def fleet(host_state: HostState, sizes: Sequence[int], gib: float = 2) -> HostState:
    """A host with domains of so many vCPUs."""
    made = (running(host_state, f"g{n:02}", vcpus, gib) for n, vcpus in enumerate(sizes))
    return replace(host_state, domains=tuple(made))


def everybody(host_state: HostState) -> ManyPlan:
    return fit_many([d.uuid for d in host_state.domains], host_state)


def dedicated(host_state: HostState) -> dict[str, CpuSet]:
    """The pCPUs that each domain holds for itself once all of them run."""
    runs = tuple(
        replace(d, state="running", pins=tuple(replace(p, live=p.config or p.live) for p in d.pins))
        for d in host_state.domains
    )
    return dict(occupants(replace(host_state, domains=runs)).exclusive)


def assert_no_collision(host_state: HostState, whom: Sequence[str]) -> None:
    held = dedicated(host_state)
    for one, other in combinations(sorted(held), 2):
        if one in whom or other in whom:
            assert not held[one] & held[other], (one, other)


def eight_l3() -> HostState:
    """One cell of 64 cores with two threads, 128 pCPUs, eight L3 domains of eight cores each."""
    pcpus = tuple(
        PCpu(n, 0, 0, 0, n % 64, CpuSet.of((n % 64, n % 64 + 64)), True, l3=n % 64 // 8 * 8)
        for n in range(128)
    )
    return host(pcpus=pcpus, free_gib=(512.0,))


def test_ten_guests_of_a_host_with_eight_l3_domains_get_a_place_each_without_a_collision() -> None:
    host_state = fleet(eight_l3(), (8, 8, 8, 8, 6, 4, 4, 4, 2, 2))
    found = everybody(host_state)
    assert not found.left_out
    assert len(found.changes) == 10
    assert_no_collision(found.after, [d.uuid for d in host_state.domains])
    shape = topology(found.after)
    for placed in found.placed:
        there = vcpu_set(found.after.domain(placed.domain.uuid) or placed.domain)
        assert there is not None
        assert len(shape.l3_domains(there)) == 1, placed.domain.name
        assert not placed.warnings, placed.warnings


def test_the_biggest_come_first_so_that_each_has_an_l3_domain() -> None:
    sizes = (1, 1, 1, 1, 1, 1, 1, 1, 8, 8, 8, 8, 8, 8, 8)
    found = everybody(fleet(eight_l3(), sizes))
    shape = topology(found.after)
    spans = [len(shape.l3_domains(vcpu_set(d) or CpuSet())) for d in found.after.domains]
    assert spans == [1] * len(sizes)
    assert not any(placed.warnings for placed in found.placed)


def test_domains_that_share_cores_do_so_with_themselves() -> None:
    """More vCPUs than cores: pairs of one domain on a core, not two domains."""
    found = everybody(fleet(eight_l3(), (16,) * 8))
    assert not found.left_out
    assert not any(
        w.severity == "warn" for p in found.placed for w in p.warnings if "core" in w.text
    )


def test_memory_that_one_takes_is_not_there_for_the_next() -> None:
    host_state = host(free_gib=(16.0, 16.0))
    wanted = fleet(host_state, (2, 2), gib=10)
    found = everybody(wanted)
    cells = [topology(found.after).cells_of(vcpu_set(d) or CpuSet()) for d in found.after.domains]
    assert sorted(map(str, cells)) == ["0", "1"]


def memory_of(found: ManyPlan, name: str) -> list[tuple[str, str, str]]:
    """The rows of memory that the plan changes for a domain: what, live, config."""
    (plan,) = (p.plan for p in found.placed if p.domain.name == name)
    rows = (row for row in plan.setting_table() if row.changed)
    return [(row.label, str(row.live_after), str(row.config_after)) for row in rows]


def test_who_has_no_policy_of_memory_is_given_none() -> None:
    assert memory_of(everybody(fleet(host(free_gib=(16.0, 16.0)), (2, 2), gib=10)), "g00") == []


def test_bound_memory_moves_live_with_the_vcpus_where_its_cell_has_no_place() -> None:
    """With a failure or an undo it goes back with the pins."""
    full = host(domain("full", [str(n) for n in (0, 1, 2, 3, 8, 9, 10, 11)]))
    tune = "<numatune><memory mode='restrictive' nodeset='0'/></numatune>"
    runs = running(full, "runs", 2, 4, tune)
    lies = {"runs": Locality({0: 4 * GIB}, 0.0)}
    found = fit_many(["runs"], replace(full, domains=(*full.domains, runs), locality=lies))
    assert memory_of(found, "runs") == [("numatune", "restrictive 1", "restrictive 1")]
    assert [(w.severity, w.text) for p in found.placed for w in p.warnings] == [
        ("info", "4.0 GiB of its memory move to cell 1 at once: 16.0 GiB free")
    ]
    libvirt = MemoryHost.of((*runs.pins, *setting_rows(runs)))
    (change,) = found.changes
    assert libvirt.apply(change).status == "applied"
    assert libvirt.apply(change.reversed("roll-back")).status == "applied"
    assert (libvirt.base, libvirt.settings) == (runs.pins, setting_rows(runs))


def words_of(found: ManyPlan) -> list[str]:
    """What the line of the first domain says."""
    return [text for text, _ in row_cells(COLUMNS, rows(found)[0])]


def test_the_line_of_a_domain_says_what_becomes_of_its_memorys_policy() -> None:
    full = host(domain("full", [str(n) for n in (0, 1, 2, 3, 8, 9, 10, 11)]))
    bound = "<numatune><memory mode='strict' nodeset='0'/></numatune>"
    made = replace(running(full, "web", 2, 4, bound), state="shut off")
    found = fit_many(["web"], replace(full, domains=(*full.domains, made)))
    assert words_of(found)[-1].startswith("numatune -> strict 1; cell 1:")


def test_a_domain_as_large_as_the_host_is_shown_where_its_vcpus_are() -> None:
    """Each on a pCPU of its own, together on all: that is no domain that runs anywhere."""
    found = everybody(fleet(host(free_gib=(16.0, 16.0)), (16,)))
    assert words_of(found)[3:5] == ["anywhere", "0-1: 0-15"]
    assert "".join(line.after for line in picture(found, 40)) == "a" * 16


GUEST_CELLS = (
    "<cpu><numa><cell id='0' cpus='0-1' memory='2097152'/>"
    "<cell id='1' cpus='2-3' memory='2097152'/></numa></cpu>"
)


def test_the_memory_of_a_guest_cell_that_goes_elsewhere_follows() -> None:
    """One free core a cell: none holds four vCPUs."""
    taken = (0, 1, 2, 8, 9, 10, 4, 5, 6, 12, 13, 14)
    base = host(*(domain(f"full-{n}", [f"{n}"]) for n in taken))
    nodes = "".join(f"<memnode cellid='{n}' mode='strict' nodeset='0'/>" for n in (0, 1))
    made = running(base, "numa", 4, 4, f"{GUEST_CELLS}<numatune>{nodes}</numatune>")
    made = replace(made, topology=(1, 4, 1), state="shut off")
    found = fit_many(["numa"], replace(base, domains=(*base.domains, made)))
    shape = topology(found.after)
    sets = [pin.config or CpuSet() for pin in found.after.domains[-1].pins if pin.kind == "vcpu"]
    cells = [str(shape.cells_of(CpuSet.of((*sets[n], *sets[n + 1])))) for n in (0, 2)]
    assert cells == ["0", "1"]
    assert memory_of(found, "numa") == [("guest cell 1", "strict 0", "strict 1")]


def test_what_is_bound_to_a_cell_without_memory_moves_to_the_only_one_that_has_some() -> None:
    host_state = machine("power8")
    bound = "<numatune><memory mode='strict' nodeset='1'/></numatune>"
    found = everybody(replace(host_state, domains=(guest(host_state, 2, 1, more=bound),)))
    assert memory_of(found, "g") == [("numatune", "None", "strict 0")]
    assert not [w for p in found.placed for w in p.warnings if w.severity != "info"]


def test_a_preference_follows_and_what_is_spread_or_left_to_numad_stays() -> None:
    full = host(domain("full", [str(n) for n in (0, 1, 2, 3, 8, 9, 10, 11)]))
    wanted = {
        "mode='preferred' nodeset='0'": [("numatune", "preferred 0", "preferred 1")],
        "mode='interleave' nodeset='0-1'": [],
        "mode='strict' placement='auto'": [],
    }
    for tune, expected in wanted.items():
        runs = running(full, "runs", 2, 4, f"<numatune><memory {tune}/></numatune>")
        found = fit_many(["runs"], replace(full, domains=(*full.domains, runs)))
        assert memory_of(found, "runs") == expected


def test_one_that_runs_has_its_memory_and_gets_pcpus_where_there_is_no_room_for_it() -> None:
    runs = domain("runs", ["-", "-"], gib=40.0)
    found = everybody(host(runs))
    assert not found.left_out
    (placed,) = found.placed
    assert any("cannot hold its memory" in w.text for w in placed.warnings)
    waits = domain("waits", ["-", "-"], gib=40.0, state="shut off")
    assert "memory" in everybody(host(waits)).left_out[0][1]


def test_one_without_a_place_keeps_its_pins_and_holds_them() -> None:
    """16 pCPUs: 10 vCPUs and 8 do not fit; the small one stays where it is."""
    stays = domain("stays", [str(n) for n in range(8)], gib=1.0)
    big = domain("big", ["-"] * 10, gib=1.0)
    found = everybody(host(stays, big))
    assert [(name, why) for name, why in found.left_out if why] != []
    assert_no_collision(found.after, [p.domain.uuid for p in found.placed])


def test_a_domain_not_chosen_keeps_its_pcpus() -> None:
    other = domain("other", ["0", "1"])
    found = fit_many([domain("new").uuid], host(other, domain("new", ["-", "-"])))
    assert_no_collision(found.after, [p.domain.uuid for p in found.placed])
    assert found.after.domain(other.uuid) == other


def test_nobody_is_placed_where_a_domain_that_stays_fills_its_set() -> None:
    """Two vCPUs on a set of two pCPUs: none has one to itself, and there is no room beside them."""
    fills = domain("fills", ["4-5", "4-5"])
    host_state = host(fills, domain("new", ["-"] * 4, nodeset="1", gib=1.0))
    found = fit_many([host_state.domains[1].uuid], host_state)
    assert not (vcpu_set(found.after.domains[1]) or CpuSet()) & CpuSet.parse("4-5")


def test_a_core_of_each_cell_is_kept_for_the_emulators_while_there_are_enough() -> None:
    names = ("a", "b", "c")
    found = everybody(host(*(domain(n, ["-"] * 2, emulator="-", gib=1.0) for n in names)))
    held = CpuSet.of(p for pcpus in dedicated(found.after).values() for p in pcpus)
    assert not held & CpuSet.parse("0,8,4,12")


def test_emulators_keep_off_the_vcpus_of_all() -> None:
    names = ("a", "b", "c")
    host_state = host(*(domain(n, ["-", "-"], emulator="-", gib=1.0) for n in names))
    found = everybody(host_state)
    held = CpuSet.of(p for pcpus in dedicated(found.after).values() for p in pcpus)
    for made in found.after.domains:
        (emulator,) = (pin.live for pin in made.pins if pin.kind == "emulator")
        assert emulator is not None
        assert not emulator & held


@pytest.mark.parametrize("name", MACHINES)
def test_real_machines_are_filled_without_a_collision(name: str) -> None:
    host_state = fleet(MACHINES[name](), (4, 2, 1, 1), gib=0.5)
    found = everybody(host_state)
    assert not found.left_out
    assert_no_collision(found.after, [d.uuid for d in host_state.domains])
    assert not any(w.severity != "info" for p in found.placed for w in p.warnings)


@pytest.mark.parametrize("name", MACHINES)
def test_nobody_crosses_l3_domains_or_mixes_kinds_while_that_goes(name: str) -> None:
    found = everybody(fleet(MACHINES[name](), (4, 2, 1, 1), gib=0.5))
    shape = topology(found.after)
    for made in found.after.domains:
        there = vcpu_set(made) or CpuSet()
        assert len(shape.kinds_of(there)) < 2
        assert len(shape.l3_domains(there)) < 2 or not shape.several_l3


# ---- made of any hosts


@settings(max_examples=150, deadline=None)
@given(hosts(), st.lists(st.integers(1, 4), max_size=4))
def test_no_pcpu_is_dedicated_twice(made: tuple[HostState, Domain], sizes: list[int]) -> None:
    host_state, _ = made
    more = tuple(running(host_state, f"more-{n}", size, 0.5) for n, size in enumerate(sizes))
    host_state = replace(host_state, domains=(*host_state.domains, *more))
    chosen = [d.uuid for d in host_state.domains if d.pins and d.active]
    found = fit_many(chosen, host_state)
    placed = [p.domain.uuid for p in found.placed]
    assert len(placed) + len(found.left_out) == len(chosen)
    held = occupants(found.after).exclusive
    for one, other in combinations(sorted(held), 2):
        if one in placed or other in placed:
            assert not held[one] & held[other]


@settings(max_examples=80, deadline=None)
@given(hosts(), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_applied_and_put_back_is_as_before(
    made: tuple[HostState, Domain], sizes: list[int]
) -> None:
    host_state, _ = made
    more = tuple(running(host_state, f"more-{n}", size, 0.5) for n, size in enumerate(sizes))
    domains = (replace(d, detailed=True) for d in (*host_state.domains, *more))
    found = everybody(replace(host_state, domains=tuple(domains)))
    libvirt = {d.uuid: MemoryHost.of((*d.pins, *setting_rows(d))) for d in found.before.domains}
    for change in found.changes:
        assert libvirt[change.uuid].apply(change).status == "applied"
    for after in found.after.domains:
        assert libvirt[after.uuid].base == after.pins
    for change in reversed(found.changes):
        assert libvirt[change.uuid].apply(change.reversed()).status == "applied"
    for before in found.before.domains:
        assert libvirt[before.uuid].base == before.pins
        assert libvirt[before.uuid].settings == setting_rows(before)


# ---- carried out


def test_a_domain_moves_after_the_one_that_holds_its_place() -> None:
    """The big one is planned first and wants a pCPU that the other leaves."""
    big = domain("big", ["8", "9", "10", "11"], nodeset="1")
    found = everybody(host(big, domain("leaves", ["5"], nodeset="0")))
    assert 5 in (vcpu_set(found.after.domains[0]) or CpuSet())
    assert [p.domain.name for p in found.placed] == ["leaves", "big"]


def test_after_a_failure_its_rows_go_back_and_who_wants_its_place_is_not_tried() -> None:
    moves = domain("moves", ["0", "1"], nodeset="1", gib=1.0)
    comes = domain("comes", ["-"] * 8, nodeset="0", gib=1.0)
    alone = domain("alone", ["-"], nodeset="1", gib=1.0)
    found = everybody(host(comes, moves, alone))
    libvirt = {d.uuid: MemoryHost.of(d.pins) for d in found.before.domains}
    asked: list[SetPins] = []
    run = ChangeRun(
        "fit",
        requests(found),
        asked.append,
        at_a_time=1,
        on_failure=lambda change, reply: put_back(found, change, reply),
    )
    run.begin()
    while not run.done:
        (change,) = run.under_way
        fails = 1 if change.name == "moves" and change.change.origin == "plan" else None
        outcome = libvirt[change.uuid].apply(change.change, fails)
        run.replied(change, Reply(outcome.status, "", outcome))
    status = {(c.name, c.change.origin): r.status for c, r in run.replies.items()}
    assert status["moves", "plan"] == "failed"
    assert status["moves", "roll-back"] == "applied"
    assert status["comes", "plan"] == "not tried"
    assert status["alone", "plan"] == "applied"
    assert "moves is still on pCPUs 0, 1" in [r.message for r in run.replies.values()]
    assert libvirt[moves.uuid].base == moves.pins


def test_of_places_as_good_as_each_other_each_domain_keeps_its_own() -> None:
    """Who is on the sixth L3 domain of a cell stays there: nobody moves for nothing."""
    host_state = eight_l3()
    there = [running(host_state, f"g{n}", 8) for n in range(3)]
    homes = [CpuSet.parse(text) for text in ("40-47", "8-15", "24-31")]
    pinned = tuple(
        replace(
            made,
            pins=tuple(replace(pin, live=home, config=home) for pin in made.pins),
        )
        for made, home in zip(there, homes, strict=True)
    )
    found = everybody(replace(host_state, domains=pinned))
    assert [vcpu_set(d) for d in found.after.domains] == homes


def test_a_half_that_a_domain_has_not_is_no_reason_to_change_the_other() -> None:
    """`live only` changed the config of those that are shut off."""
    host_state = host(domain("runs", ["-"]), domain("off", ["-"], state="shut off"))
    chosen = [d.uuid for d in host_state.domains]
    found = fit_many(chosen, host_state, "live")
    assert [p.domain.name for p in found.placed] == ["runs"]
    assert found.left_out == (("off", "it does not run, only its config can change"),)
    assert len(fit_many(chosen, host_state, "config").placed) == 2


def test_who_stays_for_the_same_reason_is_said_in_one_line() -> None:
    """On a full host a line each pushed what is said of the domain in view off the screen."""
    one, two = "no cell it may use has a free pCPU", "all cells together: 2 free pCPUs for 3 vCPUs"
    many = ManyPlan(eight_l3(), eight_l3(), left_out=(("a", one), ("big", two), ("b", one)))
    assert list(stay_words(many)) == [
        f"a, b stay as they are: {one}",
        f"big stays as it is: {two}",
    ]

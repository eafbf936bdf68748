"""Each thing a plan is warned of, and the one line that a list shows of a domain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests import scenes
from tests.unit.model_hosts import EMULATOR, c, domain, host, smt_pcpus, vcpu
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import PlanWarning, attention, plan_warnings, refusals
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, Pages, Pin, PinKey


def warned(host_state: HostState, staged: dict[PinKey, str], name: str = "web") -> list[str]:
    """The warnings as ``severity: text``."""
    return [f"{w.severity}: {w.text}" for w in warnings_of(host_state, staged, name)]


def warnings_of(
    host_state: HostState, staged: dict[PinKey, str], name: str = "web"
) -> tuple[PlanWarning, ...]:
    found = next(d for d in host_state.domains if d.name == name)
    plan = PinPlan.of(found, host_state)
    for key, text in staged.items():
        plan = plan.stage(key, CpuSet.parse(text, host_state.all_pcpus))
    return plan_warnings(plan, host_state)


def web(*vcpus: str, **options: Any) -> Domain:
    return domain("web", vcpus, **options)


def test_nothing_staged_nothing_said() -> None:
    host_state = host(web("-", "-"), domain("db", ["0"]))
    assert warned(host_state, {}) == []


def test_a_sound_plan_is_quiet() -> None:
    host_state = host(web("-", "-", emulator="6-7"), domain("db", ["0", "1"]))
    assert warned(host_state, {vcpu(0): "4", vcpu(1): "5"}) == []


def test_overlap_names_the_other_domain() -> None:
    host_state = host(web("-", "0"), domain("db", ["0", "1"]), domain("wide", ["4-7"]))
    assert warned(host_state, {vcpu(0): "0-1"}) == [
        "warn: vCPU 0 shares pCPUs 0, 1 with db, pinned there exclusively",
        "info: vCPU 1 still shares pCPU 0 with db, pinned there exclusively",
    ]
    assert warned(host_state, {vcpu(0): "5", vcpu(1): "6"}) == []


def test_overlap_with_many_names_two() -> None:
    others = [domain(f"db-{n}", ["3"]) for n in range(5)]
    assert warned(host(web("-"), *others), {vcpu(0): "3"}) == [
        "warn: vCPU 0 shares pCPU 3 with db-0, db-1 and 3 more, pinned there exclusively"
    ]


def test_own_exclusive_pins_do_not_count() -> None:
    assert warned(host(web("0", "-")), {vcpu(0): "2", vcpu(1): "1"}) == []
    own = web("0", "1", state="shut off")
    assert warned(host(own), {vcpu(0): "1", vcpu(1): "0"}) == []


def test_pins_of_domains_that_do_not_run_are_claims() -> None:
    """Above all of those that start by themselves: then both hold the pCPU."""
    starts = domain("starts", ["1", "2-3"], state="shut off")
    off = replace(domain("off", ["4"], state="shut off"), autostart=False)
    host_state = host(web("0", "-"), starts, off)
    assert warned(host_state, {vcpu(0): "4", vcpu(1): "1-2"}) == [
        "warn: vCPU 1 shares pCPU 1 with starts, pinned there exclusively"
        " from the start of the host on",
        "info: vCPU 0 shares pCPU 4 with off, pinned there exclusively, shut off now",
    ]


def test_pins_of_vcpus_that_are_not_plugged_in_are_claims() -> None:
    grows = domain("grows", ["1", "2"])
    grows = replace(grows, pins=(grows.pins[0], replace(grows.pins[1], plugged=False)))
    assert warned(host(web("-", "-"), grows), {vcpu(0): "4", vcpu(1): "2"}) == [
        "warn: vCPU 1 shares pCPU 2 with grows, pinned there for vCPUs that are not plugged in yet"
    ]


def test_sibling_shared_with_another_domain() -> None:
    host_state = host(web("-", "-"), domain("db", ["0", "1"]))
    assert warned(host_state, {vcpu(0): "8", vcpu(1): "10"}) == [
        "warn: vCPU 0 shares a core with db, pinned to the sibling pCPU 0"
    ]


def test_sibling_shared_by_wide_sets() -> None:
    host_state = host(web("-", "-"), domain("db", ["0-3", "0-3"]))
    assert warned(host_state, {vcpu(0): "8-11", vcpu(1): "8-11"}) == [
        "warn: vCPU 0, 1 share a core with db, pinned to the sibling pCPUs 0-3"
    ]


def test_vcpus_that_crowd_one_set() -> None:
    host_state = host(web("4", "-", "-"))
    staged = {vcpu(1): "4", vcpu(2): "5"}
    assert warned(host_state, staged) == ["warn: vCPU 0, 1 share pCPU 4"]
    assert warned(host(web("4", "4", "-")), {vcpu(2): "5"}) == [
        "info: vCPU 0, 1 still share pCPU 4"
    ]


def test_crossing_cells() -> None:
    host_state = host(web("-", "-", "-", "-"))
    assert warned(host_state, {vcpu(0): "0", vcpu(1): "3-4"}) == [
        "warn: vCPU 1 crosses cells 0, 1",
        "info: vCPU 2, 3 still cross cells 0, 1",
    ]


def test_isolated_pcpus_are_not_balanced() -> None:
    pcpus = tuple(replace(p, isolated=p.id in c("2-3,10-11")) for p in smt_pcpus())
    host_state = host(web("-", "-", "-", emulator="-"), pcpus=pcpus)
    staged: dict[PinKey, str] = {vcpu(0): "2", vcpu(1): "2-3", vcpu(2): "2-3,8"}
    assert warned(host_state, staged)[:1] == [
        "warn: vCPU 1, 2 name 2 isolated pCPUs (2-3):"
        " the kernel does not balance over them and uses the first"
    ]
    assert "isolated" not in " ".join(
        warned(host_state, {vcpu(0): "2", vcpu(1): "3", vcpu(2): "8"})
    )


def test_offline_and_missing_pcpus_are_refused() -> None:
    pcpus = tuple(replace(p, online=p.id != 3) for p in smt_pcpus())
    host_state = host(web("-", "-", "2-3"), pcpus=pcpus)
    found = warnings_of(host_state, {vcpu(0): "3", vcpu(1): "2,99"})
    assert [w.text for w in refusals(found)] == [
        "vCPU 1 names pCPU 99, which this host does not have",
        "vCPU 0 names pCPU 3, offline",
    ]
    assert refusals(found)[1].rows == (vcpu(0),)
    assert "vCPU 2 still names pCPU 3, offline" in [w.text for w in found if w.severity == "info"]


def test_unpinning_on_a_host_with_an_offline_pcpu_is_fine() -> None:
    pcpus = tuple(replace(p, online=p.id != 3) for p in smt_pcpus())
    assert refusals(warnings_of(host(web("0"), pcpus=pcpus), {vcpu(0): "r"})) == ()


def test_nothing_is_refused_while_the_host_is_not_known() -> None:
    unknown = replace(host(web("0")), pcpus=(), cells=())
    assert refusals(warnings_of(unknown, {vcpu(0): "70"})) == ()


def test_emulator_on_the_pcpu_of_a_vcpu() -> None:
    host_state = host(web("4", "5", "6-7", emulator="0-3", iothreads=["5"]))
    assert warned(host_state, {EMULATOR: "4-7"}) == [
        "warn: emulator may run on pCPUs 4, 5 of vCPU 0, 1",
        "info: iothread 1 still may run on pCPU 5 of vCPU 1",
    ]
    assert warned(host_state, {EMULATOR: "6-7", ("iothread", 1): "0"}) == []


def test_a_floating_emulator_is_worth_a_word() -> None:
    assert warned(host(web("-", emulator="-")), {vcpu(0): "4"}) == [
        "info: emulator is not pinned and may run on the pCPUs of the vCPUs"
    ]


@pytest.mark.parametrize(
    ("mode", "words"), [("strict", "keeps its memory on"), ("preferred", "prefers its memory on")]
)
def test_numatune_on_another_cell(mode: str, words: str) -> None:
    host_state = host(web("-", nodeset="0", mode=mode))
    assert warned(host_state, {vcpu(0): "4"}) == [
        f"warn: numatune {words} cell 0, its vCPUs run on cell 1"
    ]
    assert warned(host_state, {vcpu(0): "1"}) == []


def test_measured_memory_on_another_cell() -> None:
    host_state = host(web("-"), lies={"web": {0: 3, 1: 1}})
    assert warned(host_state, {vcpu(0): "4"}) == [
        "warn: 75 % of its memory is on cell 0, its vCPUs run on cell 1"
    ]
    assert warned(host_state, {vcpu(0): "1"}) == [
        "warn: 25 % of its memory is on cell 1, its vCPUs run on cell 0"
    ]
    assert warned(host(web("-"), lies={"web": {0: 4}}), {vcpu(0): "1"}) == []


def test_too_little_free_memory() -> None:
    host_state = host(web("-", gib=8), free_gib=(16.0, 6.4))
    assert warned(host_state, {vcpu(0): "4"}) == [
        "warn: cell 1 cannot hold its memory: 6.4 GiB free, 8.0 GiB needed"
    ]
    assert warned(host_state, {vcpu(0): "1"}) == []


def test_memory_that_is_there_need_not_fit_again() -> None:
    host_state = host(web("-", gib=8), free_gib=(16.0, 1.0), lies={"web": {1: 7, 0: 1}})
    assert warned(host_state, {vcpu(0): "4"}) == []
    moved = host(web("5", gib=8), free_gib=(16.0, 1.0))
    assert warned(moved, {vcpu(0): "4"}) == []


def test_too_few_huge_pages() -> None:
    pages = (Pages(4, 1 << 20, 1 << 20), Pages(2048, 1024, 512))
    host_state = host(web("-", gib=8, hugepages_kib=2048), pages=pages)
    assert warned(host_state, {vcpu(0): "4"}) == [
        "warn: cell 1 cannot hold its memory: 1.0 GiB free in pages of 2.0 MiB, 8.0 GiB needed"
    ]


def test_a_stopped_domain_needs_memory_where_numatune_puts_it() -> None:
    host_state = host(web("-", gib=8, state="shut off", nodeset="1"), free_gib=(64.0, 2.0))
    assert warned(host_state, {vcpu(0): "0"}) == [
        "warn: numatune keeps its memory on cell 1, its vCPUs run on cell 0",
        "warn: cell 1 cannot hold its memory: 2.0 GiB free, 8.0 GiB needed",
    ]


def test_memory_is_information_while_no_vcpu_is_staged() -> None:
    host_state = host(web("4", emulator="-"), lies={"web": {0: 4}})
    found = warned(host_state, {EMULATOR: "6"})
    assert found == ["info: 100 % of its memory is on cell 0, its vCPUs run on cell 1"]


def test_texts_are_one_line_each_for_every_domain_of_every_scene() -> None:
    for host_state in (scenes.kvm07(), scenes.sixteen_cells(), scenes.one_cell(30)):
        for found in host_state.domains:
            staged = {pin.key: "1-3" for pin in found.pins[:4]}
            for warning in warnings_of(host_state, staged, found.name):
                assert "\n" not in warning.text
                assert warning.text.strip() == warning.text


# ---- the mark in the list


def test_a_domain_in_order_has_no_mark() -> None:
    host_state = host(web("0", "1"), domain("db", ["2"]), lies={"web": {0: 8, 1: 2}})
    assert attention(host_state.domains[0], host_state) is None


def test_marks_say_the_gravest_thing() -> None:
    pins = (Pin("vcpu", 0, c("0"), c("1")),)
    bad = replace(web(), pins=pins, problem="cannot\nread it")
    db, everything = domain("db", ["0"]), {"web": {1: 3, 0: 1}}
    off = tuple(replace(p, online=p.id != 0) for p in smt_pcpus())
    steps = [
        (host(bad, db, pcpus=off, lies=everything), bad, "cannot read it"),
        (host(bad, db, pcpus=off, lies=everything), web("0"), "pinned to pCPU 0, offline"),
        (host(db, lies=everything), web("0"), "shares pCPU 0 with db, pinned there exclusively"),
        (
            host(lies=everything),
            replace(web(), pins=pins),
            "75 % of its memory on cells its vCPUs may not use: cell 1",
        ),
        (
            host(),
            replace(web(), pins=pins),
            "live and config pins differ: they change at its next start",
        ),
    ]
    for host_state, found, text in steps:
        assert attention(found, replace(host_state, domains=(found, *host_state.domains))) == text


def test_a_wide_emulator_set_over_another_domains_pin_is_no_news() -> None:
    db = domain("db", ["1"])
    wide = web("2", emulator="0-3")
    assert attention(wide, host(wide, db)) is None
    narrow = web("2", emulator="1,9")
    assert attention(narrow, host(narrow, db)) == "shares pCPU 1 with db, pinned there exclusively"


def test_a_stopped_domain_pinned_to_an_offline_pcpu_will_not_start() -> None:
    off = tuple(replace(p, online=p.id != 0) for p in smt_pcpus())
    stopped = web("0", state="shut off")
    host_state = host(stopped, domain("db", ["0"]), pcpus=off)
    assert attention(stopped, host_state) == "pinned to pCPU 0, offline: it will not start"
    gone = web("77", state="shut off")
    assert attention(gone, host(gone)) == (
        "pinned to pCPU 77, offline or not of this host: it will not start"
    )


def test_an_unpinned_domain_on_a_host_with_an_offline_pcpu_has_no_mark() -> None:
    off = tuple(replace(p, online=p.id != 0) for p in smt_pcpus())
    host_state = host(web("-", emulator="-"), pcpus=off)
    assert attention(host_state.domains[0], host_state) is None


def test_a_pcpu_without_a_known_place_may_be_used_and_is_remarked_on() -> None:
    host_state = host(web("-", "4", emulator="6-7"))
    pcpus = tuple(replace(p, cell=None, core=None) if p.id == 3 else p for p in host_state.pcpus)
    cells = tuple(replace(k, pcpus=tuple(n for n in k.pcpus if n != 3)) for k in host_state.cells)
    late = replace(host_state, pcpus=pcpus, cells=cells)
    assert warned(late, {vcpu(0): "3"}) == [
        "info: vCPU 0 names pCPU 3: cell and core are not known until libvirtd restarts"
    ]
    assert warned(late, {vcpu(0): "5"}) == []

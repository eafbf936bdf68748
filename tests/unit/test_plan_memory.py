"""Plans of memory: what is changed, what is refused, and what is said before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import scenes
from tests.unit.resource_xml import GIB, domain_xml, subject
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import Reading, Resources, Statistics, resources
from vconsole.features.resources.model.plan_memory import MemoryWish
from vconsole.features.resources.model.room import Room, room_of
from vconsole.model.host_state import HostState
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal
from vconsole.model.request import Define

CONFIG = domain_xml()
LIVE = domain_xml(current=6 * GIB)


def plan(
    wish: MemoryWish, target: Target = "both", config: str | None = CONFIG, live: str | None = LIVE
) -> Proposal:
    return wish.plan(subject(config, live), target)


def only(proposal: Proposal) -> SetResource:
    (change,) = proposal.changes
    assert isinstance(change, SetResource)
    return change


# -- reading ---------------------------------------------------------------------------------


def test_what_a_definition_says() -> None:
    more = (
        "<maxMemory slots='4' unit='GiB'>16</maxMemory>"
        "<memoryBacking><hugepages><page size='1' unit='G'/></hugepages></memoryBacking>"
        "<cpu><topology sockets='1' dies='2' cores='2' threads='1'/>"
        "<numa><cell id='0' cpus='0-3' memory='1'/></numa></cpu>"
    )
    devices = "<memory model='dimm'/><memballoon model='virtio'><stats period='5'/></memballoon>"
    found = resources(domain_xml(more=more, devices=devices))
    assert (found.maximum_kib, found.current_kib) == (8 * GIB, 4 * GIB)
    assert (found.vcpus, found.maximum_vcpus, found.period_s) == (2, 4, 5)
    assert (found.page_kib, found.hotplug_kib) == (GIB, 16 * GIB)
    assert (found.cells, found.dimms) == (1, 1)
    assert found.topology is not None
    assert found.topology.words == "1 socket x 2 dies x 2 cores x 1 thread"


def test_what_it_leaves_out_has_libvirts_defaults() -> None:
    found = resources("<domain><memory unit='MiB' dumpCore='off'>8</memory></domain>")
    assert found == Resources(8192, 8192, 1, 1, dump_core=False)
    assert resources(domain_xml(devices="<memballoon model='none'/>")).period_s is None
    backing = "<memoryBacking><hugepages/></memoryBacking>"
    assert resources(domain_xml(more=backing)).page_kib == 0


@pytest.mark.parametrize("xml", ["<domain/>", "<domain><memory>x</memory></domain>", "<domain>"])
def test_what_cannot_be_read_is_refused(xml: str) -> None:
    with pytest.raises(ValueError, match=r"memory|XML"):
        resources(xml)


# -- the current memory ----------------------------------------------------------------------


def test_live_and_config_are_set_by_one_change() -> None:
    change = only(plan(MemoryWish(current_kib=7 * GIB)))
    assert (change.when, change.grade) == ("live and config", "harmless")
    assert change.lines() == (
        "- live: maximum 8 GiB, current 6 GiB",
        "+ live: maximum 8 GiB, current 7 GiB",
        "- config: maximum 8 GiB, current 4 GiB",
        "+ config: maximum 8 GiB, current 7 GiB",
    )
    assert change.virsh("qemu:///system") == (
        "virsh -c qemu:///system setmem web 7GiB --live --config",
    )


@pytest.mark.parametrize(
    ("target", "live", "config", "flags"),
    [("live", True, False, "--live"), ("config", False, True, "--config")],
)
def test_one_half_alone(target: Target, live: bool, config: bool, flags: str) -> None:
    change = only(plan(MemoryWish(current_kib=7 * GIB), target))
    assert (change.live is not None, change.config is not None) == (live, config)
    assert change.virsh()[0].endswith(f"7GiB {flags}")


def test_a_half_that_has_it_already_is_left_alone() -> None:
    assert only(plan(MemoryWish(current_kib=6 * GIB))).live is None
    with pytest.raises(ValueError, match="it is so already"):
        plan(MemoryWish(current_kib=6 * GIB), "live")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("live", "live: 9 GiB is above its maximum of 8 GiB, until it is shut off"),
        ("config", "config: 9 GiB is above its maximum of 8 GiB, raise it first"),
    ],
)
def test_above_the_maximum_is_refused_with_the_cure(target: Target, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        plan(MemoryWish(current_kib=9 * GIB), target)


def test_a_maximum_that_is_pending_helps_the_definition_only() -> None:
    proposal = plan(MemoryWish(current_kib=9 * GIB), config=domain_xml(maximum=16 * GIB))
    assert only(proposal).live is None
    assert proposal.notes == (
        "web: live: 9 GiB is above its maximum of 8 GiB, until it is shut off",
    )


def test_a_domain_that_does_not_run_or_is_transient() -> None:
    with pytest.raises(ValueError, match="it does not run"):
        plan(MemoryWish(current_kib=GIB), "live", live=None)
    with pytest.raises(ValueError, match="no definition"):
        plan(MemoryWish(current_kib=GIB), "config", config=None)
    with pytest.raises(ValueError, match="maximum is set in the definition"):
        plan(MemoryWish(maximum_kib=GIB), config=None)


@pytest.mark.parametrize(
    ("needed", "grade", "note"),
    [
        (None, "interrupting", "what the guest uses is not known"),
        (3 * GIB, "destructive", "the guest needs 3.0 GiB: with less it kills"),
        (2 * GIB, "harmless", ""),
    ],
)
def test_taking_memory_from_a_guest_is_confirmed_by_what_it_needs(
    needed: int | None, grade: str, note: str
) -> None:
    proposal = plan(MemoryWish(current_kib=2 * GIB, room=Room(needed_kib=needed)), "live")
    assert only(proposal).grade == grade
    assert note in " ".join(proposal.notes)
    assert bool(proposal.notes) == bool(note)


def test_the_balloon_gives_no_huge_pages_back() -> None:
    live = domain_xml(more="<memoryBacking><hugepages/></memoryBacking>")
    wish = MemoryWish(current_kib=2 * GIB, room=Room(needed_kib=GIB))
    (note,) = plan(wish, "live", live=live).notes
    assert "huge pages: the balloon gives none back" in note


# -- the maximum -----------------------------------------------------------------------------


def test_a_lower_maximum_takes_the_current_memory_with_it() -> None:
    proposal = plan(MemoryWish(maximum_kib=2 * GIB))
    assert only(proposal).lines() == (
        "- config: maximum 8 GiB, current 4 GiB",
        "+ config: maximum 2 GiB, current 2 GiB",
    )
    assert only(proposal).when == "at the next start"
    assert proposal.notes == ("web: its current memory is lowered with it, to 2 GiB",)
    assert only(proposal).virsh() == ("virsh setmaxmem web 2GiB --config",)


def test_maximum_and_current_are_planned_one_upon_the_other() -> None:
    wish = MemoryWish(current_kib=12 * GIB, maximum_kib=16 * GIB)
    first, second = plan(wish, "config").changes
    assert first.lines()[-1] == "+ config: maximum 16 GiB, current 4 GiB"
    assert second.lines() == (
        "- config: maximum 16 GiB, current 4 GiB",
        "+ config: maximum 16 GiB, current 12 GiB",
    )


@pytest.mark.parametrize(
    ("more", "devices", "kib", "reason"),
    [
        ("<cpu><numa><cell cpus='0' memory='1'/></numa></cpu>", "", GIB, "sum of its NUMA cells"),
        ("", "<memory model='dimm'/>", GIB, "sum of its memory devices"),
        ("<maxMemory unit='GiB'>16</maxMemory>", "", 17 * GIB, "allows 16 GiB at most"),
        ("<memoryBacking><hugepages/></memoryBacking>", "", GIB + 1, "take 1 GiB or 1026 MiB"),
        ("<memoryBacking><hugepages/></memoryBacking>", "", 1024, "take 2 MiB$"),
    ],
)
def test_a_maximum_that_the_definition_does_not_allow(
    more: str, devices: str, kib: int, reason: str
) -> None:
    config = domain_xml(more=more, devices=devices)
    with pytest.raises(ValueError, match=reason):
        plan(MemoryWish(maximum_kib=kib, room=Room(default_page_kib=2048)), config=config)


def test_huge_pages_without_a_size_are_of_the_hosts_default() -> None:
    """A host booted with ``default_hugepagesz=1G``, or an arm64 one with pages of 512 MiB."""
    config = domain_xml(more="<memoryBacking><hugepages/></memoryBacking>")
    for page_kib, near in ((GIB, "8 GiB or 9 GiB"), (GIB // 2, "8704 MiB or 9 GiB")):
        wish = MemoryWish(maximum_kib=9 * GIB - 2048, room=Room(default_page_kib=page_kib))
        with pytest.raises(ValueError, match=f"take {near}"):
            plan(wish, config=config)
    scene = scenes.kvm07()
    host = replace(scene, node=replace(scene.node, hugepage_kib=GIB))
    assert room_of(scene.domains[0], host).default_page_kib == GIB


def test_of_pages_that_nobody_knows_nothing_is_claimed() -> None:
    config = domain_xml(more="<memoryBacking><hugepages/></memoryBacking>")
    assert only(plan(MemoryWish(maximum_kib=9 * GIB - 2048), config=config))


def test_what_qemu_rounds_is_said() -> None:
    (note,) = plan(MemoryWish(maximum_kib=8 * GIB + 1)).notes
    assert note == "web: QEMU rounds it up to 8193 MiB at the start"


def test_the_balloon_moves_by_whole_pages_and_says_so() -> None:
    proposal = plan(MemoryWish(current_kib=170001))
    assert only(proposal).number == 170004
    said = "170001 KiB becomes 170004 KiB: the balloon moves by 4 KiB"
    assert any(note.endswith(said) for note in proposal.notes)
    change = only(plan(MemoryWish(current_kib=170001)))
    done = resources(domain_xml(current=170004))
    assert change.is_done(Reading(done, done))


def test_a_maximum_between_two_pages_can_be_had_whole() -> None:
    odd = domain_xml(maximum=170001, current=4096)
    assert only(plan(MemoryWish(current_kib=170001), "config", odd, None)).number == 170001


# -- core dumps and statistics ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("<memory unit='KiB'>", False, "<memory unit='KiB' dumpCore='off'>"),
        ("<memory unit='KiB' dumpCore='off'>", True, "<memory unit='KiB' dumpCore='on'>"),
    ],
)
def test_dump_core_is_one_attribute(before: str, wanted: bool, after: str) -> None:
    config = CONFIG.replace("<memory unit='KiB'>", before)
    (change,) = plan(MemoryWish(dump_core=wanted), config=config).changes
    assert isinstance(change, Define)
    assert change.after == config.replace(before, after)
    with pytest.raises(ValueError, match="it is so already"):
        plan(MemoryWish(dump_core=not wanted), config=config)


def test_the_definition_is_edited_before_anything_else_changes_it() -> None:
    wish = MemoryWish(GIB, 9 * GIB, dump_core=False, period_s=5)
    kinds = [getattr(change, "kind", "edit") for change in plan(wish, "config").changes]
    assert kinds == ["edit", "maximum", "memory", "statistics"]


def test_the_period_of_the_statistics() -> None:
    change = only(plan(MemoryWish(period_s=5), "live"))
    assert change.lines() == ("- live: off", "+ live: every 5 s")
    assert change.virsh() == ("virsh dommemstat web --period 5 --live",)
    with pytest.raises(ValueError, match="no balloon"):
        plan(MemoryWish(period_s=5), live=domain_xml(devices="<memballoon model='none'/>"))


# -- room ------------------------------------------------------------------------------------


def kvm07(name: str) -> tuple[HostState, Room]:
    scene = scenes.kvm07()
    domain = next(d for d in scene.domains if d.name == name)
    return scene, room_of(domain, scene)


def test_room_is_that_of_the_cells_the_memory_is_bound_to() -> None:
    scene = scenes.kvm07()
    bound = next(d for d in scene.domains if d.numatune and not d.hugepages_kib)
    free = next(d for d in scene.domains if not d.numatune)
    assert bound.numatune is not None
    assert bound.numatune.nodeset is not None
    cells = [c for c in scene.cells if c.id in bound.numatune.nodeset]
    there = room_of(bound, scene)
    assert there.where.startswith("cell")
    assert there.free_kib == sum((c.free_bytes or 0) // 1024 for c in cells)
    everywhere = room_of(free, scene)
    assert (everywhere.where, everywhere.total_kib) == ("the host", 384 * GIB)
    assert everywhere.swap_kib == 8 * GIB


@pytest.mark.parametrize(
    ("swap", "words"),
    [
        (None, "once used: caches go, then the host swaps"),
        (0, "caches go, then there is no free swap, then guests are killed"),
        (2 * GIB, "caches go, then 2.0 GiB of swap"),
        (GIB // 2, "caches go, then 512 MiB of swap, then guests are killed"),
    ],
)
def test_overcommit_names_the_cells_and_what_comes_of_it(swap: int | None, words: str) -> None:
    room = Room("cell 1", 16 * GIB, 3 * GIB, resident_kib=4 * GIB, swap_kib=swap)
    wish = MemoryWish(current_kib=8 * GIB, room=room)
    note, outcome = plan(wish).notes
    assert note == "web: overcommit: cell 1: 3.0 GiB free, 4.0 GiB more wanted"
    assert outcome.endswith(words)
    assert plan(MemoryWish(current_kib=7 * GIB, room=room)).notes == ()
    assert plan(MemoryWish(maximum_kib=16 * GIB, room=room)).notes == ()


def test_more_than_there_is_and_huge_pages_that_are_not_there() -> None:
    room = Room("cell 0", 4 * GIB, GIB, page_kib=2048)
    notes = plan(MemoryWish(maximum_kib=9 * GIB, room=room)).notes
    assert notes == (
        "web: more than cell 0 has in pages of 2 MiB: 4.0 GiB in all",
        "web: overcommit: cell 0: 1.0 GiB free in pages of 2 MiB, 9.0 GiB more wanted",
        "web: huge pages cannot be overcommitted: it could not start",
    )


# -- statistics ------------------------------------------------------------------------------


def test_what_the_guest_needs_includes_its_kernel() -> None:
    found = Statistics(actual_kib=1000, available_kib=900, usable_kib=600, updated=7)
    assert (found.used_kib, found.needed_kib) == (300, 400)
    shrunk = Statistics(actual_kib=500, available_kib=900, usable_kib=600, updated=7)
    assert shrunk.needed_kib == 300
    assert Statistics(actual_kib=1000, available_kib=900, unused_kib=500, updated=7).used_kib == 400


@pytest.mark.parametrize(
    "found",
    [
        Statistics(),
        Statistics(actual_kib=1000, available_kib=900, usable_kib=600, updated=0),
        Statistics(actual_kib=1000, usable_kib=600, updated=7),
    ],
)
def test_a_guest_that_has_not_reported(found: Statistics) -> None:
    assert (found.used_kib, found.needed_kib) == (None, None)


@pytest.mark.parametrize(
    ("period", "age", "stale"),
    [(5, 14.0, False), (5, 16.0, True), (1, 4.0, False), (0, 1.0, True), (None, 1.0, True)],
)
def test_figures_are_stale_after_three_periods_or_when_nobody_asks(
    period: int | None, age: float, stale: bool
) -> None:
    found = Statistics(actual_kib=9, available_kib=9, usable_kib=4, updated=7, age_s=age)
    assert found.stale(period) is stale
    live = Resources(9, 9, 1, 1, period_s=period)
    assert Reading(live, None, found).needed_kib == (None if stale else 5)

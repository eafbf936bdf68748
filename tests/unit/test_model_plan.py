"""Plans of pins: editing, targets, rebasing, and that undo undoes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model_hosts import EMULATOR, MemoryHost, c, cpusets, domain, host, pin_bases, vcpu
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.plan_rows import RowConflict
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Connection, Pin, PinKey
from vconsole.model.outcome import Target

WEB = domain("web", ["-", "-", "4", "4"], emulator="-", iothreads=["0-3"])


def plan(web: object = WEB) -> PinPlan:
    assert isinstance(web, type(WEB))
    return PinPlan.of(web, host(web))


# ---- editing


def test_a_new_plan_changes_nothing() -> None:
    fresh = plan()
    assert fresh.changes() == ()
    assert fresh.commands() == ()
    assert fresh.effective(vcpu(2)) == c("4")
    assert [row.label for row in fresh.table()][-3:] == ["vCPU 3", "emulator", "iothread 1"]


def test_staging_what_is_in_force_takes_the_row_out() -> None:
    staged = plan().stage(vcpu(2), c("8"))
    assert [row.label for row in staged.changes()] == ["vCPU 2"]
    assert staged.stage(vcpu(2), c("4")).staged == {}


def test_staging_is_kept_while_one_half_differs() -> None:
    web = replace(WEB, pins=(Pin("vcpu", 0, c("8"), c("0-15")),))
    (row,) = plan(web).stage(vcpu(0), c("8")).changes()
    assert (row.step().live_after, row.step().config_after) == (None, c("8"))


def test_an_empty_set_and_an_unknown_row_are_refused() -> None:
    with pytest.raises(ValueError, match="vCPU 2 needs at least one pCPU"):
        plan().stage(vcpu(2), CpuSet())
    with pytest.raises(ValueError, match="vCPU 9 is no row of 'web'"):
        plan().stage(vcpu(9), c("1"))
    with pytest.raises(ValueError, match="vCPU 2 needs at least one pCPU"):
        plan().toggle(vcpu(2), 4)


def test_toggle_adds_and_takes_away() -> None:
    wider = plan().toggle(vcpu(2), 5)
    assert wider.effective(vcpu(2)) == c("4-5")
    assert wider.toggle(vcpu(2), 4).effective(vcpu(2)) == c("5")
    assert wider.toggle(vcpu(2), 5).staged == {}


def test_toggle_many_takes_out_only_what_is_there_as_a_whole() -> None:
    cell = c("4-7")
    assert plan().toggle_many(vcpu(2), cell).effective(vcpu(2)) == cell
    both = plan().toggle_many(("iothread", 1), cell)
    assert both.effective(("iothread", 1)) == c("0-7")
    assert both.toggle_many(("iothread", 1), cell).staged == {}


def test_the_first_pick_narrows_an_unpinned_row_and_the_last_gives_it_back() -> None:
    picked = plan().toggle(vcpu(0), 8)
    assert picked.effective(vcpu(0)) == c("8")
    assert picked.toggle(vcpu(0), 9).effective(vcpu(0)) == c("8-9")
    assert picked.toggle(vcpu(0), 8).staged == {}


def test_toggle_is_plain_where_the_hosts_pcpus_are_not_known() -> None:
    blind = replace(plan(), everything=CpuSet())
    assert blind.toggle(vcpu(0), 8).effective(vcpu(0)) == c("0-15,^8")


def test_copy_row_uses_the_staged_set() -> None:
    copied = plan().stage(vcpu(0), c("8-11")).copy_row(vcpu(0), [vcpu(1), EMULATOR, vcpu(2)])
    assert [str(row.live_after) for row in copied.changes()] == ["8-11"] * 4


def test_spread_gives_each_row_its_own_pcpu() -> None:
    keys = [vcpu(n) for n in range(4)]
    spread = plan().spread(keys, [4, 5, 5, 6, 7, 12])
    assert [str(spread.effective(key)) for key in keys] == ["4", "5", "6", "7"]
    with pytest.raises(ValueError, match="4 rows need 4 pCPUs, only 3 given"):
        plan().spread(keys, [4, 5, 6, 6])


def test_clear_one_row_or_all() -> None:
    staged = plan().stage(vcpu(0), c("1")).stage(vcpu(1), c("2"))
    assert list(staged.clear(vcpu(0)).staged) == [vcpu(1)]
    assert staged.clear().staged == {}


def test_rows_come_in_the_order_of_every_table() -> None:
    staged = plan().stage(("iothread", 1), c("1")).stage(EMULATOR, c("1")).stage(vcpu(1), c("1"))
    assert [row.label for row in staged.changes()] == ["vCPU 1", "emulator", "iothread 1"]


# ---- targets


@pytest.mark.parametrize(
    ("state", "persistent", "split", "targets"),
    [
        ("running", True, True, ("both", "live", "config")),
        ("paused", True, True, ("both", "live", "config")),
        ("running", False, True, ("live",)),
        ("shut off", True, True, ("config",)),
        ("running", True, False, ("live",)),
        ("shut off", True, False, ("config",)),
    ],
)
def test_targets_follow_from_what_the_domain_has(
    state: str, persistent: bool, split: bool, targets: tuple[Target, ...]
) -> None:
    web = replace(WEB, state=state, persistent=persistent)
    host_state = replace(host(web), connection=Connection(split_pins=split))
    made = PinPlan.of(web, host_state)
    assert made.targets == targets
    assert made.target == targets[0]


def test_a_target_the_domain_lacks_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="web: cannot apply to live: it does not run"):
        plan(replace(WEB, state="shut off")).with_target("live")
    with pytest.raises(ValueError, match="transient and has no config"):
        plan(replace(WEB, persistent=False)).with_target("both")
    one = replace(host(WEB), connection=Connection(split_pins=False))
    with pytest.raises(ValueError, match="keeps one set of pins"):
        PinPlan.of(WEB, one).with_target("config")


@pytest.mark.parametrize(("target", "flag"), [("live", "--live"), ("config", "--config")])
def test_a_target_changes_only_its_half(target: Target, flag: str) -> None:
    staged = plan().stage(vcpu(2), c("8")).with_target(target)
    (step,) = staged.to_change().steps
    assert (step.live_after is None) == (target == "config")
    assert (step.config_after is None) == (target == "live")
    assert staged.commands() == (f"virsh vcpupin --domain web --vcpu 2 --cpulist 8 {flag}",)


def test_changing_the_target_keeps_what_is_staged() -> None:
    web = replace(WEB, pins=(Pin("vcpu", 0, c("8"), c("0-15")),))
    staged = plan(web).stage(vcpu(0), c("8"))
    assert staged.with_target("live").changes() == ()
    assert staged.with_target("live").with_target("both") == staged


def test_seen_is_the_half_that_the_target_is_about() -> None:
    web = replace(WEB, pins=(Pin("vcpu", 0, c("8"), c("9")),))
    assert plan(web).seen(vcpu(0)) == c("8")
    assert plan(web).with_target("config").seen(vcpu(0)) == c("9")


def test_a_half_that_does_not_exist_is_left_out() -> None:
    web = replace(WEB, pins=(Pin("iothread", 2, c("8"), None), Pin("vcpu", 0, c("1"), c("1"))))
    (step,) = plan(web).stage(("iothread", 2), c("9")).to_change().steps
    assert step.config_after is None
    with pytest.raises(ValueError, match="iothread 2 has no set in config"):
        plan(web).with_target("config").stage(("iothread", 2), c("9"))


# ---- commands and script


def test_rows_with_equal_halves_take_one_line_and_undo_as_many_as_needed() -> None:
    web = replace(
        WEB, pins=(Pin("vcpu", 0, c("0-15"), c("1")), Pin("emulator", None, c("2"), c("2")))
    )
    staged = plan(web).stage(vcpu(0), c("8")).stage(EMULATOR, c("9"))
    assert staged.commands("qemu:///system") == (
        "virsh -c qemu:///system vcpupin --domain web --vcpu 0 --cpulist 8 --live --config",
        "virsh -c qemu:///system emulatorpin --domain web --cpulist 9 --live --config",
    )
    assert staged.undo_commands() == (
        "virsh emulatorpin --domain web --cpulist 2 --live --config",
        "virsh vcpupin --domain web --vcpu 0 --cpulist 0-15 --live",
        "virsh vcpupin --domain web --vcpu 0 --cpulist 1 --config",
    )


def test_a_driver_with_one_set_gets_no_flags() -> None:
    one = replace(host(WEB), connection=Connection(split_pins=False))
    staged = PinPlan.of(WEB, one).stage(vcpu(2), c("8"))
    assert staged.commands() == ("virsh vcpupin --domain web --vcpu 2 --cpulist 8",)


def test_the_script_says_what_it_is_and_how_to_undo() -> None:
    staged = plan().stage(vcpu(2), c("8"))
    lines = staged.script("qemu:///system", notes=["by alice\nrm -rf /"]).splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[1] == f"# Pins of domain web ({WEB.uuid}) on qemu:///system"
    assert lines[2] == "# by alice\\nrm -rf /"
    assert lines[3] == "set -eu"
    assert lines[4].startswith("virsh -c qemu:///system vcpupin")
    assert all(line.startswith("#") for line in lines[5:])
    assert f"# {staged.undo_commands('qemu:///system')[0]}" in lines


# ---- a newer reading


def test_rebase_keeps_staged_rows_over_unrelated_changes() -> None:
    staged = plan().stage(vcpu(0), c("8"))
    base = tuple(replace(p, live=c("6")) if p.id == 3 else p for p in WEB.pins)
    rebased = staged.rebase(base)
    assert rebased.conflicts == ()
    assert rebased.plan.staged == staged.staged
    assert rebased.plan.effective(vcpu(3)) == c("6")


def test_rebase_reports_a_staged_row_that_somebody_changed() -> None:
    staged = plan().stage(vcpu(2), c("8"))
    base = tuple(replace(p, config=c("9")) if p.key == vcpu(2) else p for p in WEB.pins)
    rebased = staged.rebase(base)
    assert [conflict.text for conflict in rebased.conflicts] == [
        "vCPU 2 was 4 in config and is now 9"
    ]
    assert rebased.plan.staged == {vcpu(2): c("8")}


@pytest.mark.parametrize(
    ("seen", "now", "text"),
    [
        (("0-63", "0-63"), (None, "0-63"), "vCPU 2 was 0-63 and does not run"),
        ((None, "4"), ("9", "4"), "vCPU 2 did not run and is now 9"),
        (("4", "4"), ("4", None), "vCPU 2 was 4 in config and is not defined"),
        (("4", None), ("4", "9"), "vCPU 2 was not defined and is now 9"),
        (("4", "4"), ("4", "9"), "vCPU 2 was 4 in config and is now 9"),
        (("4", "4"), ("9", "9"), "vCPU 2 was 4 and is now 9"),
    ],
)
def test_a_half_that_comes_or_goes_is_said_in_words(
    seen: tuple[str | None, str | None], now: tuple[str | None, str | None], text: str
) -> None:
    halves = [[None if text is None else c(text) for text in pair] for pair in (seen, now)]
    before, after = (Pin("vcpu", 2, *pair) for pair in halves)
    assert RowConflict(before, after).text == text


def test_rebase_drops_and_reports_a_row_that_is_gone() -> None:
    staged = plan().stage(vcpu(3), c("8"))
    rebased = staged.rebase(p for p in WEB.pins if p.key != vcpu(3))
    assert [conflict.text for conflict in rebased.conflicts] == ["vCPU 3 is gone"]
    assert rebased.plan.staged == {}


def test_rebase_forgets_what_has_been_applied() -> None:
    staged = plan().stage(vcpu(2), c("8"))
    base = tuple(
        replace(p, live=c("8"), config=c("8")) if p.key == vcpu(2) else p for p in WEB.pins
    )
    assert staged.rebase(base) == type(staged.rebase(base))(staged.clear().rebase(base).plan)


def test_a_domain_that_stops_is_no_conflict_and_loses_its_live_half() -> None:
    staged = plan().stage(vcpu(2), c("8"))
    rebased = staged.rebase((replace(p, live=None) for p in WEB.pins), active=False)
    assert rebased.conflicts == ()
    assert rebased.plan.target == "config"
    assert [row.config_after for row in rebased.plan.changes()] == [c("8")]


# ---- algebra

edits = st.lists(st.tuples(st.integers(0, 6), cpusets), max_size=6)
targets = st.sampled_from(["both", "live", "config"])


def _edited(base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target) -> PinPlan:
    active = base[0].live is not None
    made = PinPlan("u", "web", base, active, persistent=base[0].config is not None)
    if target in made.targets:
        made = made.with_target(target)
    keys: list[PinKey] = list(made.rows)
    for number, cpuset in steps:
        made = made.stage(keys[number % len(keys)], cpuset)
    return made


@given(pin_bases(), edits, targets)
def test_apply_then_undo_is_identity(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target
) -> None:
    made = _edited(base, steps, target)
    memory = MemoryHost.of(base)
    change = made.to_change()
    assert memory.apply(change).status == "applied"
    for key, wanted in made.staged.items():
        pin = memory.rows[key]
        assert (pin.config if made.target == "config" else pin.now) == wanted
    assert memory.apply(change.reversed()).status == "applied"
    assert memory.base == base


@given(pin_bases(), edits, targets, st.integers(0, 6))
def test_rolling_back_what_was_applied_is_identity(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target, fails_at: int
) -> None:
    change = _edited(base, steps, target).to_change()
    memory = MemoryHost.of(base)
    outcome = memory.apply(change, fails_at)
    done = replace(change, steps=outcome.applied)
    assert memory.apply(done.reversed("roll-back")).status == "applied"
    assert memory.base == base


@given(pin_bases(), edits, targets)
def test_reversing_twice_is_identity(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target
) -> None:
    change = _edited(base, steps, target).to_change()
    assert change.reversed().reversed().steps == change.steps


@given(pin_bases(), edits, targets)
def test_no_step_is_empty_and_none_repeats_what_is_there(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target
) -> None:
    made = _edited(base, steps, target)
    for step in made.to_change().steps:
        assert step.live_after or step.config_after
        assert step.live_after is None or step.live_after != step.live_before
        assert step.config_after is None or step.config_after != step.config_before
        assert made.target != "config" or step.live_after is None
        assert made.target != "live" or step.config_after is None


@given(pin_bases(), edits, targets)
def test_rebasing_on_the_same_reading_changes_nothing(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target
) -> None:
    made = _edited(base, steps, target)
    rebased = made.rebase(base)
    assert rebased.conflicts == ()
    assert rebased.plan == made


@given(pin_bases(), edits, targets, st.integers(0, 6), st.integers(0, 30))
def test_toggling_a_pcpu_twice_is_identity(
    base: tuple[Pin, ...], steps: list[tuple[int, CpuSet]], target: Target, row: int, pcpu: int
) -> None:
    made = replace(_edited(base, steps, target), everything=CpuSet.of(range(64)))
    key = list(made.rows)[row % len(made.rows)]
    try:
        once = made.toggle(key, pcpu)
    except ValueError:
        assert made.effective(key) == CpuSet.of((pcpu,))
        return
    assert once.toggle(key, pcpu).effective(key) == made.effective(key)

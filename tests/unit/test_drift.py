"""Where the kernel holds a thread elsewhere than libvirt says: seen, said and repaired."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.model_hosts import EMULATOR, c, domain, host, vcpu
from vconsole.features.domains.words import threads
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.attention import attention
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import drift_line, drifting
from vconsole.model.host_state import Detail, Domain, HostState, PinKey, ThreadUsage


def held(state: HostState, found: Domain, **sets: str) -> HostState:
    """The kernel's sets, of rows such as ``v0`` and ``emulator``."""
    keys: dict[str, PinKey] = {"v0": vcpu(0), "v1": vcpu(1), "emulator": EMULATOR}
    return replace(state, allowed={found.uuid: {keys[k]: c(v) for k, v in sets.items()}})


WEB = domain("web", ["0", "1"])
HOST = host(WEB)


def test_a_thread_on_another_pcpu_is_said_in_list_and_plan() -> None:
    state = held(HOST, WEB, v0="1", v1="1")
    line = "vCPU 0: libvirt says 0, the kernel runs it on 1"
    assert drifting(WEB, state) == {vcpu(0): c("1")}
    assert attention(WEB, state) == drift_line(WEB, state) == line
    (warning,) = plan_warnings(PinPlan.of(WEB, state), state)
    assert (warning.severity, warning.rows) == ("warn", (vcpu(0),))
    assert warning.text.startswith(line)


def test_several_are_told_in_one_line() -> None:
    state = held(HOST, WEB, v0="3", v1="3")
    assert drift_line(WEB, state) == ("the kernel runs vCPU 0, 1 on other pCPUs than libvirt says")


def test_nothing_known_and_nothing_online_is_no_drift() -> None:
    assert drift_line(WEB, HOST) is None
    assert drift_line(replace(WEB, state="shut off"), held(HOST, WEB, v0="1")) is None
    offline = tuple(replace(p, online=p.id != 9) for p in HOST.pcpus)
    wide = domain("wide", ["0,9"])
    assert drift_line(wide, held(replace(host(wide), pcpus=offline), wide, v0="0")) is None


def test_a_thread_that_is_not_pinned_is_kept_off_isolated_pcpus() -> None:
    free = domain("free", ["-"])
    state = host(free)
    isolated = tuple(replace(p, isolated=p.id in (6, 7)) for p in state.pcpus)
    state = replace(state, pcpus=isolated)
    assert drift_line(free, held(state, free, v0="0-5,8-15")) is None
    assert drift_line(free, held(state, free, v0="0-5")) is not None
    for allowed, drifts in (("0-5,8-15", False), ("0-5", True)):
        detail = Detail(free.uuid, (ThreadUsage(*vcpu(0), allowed=c(allowed)),))
        (row,) = threads(free, detail, state)
        assert row.drifts is drifts, "the page of the domain says the same as the list"


def test_to_pin_what_libvirt_names_already_is_a_repair() -> None:
    state = held(HOST, WEB, v0="1", v1="1")
    plan = PinPlan.of(WEB, state).stage(vcpu(0), c("0"))
    (row,) = plan.changes()
    assert (row.repair, row.live_before, row.live_after) == (True, c("0"), c("0"))
    (step,) = plan.to_change().steps
    assert (step.live_before, step.live_after, step.config_after) == (c("0"), c("0"), None)
    assert any("vcpupin" in line and "--live" in line for line in plan.commands())
    assert plan.stage(vcpu(1), c("1")).changes() == plan.changes()
    assert not replace(plan, drifting={}).changes()
    assert plan_warnings(plan, state) == plan_warnings(replace(plan, drifting={}), state)


def test_a_plan_from_a_file_repairs_too() -> None:
    made = PinPlan.of(WEB, HOST)
    saved = replace(made, staged={vcpu(0): c("0")})
    assert not saved.beside(HOST).changes()
    assert [row.repair for row in saved.beside(held(HOST, WEB, v0="1")).changes()] == [True]


def test_what_is_changed_in_the_definition_alone_repairs_nothing() -> None:
    state = held(HOST, WEB, v0="1")
    plan = PinPlan.of(WEB, state).with_target("config").stage(vcpu(0), c("0"))
    assert not plan.changes()


def test_isolated_pcpus_that_the_kernel_does_not_balance_are_said_unasked() -> None:
    iso = domain("iso", ["4-7"])
    state = host(iso)
    state = replace(
        state, pcpus=tuple(replace(p, isolated=p.id in CpuSet.parse("4-7")) for p in state.pcpus)
    )
    (warning,) = plan_warnings(PinPlan.of(iso, state), state)
    assert warning.severity == "warn"
    assert warning.text.startswith("vCPU 0 names 4 isolated pCPUs (4-7)")


def test_to_pick_a_pcpu_that_the_kernel_lacks_is_the_repair_and_again_takes_it_back() -> None:
    plan = PinPlan.of(WEB, held(HOST, WEB, v0="1"))
    picked = plan.toggle(vcpu(0), 0)
    assert [row.repair for row in picked.changes()] == [True]
    assert not picked.toggle(vcpu(0), 0).begun
    wide = domain("wide", ["0-1"])
    plan = PinPlan.of(wide, held(host(wide), wide, v0="1"))
    assert plan.toggle(vcpu(0), 0).staged == {vcpu(0): c("0-1")}
    assert plan.toggle(vcpu(0), 1).staged == {vcpu(0): c("0")}
    assert plan.toggle(vcpu(0), 2).staged == {vcpu(0): c("0-2")}

"""When a step of a pin change conflicts with what the host says now."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.pins.model.compare import PCpus
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Pin
from vconsole.model.outcome import PinStep

ALL = CpuSet.parse("0-7")
cpus = st.sets(st.integers(0, 7), min_size=1).map(CpuSet.of)
hosts = st.sets(st.integers(0, 7), max_size=3).map(lambda off: PCpus(ALL, CpuSet.of(off)))


def step(before: CpuSet | None, after: CpuSet | None) -> PinStep:
    return PinStep("vcpu", 0, before, after, before, after)


@given(hosts, cpus, cpus)
def test_sets_are_the_same_if_equal_or_if_both_name_every_online_pcpu(
    host: PCpus, one: CpuSet, other: CpuSet
) -> None:
    online = ALL - host.offline
    expected = one == other or (online <= one and online <= other)
    assert host.same(one, other) is expected
    assert host.same(other, one) is expected


@given(hosts, cpus)
def test_unknown_is_the_same_as_unknown_only(host: PCpus, cpuset: CpuSet) -> None:
    assert host.same(None, None)
    assert not host.same(cpuset, None)
    assert not host.same(None, cpuset)


@given(hosts, cpus, cpus, cpus)
def test_another_set_is_a_conflict_in_either_half(
    host: PCpus, seen: CpuSet, now: CpuSet, wanted: CpuSet
) -> None:
    moved = not host.same(seen, now)
    assert host.conflicts(step(seen, wanted), Pin("vcpu", 0, now, seen)) is moved
    assert host.conflicts(step(seen, wanted), Pin("vcpu", 0, seen, now)) is moved
    assert not host.conflicts(step(seen, wanted), Pin("vcpu", 0, seen, seen))


@given(cpus.filter(lambda c: c != ALL), cpus)
def test_a_narrower_pin_of_another_is_a_conflict(narrower: CpuSet, wanted: CpuSet) -> None:
    """Somebody pinned a row that was seen as not pinned: it lies within what was seen."""
    host = PCpus(ALL)
    assert narrower <= ALL
    assert host.conflicts(step(ALL, wanted), Pin("vcpu", 0, narrower, ALL))
    assert host.conflicts(step(ALL, wanted), Pin("vcpu", 0, ALL, narrower))
    assert host.conflicts(step(narrower, wanted), Pin("vcpu", 0, ALL, narrower))


@given(hosts, cpus, cpus)
def test_a_half_that_is_not_changed_or_was_not_seen_is_no_conflict(
    host: PCpus, seen: CpuSet, now: CpuSet
) -> None:
    live_only = PinStep("vcpu", 0, live_before=seen, live_after=now, config_before=seen)
    assert not host.conflicts(live_only, Pin("vcpu", 0, seen, now))
    assert not host.conflicts(step(None, seen), Pin("vcpu", 0, now, now))


@given(cpus)
def test_a_half_that_is_gone_is_a_conflict(seen: CpuSet) -> None:
    assert PCpus(ALL).conflicts(step(seen, seen), Pin("vcpu", 0, None, seen))


@given(hosts, st.sets(st.integers(0, 9)).map(CpuSet.of))
def test_a_set_fits_if_its_pcpus_are_there_and_online(host: PCpus, wanted: CpuSet) -> None:
    reason = host.unfit(wanted)
    fits = bool(wanted) and wanted <= ALL and (not wanted & host.offline or wanted == ALL)
    assert (reason is None) is fits
    if wanted - ALL:
        assert str(wanted - ALL) in str(reason)

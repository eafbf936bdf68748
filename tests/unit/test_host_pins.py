"""Pins set on libvirt's own test driver: every call here is a real one."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any
from uuid import uuid4

import libvirt
import pytest

from tests.unit.test_host_libvirt import Lab
from vconsole.changes.host_requests import HostRequests
from vconsole.features.pins.host.set_pins import set_pins
from vconsole.host import masks
from vconsole.host.link import Link, open_link
from vconsole.host.source import HostError, View
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.outcome import Outcome, PinChange, PinStep
from vconsole.model.set_pins import SetPins, outcome_of
from vconsole.model.setting import SettingKind, parse_setting


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.close()


def step(before: str, after: str) -> PinStep:
    seen, wanted = CpuSet.parse(before), CpuSet.parse(after)
    return PinStep("vcpu", 0, seen, wanted, seen, wanted)


def apply(lab: Lab, change: PinChange) -> Outcome:
    """Ask as the plan page does; the reading is told which domain was changed."""
    requests = HostRequests(lambda: open_link("test:///default", False, False))
    wanted = SetPins.of(change, split_pins=False)
    reply = requests.handlers()[SetPins](wanted)
    requests.close()
    lab.source.read(View(again=frozenset({change.uuid})))
    return outcome_of(wanted, reply)


def test_a_pin_is_set_and_read_back(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    outcome = apply(lab, PinChange(found.uuid, found.name, (step("9", "2,11"),)))
    assert outcome.status == "applied"
    assert str(outcome.steps[0].live) == "2,11"
    assert "cpuset='2,11'" in handle.XMLDesc(0)
    assert str(lab.find(handle).pins[0].live) == "2,11"


def test_undoing_a_pin_puts_back_what_was(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    change = PinChange(found.uuid, found.name, (step("9", "0-3"),))
    apply(lab, change)
    assert apply(lab, change.reversed()).status == "applied"
    assert str(lab.find(handle).pins[0].live) == "9"


def test_the_emulator_and_iothreads_are_pinned_too(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    wanted = CpuSet.parse("12-13")
    steps = (
        PinStep("emulator", None, live_after=wanted, config_after=wanted),
        PinStep("iothread", 1, live_after=wanted, config_after=wanted),
    )
    assert apply(lab, PinChange(found.uuid, found.name, steps)).status == "applied"
    rows = {p.key: str(p.live) for p in lab.find(handle).pins}
    assert rows["emulator", None] == rows["iothread", 1] == "12-13"


def test_a_set_that_libvirt_takes_and_does_not_keep_is_not_applied(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a driver does that cuts a set down to what it has: the answer is what counts."""
    pinned = masks.pin

    def less(handle: Any, key: PinKey, cpuset: CpuSet, *others: int) -> None:
        pinned(handle, key, CpuSet.of((cpuset.first or 0,)), *others)

    monkeypatch.setattr(masks, "pin", less)
    found = lab.find(lab.define())
    outcome = apply(lab, PinChange(found.uuid, found.name, (step("9", "2,11"),)))
    assert outcome.status == "failed"
    assert outcome.message == "vCPU 0: libvirt accepted it, but answers another set"
    assert (outcome.steps[0].status, str(outcome.steps[0].live)) == ("failed", "2")


def test_a_pin_that_somebody_else_set_is_a_conflict(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    handle.pinVcpu(0, (True,) + (False,) * 7)
    outcome = apply(lab, PinChange(found.uuid, found.name, (step("9", "1"),)))
    assert outcome.status == "conflict"
    assert str(outcome.steps[0].live) == "0"
    assert str(lab.find(handle).pins[0].live) == "0"


def test_the_row_that_somebody_else_set_is_told_from_the_others(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    emulator = found.pins[-1] if found.pins[-1].key[0] == "emulator" else found.pins[1]
    other = PinStep(*emulator.key, emulator.live, CpuSet.of([3]), emulator.config, CpuSet.of([3]))
    handle.pinVcpu(0, (True,) + (False,) * 7)
    outcome = apply(lab, PinChange(found.uuid, found.name, (step("9", "1"), other)))
    assert [one.status for one in outcome.steps] == ["conflict", "not tried"]


def test_after_a_failure_the_rest_is_not_tried(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rows that are pinned one by one, the first that libvirt refuses is the last tried."""
    handle = lab.define()
    found = lab.find(handle)
    asked: list[PinKey] = []
    wanted = CpuSet.of([3])
    steps = tuple(PinStep(*pin.key, pin.live, wanted, pin.config, wanted) for pin in found.pins[:3])
    pin = masks.pin

    def refusing(handle: Any, key: PinKey, *rest: Any) -> None:
        asked.append(key)
        if len(asked) == 2:
            raise libvirt.libvirtError("no")
        pin(handle, key, *rest)

    monkeypatch.setattr(masks, "pin", refusing)
    outcome = apply(lab, PinChange(found.uuid, found.name, steps))
    assert [one.status for one in outcome.steps] == ["applied", "failed", "not tried"]
    assert asked == [one.key for one in steps[:2]]
    assert [pin.live == wanted for pin in lab.find(handle).pins[:3]] == [True, False, False]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [(CpuSet.of([16]), "no pCPU 16"), (CpuSet.of([0, 99]), "no pCPU 99"), (CpuSet(), "empty")],
)
def test_sets_that_make_no_sense_are_refused(lab: Lab, wanted: CpuSet, said: str) -> None:
    found = lab.find(lab.define())
    steps = (PinStep("vcpu", 0, live_after=wanted),)
    outcome = apply(lab, PinChange(found.uuid, found.name, steps))
    assert outcome.status == "refused"
    assert said in outcome.message


def test_a_row_that_is_gone_is_refused_and_nothing_changes(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    gone = PinStep("vcpu", 40, live_after=CpuSet.of([1]))
    outcome = apply(lab, PinChange(found.uuid, found.name, (step("9", "1"), gone)))
    assert outcome.status == "refused"
    assert "changed" in outcome.message
    assert str(lab.find(handle).pins[0].live) == "9"


def test_a_domain_that_is_gone_is_refused(lab: Lab) -> None:
    lab.define()
    lab.read()
    outcome = apply(lab, PinChange(str(uuid4()), "gone", (step("9", "1"),)))
    assert outcome.status == "refused"
    assert "gone" in outcome.message


def test_what_nobody_waits_for_any_more_is_not_done(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    link = open_link("test:///default", False, False)
    late = link.until(monotonic() - 1)
    change = PinChange(found.uuid, found.name, (step("9", "1"),))
    with pytest.raises(HostError, match="given up"):
        set_pins(late, SetPins.of(change, True))
    assert set_pins(link, SetPins.of(change, True)).status == "applied", "only that request"
    link.close()


def test_a_lost_connection_is_opened_anew_and_one_that_cannot_be_is_a_refusal(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    links: list[Link | HostError] = [open_link("test:///default", False, False) for _ in range(2)]
    links.append(HostError("cannot connect", "refused"))

    def connect_next() -> Link:
        link = links.pop(0)
        if isinstance(link, HostError):
            raise link
        opened.append(link)
        return link

    opened: list[Link] = []
    ask = HostRequests(connect_next).handlers()[SetPins]
    change = PinChange(found.uuid, found.name, (step("9", "1"),))
    assert ask(SetPins.of(change, False)).status == "applied"
    opened[0].events.closed = "the daemon closed it"
    assert ask(SetPins.of(change.reversed(), False)).status == "applied"
    opened[1].events.closed = "the daemon closed it"
    reply = ask(SetPins.of(change, False))
    assert (reply.status, reply.message) == ("refused", "not connected: cannot connect: refused")
    for link in opened:
        link.close()


def test_a_read_only_connection_refuses_changes(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    requests = HostRequests(lambda: open_link("test:///default", True, False))
    change = PinChange(found.uuid, found.name, (step("9", "1"),))
    reply = requests.handlers()[SetPins](SetPins.of(change, False))
    requests.close()
    assert reply.status == "refused"
    assert "--read-only" in reply.message


# -- memory and scheduling -----------------------------------------------------------------------


def setting(kind: SettingKind, number: int | None, before: str, after: str) -> PinStep:
    values = (parse_setting(kind, text) for text in (before, after))
    seen, wanted = values
    return PinStep(kind, number, config_before=seen, config_after=wanted)


def test_rows_of_memory_are_defined_together_and_taken_away_again(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    before = handle.XMLDesc(2)
    change = PinChange(
        found.uuid,
        found.name,
        (
            setting("numatune", None, "strict 1", "preferred 0"),
            setting("shares", None, "", "2048"),
            setting("vcpusched", 0, "", "fifo 1"),
        ),
    )
    outcome = apply(lab, change)
    assert outcome.status == "applied"
    assert [str(s.config) for s in outcome.steps] == ["preferred 0", "2048", "fifo 1"]
    assert "<memory mode='preferred' nodeset='0'/>" in handle.XMLDesc(2)
    assert {row.key for row in lab.find(handle).settings} >= {("numatune", None), ("shares", None)}
    assert apply(lab, outcome.change.reversed()).status == "applied"
    assert handle.XMLDesc(2) == before


def test_a_row_of_memory_that_somebody_else_set_is_a_conflict(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    change = PinChange(found.uuid, found.name, (setting("shares", None, "512", "2048"),))
    outcome = apply(lab, change)
    assert (outcome.status, str(outcome.steps[0].config)) == ("conflict", "none")
    assert "somebody else changed shares" in outcome.message


def test_memory_on_a_cell_that_is_not_there_is_refused(lab: Lab) -> None:
    handle = lab.define()
    found = lab.find(handle)
    change = PinChange(found.uuid, found.name, (setting("numatune", None, "strict 1", "strict 7"),))
    outcome = apply(lab, change)
    assert (outcome.status, outcome.message) == ("refused", "numatune: this host has no cell 7")

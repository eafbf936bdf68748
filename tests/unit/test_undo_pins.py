"""What of a change can be undone, by what the host says now."""

from __future__ import annotations

import pytest

from vconsole.features.pins.host.bare import without_list, without_pin
from vconsole.features.pins.model.compare import PCpus
from vconsole.features.pins.model.undo import undo_last, undo_now
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, PCpu, Pin
from vconsole.model.outcome import PinChange, PinStep

HOST = tuple(PCpu(n, online=True) for n in range(8))
SHAPE = PCpus.of(HOST)


def c(text: str) -> CpuSet:
    return CpuSet.parse(text)


def change(*rows: tuple[int, str, str], name: str = "web") -> PinChange:
    """Rows that were changed in both halves."""
    steps = (PinStep("vcpu", n, c(a), c(b), c(a), c(b)) for n, a, b in rows)
    return PinChange(name, name, tuple(steps))


def domain(*pins: Pin, name: str = "web") -> Domain:
    return Domain(name, name, "running", pins=pins)


DONE = change((0, "0-7", "1"), (1, "0-7", "2"))


def test_what_is_in_force_goes_back_whole() -> None:
    now = domain(Pin("vcpu", 0, c("1"), c("1")), Pin("vcpu", 1, c("2"), c("2")))
    found = undo_now(DONE, now, SHAPE)
    assert (found.change, found.conflicts) == (DONE.reversed("undo"), ())


def test_a_row_that_somebody_changed_since_is_left_alone_and_named() -> None:
    found = undo_now(
        DONE, domain(Pin("vcpu", 0, c("1"), c("1")), Pin("vcpu", 1, c("5"), c("2"))), SHAPE
    )
    live, config = (found.change.steps[0].live_after, found.change.steps[0].config_after)
    assert (live, config) == (None, c("0-7")), "of row 1 the definition still goes back"
    assert found.change.steps[1].key == ("vcpu", 0)
    assert found.conflicts == ("vCPU 1 live is 5 by now, not 2",)


def test_a_domain_that_was_shut_off_since_has_only_its_definition_to_go_back() -> None:
    off = domain(Pin("vcpu", 0, None, c("1")), Pin("vcpu", 1, None, c("2")))
    found = undo_now(DONE, off, SHAPE)
    assert found.conflicts == ()
    assert {step.live_after for step in found.change.steps} == {None}
    assert {step.config_after for step in found.change.steps} == {c("0-7")}


def test_what_is_back_already_needs_nothing() -> None:
    back = domain(Pin("vcpu", 0, c("0-7"), c("0-7")), Pin("vcpu", 1, c("0-7"), c("0-7")))
    found = undo_now(DONE, back, SHAPE)
    assert (found.change.steps, found.conflicts) == ((), ())


def test_a_set_that_was_set_once_more_has_nothing_to_go_back_to() -> None:
    repair = PinChange("web", "web", (PinStep("vcpu", 0, c("1"), c("1"), None, None),))
    found = undo_now(repair, domain(Pin("vcpu", 0, c("1"), c("1"))), SHAPE)
    assert (found.change.steps, found.conflicts) == ((), ())


def test_a_row_or_domain_that_is_gone_is_named() -> None:
    assert undo_now(DONE, None, SHAPE).words == "web: the domain is gone"
    found = undo_now(DONE, domain(Pin("vcpu", 0, c("1"), c("1"))), SHAPE)
    assert found.conflicts == ("vCPU 1 is gone",)


def test_the_first_that_can_go_back_is_offered_and_the_others_named() -> None:
    older = change((0, "0-7", "3"), name="db")
    domains = {
        "web": domain(Pin("vcpu", 0, c("6"), c("1")), Pin("vcpu", 1, c("2"), c("2"))),
        "db": domain(Pin("vcpu", 0, c("3"), c("3")), name="db"),
    }
    found, passed = undo_last((DONE, older), domains.get, HOST)
    assert found is not None
    assert found.change == older.reversed("undo")
    assert passed == ("web: vCPU 0 live is 6 by now, not 1",)
    assert undo_last((DONE,), domains.get, HOST)[0] is None
    assert undo_last((), domains.get, HOST) == (None, ())


XML = """<domain>
  <vcpu>2</vcpu>
  <cputune>
    <shares>10</shares>
    <vcpupin vcpu='0' cpuset='1'/>
    <vcpupin vcpu='1' cpuset='2'/>
    <emulatorpin cpuset='3'/>
    <iothreadpin iothread='1' cpuset='4'/>
  </cputune>
  <vcpupin vcpu='0'/>
</domain>
"""


def test_only_the_element_of_the_row_leaves_the_definition() -> None:
    text = without_pin(XML, ("vcpu", 1))
    assert text == XML.replace("    <vcpupin vcpu='1' cpuset='2'/>\n", "")
    text = without_pin(text, ("emulator", None))
    assert "emulatorpin" not in text
    assert "vcpupin vcpu='0' cpuset='1'" in text
    assert without_pin(text, ("iothread", 2)) == text


def test_an_empty_cputune_leaves_with_its_last_pin() -> None:
    bare = "<domain>\n  <vcpu>1</vcpu>\n</domain>\n"
    cputune = "  <cputune>\n    <vcpupin vcpu='0' cpuset='1'/>\n  </cputune>\n"
    pinned = bare.replace("</vcpu>\n", "</vcpu>\n" + cputune)
    assert without_pin(pinned, ("vcpu", 0)) == bare


LISTED = "<domain>\n  <iothreads>2</iothreads>\n  <iothreadids>\n{}  </iothreadids>\n</domain>\n"


@pytest.mark.parametrize(
    ("ids", "leaves"),
    [
        ("    <iothread id='1'/>\n    <iothread id='2'/>\n", True),
        ("    <iothread id='1'/>\n    <iothread id='4'/>\n", False),
        ("    <iothread id='1' thread_pool_min='2'/>\n    <iothread id='2'/>\n", False),
        ("    <iothread id='1'><poll max='9'/></iothread>\n    <iothread id='2'/>\n", False),
    ],
)
def test_the_list_of_iothreads_that_pinning_wrote_leaves_unless_it_says_more(
    ids: str, leaves: bool
) -> None:
    text = LISTED.format(ids)
    without = "<domain>\n  <iothreads>2</iothreads>\n</domain>\n"
    assert without_list(text) == (without if leaves else text)
    assert without_list(without) == without

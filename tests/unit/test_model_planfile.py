"""Plans as JSON files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model_hosts import c, domain, host, pin_bases, uuid_of, vcpu
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.plan_json import PlanFileError, plan_from_json, plan_to_json
from vconsole.model.host_state import Pin

WEB = domain("web", ["-", "4"], emulator="-", iothreads=["0-3"])


def written(**changes: object) -> str:
    """A plan by hand, with fields replaced; None leaves one out."""
    document: dict[str, object] = {
        "uuid": uuid_of("web"),
        "name": "web",
        "pins": [{"kind": "vcpu", "id": 0, "live": "0-15", "config": "0-15", "wanted": "8"}],
    }
    document |= changes
    return json.dumps({key: value for key, value in document.items() if value is not None})


def test_a_plan_written_by_hand_needs_little() -> None:
    plan = plan_from_json(written())
    assert plan.commands() == ("virsh vcpupin --domain web --vcpu 0 --cpulist 8 --live --config",)
    assert plan_from_json(written(target="live")).commands()[0].endswith("8 --live")


def test_round_trip() -> None:
    plan = PinPlan.of(WEB, host(WEB)).stage(vcpu(0), c("8")).stage(("iothread", 1), c("1"))
    assert plan_from_json(plan_to_json(plan)) == plan
    live = plan.with_target("live")
    assert plan_from_json(plan_to_json(live)) == live


@given(pin_bases(), st.text(), st.data())
def test_round_trip_of_any_plan(base: tuple[Pin, ...], name: str, data: st.DataObject) -> None:
    active = base[0].live is not None
    plan = PinPlan(uuid_of("web"), name, base, active, base[0].config is not None)
    for key in data.draw(st.lists(st.sampled_from(list(plan.rows)))):
        plan = plan.stage(key, c(data.draw(st.sampled_from(["8", "0-3", "30"]))))
    text = plan_to_json(plan)
    assert text.isascii()
    assert plan_from_json(text) == plan


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plan: line 1 column 1: "),
        ('{"uuid":\n}', "plan: line 2 column 1: "),
        ("[]", "plan: not a JSON object"),
        ("[" * 100_000, "plan: a number is too long or the text nests too deep"),
        ("1" * 5000, "plan: a number is too long or the text nests too deep"),
        (" " * 5_000_000, "plan: longer than 4 MiB"),
        (written(uuid=None), "plan: uuid: text is needed, not None"),
        (written(uuid="web"), "plan: uuid: 'web' is no UUID"),
        (written(uuid=uuid_of("web") + "\n"), "is no UUID"),
        (written(name=7), "plan: name: text is needed, not 7"),
        (written(target="all"), "plan: target: 'all' is none of both, live, config"),
        (written(target=["live"]), "plan: target: ['live'] is none of"),
        (written(active=False, target="live"), "plan: target: 'live' is not possible"),
        (written(active="yes"), "plan: active: true or false is needed, not 'yes'"),
        (written(format="x"), "plan: format: 'x' is not 'vconsole-pin-plan'"),
        (written(version=2), "plan: version: 2 is not 1"),
        (written(vm="web"), "plan: vm: no such field"),
        (written(pcpus="0-x"), "plan: pcpus: cpuset item '0-x'"),
        (written(pins=None), "plan: pins: a list is needed"),
        (written(pins=[1]), "plan: pins[0]: an object is needed"),
        (written(pins=[{"kind": "cpu"}]), "plan: pins[0].kind: 'cpu' is none of vcpu"),
        (written(pins=[{"kind": "vcpu"}]), "plan: pins[0].id: None is no number of a row"),
        (written(pins=[{"kind": "vcpu", "id": True}]), "plan: pins[0].id: True is no number"),
        (written(pins=[{"kind": "emulator", "id": 0}]), "plan: pins[0].id: the emulator has none"),
        (written(pins=[{"kind": "vcpu", "id": 0, "set": "1"}]), "plan: pins[0].set: no such field"),
        (
            written(pins=[{"kind": "vcpu", "id": 0, "live": "1"}] * 2),
            "plan: pins[1]: vCPU 0 stands there twice",
        ),
        (
            written(pins=[{"kind": "vcpu", "id": 0, "live": "1", "wanted": "9-0"}]),
            "plan: pins[0].wanted: cpuset range '9-0' runs backwards",
        ),
        (
            written(pins=[{"kind": "vcpu", "id": 0, "wanted": "9"}]),
            "plan: pins: vCPU 0 has no set in live and config",
        ),
    ],
)
def test_an_error_names_the_line_or_the_field(text: str, message: str) -> None:
    with pytest.raises(PlanFileError) as error:
        plan_from_json(text)
    assert message in str(error.value)
    assert str(error.value).isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ),
    st.sampled_from(["uuid", "name", "target", "active", "pcpus", "pins", "x\n\x1b"]),
)
def test_hostile_fields_end_in_one_clean_line(value: object, field: str) -> None:
    complaint = _complaint(written(**{field: value}))
    assert complaint.isprintable()
    assert len(complaint) < 600


def _complaint(text: str) -> str:
    try:
        return plan_from_json(text).uuid
    except PlanFileError as error:
        return str(error)


def test_a_staged_row_that_no_target_changes_is_kept() -> None:
    web = replace(WEB, pins=(Pin("vcpu", 0, c("8"), c("0-15")),))
    plan = PinPlan.of(web, host(web)).stage(vcpu(0), c("8")).with_target("live")
    assert plan_from_json(plan_to_json(plan)) == plan

"""One pCPU for each vCPU: siblings of the guest on siblings of the host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.model_hosts import c, domain, host
from vconsole.features.pins.model.one_to_one import one_to_one
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.host_state import Domain, HostState

CELL_1 = c("4-7,12-15")


def spread(asked: Domain, *others: Domain, pcpus: str = "4-7,12-15") -> tuple[str, HostState]:
    """The pCPUs of the vCPUs in their order."""
    host_state = host(asked, *others)
    plan = one_to_one(PinPlan.of(asked, host_state), asked, host_state, c(pcpus))
    return ",".join(str(s) for key, s in plan.staged.items() if key[0] == "vcpu"), host_state


def test_vcpus_without_siblings_get_a_core_each() -> None:
    assert spread(domain("g", ["-"] * 4))[0] == "4,5,6,7"
    assert spread(domain("g", ["-"] * 6))[0] == "4,5,6,7,12,13"


def test_siblings_get_the_threads_of_a_core() -> None:
    asked = domain("g", ["-"] * 4, threads=2)
    found, host_state = spread(asked)
    assert found == "4,12,5,13"
    plan = one_to_one(PinPlan.of(asked, host_state), asked, host_state, CELL_1)
    assert not any("sibling" in w.text or "core" in w.text for w in plan_warnings(plan, host_state))


def test_cores_that_others_hold_come_last() -> None:
    held = domain("held", ["4", "5"])
    assert spread(domain("g", ["-"] * 4, threads=2), held)[0] == "6,14,7,15"
    assert spread(domain("g", ["-"] * 2), held)[0] == "6,7"


def test_cores_that_a_definition_claims_come_before_those_that_are_held() -> None:
    others = domain("held", ["4"]), domain("off", ["5"], state="shut off")
    assert spread(domain("g", ["-"] * 4), *others)[0] == "13,6,7,14"
    assert spread(domain("g", ["-"] * 7), *others)[0] == "13,6,7,14,15,12,5"
    assert spread(domain("g", ["-"] * 5, threads=2), *others)[0] == "6,14,7,15,13"


def test_an_odd_vcpu_has_a_core_of_its_own() -> None:
    assert spread(domain("g", ["-"] * 3, threads=2))[0] == "4,12,5"


def test_siblings_that_find_no_core_are_spread_over_what_is_left() -> None:
    assert spread(domain("g", ["-"] * 4, threads=2), pcpus="4-6,12")[0] == "4,12,5,6"


def test_too_few_pcpus_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows need 3 pCPUs, only 2 given"):
        spread(domain("g", ["-"] * 3), pcpus="4-5")


def test_vcpus_not_plugged_in_have_a_place_where_there_is_room() -> None:
    asked = domain("g", ["-"] * 4)
    pins = (*asked.pins[:2], *(replace(pin, plugged=False) for pin in asked.pins[2:]))
    assert spread(replace(asked, pins=pins), pcpus="4-6")[0] == "4,5"
    assert spread(replace(asked, pins=pins), pcpus="4-7")[0] == "4,5,6,7"

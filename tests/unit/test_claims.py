"""Pins of what does not run yet: shown apart in the matrix and its words, and never as held."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.model_hosts import c, domain, host
from vconsole.features.domains.words import Thread
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.words import legend, matrix_data, pcpu_words
from vconsole.model.attention import attention
from vconsole.model.host_state import Domain
from vconsole.model.placement import claims, occupants, pin_badge, vcpu_set
from vconsole.model.topology import topology
from vconsole.screens.hostmap.host import pcpu_words as map_words

WEB = domain("web", ["0", "1"])
STARTS = domain("starts", ["2", "3-4"], state="shut off")
OFF = replace(domain("off", ["2", "5"], state="shut off"), autostart=False)
HALF = domain("half", ["6", "-"])
GROWS = replace(HALF, pins=(HALF.pins[0], replace(HALF.pins[1], plugged=False)))


def test_what_is_shut_off_claims_and_holds_nothing() -> None:
    host_state = host(WEB, STARTS, OFF)
    assert occupants(host_state).held == c("0-1")
    waiting = claims(host_state)
    assert waiting.held == c("2,5")
    assert [(t.name, t.claim) for t in waiting[2]] == [
        ("starts", "starts with the host"),
        ("off", "shut off"),
    ]
    assert waiting.held_by_others(STARTS.uuid) == c("2,5")
    assert not claims(host(WEB)).held


def test_a_vcpu_that_is_not_plugged_in_is_a_claim_of_its_own() -> None:
    pinned = replace(GROWS, pins=(GROWS.pins[0], replace(GROWS.pins[1], live=c("7"))))
    host_state = host(pinned)
    assert occupants(host_state).held == c("6")
    assert [t.claim for t in claims(host_state)[7]] == ["not plugged"]
    assert vcpu_set(pinned) == c("6")


def test_a_vcpu_not_plugged_in_claims_no_more_than_its_domain() -> None:
    """One that is shut off and stays so is nothing to be warned of, plugged in or not."""
    data = {
        (state, autostart): _mark_of_7(replace(GROWS, state=state, autostart=autostart))
        for state, autostart in (("running", False), ("shut off", True), ("shut off", False))
    }
    assert list(data.values()) == ["U", "U", "c"]


def _mark_of_7(grows: Domain) -> str:
    pins = (grows.pins[0], replace(grows.pins[1], live=None, config=c("7")))
    host_state = host(WEB, replace(grows, pins=pins))
    data = matrix_data(WEB, PinPlan.of(WEB, host_state), host_state, set())
    mark = data.others[7][0]
    assert f"{mark} " in legend(data)[1][0]
    return mark


def test_a_row_that_is_not_plugged_in_does_not_unpin_the_rest() -> None:
    assert pin_badge(GROWS, host(GROWS)) == "full"
    assert attention(GROWS, host(GROWS, domain("db", ["7"]))) is None


def test_the_host_says_who_comes_later() -> None:
    host_state = host(WEB, STARTS, OFF, GROWS)
    words = {n: map_words(topology(host_state).pcpu[n], host_state) for n in (0, 2)}
    assert words[2][-2:] == ["allowed: nobody pinned", "later: starts, off"]
    assert not any("later" in word for word in words[0])


def test_the_matrix_shows_claims_apart() -> None:
    host_state = host(WEB, STARTS, OFF)
    data = matrix_data(WEB, PinPlan.of(WEB, host_state), host_state, set())
    assert data.others[2] == ("C", "warn")
    assert data.others[5] == ("c", "")
    assert 3 not in data.others
    assert "C claimed by a domain that starts with the host" in legend(data)[1][0]
    assert "c by one that is shut off" in legend(data)[1][0]
    assert pcpu_words(2, WEB.uuid, host_state).endswith(
        ": starts (starts with the host), off (shut off)"
    )


def test_the_matrix_marks_rows_that_are_not_plugged_in() -> None:
    host_state = host(GROWS)
    data = matrix_data(GROWS, PinPlan.of(GROWS, host_state), host_state, set())
    assert [row.label for row in data.rows] == ["vCPU 0", "(vCPU 1)"]
    assert "(vCPU) not plugged in" in legend(data)[1][0]


def test_the_threads_of_a_domain_are_marked_alike() -> None:
    rows = [Thread(pin.key, pin, None, topology(host(GROWS))) for pin in GROWS.pins]
    assert [row.label for row in rows] == ["vCPU 0", "(vCPU 1)"]


def test_a_plain_matrix_has_a_plain_legend() -> None:
    host_state = host(WEB)
    assert len(legend(matrix_data(WEB, PinPlan.of(WEB, host_state), host_state, set()))) == 1

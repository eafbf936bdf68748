"""One plan for several domains: seen, applied domain by domain, put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import combinations

from tests import scenes
from tests.pilot.manual import Console, console_on
from vconsole.features.pins.model.fit_many import FitMany, answer
from vconsole.model.host_state import HostState
from vconsole.model.outcome import Outcome, PinChange, StepOutcome
from vconsole.model.placement import occupants
from vconsole.model.set_pins import SetPins

TEN = scenes.eight_l3()


@asynccontextmanager
async def planned(
    host_state: HostState = TEN, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Console]:
    """The plan for all that run."""
    async with console_on(host_state, size, answers={FitMany: answer}) as console:
        await console.press("F")
        yield console


def sets(console: Console) -> dict[str, list[str]]:
    """The live sets of the vCPUs of each domain."""
    return {d.name: console.live(d.name) for d in console.host.host_state.domains}


async def test_ten_guests_on_eight_l3_domains_are_placed_at_once_without_a_collision() -> None:
    async with planned(size=(120, 40)) as console:
        console.sees("Best fit for 10 domains", "10 changes", "now", "then", "aaaaaaaa", "j.j.")
        before = sets(console)
        console.sees("enter apply")
        await console.press("enter")
        assert "10 domains applied and verified" in console.status
        console.sees_no("enter apply")
        held = occupants(console.host.host_state).exclusive
        assert len(held) == 10
        assert not any(held[a] & held[b] for a, b in combinations(held, 2))
        await console.press("b")
        assert "all put back" in console.status
        assert sets(console) == before


async def test_the_chosen_domains_alone_are_planned_for() -> None:
    async with console_on(TEN, answers={FitMany: answer}) as console:
        await console.press(" ", " ", "F")
        console.sees("Best fit for 2 domains", "ten-0", "ten-1")
        console.sees_no("ten-2")


async def test_actions_and_host_lead_to_it_too() -> None:
    async with console_on(TEN, answers={FitMany: answer}) as console:
        await console.press(" ", "a", "a")
        console.sees("Best fit for 1 domain")
        await console.press("escape", "escape", "2", "a")
        console.sees("Best fit for 10 domains")


async def test_one_that_fails_is_put_back_and_the_others_go_on() -> None:
    async with planned(size=(120, 40)) as console:
        host, before = console.host, console.live("ten-1")

        def half(change: PinChange) -> Outcome:
            if change.name != "ten-1" or change.origin != "plan":
                return host.apply(change)
            host.apply(PinChange(change.uuid, change.name, change.steps[:1]))
            steps = tuple(
                StepOutcome(step, "applied" if not n else "failed", "" if not n else "Invalid")
                for n, step in enumerate(change.steps[:2])
            )
            return Outcome(change, "failed", steps, "vCPU 1: Invalid argument")

        host.answer = half
        await console.press("enter")
        assert console.status.startswith("x not done: ten-1: vCPU 1: Invalid argument")
        assert "put back: vCPU 1: Invalid" in console.row("b ten-1")
        assert console.live("ten-1") == before
        assert "applied" in console.row("c ten-2")
        await console.press("b")
        assert "all put back" in console.status


async def test_a_domain_is_left_out_and_the_target_chosen() -> None:
    async with planned() as console:
        await console.press("x")
        console.sees("Best fit for 9 domains")
        console.sees_no("ten-0")
        await console.press("tab")
        console.sees("live")
        await console.press("enter")
        (change, *_) = [r.change for r in console.asked(SetPins)]
        assert all(step.config_after is None for step in change.steps)
        await console.press("enter")
        assert console.status == "! nothing to apply: it was tried"


async def test_a_host_without_room_says_who_stays() -> None:
    async with planned(scenes.one_cell(10), size=(100, 30)) as console:
        console.sees("guest-00007, guest-00002", "stay as they are: no cell it may use has a free")

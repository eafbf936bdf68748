"""Memory and scheduling as rows of the plan: typed, shown with the pins, applied, undone."""

from __future__ import annotations

from dataclasses import replace

from tests import scenes
from tests.pilot.manual import Console
from tests.pilot.test_domains import changed
from tests.pilot.test_pin import WEB_2, pins_of
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import NumaTune
from vconsole.model.setting import Setting, SettingRow


def wanted(console: Console) -> dict[str, str]:
    """The rows of memory and scheduling that are planned, and what for."""
    plan = console.app.plans[scenes.uuid_of(WEB_2)]
    return {kind: str(value) for (kind, _), value in plan.wanted.items()}


async def test_memory_is_bound_by_typing_it_and_applied_and_undone_with_the_pins() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "m")
        console.sees(f"Memory and scheduling of {WEB_2}", "default set", "vCPU sched 3", "shares")
        await console.press("down", "e")
        await console.type("firm 1")
        assert "a mode is needed" in console.status
        await console.press("ctrl+u")
        await console.type("strict 1")
        await console.press("enter")
        assert wanted(console) == {"numatune": "strict 1"}
        await console.press("P")
        console.sees("Plan for", "vCPU 0", "numatune", "strict 1", "from the next start on")
        await console.press("enter")
        console.sees("5 of 5 applied")
        row = console.domain(WEB_2).settings[1]
        assert (row.kind, str(row.live), str(row.config)) == ("numatune", "none", "strict 1")
        await console.press("u", "enter")
        console.sees("5 of 5 applied")
        assert str(console.domain(WEB_2).settings[1].config) == "none"


async def test_one_key_makes_the_cpuset_of_a_row_that_of_all_threads() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("v")
        console.sees("that is the default set already")
        await console.press("t")
        await console.type("4-7")
        await console.press("enter", "v")
        assert wanted(console) == {"vcpuset": "4-7"}
        console.sees("default set none -> 4-7", "2 planned")
        await console.press("enter")
        console.sees("# vcpuset: 4-7")


async def test_memory_moves_live_where_the_mode_permits_and_a_row_can_be_forgotten() -> None:
    bound = Setting("numatune", "restrictive 0")
    rows = (SettingRow("numatune", None, bound, bound),)
    tune = NumaTune("restrictive", CpuSet.parse("0"))
    scene = changed(scenes.kvm07(), WEB_2, settings=rows, numatune=tune)
    async with pins_of(WEB_2, scene) as console:
        console.sees("numatune restrictive 0")
        await console.press("m", "down", "e", "ctrl+u")
        await console.type("restrictive 1")
        await console.press("enter")
        console.sees("virsh numatune", "--nodeset 1 --live --config")
        await console.press("P")
        assert console.row("numatune").split("restricti. ")[1:] == ["0 ", "1 ", "0 ", "1"]
        await console.press("escape")
        theirs = replace(rows[0], live=Setting("numatune", "restrictive 3"))
        await console.host_says(changed(scene, WEB_2, settings=(theirs,)))
        console.sees("changed by someone else: numatune was restrictive 0 and is now restrictive 3")
        await console.press("backspace")
        assert wanted(console) == {}


async def test_a_domain_that_is_shut_off_while_looked_at_keeps_its_rows() -> None:
    scene = scenes.kvm07()
    async with pins_of(WEB_2, scene) as console:
        await console.press("m")
        await console.host_says(changed(scene, WEB_2, state="shut off", pins=()))
        assert console.row("shares").split()[1:3] == ["-", "none"]

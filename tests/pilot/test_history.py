"""The history: what was changed, by whom, how to take it back, and that a restart keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.test_pin import EVERYWHERE, WEB_2, pinned_by_someone, pins_of
from vconsole.changes.history import History
from vconsole.model.host_state import Freshness, HostState, Usage


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the history of somebody called alice, over ssh with sudo."""
    monkeypatch.setattr("os.getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "alice")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    return tmp_path


async def pin_and_quit(directory: Path) -> HostState:
    """One change in one run of the console; answers the host after it."""
    history = History.load(directory)
    async with console_on(scenes.kvm07(), (120, 40), history=history) as console:
        await console.press("f", *WEB_2, "enter", "p", "x", "enter", "enter")
        return console.host.host_state


async def test_without_changes_it_says_so() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("H")
        assert console.status == "no pin was changed here yet"
        await console.press("j", "k", "G", "y")
        assert console.status == "! virsh has no equivalent of this"


async def test_it_lists_the_changes_newest_first() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "u", "enter", "escape", "H")
        assert console.title.startswith("Pin history   2 changes")
        assert console.lines[3].split()[2:7] == ["undo", WEB_2, "vCPU", "0-3", "applied"]
        assert console.lines[4].split()[2:7] == ["plan", WEB_2, "vCPU", "0-3", "applied"]


async def test_the_details_follow_the_cursor() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "u", "enter", "escape", "H")
        console.sees("vCPU 0: live 32 -> 0-63   config 32 -> 0-63  applied")
        await console.press("j")
        console.sees("vCPU 0: live 0-63 -> 32   config 0-63 -> 32  applied")
        console.sees("--vcpu 0 --cpulist 32 --live --config")
        await console.press("y")
        assert console.app.clipboard.count("virsh -c qemu:///system vcpupin") == 4


async def test_an_undo_from_the_history_shows_up_in_it() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "H", "u", "enter", "escape")
        assert console.page == "history"
        assert console.title.startswith("Pin history   2 changes")
        assert console.live(WEB_2) == [EVERYWHERE] * 4


async def test_history_and_undo_survive_a_restart(saved: Path) -> None:
    now = await pin_and_quit(saved)
    history = History.load(saved)
    async with console_on(now, (120, 40), history=history) as console:
        await console.press("H")
        assert console.title.startswith("Pin history   1 change ")
        console.sees("alice by sudo from 192.0.2.7", str(saved / "pins.jsonl"))
        await console.press("u")
        assert console.title.startswith("Undo for shop-web-2")
        assert console.row("vCPU 3").split()[2] == console.live(WEB_2)[3]


async def test_any_change_is_undone_from_its_row_and_a_conflict_is_passed_over() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "enter", "enter", "escape")  # vCPU 0
        await console.press("down", " ", "enter", "enter", "escape")  # vCPU 1
        await console.host_says(pinned_by_someone(console.host.host_state, WEB_2, 1, "9"))
        await console.press("H", "u")
        assert console.title.startswith("Undo for shop-web-2")
        assert console.has_row("vCPU 0")
        assert not console.has_row("vCPU 1")
        assert "passed over: shop-web-2: vCPU 1 live is 9 by now, not 0" in console.status
        await console.press("enter")
        assert console.live(WEB_2)[:2] == [EVERYWHERE, "9"]
        await console.press("escape", "enter")  # the cursor stayed with that change
        assert console.status.startswith("! shop-web-2: vCPU 1 live is 9 by now, not 0")
        await console.press("j", "enter")
        assert console.status == "! its rows are as they were before"


async def test_what_a_command_changed_meanwhile_is_seen_and_can_be_undone(saved: Path) -> None:
    history = History.load(saved)
    async with console_on(scenes.kvm07(), (120, 40), history=history) as console:
        await console.press("H")
        assert console.status == "no pin was changed here yet"
        await console.press("escape")
        await console.host_says(await pin_and_quit(saved))
        await console.press("u")
        assert console.title.startswith("Undo for shop-web-2")
        await console.press("escape", "H")
        assert console.title.startswith("Pin history   1 change ")


async def test_after_an_undo_the_plan_before_it_says_nothing_of_the_past() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        assert "enter apply" in console.footer
        await console.press("enter")
        assert console.status.startswith("4 of 4 applied and verified")
        assert "u undo" in console.footer
        assert "apply" not in console.footer
        await console.press("H", "u", "enter", "escape", "escape")
        assert console.page == "plan"
        assert console.status == "changed again since it was applied; esc goes back"
        console.sees_no(" ok")


async def test_the_footer_of_a_plan_offers_only_what_it_can_do() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter")
        assert "tab" in console.footer
        assert "back" not in console.footer.replace("esc back", "")
        await console.press("enter", "u")
        assert console.title.startswith("Undo for ")
        assert "enter apply" in console.footer
        assert "tab" not in console.footer
        assert "back" not in console.footer.replace("esc back", "")


async def test_the_undo_of_another_connection_is_not_offered(saved: Path) -> None:
    await pin_and_quit(saved)
    now = scenes.kvm07()
    other = replace(now, connection=replace(now.connection, uri="qemu+ssh://kvm08/system"))
    async with console_on(other, (120, 40), history=History.load(saved)) as console:
        await console.press("u")
        assert console.status == "! nothing to undo on this connection"


async def test_a_history_that_cannot_be_saved_says_why_and_stops_no_change(tmp_path: Path) -> None:
    (tmp_path / "pins.jsonl").mkdir()
    history = History.load(tmp_path)
    async with console_on(scenes.kvm07(), (120, 40), history=history) as console:
        await console.press("f", *WEB_2, "enter", "p", " ", "enter", "enter", "H")
        assert "1 change" in console.title
        assert "not saved: " in console.title
        assert "pins.jsonl" in console.title


async def test_hostile_names_in_it_are_escaped(saved: Path) -> None:
    async with console_on(scenes.hostile(), (120, 40), history=History.load(saved)) as console:
        await console.press("f", *"esc", "enter", "p", " ", "enter", "enter", "H")
        console.sees("esc\\x1b[2Jgone")
    async with console_on(scenes.hostile(), (120, 40), history=History.load(saved)) as console:
        await console.press("H")
        console.sees("esc\\x1b[2Jgone")
        assert all(line.isprintable() for line in console.lines)


# ---- what it brought


def reading(host_state: HostState, at: float, wait: float, cpu: float) -> HostState:
    """The host at some moment, with what one domain uses then."""
    usage = {**host_state.usage, scenes.uuid_of(WEB_2): Usage(cpu, (), wait, switches_s=wait / 2)}
    return replace(host_state, usage=usage, freshness=Freshness(read_at=scenes.NOW + at))


async def pinned_and_watched(console: Console, until: int) -> None:
    """Pins the domain in front after 10 s and looks at the history, so long after that."""
    await console.press("f", *WEB_2, "enter", "p")
    for second in range(0, 12, 2):
        await console.host_says(reading(console.host.host_state, second, 40.0, 200.0))
    await console.press("x", "enter", "enter", "escape", "H")
    for second in range(12, 12 + until, 2):
        await console.host_says(reading(console.host.host_state, second, 0.0, 300.0))


async def test_it_shows_what_a_change_brought_while_that_fills() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await pinned_and_watched(console, 12)
        before, after = console.row("before").split(), console.row("after").split()
        assert before[:6] == ["before", "10", "s", "wait", "40", "%"]
        assert before[6:11] == ["switches", "20/s", "CPU", "200", "%"]
        assert after[:8] == ["after", "12", "of", "30", "s", "wait", "0", "%"]
        assert after[8:13] == ["switches", "0/s", "CPU", "300", "%"]


async def test_what_it_brought_survives_a_restart(saved: Path) -> None:
    async with console_on(scenes.kvm07(), (120, 40), history=History.load(saved)) as console:
        await pinned_and_watched(console, 40)
        full = console.row("after")
        assert full.startswith("after   30 s ")
    async with console_on(scenes.kvm07(), (120, 40), history=History.load(saved)) as console:
        await console.press("H")
        assert console.row("after") == full


async def test_a_console_left_meanwhile_says_how_long_it_looked(saved: Path) -> None:
    async with console_on(scenes.kvm07(), (120, 40), history=History.load(saved)) as console:
        await pinned_and_watched(console, 8)
    async with console_on(scenes.kvm07(), (120, 40), history=History.load(saved)) as console:
        await console.press("H")
        assert console.row("after").startswith("after   8 s ")


async def test_what_waits_for_the_next_start_is_not_compared() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("f", *WEB_2, "enter", "p", "x", "enter", "tab", "tab", "enter")
        await console.press("escape", "H")
        console.sees("config 0-63 -> ")
        assert not console.has_row("before")

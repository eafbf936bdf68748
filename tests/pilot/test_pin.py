"""The matrix: from a floating domain to one vCPU a pCPU, and every way to edit in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.test_domains import changed
from vconsole.features.pins.model.bestfit import suggest
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import GuestCell, HostState, NumaTune, Pin
from vconsole.model.outcome import Outcome
from vconsole.model.topology import topology

WEB_2 = "shop-web-2"
EVERYWHERE = "0-63"


@asynccontextmanager
async def pins_of(
    name: str, scene: HostState | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Console]:
    """Find a domain and open its pins."""
    async with console_on(scene or scenes.kvm07(), size) as console:
        await console.press("f", *name, "enter", "p")
        yield console


def planned(console: Console, name: str = WEB_2) -> dict[str, str]:
    """The rows that are planned, and what for."""
    plan = console.app.plans.get(scenes.uuid_of(name))
    rows = plan.changes() if plan else ()
    return {row.label: str(row.live_after or row.config_after) for row in rows}


def pinned_by_someone(scene: HostState, name: str, row: int, cpuset: str) -> HostState:
    """Another administrator's virsh was faster."""
    there = CpuSet.parse(cpuset)
    domain = next(d for d in scene.domains if d.name == name)

    def moved(pin: Pin) -> Pin:
        return replace(pin, live=there, config=there) if pin.key == ("vcpu", row) else pin

    return changed(scene, name, pins=tuple(moved(p) for p in domain.pins))


# -- the main job ----------------------------------------------------------------------------


async def test_five_keys_pin_a_domain_one_to_one() -> None:
    """p x enter enter on the domain, and one more to see it in the matrix."""
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("f", *WEB_2, "enter")

        await console.press("p")
        assert console.title.startswith("Pin shop-web-2   running  4 vCPUs  8 GiB")

        await console.press("x")
        assert len(planned(console)) == 4
        assert "4 planned" in console.title
        assert console.live(WEB_2) == [EVERYWHERE] * 4, "nothing is applied yet"

        await console.press("enter")
        assert console.page == "plan"
        for number, cpuset in enumerate(planned(console).values()):
            row = console.row(f"vCPU {number}").split()
            assert row == ["vCPU", str(number), EVERYWHERE, cpuset, EVERYWHERE, cpuset]
            console.sees(
                f"virsh -c qemu:///system vcpupin --domain shop-web-2 --vcpu {number} "
                f"--cpulist {cpuset} --live --config"
            )
        wanted = list(planned(console).values())

        await console.press("enter")
        assert console.status.startswith("4 of 4 applied and verified in 38 ms")
        assert console.row("vCPU 0").endswith(f"{wanted[0]} ok")
        assert console.live(WEB_2) == wanted
        assert [str(console.pin(WEB_2, n).config) for n in range(4)] == wanted

        await console.press("escape")
        assert console.page == "pin"
        assert "planned" not in console.title
        marks = console.row("vCPU 0")
        assert (marks.count("="), marks.count("#"), marks.count("-")) == (1, 0, 0)


@pytest.mark.parametrize(("cell", "cores"), [(0, 4), (1, 4), (3, 3)])
async def test_one_to_one_spreads_over_the_cores_that_nobody_holds(cell: int, cores: int) -> None:
    async with pins_of(WEB_2) as console:
        await console.press(*["]"] * cell, "x")
        pcpus = [int(text) for text in planned(console).values()]
        shape = topology(console.app.host_state)
        assert {shape.pcpu[p].cell for p in pcpus} == {cell}
        assert len({shape.pcpu[p].core for p in pcpus}) == cores
        assert not {28, 29, 30, 31} & set(pcpus), "held by trading-gw"


async def test_one_to_one_refuses_a_cell_that_is_too_small() -> None:
    async with pins_of("giant", scenes.sixteen_cells()) as console:
        await console.press("home", "x")
        assert console.status.startswith("! 512 rows need 512 pCPUs")
        assert not planned(console, "giant")


# -- undo and redo ---------------------------------------------------------------------------


async def test_undo_and_redo_go_through_the_plan_view() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape")
        after = console.live(WEB_2)

        await console.press("u")
        assert console.title.startswith("Undo for shop-web-2")
        assert console.live(WEB_2) == after, "looking changes nothing"
        console.sees(f"--cpulist {EVERYWHERE} --live --config")
        await console.press("enter")
        assert console.live(WEB_2) == [EVERYWHERE] * 4
        assert "4 of 4 applied" in console.status

        await console.press("escape", "ctrl+r")
        assert console.title.startswith("Redo for shop-web-2")
        await console.press("enter", "escape")
        assert console.live(WEB_2) == after
        assert console.row("vCPU 0").count("=") == 1


async def test_escape_in_the_view_of_an_undo_undoes_nothing() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "u", "escape")
        assert console.page == "pin"
        assert len(console.host.changes) == 1


async def test_without_a_change_there_is_nothing_to_undo_or_redo() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("u")
        assert console.status == "! nothing to undo on this connection"
        await console.press("ctrl+r")
        assert console.status == "! nothing to redo on this connection"


# -- editing ---------------------------------------------------------------------------------


async def test_space_picks_and_unpicks_a_pcpu() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ")
        assert planned(console) == {"vCPU 0": "0"}, "the first pick narrows a floating row"
        await console.press("l", " ")
        assert planned(console) == {"vCPU 0": "0,32"}
        await console.press(" ")
        assert planned(console) == {"vCPU 0": "0"}
        await console.press("h", " ")
        assert not planned(console), "taking the last pick away is not pinned again"


async def test_n_takes_the_cell_and_c_the_core() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("]", "n")
        assert planned(console) == {"vCPU 0": "8-15,40-47"}
        await console.press("j", "c")
        assert planned(console)["vCPU 1"] == "8,40"
        await console.press("c")
        assert "vCPU 1" not in planned(console)


async def test_r_allows_every_pcpu() -> None:
    async with pins_of("shop-web-1") as console:
        await console.press("r")
        assert planned(console, "shop-web-1") == {"vCPU 0": EVERYWHERE}


async def test_o_copies_the_row_to_all_vcpus_and_to_nothing_else() -> None:
    async with pins_of("shop-web-1") as console:
        await console.press("j", "j", "o")
        assert planned(console, "shop-web-1") == {"vCPU 0": "2", "vCPU 1": "2", "vCPU 3": "2"}


async def test_the_emulator_and_iothreads_are_rows_too() -> None:
    async with pins_of("trading-gw") as console:
        await console.press("G", "t", *"26-27", "enter", "k", "t", *"r", "enter")
        assert planned(console, "trading-gw") == {"emulator": EVERYWHERE, "iothread 1": "26-27"}
        await console.press("enter")
        console.sees(
            "emulatorpin --domain trading-gw", "iothreadpin --domain trading-gw --iothread 1"
        )


async def test_backspace_forgets_a_row_and_shift_z_all_of_it() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "backspace")
        assert set(planned(console)) == {"vCPU 1", "vCPU 2", "vCPU 3"}
        await console.press("Z")
        assert not planned(console)
        assert "planned" not in console.title


async def test_z_takes_back_one_edit_after_the_other() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "l", " ", "Z", "z")
        assert planned(console) == {"vCPU 0": "0,32"}
        await console.press("z")
        assert planned(console) == {"vCPU 0": "0"}
        await console.press("z", "z")
        assert not planned(console)
        assert console.status == "! no edit to take back; u undoes what was applied"


async def test_z_after_apply_does_not_bring_the_old_plan_back() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", "enter", "escape", "z")
        assert console.status == "! no edit to take back; u undoes what was applied"
        assert console.row("vCPU 0").count("=") == 1, "the matrix shows what is now"


async def test_a_set_cannot_be_emptied() -> None:
    async with pins_of("shop-web-1") as console:
        await console.press("c", " ", "l", " ")
        assert "needs at least one pCPU" in console.status


async def test_a_plan_that_changes_nothing_is_no_plan() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("enter")
        assert console.page == "pin"
        assert console.status == "! nothing is planned: change a row first"


# -- typing ----------------------------------------------------------------------------------


async def test_the_matrix_shows_a_cpuset_while_it_is_typed() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("t", *"0-7,^3")
        row = console.row("vCPU 0")
        assert row.count("=") == 7
        assert console.status.startswith("! vCPU 0: 0-63 -> 0-2,4-7")
        assert not planned(console), "a preview is no plan"
        await console.press("enter")
        assert planned(console) == {"vCPU 0": "0-2,4-7"}
        assert console.app.focused is console.app.screen.query_one("PinMatrix")


async def test_escape_while_typing_leaves_the_plan_as_it_was() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "t", *"8-9", "escape")
        assert console.page == "pin"
        assert planned(console) == {"vCPU 0": "0"}
        assert console.row("vCPU 0").count("=") == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("abc", "'abc' is no number or range such as 0-3 or ^2"),
        ("7-3", "runs backwards: write 3-7"),
        ("^3,0-3,^0-3", "is empty: name at least one pCPU"),
        ("0-3,64-70", "pCPU 64-70 is not on this host"),
        ("99999999999", "is beyond 16383"),
        ("0--3", "is no number or range"),
        ("1,,2", "is no number or range"),
    ],
)
async def test_what_is_no_cpuset_says_why_and_keeps_the_question_open(
    text: str, problem: str
) -> None:
    async with pins_of(WEB_2) as console:
        await console.press("t", *text)
        assert problem in console.status
        await console.press("enter")
        assert problem in console.status
        assert not planned(console)
        await console.press(*["backspace"] * len(text), "5", "enter")
        assert planned(console) == {"vCPU 0": "5"}


async def test_nothing_typed_is_not_taken_for_a_set() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("t", "enter")
        assert not planned(console)
        assert console.status.startswith("!")


async def test_exclusions_count_from_left_to_right() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("t", *"^2,0-3", "enter")
        assert planned(console) == {"vCPU 0": "0-3"}


# -- suggest ---------------------------------------------------------------------------------


async def test_a_fills_the_plan_and_applies_nothing() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("a")
        assert console.status.removeprefix("! ").startswith("suggested: ")
        pcpus = planned(console)
        assert {f"vCPU {n}" for n in range(4)} <= set(pcpus)
        assert console.host.changes == []
        assert console.live(WEB_2) == [EVERYWHERE] * 4
        await console.press("z")
        assert not planned(console)


async def test_every_reason_of_a_suggestion_is_readable_and_stays() -> None:
    """At 80 columns, the grave ones first; over another key, and again in the plan."""
    async with pins_of(WEB_2, size=(80, 24)) as console:
        found = suggest(console.domain(WEB_2), console.app.host_state)
        await console.press("a", "right")
        words = " ".join(console.text.split())
        assert all(" ".join(reason.split()) in words for reason in found.reasons)
        assert words.index(found.reasons[0]) < words.index(found.reasons[-1])
        await console.press("enter")
        words = " ".join(console.text.split())
        assert all(" ".join(reason.split()) in words for reason in found.reasons)


async def test_where_nothing_fits_the_suggestion_says_why() -> None:
    async with pins_of("batch-night") as console:
        await console.press("a")
        assert console.status == "! no suggestion: no cell it may use has a free pCPU"
        assert not planned(console, "batch-night")


# -- the plan lives longer than the page -----------------------------------------------------


async def test_leaving_the_page_keeps_the_plan() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        before = planned(console)
        await console.press("escape", "2", "1", "f", *WEB_2, "enter", "p")
        assert planned(console) == before
        assert "4 planned" in console.title


async def test_every_domain_has_a_plan_of_its_own() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "escape", "f", *"mail", "enter", "p")
        assert "planned" not in console.title
        await console.press(" ")
        assert planned(console, "mail") == {"vCPU 0": "0"}
        assert len(planned(console)) == 4


async def test_quitting_asks_once_while_changes_are_planned() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "q")
        assert console.status.startswith("! planned changes of shop-web-2 are not applied")
        assert console.is_open
        await console.press("q")
        assert not console.is_open
        assert console.app.return_code == 0


async def test_the_second_q_counts_only_right_after_the_first() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "q", "Z", "x", "q")
        assert console.is_open
        assert "are not applied" in console.status


async def test_without_a_plan_q_quits_at_once() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("q")
        assert not console.is_open


# -- someone else ----------------------------------------------------------------------------


async def test_a_change_by_someone_else_is_shown_as_a_conflict() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        theirs = pinned_by_someone(scenes.kvm07(), WEB_2, 2, "9")
        await console.host_says(theirs)
        assert console.status == "x changed by someone else: vCPU 2 was 0-63 and is now 9"
        assert len(planned(console)) == 4, "what I want stays planned"
        await console.press("enter")
        assert console.row("vCPU 2").split()[2:4] == ["9", "36"], "the new set is what is replaced"


async def test_a_change_of_a_row_that_is_not_planned_is_just_shown() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ")
        await console.host_says(pinned_by_someone(scenes.kvm07(), WEB_2, 2, "9"))
        assert "someone else" not in console.status
        assert console.row("vCPU 2").count("=") == 1


async def test_taking_edits_back_never_brings_back_what_was_seen_before() -> None:
    async with pins_of(WEB_2) as console:
        await console.press(" ", "Z")
        await console.host_says(pinned_by_someone(scenes.kvm07(), WEB_2, 2, "9"))
        await console.press("z")
        assert planned(console) == {"vCPU 0": "0"}
        assert console.row("vCPU 2").count("=") == 1, "their change is still seen"


async def test_after_an_unknown_outcome_the_page_goes_on() -> None:
    async with pins_of(WEB_2) as console:
        console.host.answer = lambda change: Outcome(change, "unknown", (), "libvirt timed out")
        await console.press("x", "enter", "enter")
        assert "outcome unknown: libvirt timed out; reading again" in console.status
        await console.press("escape", " ")
        assert planned(console) == {"vCPU 0": "0"}


async def test_a_vcpu_unplugged_while_planning_leaves_the_plan() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        scene = scenes.kvm07()
        domain = next(d for d in scene.domains if d.name == WEB_2)
        fewer = tuple(p for p in domain.pins if p.key != ("vcpu", 3))
        await console.host_says(changed(scene, WEB_2, pins=fewer, vcpus=3))
        assert "vCPU 3 is gone" in console.status
        assert set(planned(console)) == {"vCPU 0", "vCPU 1", "vCPU 2"}
        assert not console.has_row("vCPU 3")


async def test_more_vcpus_and_pcpus_may_come_while_the_cursor_is_at_the_end() -> None:
    small, large = scenes.one_cell(10), scenes.kvm07()
    async with pins_of("guest-00001", small) as console:
        await console.press("G", "end")
        mixed = replace(large, domains=small.domains)
        await console.host_says(mixed)
        await console.press("end", " ")
        await console.host_says(small)
        await console.press(" ", "l", "j")
        assert console.page == "pin"


async def test_a_domain_that_stops_while_planning_keeps_its_plan_for_the_config() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        scene = scenes.kvm07()
        domain = next(d for d in scene.domains if d.name == WEB_2)
        stopped = tuple(replace(p, live=None) for p in domain.pins)
        await console.host_says(changed(scene, WEB_2, state="shut off", id=None, pins=stopped))
        assert "someone else" not in console.status
        await console.press("enter")
        console.sees("(*) config")
        console.sees_no("live+config", "--live")


async def test_a_domain_that_vanished_stays_in_view_as_gone() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        scene = scenes.kvm07()
        gone = replace(scene, domains=tuple(d for d in scene.domains if d.name != WEB_2))
        await console.host_says(gone)
        assert "GONE" in console.title
        await console.press("j", " ", "escape")
        assert console.page == "domains"


# -- what the matrix says --------------------------------------------------------------------


async def test_it_opens_at_the_cell_where_the_domain_is_pinned() -> None:
    async with pins_of("batch-night", size=(80, 24)) as console:
        console.sees("Cell 2")
        assert "pCPU 16" in console.status or "batch-night" in console.title


async def test_pcpus_that_others_hold_are_marked() -> None:
    async with pins_of(WEB_2) as console:
        assert console.row("others").split()[1:3] == ["X", "."]
        assert "pCPU 0 0 %: shop-web-1" in console.status


async def test_warnings_stand_below_the_matrix() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x")
        console.sees("! vCPU 0 shares a core with shop-web-1, pinned to the sibling pCPU 0")
        await console.press("Z")
        console.sees_no("! vCPU 0 shares")


async def test_cells_out_of_view_are_named_at_the_edge() -> None:
    async with pins_of(WEB_2, size=(80, 24)) as console:
        assert console.lines[2].endswith(">")
        await console.press("]", "]", "]")
        assert console.lines[2].lstrip().startswith("<")


async def test_the_brackets_go_from_cell_to_cell_and_stop_at_the_ends() -> None:
    async with pins_of("far", scenes.sixteen_cells()) as console:
        seen = []
        await console.press("home")
        for _ in range(20):
            seen.append(console.status.split("pCPU ")[1].split()[0].rstrip(":"))
            await console.press("]")
        assert len(set(seen)) == 14, "two of the sixteen cells have no pCPUs"
        await console.press(*["["] * 20)
        assert "pCPU 0" in console.status


async def test_a_core_whose_number_does_not_fit_is_not_given_another() -> None:
    """Firmware numbers cores as it likes; the end of 70144 is not core 44."""
    scene = scenes.kvm07()
    far = tuple(replace(p, core=70_144 + (p.core or 0)) for p in scene.pcpus)
    async with pins_of(WEB_2, replace(scene, pcpus=far), (80, 24)) as console:
        assert {word for word in console.row("core").split() if word[0].isdigit()} == {"70…"}
        console.sees("core 70144")


async def test_offline_pcpus_are_marked_and_never_picked_by_the_cell() -> None:
    async with pins_of("far", scenes.sixteen_cells()) as console:
        await console.press("home", "r", "n")
        picked = CpuSet.parse(planned(console, "far")["vCPU 0"])
        assert not picked - console.app.host_state.online_pcpus
        assert len(picked) == 126


async def test_an_offline_pcpu_is_refused_before_anything_is_sent() -> None:
    async with pins_of("far", scenes.sixteen_cells()) as console:
        await console.press("t", *"127", "enter")
        assert console.status.startswith("x vCPU 0")
        await console.press("enter", "enter")
        assert console.status.startswith("x refused: ")
        assert console.host.changes == []


async def test_one_set_of_pins_says_why() -> None:
    async with pins_of(WEB_2, scenes.one_set(scenes.kvm07())) as console:
        console.sees("one set: this driver knows no difference of live and config")


async def test_y_copies_the_lines_of_the_plan() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "y")
        lines = console.app.clipboard.splitlines()
        assert len(lines) == 4
        assert all(line.startswith("virsh -c qemu:///system vcpupin ") for line in lines)


async def test_clicks_put_the_cursor_where_they_are() -> None:
    async with pins_of(WEB_2) as console:
        line = next(i for i, text in enumerate(console.lines) if "vCPU 2" in text)
        column = console.lines[4].index(" 33") + 2
        await console.pilot.click(offset=(column, line))
        await console.press(" ")
        assert planned(console) == {"vCPU 2": "33"}


# -- L3 domains, the dense form, going to a pCPU ---------------------------------------------------


async def test_a_key_selects_a_whole_l3_domain() -> None:
    async with console_on(scenes.eight_l3(), (120, 30)) as console:
        await console.press("p", "f", *"20", "enter", "L")
        console.sees("L3 16-23,80-87")
        assert console.status.startswith("vCPU 0: 0-127 -> 16-23,80-87")


async def test_without_l3_domains_the_key_says_so() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("L")
        assert "not known" in console.status


async def test_64_pcpus_are_seen_whole_at_80_columns() -> None:
    async with pins_of(WEB_2, size=(80, 24)) as console:
        console.sees("2-3 >")
        await console.press("d")
        console.sees("Cell 0", "Cell 3")
        assert len(console.row("vCPU 0").removeprefix("vCPU 0").strip().replace("|", "")) == 64
        await console.press("d")
        console.sees("2-3 >")


async def test_a_host_of_many_pcpus_opens_in_the_dense_form() -> None:
    async with console_on(scenes.eight_l3()) as console:
        await console.press("p")
        assert console.row("vCPU 0").count("=") == 64


async def test_a_pcpu_is_gone_to_by_its_number() -> None:
    async with pins_of(WEB_2) as console:
        await console.press("f", *"42")
        assert "pCPU 42" in console.text
        await console.press("enter")
        assert "pCPU 42" in console.status
        await console.press("f", *"99", "enter")
        console.sees("this host has pCPUs 0-63")
        await console.press("escape")
        assert "pCPU 42" in console.status


async def test_rows_stand_by_guest_cell_with_its_memory_and_memnode() -> None:
    host_state = scenes.kvm07()
    guests = tuple(
        GuestCell(n, CpuSet.of((n, n + 2)), 4 << 30, NumaTune("strict", CpuSet.of((n,))))
        for n in range(2)
    )
    domains = tuple(
        replace(d, guest_cells=guests) if d.name == WEB_2 else d for d in host_state.domains
    )
    async with console_on(replace(host_state, domains=domains)) as console:
        await console.press("f", *WEB_2, "enter", "p")
        rows = [line.split("  ")[0].strip() for line in console.lines[6:14]]
        assert rows[:3] == ["guest cell 0", "vCPU 0", "vCPU 2"]
        assert "the whole domain" in rows
        console.sees("guest cell 0  4 GiB  memnode strict on 0")
        await console.press("j", "j", " ")
        assert console.status.startswith("! vCPU 1: 0-63 -> 0"), "the title is no row"

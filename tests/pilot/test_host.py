"""The host page: how to read the map, move in it, and ask who runs where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.painting import below, watch_painting
from vconsole.features.hostmemory.model.figures import CellMemory
from vconsole.features.hostmemory.words import CELL_COLUMNS, CellRow, cell_hint
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.words import matrix_data
from vconsole.files.config import Config
from vconsole.model.column import row_cells
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, HostState, PCpu
from vconsole.screens.hostmap.cellmap import CellMap
from vconsole.screens.hostmap.who import WhoScreen


async def test_key_2_shows_the_cells_with_their_memory_and_distances() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        assert "2 sockets x 2 cells x 8 cores x 2 threads" in console.row("Host")
        assert "KVM ! 1 warning" in console.row("Host")
        assert "idle 64%" in console.row("CPU")
        console.sees("cached   9 GiB  buffers 600 MiB")
        cell = console.row("Cell 0")
        assert "free   6.4 of 96 GiB" in cell
        assert "2M    64/12288" in cell
        assert "dist 10 12 21 21" in cell


async def test_smt_siblings_stand_below_each_other() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        first = next(ln for ln in console.lines if ln.split()[:3] == ["cpu", "0", "1"])
        second = next(ln for ln in console.lines if ln.split()[:3] == ["cpu", "32", "33"])
        assert first.index("3") == second.index("35")


async def test_the_marks_say_load_and_how_many_vcpus_are_pinned() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        assert below(console, "cpu  8 ").startswith("#2   o2   o2   .2")
        console.sees("o busy  # full")


async def test_the_total_is_that_of_freecell() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "G")
        assert "free    81 of 384 GiB" in console.row("Total")
        assert "vCPUs: 67 pinned, 24 float" in console.row("Total")


async def test_the_status_line_tells_about_the_pcpu_under_the_cursor() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("2", "l", "l", "j")
        assert console.status.startswith("pCPU 34, core 2, cell 0: 46 % busy; sibling 2; allowed: ")
        assert "last: shop-cache vCPU 1" in console.status
        await console.press("h")
        assert console.status.startswith("pCPU 33,")
        await console.press("k")
        assert console.status.startswith("pCPU 1,")


async def test_c_goes_from_cell_to_cell_and_round() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        for first in (8, 16, 24, 0):
            await console.press("c")
            assert console.status.startswith(f"pCPU {first},")
        await console.press("C")
        assert console.status.startswith("pCPU 24,")
        assert "Cell 3" in console.text


async def test_g_and_shift_g_reach_the_first_and_the_last_pcpu() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "G")
        assert console.status.startswith("pCPU 63,")
        assert "Total" in console.text
        await console.press("g")
        assert console.status.startswith("pCPU 0,")
        assert "Cell 0" in console.text


async def test_enter_shows_who_may_run_on_a_pcpu() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "l", "l", "j", "enter")
        assert "3 threads pinned here" in console.row("pCPU 34")
        assert "shares its core with 2" in console.row("pCPU 34")
        rows = [ln.split() for ln in console.lines if ln.strip().startswith("shop-cache")]
        assert rows[0][:4] == ["shop-cache", "vCPU", "0", "2,34"]
        assert "exclusive, ran here last" in console.text
        assert "anywhere, so here too: 24 vCPUs, 12 emulators of 13 domains" in console.text
        await console.press("escape")
        assert console.status.startswith("pCPU 34,")


async def test_enter_again_opens_the_domain_that_runs_there() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "l", "l", "j", "enter", "enter")
        assert console.lines[1].strip().startswith("shop-cache")


async def test_the_inverse_map_follows_the_readings() -> None:
    host = scenes.kvm07()
    async with console_on(host) as console:
        await console.press("2", "l", "l", "j", "enter")
        await console.host_says(replace(host, domains=()))
        assert "0 threads pinned here" in console.row("pCPU 34")


async def test_v_shows_the_virtualization_check_with_cures() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "v")
        assert "warning    not in use" in console.row("IOMMU")
        assert below(console, "! IOMMU") == "cure: boot with amd_iommu=on iommu=pt"
        await console.press("escape")
        assert "Cell 0" in console.text


async def test_y_names_the_virsh_command() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "y")
        assert console.status.endswith(" freecell --all")


# -- odd hosts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_1024_pcpus_in_16_cells_can_all_be_reached(size: tuple[int, int]) -> None:
    async with console_on(scenes.sixteen_cells(), size) as console:
        await console.press("2")
        assert "4 sockets, 16 cells, 512 cores, 1024 pCPUs" in console.row("Host")
        seen = set()
        for _ in range(14):
            seen.add(console.status.split(",")[0])
            await console.press("c")
        assert len(seen) == 14
        await console.press("G")
        assert console.status.startswith("pCPU 1023,")
        assert "offline" in console.status
        assert "no pCPUs" in console.text


async def test_every_pcpu_is_under_the_cursor_once_when_walking_right() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        seen = [_map(console).cursor]
        for _ in range(63):
            await console.press("l")
            seen.append(_map(console).cursor)
        assert set(seen) == set(range(64))


async def test_a_host_of_which_little_is_known() -> None:
    async with console_on(_bare()) as console:
        await console.press("2")
        assert "1 cell, 3 cores, 3 pCPUs" in console.row("Host")
        assert "free     - of -" in console.row("Cell 5")
        assert "pCPUs whose cell is not known" in console.text
        assert below(console, "cpu  0   4").startswith("-   x")
        await console.press("v")
        assert "does not tell" in console.status


def _bare() -> HostState:
    """A cell with an id of its own, an offline pCPU, and one that belongs nowhere."""
    pcpus = (PCpu(0, cell=5), PCpu(4, cell=5, online=False), PCpu(7))
    cells = (Cell(5, pcpus=(0, 4)),)
    return replace(
        scenes.empty(), node=type(scenes.empty().node)(), cells=cells, pcpus=pcpus, busy={}
    )


async def test_a_memoryless_cell_says_so() -> None:
    async with console_on(scenes.sixteen_cells(), (200, 60)) as console:
        await console.press("2", "G")
        assert "no memory" in console.row("Cell 25")
        assert "no pCPUs" in below(console, "Cell 33")


def test_no_page_takes_a_memoryless_cell_for_a_full_one() -> None:
    host_state = scenes.sixteen_cells()
    domain = host_state.domains[0]
    data = matrix_data(domain, PinPlan.of(domain, host_state), host_state, set())
    assert "Cell 25 no memory" in [titles[0] for titles in data.titles]
    row = CellRow(CellMemory(25, 0, 0, 0, 0, ()))
    assert [text for text, _ in row_cells(CELL_COLUMNS, row)][2:4] == ["no memory", "-"]
    assert cell_hint(row.cell, None)[0] == "cell 25 has no memory"


async def test_without_any_data_the_page_says_why() -> None:
    async with console_on(scenes.never_connected()) as console:
        await console.press("2")
        assert console.status.endswith("connection refused")
        await console.press("j", "c", "enter", "v", "y")


async def test_hostile_names_stay_words() -> None:
    async with console_on(scenes.hostile(), (120, 40)) as console:
        await console.press("2", "enter")
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in console.text if c != "\n")


async def test_isolated_and_contested_pcpus_are_marked_and_explained() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        console.sees("! contested")
        await console.press("l", "l")
        assert "2 domains hold it" in console.status
        await console.press("c", "c", "c")
        assert "in" in below(console, "cpu  56").split()[4]


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light", "vconsole-light"])
async def test_the_page_works_without_colours_and_in_ascii(theme: str) -> None:
    config = Config(theme=theme, ascii=True)
    async with console_on(scenes.kvm07(), (160, 40), config=config) as console:
        await console.press("2", "l", "enter", "escape", "v", "escape")
        assert "\n".join(console.lines[:-2]).isascii()
        assert console.status.startswith("pCPU 1,")


# -- cost ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("painted")
async def test_the_same_reading_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    host = scenes.sixteen_cells()
    async with console_on(host) as console:
        await console.press("2")
        painted = watch_painting(_map(console), monkeypatch)
        await console.host_says(replace(host, busy=dict(host.busy)))
        assert painted == []


@pytest.mark.usefixtures("painted")
async def test_a_busier_pcpu_paints_its_field_only(monkeypatch: pytest.MonkeyPatch) -> None:
    host = scenes.kvm07()
    async with console_on(host) as console:
        await console.press("2")
        painted = watch_painting(_map(console), monkeypatch)
        await console.host_says(replace(host, busy={**host.busy, 0: 99.0}))
        assert [(r.width, r.height) for r in painted] == [(_map(console)._layout.pitch, 1)]
        assert below(console, "cpu  0 ").startswith("#1")


@pytest.mark.usefixtures("painted")
async def test_less_free_memory_paints_the_figures_only(monkeypatch: pytest.MonkeyPatch) -> None:
    host = scenes.kvm07()
    cells = (replace(host.cells[0], free_bytes=int(5.4 * scenes.GIB)), *host.cells[1:])
    async with console_on(host) as console:
        await console.press("2")
        painted = watch_painting(_map(console), monkeypatch)
        await console.host_says(replace(host, cells=cells))
        assert "free   5.4 of 96 GiB" in console.row("Cell 0")
        assert sum(r.area for r in painted) <= 4


@pytest.mark.usefixtures("painted")
async def test_a_move_paints_two_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console_on(scenes.sixteen_cells()) as console:
        await console.press("2")
        painted = watch_painting(_map(console), monkeypatch)
        await console.press("l")
        assert [(r.width, r.height) for r in painted] == [(1, 1)] * 2
        await console.press("d")
        painted.clear()
        await console.press("h")
        assert [(r.width, r.height) for r in painted] == [(_map(console)._layout.pitch - 1, 2)] * 2


async def test_pins_of_three_digits_widen_the_map() -> None:
    host = scenes.kvm07()
    pcpus = tuple(replace(p, isolated=True, nohz_full=True) for p in host.pcpus)
    async with console_on(host) as console:
        await console.press("2")
        before = _map(console)._layout.pitch
        await console.host_says(replace(host, pcpus=pcpus))
        assert _map(console)._layout.pitch > before
        assert CpuSet.of(_map(console)._layout.spots) == host.all_pcpus


def _map(console: Console) -> CellMap:
    return console.app.screen.query_one(CellMap)


async def test_who_names_the_domains_that_will_want_a_pcpu_too() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.app.push_screen(WhoScreen(35, console.app.host_state))
        await console.press()
        assert "legacy-erp" in console.text
        assert "starts with the host" in console.text
        assert "2 later" in console.text


async def test_a_cell_that_stands_for_the_whole_host_says_so() -> None:
    bare = _bare()
    invented = replace(bare, cells=(Cell(0, invented=True),))
    async with console_on(invented) as console:
        await console.press("2")
        assert "libvirt names no cells: this is the whole host" in console.text


# -- L3 domains, the dense form, going to a pCPU ---------------------------------------------------


async def test_a_host_with_l3_domains_shows_each_apart() -> None:
    async with console_on(scenes.eight_l3(), (120, 60)) as console:
        await console.press("2", "f", *"20", "enter")
        console.sees("8 L3 domains", "L3 0..", "L3 24..", "L3 48,56")
        assert "L3 of 16-23,80-87" in console.status


async def test_64_pcpus_fit_the_smallest_screen() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2")
        console.sees_no("Cell 3")
        await console.press("d")
        console.sees("Cell 0", "Cell 3", "Total")
        await console.press("f", *"63", "enter")
        assert console.status.startswith("pCPU 63")


async def test_giving_up_a_number_goes_back() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "f", *"42")
        await console.press("escape")
        assert console.status.startswith("pCPU 0")

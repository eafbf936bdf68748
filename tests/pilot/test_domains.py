"""The list of domains: find one, sort, and lose neither place nor filter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from vconsole.features.domains.columns import SORTS
from vconsole.files.config import Config
from vconsole.model.column import row_cells
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.screens.domains.domains import DomainsScreen


def names(console: Console) -> list[str]:
    """The names on the screen from top to bottom, without those cut off."""
    known = {d.name for d in console.app.host_state.domains}
    first = (line[2:].split("  ")[0] for line in console.lines[3:-2])
    return [name for name in first if name in known]


def without(host_state: HostState, *gone: str) -> HostState:
    return replace(host_state, domains=tuple(d for d in host_state.domains if d.name not in gone))


def changed(host_state: HostState, which: str, /, **fields: Any) -> HostState:
    def one(domain: Domain) -> Domain:
        return replace(domain, **fields) if domain.name == which else domain

    return replace(host_state, domains=tuple(one(d) for d in host_state.domains))


# -- reading ---------------------------------------------------------------------------------


async def test_a_row_says_state_vcpus_load_memory_cells_locality_and_pins() -> None:
    async with console_on(scenes.kvm07()) as console:
        row = console.row("shop-web-1")
        assert "● running" in row
        assert row.split()[-4:] == ["GiB", "0", "98%", "full"]
        assert "212" in row
        assert "8/16 GiB" in row


async def test_a_row_is_marked_when_the_kernel_alone_says_otherwise() -> None:
    """Everything else of the host, memory too, is the same object as before."""
    async with console_on(scenes.kvm07()) as console:
        scene = console.app.host_state
        assert not console.row("shop-web-2").startswith("!")
        moved: dict[PinKey, CpuSet] = {("vcpu", 0): CpuSet.parse("63")}
        await console.host_says(replace(scene, allowed={scenes.uuid_of("shop-web-2"): moved}))
        assert console.row("shop-web-2").startswith("!")


async def test_where_the_memory_of_one_lies_makes_one_row_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with console_on(scenes.kvm07()) as console:
        made: list[str] = []

        def counted(columns: Any, row: Any) -> Any:
            made.append(row.domain.name)
            return row_cells(columns, row)

        monkeypatch.setattr("vconsole.screens.domains.domains.row_cells", counted)
        scene, uuid = console.app.host_state, scenes.uuid_of("shop-web-1")
        await console.host_says(replace(scene))
        made.clear()
        looked = replace(scene.locality[uuid], read_at=99.0)
        await console.host_says(replace(scene, locality={**scene.locality, uuid: looked}))
        assert made == ["shop-web-1"]


async def test_a_domain_whose_next_start_differs_is_marked() -> None:
    async with console_on(scenes.kvm07()) as console:
        assert console.row("batch-night").endswith("cfg~")


async def test_a_wide_screen_shows_more_columns() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        console.sees("Resident", "Wait %", "Auto", "Title", "Shop front end")
    async with console_on(scenes.kvm07(), (80, 24)) as console:
        console.sees_no("Resident", "Wait %", "Auto", "Title")
        assert console.row("shop-web-1").split()[3:5] == ["running", "y"], "it starts with the host"


async def test_the_status_line_says_what_is_wrong_with_the_domain_under_the_cursor() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"batch", "enter")
        assert console.status.startswith("! batch-night: ")


# -- moving ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (("j", "j", "k"), 1),
        (("down", "down", "up"), 1),
        (("G",), -1),
        (("end",), -1),
        (("G", "g"), 0),
        (("end", "home"), 0),
        (("k",), 0),
        (("G", "j"), -1),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
async def test_vi_keys_and_arrows_move(keys: tuple[str, ...], row: int) -> None:
    async with console_on(scenes.kvm07()) as console:
        order = sorted((d.name for d in scenes.kvm07().domains), key=str.casefold)
        await console.press(*keys)
        assert console.here == order[row]


async def test_a_page_down_and_up_comes_back() -> None:
    async with console_on(scenes.one_cell(200)) as console:
        start = console.here
        await console.press("pagedown")
        assert console.here not in (None, start)
        assert console.has_row(console.here or "")
        await console.press("ctrl+d", "ctrl+u", "pageup")
        assert console.here == start


async def test_sorting_before_the_table_is_laid_out() -> None:
    async with console_on(scenes.kvm07()) as console:
        page = console.app.screen
        assert isinstance(page, DomainsScreen)
        page.table._layout = []
        page.do_sort()
        console.sees("sorted by state")


# -- filter ----------------------------------------------------------------------------------


async def test_the_filter_narrows_with_every_key() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/")
        await console.type("s")
        some = names(console)
        await console.type("hop-w")
        assert names(console) == ["shop-web-1", "shop-web-2", "shop-web-3"]
        assert len(some) > 3
        console.sees("Domains 3/22")
        await console.press("backspace", "backspace")
        console.sees("Domains 4/22")


async def test_enter_keeps_the_filter_and_esc_clears_it() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"shop", "enter")
        assert names(console)[0] == "shop-cache"
        await console.press("j")
        assert console.here == "shop-web-1"
        await console.press("escape")
        console.sees("Domains 22", "git")
        assert console.here == "shop-web-1"


async def test_esc_while_typing_shows_all_again() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"shop", "escape")
        console.sees("Domains 22")
        await console.press("j")
        assert console.page == "domains"


@pytest.mark.parametrize("arrow", ["right", "end"])
async def test_a_filter_can_be_refined_after_an_arrow(arrow: str) -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"shop", "enter", "/", arrow, *"-web-2", "enter")
        assert names(console) == ["shop-web-2"]


async def test_what_is_typed_takes_the_place_of_what_stood_there() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"shop", "enter", "/", *"git", "enter")
        assert names(console) == ["git"]
        await console.press("/", "backspace", *"mail", "enter")
        assert names(console) == ["mail"]
        await console.press("/", "enter")
        assert names(console) == ["mail"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("state:shut", ["build-3", "template-debian", "windows-desk"]),
        ("state:paused", ["build-2"]),
        ("cell:1 pinned:full", ["orders-db"]),
        ("pinned:part -build", ["shop-web-3"]),
        ("web -web-2", ["shop-web-1", "shop-web-3"]),
        ("INVOICES", ["batch-night"]),
        ("auto:no state:paused", ["build-2"]),
        ("[link", ["[link=file:x]"]),
    ],
)
async def test_terms_find(words: str, found: list[str]) -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/")
        await console.type(words)
        assert names(console) == found


async def test_a_term_that_is_not_understood_says_so_and_hides_nothing() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"state:xyz")
        assert "no state begins with 'xyz'" in console.status
        console.sees("Domains 22/22")
        await console.press("ctrl+u", *"colour:red")
        assert "no term 'colour'" in console.status


async def test_nothing_found_is_said() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"nosuchname", "enter")
        assert console.status == "! no domain matches; esc shows all"
        await console.press("enter", "p", "3")
        assert console.page == "domains"
        assert console.status == "! no domain here"
        await console.press("escape")
        console.sees("Domains 22", "git")


async def test_the_filter_holds_while_the_host_changes() -> None:
    scene = scenes.kvm07()
    async with console_on(scene) as console:
        await console.press("/", *"state:run shop", "enter")
        await console.host_says(changed(scene, "shop-web-2", state="paused"))
        assert names(console) == ["shop-cache", "shop-web-1", "shop-web-3"]


# -- jump ------------------------------------------------------------------------------------


async def test_jump_goes_to_the_first_name_that_begins_so() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f")
        await console.type("Shop-Web")
        assert console.here == "shop-web-1"
        await console.type("-3")
        assert console.here == "shop-web-3"
        await console.press("enter", "k")
        assert console.here == "shop-web-2"


async def test_jump_to_nothing_says_so_and_stays() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"mai", "x")
        assert console.here == "mail"
        assert console.status == "! no domain begins with maix"
        await console.press("escape")
        assert console.here == "mail"


# -- sorting ---------------------------------------------------------------------------------


async def test_s_goes_through_every_column_and_back_to_the_name() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        before = names(console)
        seen = []
        for _ in SORTS:
            await console.press("s")
            seen.append(console.status.split()[2].rstrip(";"))
            marked = [c for c in console.lines[2].split() if c.endswith(("↑", "↓"))]
            assert len(marked) == 1
        assert seen == [*list(SORTS)[1:], "name"]
        assert names(console) == before


async def test_the_busiest_come_first_and_shift_s_turns_it_around() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("s", "s", "s", "s")
        assert console.status == "sorted by cpu; S turns it around"
        assert names(console)[:3] == ["orders-db", "build-1", "trading-gw"]
        await console.press("S", "g")
        assert names(console)[:2] == ["dns-2", "dns-1"]
        await console.press("G")
        assert console.here == "windows-desk", "what has no value is last both ways"


async def test_names_sort_by_their_numbers() -> None:
    scene = scenes.one_cell(3)
    for old, new in zip(
        ("guest-00000", "guest-00001", "guest-00002"), "web-10 web-2 Web-1".split(), strict=False
    ):
        scene = changed(scene, old, name=new)
    async with console_on(scene) as console:
        assert names(console) == ["Web-1", "web-2", "web-10"]


async def test_sorting_keeps_the_cursor_on_its_domain() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"mail", "enter", "s", "s", "S")
        assert console.here == "mail"


# -- the host changes ------------------------------------------------------------------------


async def test_the_cursor_stays_on_its_domain_when_others_come_and_go() -> None:
    scene = scenes.kvm07()
    async with console_on(without(scene, "dns-1", "build-1")) as console:
        await console.press("f", *"mail", "enter")
        await console.host_says(scene)
        assert console.here == "mail"
        await console.host_says(without(scene, "batch-night", "build-2", "vpn"))
        assert console.here == "mail"


async def test_the_cursor_follows_a_renamed_domain() -> None:
    scene = scenes.kvm07()
    async with console_on(scene) as console:
        await console.press("f", *"mail", "enter")
        await console.host_says(changed(scene, "mail", name="a-mail"))
        assert console.here == "a-mail"
        assert names(console).index("a-mail") < names(console).index("batch-night")


async def test_a_new_domain_of_the_same_name_is_another_one() -> None:
    scene = scenes.kvm07()
    async with console_on(scene) as console:
        await console.press("f", *"mail", "enter", "p")
        await console.host_says(
            changed(scene, "mail", uuid="0" * 8 + "-0000-4000-8000-" + "0" * 12)
        )
        assert "GONE" in console.title


async def test_the_cursor_goes_to_a_neighbour_of_a_domain_that_vanished() -> None:
    scene = scenes.kvm07()
    async with console_on(scene) as console:
        await console.press("f", *"mail", "enter")
        await console.host_says(without(scene, "mail"))
        assert console.here == "monitoring"
        assert "mail" not in names(console)
        await console.press("G")
        await console.host_says(without(scene, "mail", "windows-desk"))
        assert console.here == "vpn"


async def test_filter_and_place_survive_a_visit_to_another_page() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("/", *"shop", "enter", "j", "p")
        assert console.page == "pin"
        await console.press("escape")
        assert console.here == "shop-web-1"
        assert len(names(console)) == 4


async def test_ten_thousand_domains_are_no_obstacle() -> None:
    async with console_on(scenes.one_cell(10_000)) as console:
        await console.press("f", *"guest-09999", "enter")
        assert console.here == "guest-09999"
        console.sees("Domains 10000")


# -- opening ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "page"),
    [("enter", "domain"), ("p", "pin"), ("3", "pin"), ("2", "host"), ("H", "history")],
)
async def test_a_key_opens_a_page_and_esc_comes_back(key: str, page: str) -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"mail", "enter", key)
        assert console.page == page
        await console.press("escape")
        assert console.page == "domains"
        assert console.here == "mail"


async def test_y_copies_a_virsh_line_that_runs() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("f", *"mail", "enter", "y")
        line = f"virsh -c qemu:///system dominfo {scenes.uuid_of('mail')}"
        assert console.app.clipboard == line
        assert console.status == f"copied: {line}"


async def test_an_empty_host_says_so() -> None:
    async with console_on(scenes.empty()) as console:
        assert console.status == "no domains in qemu:///system"
        await console.press("j", "k", "G", "g", "s", "S", "enter", "p", "y")
        assert console.page == "domains"


@pytest.mark.parametrize("rows", range(0, 24, 3))
async def test_ascii_means_the_scroll_bar_too(rows: int) -> None:
    """Its thumb ended with a part of a block wherever it did not meet a line."""
    async with console_on(scenes.kvm07(), (80, 12), config=Config(ascii=True)) as console:
        await console.press(*["down"] * rows)
        assert console.text.isascii()

"""The host's memory: the verdict, who is swapped, the cells, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.memory_host import answered, elsewhere, reading, without_swap
from vconsole.features.hostmemory.model import advice
from vconsole.features.hostmemory.model.reading import HostMemory, ReadHostMemory


async def tell(console: Console, *readings: HostMemory | str) -> None:
    """The host answers, or says why it cannot."""
    for given in readings:
        reply = answered(console.app.page, given)
        reply.request = console.asked(ReadHostMemory)[-1]
        console.app.post_message(reply)
        await console.settle()


def asked(console: Console) -> int:
    """How often the host was asked."""
    return len(console.asked(ReadHostMemory))


async def test_the_verdict_stands_first_and_the_figures_below() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        assert console.page == "hostmemory"
        assert console.status == "reading the host's memory"
        await tell(console, without_swap())
        assert console.title == "Host memory   320 GiB of RAM   18 guests   swap off"
        assert console.lines[2] == " x overcommit: 21.0 GiB too much for RAM, and swap is off"
        assert "294 GiB    92 % of RAM" in console.row("Maximum")
        assert "128 GiB of 160 GiB  65536 of 81920 used" in console.row("2M pages")
        assert "KSM off   overcommit_memory 0   swappiness 60" in console.row("Kernel")


async def test_guests_that_swap_are_on_top_and_explained() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("2", "m")
        await tell(console, reading())
        assert console.row("build-1").split()[-2:] == ["-", "679"], "one reading is no rate"
        await tell(console, reading(5))
        table = console.lines[12:14]
        assert [line.split()[:2] for line in table] == [["!", "build-1"], ["!", "mail"]]
        assert "4.0 MiB/s" in table[0]
        assert "-2.0 MiB/s" in table[1]
        assert console.status == "! build-1 is being swapped out, 4.0 MiB/s"
        assert "in 2.0 MiB/s  out 4.0 MiB/s  guests 3.9 GiB" in console.row("Swap")
        await console.press("j", "j")
        assert console.status == (
            "shop-web-3: holds 6.4 GiB of RAM; 40.0 MiB in swap; OOM score 670"
        )
        await console.press("j")
        assert console.status.endswith("OOM score 686, ended first of all guests")


async def test_cells_and_advice_are_a_tab_away() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        await tell(console, without_swap())
        await console.press("tab", "j", "j")
        assert console.row("cell 0").split()[2:8] == ["96.0", "GiB", "6.4", "GiB", "16.0", "GiB"]
        assert console.status.startswith("x cell 2: guests bound there may use 40.0 GiB more than")
        await console.press("y")
        assert console.app.clipboard == "virsh -c qemu:///system freecell --all"
        await console.press("tab")
        console.sees("If they use", "cure: add 21.0 GiB of swap, or lower the maximum")
        await console.press("G")
        console.sees("if those shut off start, too")
        await console.press("tab")
        assert console.has_row("build-1")
        await console.press("shift+tab", "g")
        console.sees("x overcommit   21.0 GiB too much")


async def test_enter_opens_the_guest_and_escape_returns_to_the_host() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m", "enter")
        assert "no domain here" in console.status
        await tell(console, reading())
        await console.press("y")
        assert console.app.clipboard.endswith("dommemstat build-1")
        await console.press("enter")
        assert (console.page, console.here) == ("domain", "build-1")
        await console.press("escape")
        assert console.page == "hostmemory"
        await console.press("escape")
        assert console.page == "host"


async def test_a_host_that_cannot_be_read_leaves_what_was_known() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        await tell(console, reading(), "no answer within 10 s")
        assert console.status == "x the host's memory cannot be read: no answer within 10 s"
        assert console.has_row("build-1")
        await tell(console, reading(5))
        assert "build-1 is being swapped out" in console.status


async def test_of_another_host_what_is_not_known_stays_open() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        await tell(console, elsewhere())
        assert "swap -" in console.title
        assert "- % of RAM" in console.row("In RAM")
        await console.press("tab", "tab", "G")
        console.sees("? not known", "swap: another machine")


async def test_the_host_is_asked_once_at_a_time_and_only_while_in_front() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        page: Any = console.app.page
        assert asked(console) == 1
        (wanted,) = console.asked(ReadHostMemory)
        assert wanted.host_state is page.host_state, "with the guests it is about"
        page.look()
        assert asked(console) == 1, "the first is under way"
        await tell(console, reading())
        page.look()
        assert asked(console) == 2
        await tell(console, reading(5))
        await console.press("1")
        page.look()
        assert asked(console) == 2


async def test_guests_that_start_and_stop_are_followed() -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        await tell(console, reading())
        await console.host_says(scenes.empty())
        await tell(console, reading(3))
        assert "0 guests" in console.title
        assert console.status == "no guest runs"
        await console.host_says(scenes.kvm07())
        await tell(console, reading(6))
        assert "18 guests" in console.title


async def test_nothing_is_worked_out_while_keys_are_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press("2", "m")
        page: Any = console.app.page
        reply = answered(page, reading())
        monkeypatch.setattr(advice, "figures", None)
        monkeypatch.setattr(advice, "findings", None)
        console.app.post_message(reply)
        await console.host_says(scenes.empty())
        await console.host_says(scenes.kvm07())
        assert "18 guests" in console.title


async def test_the_lines_follow_the_width() -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press("2", "m")
        await tell(console, reading())
        assert "OOM first: [link=file:x]" in console.row("Kernel")
        await console.pilot.resize_terminal(80, 24)
        await console.settle()
        assert console.row("Kernel").endswith("swappiness 60")

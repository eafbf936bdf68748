"""Memory and vCPUs of a domain: shown as live and config, edited by typing, planned, applied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import Console, console_on
from tests.pilot.resources_host import GIB, NAME, REPORT, Host
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import ReadResources
from vconsole.model.host_state import HostState
from vconsole.model.request import Define

FIND = ("f", *NAME, "enter")


@asynccontextmanager
async def resources_page(host: Host, scene: HostState | None = None) -> AsyncIterator[Console]:
    async with console_on(scene or scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "m")
        assert console.page == "resources"
        yield console


async def retype(console: Console, text: str) -> None:
    """Type another value over the one in the question."""
    await console.press("ctrl+u", *text)


# -- showing ---------------------------------------------------------------------------------


async def test_live_and_config_stand_side_by_side() -> None:
    async with resources_page(Host()) as console:
        assert console.title.startswith(f"Memory and vCPUs of {NAME}   ● running")
        assert console.row("Maximum memory").split() == "Maximum memory 8 GiB 8 GiB".split()
        assert console.row("~ Current memory").startswith("~ Current memory     6 GiB")
        assert console.row("~ Current memory").endswith(
            "4 GiB           pending: at the next start"
        )
        assert "every 5 s       off" in console.row("~ Balloon statistics")
        assert console.row("Topology").split()[:3] == ["Topology", "1x2x2", "1x2x2"]


async def test_what_is_in_use_is_compared_on_one_scale() -> None:
    async with resources_page(Host()) as console:
        console.sees("Guest uses", "2.8 GiB", "Balloon leaves", "6.0 GiB", "Host RSS", "6.3 GiB")
        full = [console.row(title).count("█") for title in ("Guest", "Balloon", "Host")]
        assert full == [6, 12, 13]
        console.sees("in 0 B, out 2.0 MiB since it booted", "the guest reports every 5 s, 2 s old")


async def test_stale_figures_are_marked_by_a_word() -> None:
    async with resources_page(Host(replace(REPORT, age_s=61.0))) as console:
        assert console.row("Guest uses").endswith("stale")
        console.sees("! stale: the guest's figures, 61 s old; it should report every 5 s")
        assert "stale" not in console.row("Host RSS")


async def test_a_guest_that_never_reported() -> None:
    async with resources_page(Host(replace(REPORT, updated=0))) as console:
        assert "?" in console.row("Guest uses")
        console.sees("the guest's use is not known: its guest has not answered")


async def test_a_domain_that_does_not_run() -> None:
    host = Host()
    host.live = None
    async with resources_page(host) as console:
        assert console.row("Current memory").split() == "Current memory - 4 GiB".split()
        console.sees("it does not run")
        await console.press("w")
        assert console.status == "! it does not run: there is no guest to ask"


async def test_what_cannot_be_read_is_told_and_not_edited() -> None:
    host = Host()
    host.trouble = "Domain not found\x1b[2J"
    async with resources_page(host) as console:
        assert console.status == "x Domain not found\\x1b[2J"
        assert "it does not run" not in console.text
        for key in "ew":
            await console.press(key)
            assert console.status == "! Domain not found\\x1b[2J"


async def test_it_looks_again_after_a_change_and_not_while_it_is_covered() -> None:
    async with resources_page(Host()) as console:
        before, page = len(console.asked(ReadResources)), console.app.page
        assert page is not None
        await console.press("w")
        page.read_again()
        assert len(console.asked(ReadResources)) == before
        await console.press("escape")
        assert len(console.asked(ReadResources)) == before + 1


# -- editing ---------------------------------------------------------------------------------


async def test_a_value_is_explained_while_it_is_typed() -> None:
    async with resources_page(Host()) as console:
        await console.press("j", "enter")
        console.sees("Current memory", "6GiB")
        await retype(console, "1.5")
        assert console.status == ("x '1.5' is no whole number: use a smaller unit, as in 1536MiB")
        await retype(console, "7000000KB")
        assert console.status == "6835938 KiB, rounded up from 7000000000 bytes"
        await retype(console, "0")
        await console.press("enter")
        assert console.page == "resources"
        assert console.status.startswith("x a domain cannot do without memory")
        await console.press("escape")
        assert console.status == "nothing was done"


async def test_memory_is_set_live_and_config_by_enter_enter() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("j", "e")
        await retype(console, "7G")
        await console.press("enter")
        console.sees("Set current memory", "live and config", "+ live: maximum 8 GiB, current 7")
        console.sees(f"virsh setmem {NAME} 7GiB --live --config")
        assert host.changes == []
        await console.press("enter")
        console.sees("applied  read back: live: maximum 8 GiB, current 7 GiB")
        (change,) = host.changes
        assert isinstance(change, SetResource)
        assert (change.kind, change.number, change.grade) == ("memory", 7 * GIB, "harmless")


async def test_tab_chooses_one_half() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("j", "e")
        await retype(console, "5G")
        await console.press("enter", "tab", "tab", "enter")
        (change,) = host.changes
        assert isinstance(change, SetResource)
        assert (change.live is None, change.config is None) == (True, False)


async def test_less_than_the_guest_needs_wants_its_name() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("j", "e")
        await retype(console, "2G")
        await console.press("enter")
        console.sees("the guest needs 3.0 GiB: with less it kills processes or crashes")
        await console.press("enter")
        console.sees(f"type {NAME}")
        await console.press("enter")
        assert host.changes == []
        await console.press("enter", *NAME, "enter")
        assert len(host.changes) == 1


async def test_what_the_guest_needs_is_not_taken_from_stale_figures() -> None:
    host = Host(replace(REPORT, age_s=100.0))
    async with resources_page(host) as console:
        await console.press("j", "e")
        await retype(console, "2G")
        await console.press("enter")
        console.sees("what the guest uses is not known: with too little it may crash")
        await console.press("enter", "enter")
        assert host.changes == []


async def test_a_maximum_says_what_the_host_lacks() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("e")
        await retype(console, "500G")
        await console.press("enter")
        console.sees(f"{NAME}: more than cell 0 has: 96.0 GiB in all")
        console.sees("at the next start")
        assert "tab" not in console.status


async def test_more_than_is_free_says_what_comes_of_it() -> None:
    host = Host()
    host.live = (host.live or "").replace(f">{8 * GIB}<", f">{900 * GIB}<")
    async with resources_page(host) as console:
        await console.press("j", "e")
        await retype(console, "90G")
        await console.press("enter", "tab")
        console.sees("overcommit: cell 0: 6.4 GiB free", "then 8.0 GiB of swap, then guests are")


async def test_dump_core_is_switched() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("j", "j", "e")
        console.sees("In core dumps off")
        await retype(console, "of")
        assert console.status == "x 'of' is neither on nor off"
        await retype(console, "off")
        assert console.status == "its memory is not in a core dump of QEMU"
        await console.press("enter", "enter")
        (change,) = host.changes
        assert isinstance(change, Define)
        assert "<memory unit='KiB' dumpCore='off'>" in change.after
        await console.press("escape")
        console.sees("on              off")


async def test_the_maximum_of_vcpus_takes_the_topology_with_it() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("j", "j", "j", "j", "e")
        await retype(console, "8")
        assert console.status == "8 vCPUs"
        await console.press("enter")
        console.sees("the guest sees 1 socket x 4 cores x 2 threads", "it starts with 2 of 8 vCPUs")
        console.sees("+    <topology sockets='1' cores='4' threads='2'/>")
        await console.press("enter", "escape")
        assert console.row("~ Maximum vCPUs").split()[:5] == "~ Maximum vCPUs 4 8".split()
        assert console.row("~ Topology").split()[:4] == "~ Topology 1x2x2 1x4x2".split()


async def test_a_count_above_the_maximum_is_not_possible() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("G", "k", "e")
        await retype(console, "9")
        await console.press("enter")
        console.sees("9 is above its maximum of 4 vCPUs, until it is shut off")
        assert console.status == "! nothing to do; esc goes back"


@pytest.mark.parametrize("text", ["2x2", "0x2x2", "two"])
async def test_a_topology_that_is_none(text: str) -> None:
    async with resources_page(Host()) as console:
        await console.press("G", "e")
        await retype(console, text)
        await console.press("enter")
        assert console.status == (
            f"x '{text}' is no topology: give sockets, cores and threads as 1x4x2"
        )


async def test_a_topology_in_words() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("G", "e")
        await retype(console, "2 2 1")
        assert console.status == "2 sockets x 2 cores x 1 thread"
        await console.press("enter", "enter")
        assert len(host.changes) == 1


# -- statistics ------------------------------------------------------------------------------


async def test_w_stops_the_reports_and_has_them_again() -> None:
    host = Host()
    async with resources_page(host) as console:
        await console.press("w")
        console.sees("Stop the guest's reports", f"virsh dommemstat {NAME} --period 0 --live")
        await console.press("enter")
        (change,) = host.changes
        assert isinstance(change, SetResource)
        assert (change.number, change.config) == (0, None)
        host.live = (host.live or "").replace("period='5'", "period='0'")
        await console.press("escape")
        assert console.status.endswith("w has the guest report")
        await console.press("w")
        console.sees("Have the guest report every 5 s", "- live: off", "+ live: every 5 s")


# -- limits ----------------------------------------------------------------------------------


async def test_read_only_edits_nothing() -> None:
    async with resources_page(Host(), scenes.read_only(scenes.kvm07())) as console:
        for key in ("e", "w"):
            await console.press(key)
            assert console.status == "! read-only: --read-only was given"


async def test_the_page_of_the_domain_leads_here_and_y_copies_the_line() -> None:
    async with console_on(scenes.kvm07(), answers=Host().answers) as console:
        await console.press(*FIND, "enter", "m", "j", "y")
        assert console.app.clipboard == f"virsh -c qemu:///system dommemstat {NAME}"
        await console.press("escape")
        assert console.page == "domain"


async def test_a_domain_that_goes() -> None:
    async with resources_page(Host()) as console:
        left = tuple(d for d in scenes.kvm07().domains if d.name != NAME)
        await console.host_says(replace(scenes.kvm07(), domains=left))
        assert console.title.endswith("gone")
        assert console.status == "! the domain is gone; esc goes back"
        await console.press("e")
        assert console.status == "! no domain here"

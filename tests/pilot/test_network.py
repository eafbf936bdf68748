"""The pages of network interfaces, networks and bridges, driven by keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from tests.pilot.network_host import MAC, NAME, SECOND, NetworkHost, clause, domain, hostile
from vconsole.features.network.model.interfaces import (
    DomainVnics,
    ReadTraffic,
    ReadVnics,
    Traffic,
)
from vconsole.features.network.model.places import ReadHostNetwork
from vconsole.features.network.model.plan import UpdateInterface
from vconsole.model.request import ChangeDevice, Define, Reply
from vconsole.screens.messages import Replied
from vconsole.screens.network.network import NetworkScreen
from vconsole.screens.page import Page
from vconsole.widgets.bars import StatusBar

FIND = ("f", *NAME, "enter", "n")
HOST = ("2", "n")


def look(console: Console) -> None:
    """Two seconds later."""
    page = console.app.page
    assert isinstance(page, NetworkScreen)
    page.look()


# -- interfaces ------------------------------------------------------------------------------


async def test_each_interface_with_all_about_the_one_under_the_cursor() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*FIND)
        assert console.title.startswith(f"Network of {NAME}: running   2 interfaces")
        assert console.row("vnet0").split()[1:] == (
            ["vnet0", MAC, "virtio", "bridge", "br0", "up", "-", "-"]
        )
        assert "network lan" in console.row("vnet1")
        console.sees(
            f"{MAC} is shared with mail (config)",
            "192.168.122.17 as shop-web-1 by the DHCP of default until 2030-03-17",
            "alias net0   filter clean-traffic   MTU 9000   limits inbound 1000 KiB/s",
            "<source bridge='br0'/>",
        )
        await console.press("j")
        console.sees("the next start changes source network lan -> bridge br1", "on bridge br0")
        assert console.status == "! vnet1: the next start changes source network lan -> bridge br1"


async def test_interfaces_that_cannot_be_read_are_not_none() -> None:
    def unread(request: ReadTraffic) -> Reply:
        found = DomainVnics(request.uuid, NAME, True, problem="its XML is \x1b[2J")
        return Reply(value=Traffic(1.0, found, {}), message=found.problem)

    answers = {**NetworkHost().answers, ReadTraffic: unread}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press(*FIND)
        assert console.title.startswith(f"Network of {NAME}: running   not read")
        await console.press("j")  # what was said is over, not what is
        assert console.status == "x its XML is \\x1b[2J"


async def test_speeds_come_with_the_second_reading() -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers=NetworkHost().answers) as console:
        await console.press(*FIND)
        assert console.row("vnet0").split()[-2:] == ["-", "-"]
        look(console)
        await console.settle()
        assert "512 KiB   256 KiB" in console.row("vnet0")
        assert "█" in console.row("vnet0")


async def test_a_reading_too_soon_after_the_last_takes_no_speed_back() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), (120, 40), answers=host.answers) as console:
        await console.press(*FIND)
        look(console)
        await console.settle()
        host.readings -= 1
        look(console)
        await console.settle()
        assert "512 KiB   256 KiB" in console.row("vnet0")


async def test_a_counter_that_goes_back_is_unknown() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost(back=True).answers) as console:
        await console.press(*FIND)
        look(console)
        await console.settle()
        assert console.row("vnet0").split()[-2:] == ["-", "-"]


async def test_a_list_of_networks_that_is_not_read_says_so() -> None:
    refusal = Reply("failed", "access denied: no search of interfaces")
    async with console_on(scenes.kvm07(), answers={ReadVnics: lambda _: refusal}) as console:
        await console.press(*HOST)
        assert console.title == "Networks   reading"
        assert console.status == "x access denied: no search of interfaces"


@pytest.mark.parametrize("keys", [FIND, HOST])
async def test_a_slow_host_is_asked_once_at_a_time(keys: tuple[str, ...]) -> None:
    async with console_on(scenes.kvm07()) as console:
        await console.press(*keys)
        page: Any = console.app.page
        for _ in range(12):
            page.look()
        assert len(console.asked(ReadVnics)) == len(console.asked(ReadHostNetwork)) == 1
        assert len(console.asked(ReadTraffic)) <= 1


async def test_an_answer_comes_while_the_page_is_taken_apart() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*HOST)
        await console.app.screen.remove_children()
        for request in (ReadHostNetwork(), ReadVnics()):
            console.app.post_message(Replied(request, Reply(value=host.answers[type(request)])))
        await console.settle()
        assert console.app.is_running


async def test_a_page_of_which_a_part_is_left_says_nothing() -> None:
    async with console_on(scenes.kvm07()) as console:
        page = console.app.page
        assert page is not None
        await page.query_one(StatusBar).remove()
        console.app._prune(page)
        page.refresh_hint()
        page.say("nobody reads this")


async def test_a_reading_comes_while_the_program_ends() -> None:
    async with console_on(scenes.kvm07()) as console:
        page = console.app.screen
        assert isinstance(page, Page)
        console.app.exit()
        noticed = replace(page.host_state.connection, notice="invented")
        page.host_state = replace(page.host_state, connection=noticed)
        page.say("nobody reads this")
        console.app.push_screen(NetworkScreen("uuid"))
    assert console.app.return_code == 0


async def test_nothing_is_chosen_before_it_is_known_what_there_is() -> None:
    answers = {k: a for k, a in NetworkHost().answers.items() if k is not ReadHostNetwork}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press(*FIND, "m")
        assert console.page == "network"
        assert console.status == "! the networks and bridges are still being read"


async def test_a_device_may_not_run_commands_from_the_clipboard() -> None:
    host = NetworkHost({NAME: (domain(NAME, clause(MAC, "bridge='br0'", 2, "v;reboot")), None)})
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "y")
        assert console.app.clipboard.endswith(" 'v;reboot'")


async def test_a_domain_that_is_gone_keeps_what_was_known() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND)
        await console.host_says(scenes.empty())
        assert console.status == f"! {NAME} is gone; this is what was known last"
        host.xml.clear()
        look(console)
        await console.settle()
        assert console.status == "x Domain not found"
        assert console.has_row("vnet0")


@pytest.mark.parametrize("way", [FIND, ("f", *NAME, "enter", "enter", "n")], ids=["list", "domain"])
async def test_it_opens_from_the_list_and_from_the_domain(way: tuple[str, ...]) -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*way)
        assert (console.page, console.here) == ("network", NAME)


async def test_what_is_copied() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*FIND, "y")
        assert console.app.clipboard.endswith(f"domifstat {scenes.uuid_of(NAME)} vnet0")


# -- changes ---------------------------------------------------------------------------------


async def test_an_interface_is_moved_to_what_is_chosen() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), (120, 40), answers=host.answers) as console:
        await console.press(*FIND, "m")
        assert console.title == "Move vnet0 to"
        assert [line.split()[1] for line in console.lines[3:9]] == (
            ["default", "isle", "lan", "br0", "br1", "virbr0"]
        )
        await console.press("/", *"bridge br1", "enter", "enter")
        assert console.page == "changes"
        console.sees("move vnet0 to bridge br1", "live and config", "update-device")
        console.sees("-  <source bridge='br0'/>", "+  <source bridge='br1'/>")
        await console.press("enter")
        assert host.changes == []
        await console.press("y", "enter")
        (change,) = host.changes
        assert isinstance(change, UpdateInterface)
        assert [half for half, _ in change.edits] == ["live", "config"]
        console.sees("read back: as was asked")
        await console.press("escape")
        assert console.page == "network"


async def test_it_can_be_moved_in_one_half_alone() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), (120, 40), answers=host.answers) as console:
        await console.press(*FIND, "m", "enter", "tab", "tab", "enter")
        (change,) = host.changes
        assert (change.live, change.when) == (None, "at the next start")


async def test_a_bridge_that_libvirt_does_not_list_is_typed() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*FIND, "m", "o", *"a/b", "enter")
        assert "is no name of a bridge" in console.status
        await console.press(*(["backspace"] * 3), *"ovs-lan", "enter")
        assert console.page == "changes"
        console.sees("+  <source bridge='ovs-lan'/>")


async def test_a_filter_that_matches_nothing_says_so() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*FIND, "m", "/", *"zzz", "enter")
        assert console.status == "! none is here: esc shows all, o types another"
        await console.press("enter")
        assert console.page == "networkchoice"
        await console.press("escape")
        assert console.has_row("bridge br1")


async def test_a_cable_is_pulled_after_a_question() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "x")
        console.sees("+  <link state='down'/>")
        await console.press("enter", "enter")
        assert (host.changes, console.status) == ([], "nothing was done")
        await console.press("enter", "y", "enter")
        assert [change.what for change in host.changes] == ["set the link of vnet0 down"]


async def test_another_address_is_free_and_waits_for_the_next_start() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "w")
        console.sees("MAC of vnet0 52:54:00:")
        erase = ["backspace"] * 17
        await console.press(*erase, *SECOND, "enter")
        assert console.status == f"x {SECOND} is the address of {NAME} (live and config) already"
        await console.press(*erase, *"52:54", "enter")
        assert "'52:54' is no MAC address" in console.status
        await console.press(*erase, *"00:16:3e", "enter")
        assert console.page == "changes"
        console.sees("+      <mac address='00:16:3e:", "its guest has the address from its next")
        await console.press("enter")
        (change,) = host.changes
        assert isinstance(change, Define)


async def test_an_interface_comes_and_goes() -> None:
    host = NetworkHost()
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND, "+", "enter", "enter", "escape")
        await console.press("-", "enter", "y", "enter")
        added, removed = host.changes
        assert isinstance(added, ChangeDevice)
        assert (added.attach, added.live, added.config) == (True, True, True)
        assert "<source network='default'/>" in added.device
        assert (removed.attach, MAC in removed.device) == (False, True)


async def test_without_an_interface_there_is_nothing_to_change() -> None:
    host = NetworkHost({NAME: ("<domain><devices></devices></domain>", None)})
    async with console_on(scenes.kvm07(), answers=host.answers) as console:
        await console.press(*FIND)
        assert console.status == "it has no interface; + adds one"
        for key in ("m", "x", "w", "-"):
            await console.press(key)
            assert (console.page, console.status) == ("network", "! there is no interface here")


async def test_no_address_is_made_before_all_others_are_known() -> None:
    answers = dict(NetworkHost().answers)
    del answers[ReadVnics]
    async with console_on(scenes.kvm07(), answers=answers) as console:
        for key in ("w", "+"):
            await console.press(*FIND, key)
            assert console.status == "! the addresses of the other domains are still being read"
            await console.press("1")


# -- networks --------------------------------------------------------------------------------


async def test_networks_and_bridges_and_who_is_on_them() -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers=NetworkHost().answers) as console:
        await console.press(*HOST)
        assert console.title.startswith("Networks   3 networks   2 bridges   1 shared MAC")
        assert console.row("network isle").split()[2:5] == ["inactive", "no", "isolated"]
        console.sees("192.168.122.2-192.168.122.254", "bond0")
        names = [line.split()[:2] for line in console.lines[3:12]]
        assert [" ".join(words) for words in names] == [
            "network default",
            "shop-web-2 running",
            "network isle",
            "network lan",
            "! shop-web-1",
            "bridge br0",
            "! mail",
            "! shop-web-1",
            "bridge br1",
        ]
        console.sees(f"{MAC}  192.168.122.17 as shop-web-1")


async def test_the_interfaces_of_a_domain_open_from_there() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*HOST, "enter")
        assert console.status == "! no domain here"
        await console.press("/", *"mail", "enter", "G")
        assert f"{MAC} is shared with {NAME}" in console.status
        await console.press("enter")
        assert (console.page, console.here) == ("network", "mail")
        await console.press("n")
        assert console.page == "networks"


async def test_a_filter_shows_what_matches() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*HOST, "/", *"7a:05", "enter")
        assert console.has_row("shop-web-2")
        assert not console.has_row("network lan")
        await console.press("/", *"zzz", "enter")
        assert console.status == "! nothing matches; esc shows all"
        await console.press("escape")
        assert console.has_row("network lan")


async def test_a_host_that_does_not_answer_is_told() -> None:
    answers: Answers = {ReadHostNetwork: lambda request: Reply("unknown", "no answer within 20 s")}
    async with console_on(scenes.kvm07(), answers=answers) as console:
        await console.press(*HOST)
        assert (console.title, console.status) == ("Networks   reading", "x no answer within 20 s")


@pytest.mark.parametrize("way", [FIND, HOST, (*FIND, "m")], ids=["network", "networks", "choice"])
async def test_hostile_names_are_literal(way: tuple[str, ...]) -> None:
    async with console_on(scenes.kvm07(), (120, 40), answers=hostile().answers) as console:
        await console.press(*way)
        console.sees("[red]")
        assert all(line.isprintable() for line in console.lines)


async def test_only_the_page_in_front_reads() -> None:
    async with console_on(scenes.kvm07(), answers=NetworkHost().answers) as console:
        await console.press(*FIND)
        page = console.app.page
        assert isinstance(page, NetworkScreen)
        await console.press("m")
        before = len(console.asked(object))
        page.look()
        assert len(console.asked(object)) == before
        assert len(console.asked(ReadTraffic)) == 1

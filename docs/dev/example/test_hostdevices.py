"""The devices of the host, by keys and by command."""

from __future__ import annotations

import json

import pytest
from vconsole.features.hostdevices.model import HostDevice, ReadHostDevices

from tests import scenes
from tests.pilot.manual import console_on
from vconsole.cli.main import main
from vconsole.model.request import Reply
from vconsole.widgets.table import LineTable

COMPUTER = HostDevice("computer", "system", "")
CARD = HostDevice("pci_0000_00_1f_2", "pci", "computer")
EVIL = HostDevice("net_\x1b[31m", "net", CARD.name)


def answered(*devices: HostDevice) -> dict[type, object]:
    """Answers with these devices."""
    return {ReadHostDevices: lambda _: Reply(value=devices)}


async def test_it_is_opened_by_its_key_and_goes_up_to_the_parent() -> None:
    answers = answered(COMPUTER, CARD, EVIL)
    async with console_on(scenes.kvm07(), (100, 30), answers=answers) as console:
        await console.press("2", "D")
        assert console.page == "hostdevices"
        console.sees("3 of this host", "pci_0000_00_1f_2", "net_\\x1b[31m", "u parent")
        await console.press("end", "u")
        assert console.app.page.query_one(LineTable).key == CARD.name
        await console.press("escape")
        assert console.page == "host"


async def test_what_cannot_be_read_says_why() -> None:
    answers = {ReadHostDevices: lambda _: Reply("failed", "no such call")}
    async with console_on(scenes.kvm07(), (100, 30), answers=answers) as console:
        await console.press("2", "D")
        console.sees("no such call")


async def test_it_is_in_footer_help_and_palette() -> None:
    async with console_on(scenes.kvm07(), (140, 40)) as console:
        await console.press("2")
        console.sees("D devices")
        await console.press("?")
        console.sees("Go to the devices of the host.", "nodedev-list --tree")
        await console.press("escape", "ctrl+p")
        await console.type("devices of the host")
        await console.until("Go to the devices of the host  [D]")


def test_it_is_a_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("libvirt")
    assert main(["-c", "test:///default", "devices", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"name": "computer", "kind": "system", "parent": ""} in found
    assert {one["parent"] for one in found} <= {"", *(one["name"] for one in found)}

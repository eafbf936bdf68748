"""What the pages of network interfaces, networks and bridges look like."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests import scenes
from tests.feed import make_console
from tests.pilot.manual import Console
from tests.pilot.network_host import NAME, NetworkHost, hostile
from tests.snapshots.test_screens import SIZES, Compare, _same_every_time  # noqa: F401
from vconsole.files.config import Config
from vconsole.screens.network.network import NetworkScreen

FIND = ("f", *NAME, "enter", "n")
HOST = ("2", "n")
SCREENS: dict[str, tuple[str, ...]] = {
    "interfaces": (*FIND, "j"),
    "address": (*FIND, "w", *["backspace"] * 17, *"52:54:00:1c:7a:03"),
    "choice": (*FIND, "m", "j"),
    "choice-typed": (*FIND, "m", "o", *"br x"),
    "move": (*FIND, "m", "j", "j", "enter"),
    "link": (*FIND, "x"),
    "networks": (*HOST, "j", "j", "j", "j"),
    "networks-filtered": (*HOST, "/", *"br0"),
    "hostile": FIND,
    "hostile-networks": HOST,
}


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_dark(name: str, size: tuple[int, int], snap_compare: Compare) -> None:
    host = hostile() if name.startswith("hostile") else NetworkHost()
    app, feed = make_console(scenes.kvm07(), Config(), answers=host.answers)

    async def act(pilot: Pilot[int]) -> None:
        console = Console(app, feed, pilot)
        await console.settle()
        await console.press(*SCREENS[name])
        if isinstance(app.page, NetworkScreen):
            app.page.look()
            await console.settle()

    assert snap_compare(app, terminal_size=size, run_before=act)

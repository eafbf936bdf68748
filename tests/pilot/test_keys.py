"""After a rebind every sentence names the new key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests import scenes
from tests.pilot.manual import console_on
from vconsole.files.config import Config
from vconsole.model.keys import key

PAGES = {
    "pin": ("p",),
    "plan": ("p", "right_square_bracket", "x", "enter"),
    "domain": ("enter",),
    "resources": ("m",),
    "snapshots": ("t",),
    "network": ("n",),
    "policy": ("o",),
    "agent": ("A",),
    "divergence": ("D",),
    "actions": ("a",),
    "host": ("2",),
    "hostmemory": ("2", "m"),
    "networks": ("2", "n"),
    "hostinfo": ("4",),
    "metrics": ("5",),
    "activity": ("7",),
    "history": ("H",),
}
"""Page -> the keys that lead there."""
REBOUND = Config(
    keys={
        "app.back": "f9",
        "app.quit": "f10",
        "plan.apply": "ctrl+e",
        "domains.reverse": "w, f7",
        "actions.run": "f8",
        "domain.resources": "M",
        "domain.xml": "f6",
    }
)


async def test_the_status_line_names_the_keys_that_work() -> None:
    async with console_on(scenes.kvm07(), config=REBOUND) as console:
        await console.press("s")
        assert console.status.endswith("; w turns it around")
        await console.press("slash", *"nothing like it", "enter")
        assert console.status == "! no domain matches; f9 shows all"
        await console.press("f9", *PAGES["plan"])
        assert console.status == "^e applies; f9 goes back, nothing is lost"
        await console.press("f9", "f10")
        assert console.status.endswith("are not applied; f10 again drops them")


async def test_pages_of_a_domain() -> None:
    async with console_on(scenes.kvm07(), config=REBOUND) as console:
        await console.press("enter")
        assert console.status.startswith("M memory  A agent")
        await console.press("shift+tab")
        assert console.status.endswith("; f6 shows the inactive XML")
        await console.press("a")
        assert console.status.startswith("f8 or the letter acts")


async def test_the_help_names_them_too() -> None:
    async with console_on(scenes.kvm07(), config=Config(keys={"filediff.save": "f8"})) as console:
        await console.press("4", "question_mark")
        console.sees("f8 there saves.")


@pytest.mark.parametrize("page", PAGES)
async def test_no_token_reaches_the_screen(page: str) -> None:
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await console.press(*PAGES[page])
        assert console.page == page
        console.sees_no(key("x")[:8])
        await console.press("question_mark")
        console.sees_no(key("x")[:8])


async def test_a_domain_cannot_pass_for_a_key() -> None:
    scene = scenes.kvm07()
    first = replace(scene.domains[0], name="{000000000000:app.quit} {app.quit}")
    async with console_on(replace(scene, domains=(first,))) as console:
        await console.press("D")
        console.sees("{000000000000:app.quit} {app.quit}")


async def test_a_question_is_what_is_open_whatever_the_key_that_goes_back() -> None:
    async with console_on(scenes.kvm07(), config=Config(keys={"app.back": "f9"})) as console:
        await console.press("a", "r", "f9")
        assert console.page == "actions"
        console.sees_no("y/N y and enter")
        await console.press("f9")
        assert console.page == "domains"

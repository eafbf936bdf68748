"""A digit typed where values or a decision are asked for leads nowhere."""

from __future__ import annotations

import pytest

from tests import scenes
from tests.pages import all_pages
from tests.pilot.manual import console_on
from tests.pilot.test_pin import WEB_2, pins_of
from vconsole.files.config import Config

PLAN = ("p", "x", "enter")


@pytest.mark.parametrize("digit", "0123456789")
async def test_the_plan_stays_before_and_after_it_is_applied(digit: str) -> None:
    async with pins_of(WEB_2) as console:
        await console.press("x", "enter", digit)
        assert console.page == "plan"
        await console.press("enter", digit)
        assert console.page == "plan"
        assert console.status == "! digits open no page from here; esc goes back first"


async def test_neither_footer_nor_help_offers_them_there() -> None:
    async with console_on(scenes.kvm07(), (400, 60)) as console:
        assert "2 host" in console.footer
        await console.press("question_mark")
        console.sees("Go to the log of what was changed")
        await console.press("escape", *PLAN)
        assert "2 host" not in console.footer
        await console.press("question_mark")
        console.sees_no("Go to the log of what was changed")


async def test_a_digit_that_the_user_chose_is_a_command() -> None:
    keys = {"plan.apply": "5", "app.host": "f4"}
    async with console_on(scenes.kvm07(), config=Config(keys=keys)) as console:
        await console.press(*PLAN, "5")
        assert "applied" in console.status
        await console.press("f4")
        assert console.page == "host"


def test_every_page_that_asks_for_a_decision_takes_digits() -> None:
    typed = {scope for scope, page in all_pages().items() if page.TYPED == "digits"}
    assert typed >= {
        "actions",
        "changes",
        "filediff",
        "networkchoice",
        "newsnapshot",
        "plan",
        "policy",
        "resources",
        "storageform",
    }

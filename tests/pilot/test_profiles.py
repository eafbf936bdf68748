"""Profiles: saved under a name, compared with now, brought back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from vconsole.features.pins import profile_files
from vconsole.features.pins.model import fit_many, profile

ANSWERS: Answers = {
    fit_many.FitMany: fit_many.answer,
    profile.ApplyProfile: profile.answer,
    profile_files.ReadProfiles: profile_files.read_all,
    profile_files.StoreProfile: profile_files.store_one,
}


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


async def saved(console: Console, name: str) -> None:
    await console.press("P", "s", *name, "enter")
    console.sees(f"{name}.toml")


async def test_a_placement_is_saved_changed_and_brought_back() -> None:
    async with console_on(scenes.eight_l3(), (120, 40), answers=ANSWERS) as console:
        await console.press("P")
        console.sees("no profile is saved yet")
        await console.press("escape")
        await saved(console, "before")
        console.sees("before", "epyc", "ten-0", "vCPU 0, 1, emulator: all")
        await console.press("escape", "F", "enter", "escape")
        assert console.live("ten-9") != ["0-127", "0-127"]
        await console.press("P", "enter")
        console.sees("Profile before for 10 domains", "10 changes")
        await console.press("enter")
        assert "10 domains applied and verified" in console.status
        assert console.live("ten-9") == ["0-127", "0-127"]


async def test_the_chosen_domains_are_saved() -> None:
    async with console_on(scenes.eight_l3(), (120, 40), answers=ANSWERS) as console:
        await console.press(" ", " ")
        await saved(console, "two")
        assert [p.name for p in profile_files.load("two").placements] == ["ten-0", "ten-1"]


async def test_a_name_that_is_there_is_not_replaced_unless_asked_and_confirmed() -> None:
    async with console_on(scenes.eight_l3(), (120, 40), answers=ANSWERS) as console:
        await saved(console, "one")
        await console.press("s", *"one", "enter")
        assert "is there already" in console.status
        await console.press("R", "y", "enter")
        assert console.status.startswith("+ saved") or "saved" in console.status


async def test_a_broken_profile_says_what_is_wrong() -> None:
    async with console_on(scenes.eight_l3(), (120, 40), answers=ANSWERS) as console:
        await saved(console, "one")
        (profile_files.directory() / "one.toml").write_text("[domain")
        await console.press("escape", "P")
        assert "one" in console.row("one")
        console.sees("profile one:")
        await console.press("enter")
        assert "no profile here that can be used" in console.status

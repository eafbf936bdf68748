"""The page of a daemon's unit: seen, started by a key, refused in words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests import scenes
from tests.feed import Answers
from tests.pilot.manual import Console, console_on
from vconsole.model.request import Reply
from vconsole.model.unit import ChangeUnit, ReadUnit, Unit

IDLE = Unit(
    "vconsole-hostinfod.service",
    True,
    "inactive",
    "dead",
    "disabled",
    path="/usr/lib/systemd/system/vconsole-hostinfod.service",
    journal=("2026-11-28T12:00:00 kvm07 systemd[1]: Stopped \x1b[31mvconsole-hostinfod.",),
)
RUNNING = replace(IDLE, active="active", sub="running", enabled="enabled", pid=812, restarts=0)


class Machine:
    """A unit that does as it is told."""

    def __init__(self, unit: Unit | None = IDLE, refusal: str = "") -> None:
        self.unit, self.refusal = unit, refusal
        self.told: list[ChangeUnit] = []

    def read(self, _: ReadUnit) -> Reply:
        return Reply(value=self.unit) if self.unit else Reply("failed", "not started by systemd")

    def change(self, request: ChangeUnit) -> Reply:
        self.told.append(request)
        if self.refusal:
            return Reply("refused", self.refusal)
        self.unit = RUNNING if request.verb in ("on", "start") else IDLE
        return Reply(value=self.unit, read_back=self.unit.state)

    @property
    def answers(self) -> Answers:
        return {ReadUnit: self.read, ChangeUnit: self.change}


@asynccontextmanager
async def service(
    machine: Machine, page: str = "4", size: tuple[int, int] = (100, 30)
) -> AsyncIterator[Console]:
    """Open the page from Hostinfo or Metrics."""
    async with console_on(scenes.kvm07(), size, answers=machine.answers) as console:
        await console.press(page, "S")
        yield console


@pytest.mark.parametrize(("page", "daemon"), [("4", "hostinfod"), ("5", "vhostmd")])
async def test_it_is_reached_from_the_daemons_page(page: str, daemon: str) -> None:
    machine = Machine()
    async with service(machine, page) as console:
        assert console.title.startswith(f"Service {daemon}")
        assert {request.daemon for request in console.asked(ReadUnit)} == {daemon}
        console.sees("inactive (dead)", "disabled", "Stopped", "e starts it now")
        console.sees_no("\x1b")


async def test_a_key_shows_the_line_and_enter_starts_the_daemon() -> None:
    machine = Machine()
    async with service(machine) as console:
        await console.press("e")
        console.sees("systemctl enable --now vconsole-hostinfod.service")
        console.sees("- inactive, disabled", "+ active, enabled")
        assert machine.told == []
        await console.press("enter")
        assert [change.verb for change in machine.told] == ["on"]
        console.sees("applied", "read back: active, enabled")
        await console.press("escape")
        assert "active, enabled" in console.title
        await console.press("escape", "7")
        console.sees("enable and start the ", "applied")


async def test_what_is_longer_than_a_line_goes_on_in_the_next() -> None:
    journal = ("09:00 hostinfod: " + "a word, " * 12 + "the end",)
    async with service(Machine(replace(RUNNING, journal=journal))) as console:
        console.sees("a word, a word", "the end")


async def test_stopping_asks_first() -> None:
    machine = Machine(RUNNING)
    async with service(machine) as console:
        await console.press("d", "enter")
        console.sees("y/N")
        await console.press("n", "enter")
        assert machine.told == []
        await console.press("enter", "y", "enter")
        assert [change.verb for change in machine.told] == ["off"]


@pytest.mark.parametrize(
    ("key", "verb"), [("s", "start"), ("t", "stop"), ("r", "restart"), ("R", "reload")]
)
async def test_every_key_has_its_line(key: str, verb: str) -> None:
    async with service(Machine(RUNNING)) as console:
        await console.press(key)
        console.sees(f"systemctl {verb} vconsole-hostinfod.service")


async def test_a_refusal_is_told_in_words() -> None:
    machine = Machine(refusal="systemd lets others than root not do that: sudo systemctl start x")
    async with service(machine) as console:
        await console.press("s", "enter")
        console.sees("refused", "sudo systemctl start x")


async def test_a_machine_without_systemd_or_without_the_unit_says_so() -> None:
    async with service(Machine(None)) as console:
        console.sees("not started by systemd")
        await console.press("e")
        console.sees("not started by systemd")
    async with service(Machine(Unit("vconsole-hostinfod.service"))) as console:
        await console.press("s")
        console.sees("is not installed", "make install")

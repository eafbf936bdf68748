"""The demo: every page has something to show, and its one problem is cured while one watches."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest
from textual.pilot import Pilot

from tests.lies import lies_in
from vconsole.console.app import VConsole
from vconsole.console.start import begin, console_of, of_demo
from vconsole.files.config import Config
from vconsole.files.demo import demo_files
from vconsole.files.places import state_dir
from vconsole.host.demo import memory, world
from vconsole.widgets.bars import StatusBar

PATIENCE_S = 20.0
"""After so long what should come does not."""


class Demo:
    """The console on the demo host, and the person in front of it."""

    def __init__(self, app: VConsole, pilot: Pilot[int]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Press keys; what begins with ... is waited for: a cursor moves in what is there."""
        for key in keys:
            if key.startswith("..."):
                await self.sees(key.removeprefix("..."))
            else:
                await self.pilot.press(key)

    @property
    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def until(self, holds: Callable[[str], bool]) -> str:
        """Wait for the screen to be so; answers it."""
        end = monotonic() + PATIENCE_S
        while not holds(self.text):
            assert monotonic() < end, f"that does not come:\n{self.text}"
            await self.pilot.pause(0.02)
        assert not lies_in(self.text), self.text
        return self.text

    async def sees(self, *words: str) -> str:
        return await self.until(lambda text: all(word in text for word in words))

    @property
    def status(self) -> str:
        page = self.app.page
        assert page is not None
        bar = page.query_one(StatusBar)
        return (bar.said or bar.hint)[0]


@asynccontextmanager
async def demo(size: tuple[int, int] = (120, 40)) -> AsyncIterator[Demo]:
    world.forget()
    options = Namespace(connect=None, read_only=False, demo=True, notice="")
    with demo_files() as files:
        config = of_demo(Config(interval_s=0.1), files)
        app = console_of(config, options, state_dir(), begin(options))
        async with app.run_test(size=size) as pilot:
            found = Demo(app, pilot)
            await found.sees("web-02", "live", "100%")
            yield found
    world.forget()


async def in_front_of(one: Demo, name: str) -> None:
    """Have the cursor on a domain."""
    await one.press("g", "slash", *name, "enter")
    await one.until(lambda _: one.status.startswith(name))


async def test_its_problem_is_cured_while_one_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOVES_S", 0.5)
    async with demo() as one:
        await one.sees("p a enter enter brings web-02 to its memory; ? lists keys")
        words = "59 % of its memory on cells its vCPUs may not use: cell 0"
        await one.until(lambda _: words in one.status)
        await one.press("p")
        await one.sees("Pin web-02")
        await one.press("a")
        await one.sees("planned")
        await one.press("enter")
        await one.sees("Plan for web-02", "vcpupin --domain web-02")
        await one.press("enter")
        await one.sees("5 of 5 applied and verified")
        await one.press("escape", "escape")
        assert "brings" not in one.text
        await one.until(lambda _: "of its memory" not in one.status)
        await one.press("H")
        found = await one.sees(" before ", " after ", "locality  99 %")
        assert " locality  41 %" in found


PAGES = {
    "host": (("2",), ("Cell 3", "EPYC", "governor performance", "% busy")),
    "host memory": (("2", "m"), ("KSM on", "swap 8.0 GiB", "db-primary")),
    "networks": (("2", "n"), ("network front", "br-storage", "by the DHCP of default")),
    "hostinfo": (("4",), ("hostinfod running", "test-web-*", "210 physcpus 64")),
    "metrics": (("5",), ("sound", "TotalPhyCPUs", "attached: 1 disk, 1 channel", "demo-host")),
    "metrics configuration": (("5", "c"), ("HostName", "builtin")),
    "storage": (("6",), ("archive-2024", "inactive", "100 GiB")),
    "volumes": (("6", "...5 pools", "down", "down", "enter"), ("web-02.qcow2", "qcow2")),
    "image": (
        ("6", "...5 pools", "down", "down", "enter", "...25 volumes", "end", "up", "enter"),
        ("2 images in its chain", "based on debian-13-base"),
    ),
    "activity": (("7",), ("7 entries", "setmaxmem", "legacy-erp")),
    "history": (("H",), ("2 changes", "vCPU 0: ", "44-47")),
    "jobs": (("8",), ("Jobs", "nothing is under way")),
}
OF_A_DOMAIN = {
    "domain": ((), ("Overview", "Locality", "CPU")),
    "memory": (("tab", "tab"), ("cell 0", "! no vCPU may run here")),
    "agent": (("A",), ("Debian GNU/Linux 13", "192.168.100.", "/boot", "answers in")),
    "disks": (("s",), ("vda", "web-02.qcow2", "sda")),
    "network": (("n",), ("front", "vnet", "52:54:00")),
    "snapshots": (("t",), ("fresh", "installed, nothing configured")),
    "policy": (("o",), ("Clock offset", "utc")),
    "resources": (("m",), ("Maximum memory", "Guest uses", "every 5 s")),
    "actions": (("a",), ("shut down", "reboot")),
    "memory and scheduling": (("p", "m"), ("numatune", "vCPU sched 0", "emulator quota")),
    "why it is slow": (("W",), ("Who disturbs", "waits", "found", "web-03 vCPU")),
    "where its memory lies": (("M",), ("59 %", "41 %", "4.3 GiB", "! no numatune")),
}


async def test_its_services_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def systemctl(*words: str, **_: object) -> None:
        raise AssertionError(words)

    monkeypatch.setattr("vconsole.daemon.units._run", systemctl)
    async with demo() as one:
        await one.press("4", "S")
        await one.sees("active, enabled", "simulated", "Started vconsole-hostinfod.service.")
        await one.press("t")
        await one.sees("systemctl stop vconsole-hostinfod.service")
        await one.press("enter", "y", "enter")
        await one.sees("read back: inactive, enabled")
        await one.press("escape")
        await one.sees("inactive (dead)")
        await one.press("escape")
        await one.sees("hostinfod not running")


@pytest.mark.parametrize("name", PAGES)
async def test_every_page_is_alive(name: str) -> None:
    keys, words = PAGES[name]
    async with demo() as one:
        await one.press(*keys)
        await one.sees(*words)


@pytest.mark.parametrize("name", OF_A_DOMAIN)
async def test_every_page_of_a_domain_is_alive(name: str) -> None:
    keys, words = OF_A_DOMAIN[name]
    async with demo() as one:
        await in_front_of(one, "web-02")
        await one.press("enter")
        await one.sees("Shop front end", "UUID")
        await one.press(*keys)
        await one.sees(*words)


async def test_memory_is_moved_as_a_job_while_one_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOVES_S", 5.0)  # to be seen on a busy machine too
    async with demo() as one:
        await in_front_of(one, "web-02")
        await one.press("M")
        await one.sees("59 %", "its vCPUs run here")
        await one.press("down", "down", "enter")
        await one.sees("Move the memory of web-02 to cell 2", "migratepages")
        await one.press("enter")
        await one.sees(" to go")
        await one.sees("arrived")
        await one.press("escape")
        await one.sees("98 %", "its vCPUs run here")
        await one.press("escape")
        await one.until(lambda _: one.status == "web-02  Shop front end")


async def test_what_it_is_for_stands_there_until_the_first_key() -> None:
    async with demo((80, 24)) as one:
        await one.sees("vconsole shows where guests run", "! web-02")
        await one.press("up")
        await one.until(lambda text: "vconsole shows" not in text)


async def test_what_runs_otherwise_than_it_is_defined() -> None:
    async with demo() as one:
        await in_front_of(one, "web-04")
        await one.until(lambda _: "runs otherwise than it is defined" in one.status)
        await one.press("D")
        await one.sees("maximum memory", "12.0 GiB")


async def test_its_files_go_with_it(tmp_path: Path) -> None:
    async with demo() as one:
        directory = state_dir()
        assert directory is not None
        await one.press("5")
        await one.sees("sound")
        assert (directory / "vhostmd0").exists()
    assert not directory.exists()


async def test_what_it_saves_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with demo() as one:
        await one.press("P", "s", *"quiet", "enter")
        await one.sees("1 profile", "quiet.toml")
    assert list(tmp_path.rglob("*")) == []

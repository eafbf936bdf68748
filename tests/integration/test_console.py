"""The running console, by its keys in a terminal, on a real libvirtd with real QEMU guests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd, wait_until
from tests.terminal import Terminal

Open = Callable[..., Terminal]
VCONSOLE = (sys.executable, "-m", "vconsole")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Open]:
    """A maker of running consoles; each is ended after the test."""
    opened: list[Terminal] = []

    def make(uri: str, *options: str, size: tuple[int, int] = (100, 30)) -> Terminal:
        env = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        terminal = Terminal([*VCONSOLE, "-c", uri, *options], size=size, env=env)
        opened.append(terminal)
        return terminal

    yield make
    for terminal in opened:
        terminal.close()


def cli(tmp_path: Path, host: Libvirtd, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``vconsole`` without the screen."""
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    argv = [*VCONSOLE, "-c", host.uri, *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def pins(host: Libvirtd, name: str, half: str) -> list[str]:
    """The vCPU pins that virsh tells, in order."""
    table = host.virsh("vcpupin", name, half)
    return re.findall(r"^\s*\d+\s+(\S+)", table, re.MULTILINE)


def test_pin_live_by_keys_and_undo(
    two_cell_host: Libvirtd, guest: LaunchGuest, console: Open
) -> None:
    """The main job: filter, pin one to one, read the plan, apply, undo, quit."""
    guest(two_cell_host, "web-1", vcpus=1)
    before = two_cell_host.virsh("dumpxml", "--inactive", "web-1")
    guest(two_cell_host, "other", vcpus=1)
    screen = console(two_cell_host.uri)
    screen.wait_for(r"web-1 +. paused +\S+ +\d")
    screen.send("/", *"web-1", "enter", "p")
    screen.wait_for(r"Pin web-1 +paused")
    screen.send("]", "x", "enter")
    screen.wait_for(r"vCPU 0 +0-1 +1 +0-1 +1")
    screen.wait_for(r"vcpupin")
    screen.send("enter")
    screen.wait_for(r"1 of 1 applied and verified")
    assert "<vcpupin" in two_cell_host.virsh("dumpxml", "--inactive", "web-1")
    assert pins(two_cell_host, "web-1", "--live") == ["1"]
    assert pins(two_cell_host, "web-1", "--config") == ["1"]
    assert "1" in two_cell_host.allowed_cpus("web-1").values(), "the kernel agrees"
    screen.send("escape")
    screen.wait_for(r"vCPU 0 .*=")
    screen.send("u")
    screen.wait_for(r"Undo for web-1")
    screen.send("enter")
    screen.wait_for(r"applied and verified")
    assert pins(two_cell_host, "web-1", "--live") == ["0-1"]
    assert two_cell_host.virsh("dumpxml", "--inactive", "web-1") == before, "no row is left"
    screen.send("q")
    assert screen.wait_exit() == 0
    assert screen.modes_left_on() == []


def test_config_pins_on_a_big_host(big_host: Libvirtd, guest: LaunchGuest, console: Open) -> None:
    """Config pins reach all 64 invented pCPUs; live ones beyond the real ones fail and say so."""
    guest(big_host, "db", vcpus=4, running=False)
    guest(big_host, "hot", vcpus=2)
    screen = console(big_host.uri)
    screen.wait_for(r"cells 4 +pCPUs 64")
    screen.wait_for(r"db +. shut off +no +4")
    screen.send("/", *"db", "enter", "p", "]", "]", "x", "enter")
    screen.wait_for(r"vCPU 3")
    screen.send("enter")
    screen.wait_for(r"4 of 4 applied")
    assert len(set(pins(big_host, "db", "--config"))) == 4
    screen.send("escape", "escape", "/", *"hot", "enter", "p", "]", "]", "x", "enter")
    screen.wait_for(r"Plan for hot")
    screen.send("enter")
    screen.wait_for(r"0 of 2 applied")
    assert pins(big_host, "hot", "--config") == ["0-63", "0-63"], "nothing half done"


def test_somebody_else_pins_between_plan_and_apply(
    two_cell_host: Libvirtd, guest: LaunchGuest, console: Open
) -> None:
    """A conflict is shown and not overwritten."""
    guest(two_cell_host, "shared", vcpus=1)
    screen = console(two_cell_host.uri, "--interval", "30")
    screen.wait_for(r"shared +. paused +\S+ +\d")
    screen.send("p")
    screen.wait_for(r"Pin shared")
    screen.send("]", "x", "enter")
    screen.wait_for(r"vCPU 0 +0-1 +1")
    two_cell_host.virsh("vcpupin", "shared", "0", "0", "--config")
    screen.send("enter")
    screen.wait_for(r"conflict, nothing changed")
    assert pins(two_cell_host, "shared", "--live") == ["0-1"]
    assert pins(two_cell_host, "shared", "--config") == ["0"]


def test_daemon_stops_and_comes_back(
    two_cell_host: Libvirtd, guest: LaunchGuest, console: Open
) -> None:
    """Data stays and is marked; keys work; it reconnects and the cursor is where it was."""
    guest(two_cell_host, "a-one", vcpus=1)
    guest(two_cell_host, "b-two", vcpus=1)
    screen = console(two_cell_host.uri)
    screen.wait_for(r"b-two +. paused +\S+ +\d")
    screen.send("down")
    two_cell_host.stop()
    screen.wait_for(r"STALE", timeout=30)
    assert any("b-two" in line for line in screen.screen())
    screen.send("p")
    screen.wait_for(r"Pin b-two")
    screen.send("space", "enter", "enter")
    screen.wait_for(r"not connected")
    screen.send("escape", "escape")
    two_cell_host.start()
    screen.wait_for(r"live +1 s", timeout=30)
    screen.send("enter")
    screen.wait_for(r"b-two +. paused +\S+ +\d")


def test_daemon_hangs(two_cell_host: Libvirtd, guest: LaunchGuest, console: Open) -> None:
    """A stopped process costs no key anything, and quitting does not wait for it."""
    guest(two_cell_host, "calm", vcpus=1)
    screen = console(two_cell_host.uri)
    screen.wait_for(r"calm +. paused +\S+ +\d")
    two_cell_host.sigstop()
    try:
        screen.wait_for(r"STALE", timeout=30)
        screen.send("?")
        screen.wait_for(r"closes this", timeout=20)
        screen.send("escape", "q")
        assert screen.wait_exit(20) == 0
    finally:
        two_cell_host.sigcont()


def test_recovers_after_a_hang(two_cell_host: Libvirtd, guest: LaunchGuest, console: Open) -> None:
    """Within two seconds of the answer the data is live again."""
    guest(two_cell_host, "calm", vcpus=1)
    screen = console(two_cell_host.uri)
    screen.wait_for(r"calm +. paused +\S+ +\d")
    two_cell_host.sigstop()
    try:
        screen.wait_for(r"STALE", timeout=30)
    finally:
        two_cell_host.sigcont()
    screen.wait_for(r"live +1 s", timeout=10)


def test_read_only_socket(two_cell_host: Libvirtd, guest: LaunchGuest, console: Open) -> None:
    """The badge is there, and a change is refused with the reason."""
    guest(two_cell_host, "looked-at", vcpus=1)
    screen = console(two_cell_host.uri, "--read-only")
    screen.wait_for(r"READ-ONLY")
    screen.wait_for(r"looked-at +. paused +\S+ +\d")
    screen.send("p", "space", "enter", "enter")
    screen.wait_for(r"read-only")
    assert pins(two_cell_host, "looked-at", "--live") == ["0-1"]


def test_events_bring_domains_at_once(
    two_cell_host: Libvirtd, guest: LaunchGuest, console: Open
) -> None:
    """A domain defined elsewhere appears without waiting for the tick."""
    guest(two_cell_host, "first", vcpus=1)
    screen = console(two_cell_host.uri, "--interval", "60")
    screen.wait_for(r"first +. paused +\S+ +\d")
    guest(two_cell_host, "second", vcpus=1)
    screen.wait_for(r"second +. paused +\S+ +\d", timeout=30)


def test_command_line(two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path) -> None:
    """The same pins without the screen: dry run, apply, read, conflict, wrong usage."""
    guest(two_cell_host, "batch", vcpus=2, iothreads=1)
    dry = cli(tmp_path, two_cell_host, "pin", "batch", "--vcpu", "1", "0", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "0-1 -> 0" in dry.stdout
    assert pins(two_cell_host, "batch", "--live") == ["0-1", "0-1"]
    done = cli(tmp_path, two_cell_host, "pin", "batch", "--vcpu", "1", "0", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"]["status"] == "applied"
    assert pins(two_cell_host, "batch", "--live") == ["0-1", "0"]
    assert pins(two_cell_host, "batch", "--config") == ["0-1", "0"]
    rows = json.loads(cli(tmp_path, two_cell_host, "show", "pins", "batch", "--json").stdout)
    assert {"kind": "vcpu", "id": 1, "live": "0", "config": "0"}.items() <= rows[1].items()
    assert [row["kind"] for row in rows] == ["vcpu", "vcpu", "emulator", "iothread"]
    cells = json.loads(cli(tmp_path, two_cell_host, "show", "cells", "--json").stdout)
    assert [cell["id"] for cell in cells] == [0, 1]
    assert cells[0]["free_bytes"] > 0
    assert cli(tmp_path, two_cell_host, "pin", "batch", "0-x").returncode == 2
    assert cli(tmp_path, two_cell_host, "pin", "batch", "63").returncode == 3
    assert cli(tmp_path, two_cell_host, "pin", "nobody", "0").returncode == 1
    refused = cli(tmp_path, two_cell_host, "--read-only", "pin", "batch", "0")
    assert refused.returncode == 3
    assert "read-only" in refused.stderr


def test_emulator_and_iothread_pins(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    """Each kind of row has its own call; other pins stay."""
    guest(two_cell_host, "io", vcpus=1, iothreads=1)
    assert cli(tmp_path, two_cell_host, "pin", "io", "--emulator", "0").returncode == 0
    assert cli(tmp_path, two_cell_host, "pin", "io", "--iothread", "1", "1").returncode == 0
    assert two_cell_host.virsh("emulatorpin", "io").split()[-1] == "0"
    assert two_cell_host.virsh("iothreadinfo", "io").split()[-2:] == ["1", "1"]
    assert pins(two_cell_host, "io", "--live") == ["0-1"]


def test_restarts_leave_nothing_behind(two_cell_host: Libvirtd, console: Open) -> None:
    """Connections that come and go cost no threads and no file descriptors."""
    screen = console(two_cell_host.uri)
    screen.wait_for(r"live +1 s")
    process = Path(f"/proc/{screen.pid}")
    fds = len(list((process / "fd").iterdir()))
    threads = len(list((process / "task").iterdir()))
    for _ in range(5):
        two_cell_host.restart()
        screen.wait_for(r"live +1 s", timeout=30)
    wait_until(lambda: len(list((process / "fd").iterdir())) <= fds + 2, "no fds are left open")
    assert len(list((process / "task").iterdir())) <= threads + 1

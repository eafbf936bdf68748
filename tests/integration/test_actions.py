"""Actions on a guest that boots: what libvirt and the guest really do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd, wait_until
from vconsole.changes.activity import ActivityLog
from vconsole.changes.host_requests import HostRequests
from vconsole.changes.settle import ReadOutcome
from vconsole.features.lifecycle.host import act
from vconsole.features.lifecycle.model import Act, Mode
from vconsole.host.link import open_link
from vconsole.host.open import connect_link
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)

Do = Callable[..., Reply]
"""do(guest, action, state seen, *modes): carries it out on a connection of its own."""


@pytest.fixture
def do(boot_host: Libvirtd) -> Do:
    def carry_out(guest: BootedGuest, action: str, seen: str, *modes: Mode) -> Reply:
        link = open_link(boot_host.uri, False, False)
        try:
            wanted = Act(guest.uuid, guest.name, action, seen, modes or ("agent", "acpi"), 30.0)
            return act(link, wanted)
        finally:
            link.close()

    return carry_out


def test_the_life_of_a_guest(boot_host: Libvirtd, boot: BootGuest, do: Do) -> None:
    guest = boot(boot_host, "acted-on", vcpus=1)
    assert do(guest, "suspend", "running").value == "paused"
    assert do(guest, "resume", "paused").value == "running"
    assert guest.run("echo awake") == (0, "awake\n")
    assert do(guest, "save", "running").value == "shut off"
    assert do(guest, "start_paused", "shut off").value == "paused"
    assert do(guest, "resume", "paused").value == "running"
    assert guest.run("echo the same boot") == (0, "the same boot\n")
    guest.wait_agent()
    rebooted = do(guest, "reboot", "running")
    assert (rebooted.status, rebooted.message) == ("applied", "it boots again, asked by agent")
    guest.wait_ready()  # its console began anew when it was restored
    guest.wait_agent()
    begun = monotonic()
    off = do(guest, "shutdown", "running", "agent")
    assert (off.status, off.value, off.message) == (
        "applied",
        "shut off",
        "it is shut off, asked by agent",
    )
    assert monotonic() - begun < 30.0


def test_autostart_survives_the_daemon_and_a_guest_without_an_agent_is_asked_by_acpi(
    boot_host: Libvirtd, boot: BootGuest, do: Do
) -> None:
    guest = boot(boot_host, "no-agent", vcpus=1, agent=False)
    assert do(guest, "autostart", "no autostart").value == "autostart"
    boot_host.restart()
    assert "enable" in boot_host.virsh("dominfo", guest.name).split("Autostart:")[1].split()[0]
    off = do(guest, "shutdown", "running")
    assert (off.status, off.message) == ("applied", "it is shut off, asked by acpi")
    assert do(guest, "autostart_off", "autostart").value == "no autostart"


def test_a_suspend_whose_caller_died_is_not_called_undone_while_libvirt_is_at_it(
    two_cell_host: Libvirtd,
    guest: LaunchGuest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stopped QEMU holds the call; when it goes on, the domain is paused after all."""
    made = guest(two_cell_host, "held-up")
    two_cell_host.virsh("resume", made.name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    argv = [sys.executable, "-m", "vconsole", "-c", two_cell_host.uri]
    os.kill(two_cell_host.qemu_pid(made.name), signal.SIGSTOP)
    caller = subprocess.Popen([*argv, "suspend", made.name])
    log = ActivityLog(tmp_path / "vconsole")
    wait_until(lambda: "occupied" in two_cell_host.virsh("domcontrol", made.name), "it is held")
    caller.kill()
    caller.wait()

    def told() -> str:
        (entry,) = log.unsettled(two_cell_host.uri)
        with closing(HostRequests(lambda: connect_link(two_cell_host.uri, False, False))) as host:
            return host.handlers()[ReadOutcome](ReadOutcome(entry, wait_s=0.0)).message

    assert told().startswith("not over")
    os.kill(two_cell_host.qemu_pid(made.name), signal.SIGCONT)
    wait_until(lambda: told() == "read again: it took effect", "it is over")

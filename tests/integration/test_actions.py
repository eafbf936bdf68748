"""Actions on a guest that boots: what libvirt and the guest really do."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.lab import Libvirtd
from vconsole.features.lifecycle.host import act
from vconsole.features.lifecycle.model import Act, Mode
from vconsole.host.link import open_link
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)

Do = Callable[..., Reply]
"""do(guest, action, state seen, *modes): carries it out on a connection of its own."""


@pytest.fixture
def do(boot_host: Libvirtd) -> Do:
    def carry_out(guest: BootedGuest, action: str, seen: str, *modes: Mode) -> Reply:
        link = open_link(boot_host.uri, False, False, lambda: None)
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

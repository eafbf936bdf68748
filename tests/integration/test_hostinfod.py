"""hostinfod with a real libvirtd, a real QEMU and a real guest behind a serial port."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.ground import wait_until
from tests.integration.guests import Guest
from tests.integration.lab import Libvirtd
from vconsole.features.hostinfo.daemon.status import StatusError, read_status

pytest_plugins = ("tests.integration.bootfixtures",)
DAEMON = (
    "import sys; from vconsole.features.hostinfo.daemon.service import main;"
    " sys.exit(main(sys.argv[1:]))"
)
ASK = "exec <>/dev/ttyS1; stty raw -echo; echo {} >&0; read -t 5 -r answer; echo $answer"


class Service:
    """A daemon on the sockets of a private host."""

    def __init__(self, host: Libvirtd) -> None:
        self.host, self.conf, self.socket = host, host.base / "hostinfo.conf", host.base / "s.sock"
        self.conf.write_text("")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-c", DAEMON, "-d", "-v", "-c", host.ro_uri),
                *("--directory", str(host.base / "hostinfo"), "--hostinfo-conf", str(self.conf)),
                *("--status-socket", str(self.socket)),
            ]
        )
        wait_until(self._connected, "hostinfod is connected to libvirt")

    def _connected(self) -> bool:
        try:
            return not read_status(self.socket)["daemon"]["libvirt"]["problem"]
        except StatusError:
            return False

    def guest(self, name: str) -> dict[str, Any]:
        """What it knows of a guest; empty where it knows none."""
        found = read_status(self.socket, guest=f"qemu-{name}")["guests"]
        return found[0] if found else {}

    def wait_state(self, name: str, state: str) -> None:
        """Wait until it says so of a guest."""
        wait_until(lambda: self.guest(name).get("state") == state, f"{name} is {state}")


@pytest.fixture
def service(boot_host: Libvirtd) -> Iterator[Service]:
    made = Service(boot_host)
    yield made
    made.process.terminate()
    assert made.process.wait(60) == 0


def ask(guest: BootedGuest, request: str) -> str:
    """What a guest reads on its serial port after it wrote a request."""
    return guest.run(ASK.format(request)).output.rstrip("\r\n")


def test_a_guest_asks_its_host(booted: BootedGuest, service: Service) -> None:
    service.wait_state("shared", "connected")
    wait_until(lambda: service.guest("shared")["uuid"] == booted.uuid, "its domain is known")
    known = f"210 physcpus {os.sysconf('SC_NPROCESSORS_ONLN')}"
    wait_until(lambda: ask(booted, "physcpus") == known, "the file has been quiet for a while")
    service.conf.write_text("qemu-shared:\n  interval = 0\n  load = 0\n")
    wait_until(lambda: service.guest("shared")["rule"]["interval_s"] == 0, "the rule holds")
    assert ask(booted, "load") == "403 load not permitted"
    wait_until(lambda: ask(booted, "vmsteal").startswith("210 vmsteal "), "its steal is known")
    assert float(ask(booted, "vmcputime").split()[2]) > 1


def test_neither_a_reboot_nor_a_new_start_resets_the_clock(
    boot_host: Libvirtd, boot: BootGuest, service: Service
) -> None:
    service.conf.write_text("*:\n  interval = 3600\n")
    guest = boot(boot_host, "clocked", hostinfo=True)
    service.wait_state("clocked", "connected")
    wait_until(lambda: service.guest("clocked")["rule"]["interval_s"] == 3600, "the rule holds")
    assert ask(guest, "load").startswith("210 load ")
    boot_host.virsh("reset", guest.name)
    guest.wait_ready(boots=2)
    assert ask(guest, "load").startswith("429 too soon retry=3")
    boot_host.virsh("destroy", guest.name)
    wait_until(lambda: not service.guest("clocked"), "it is gone")
    boot_host.virsh("start", guest.name)
    guest.wait_ready()
    service.wait_state("clocked", "connected")
    assert ask(guest, "load").startswith("429 too soon retry=3")


def test_a_domain_that_took_the_name_of_another_is_not_served(
    boot_host: Libvirtd, service: Service
) -> None:
    path = "/var/lib/hostinfo/qemu-somebody-else"
    clause = f"<serial type='unix'><source mode='bind' path='{path}'/><target port='1'/></serial>"
    xml = Guest("impostor").xml().replace("</devices>", f"{clause}</devices>")
    file = Path(boot_host.base / "xml/impostor.xml")
    file.write_text(xml)
    boot_host.virsh("create", "--paused", str(file))
    try:
        service.wait_state("somebody-else", "refused")
        assert "this domain's is '/var/lib/hostinfo/qemu-impostor'" in str(
            service.guest("somebody-else")["reason"]
        )
    finally:
        boot_host.virsh("destroy", "impostor")
    wait_until(lambda: not service.guest("somebody-else"), "it is gone")

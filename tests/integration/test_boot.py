"""Guests that really boot: what tests of the channels between host and guest take for granted."""

from __future__ import annotations

import json
import socket
import subprocess

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.ground import PATIENCE_S, LabError, wait_until
from tests.integration.lab import Libvirtd

pytest_plugins = ("tests.integration.bootfixtures",)


def test_a_command_gives_its_code_and_all_of_its_output(booted: BootedGuest) -> None:
    assert booted.run("nproc") == (0, "2\n")
    assert booted.run("echo 'out'; echo err >&2; exit 3") == (3, "out\nerr\n")
    code, output = booted.run("i=0\nwhile [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
    assert (code, output.splitlines()[-1], len(output.splitlines())) == (0, "line 2999", 3000)


def test_a_command_that_hangs_is_ended(booted: BootedGuest) -> None:
    with pytest.raises(LabError, match="not done in 1 s: 'cat /dev/ttyS1'"):
        booted.run("cat /dev/ttyS1", timeout=1)
    assert booted.run("echo $((6 * 7))") == (0, "42\n")


def test_its_clock_goes_as_the_hosts_however_busy_that_is(booted: BootedGuest) -> None:
    sources = "/sys/devices/system/clocksource/clocksource0"
    assert booted.run(f"cat {sources}/current_clocksource") == (0, "hpet\n")


def test_the_agent_answers_and_comes_back_after_a_crash(booted: BootedGuest) -> None:
    booted.wait_agent()
    first = booted.run("pidof qemu-ga").output
    booted.run("kill -9 $(pidof qemu-ga)")
    wait_until(lambda: booted.run("pidof qemu-ga").output not in ("", first), "a new agent runs")
    booted.wait_agent()


def test_the_agent_sees_the_disk(booted: BootedGuest) -> None:
    booted.wait_agent()
    assert "/mnt" in booted.host.virsh("domfsinfo", booted.name)
    assert "vconsole-test" in booted.host.virsh("guestinfo", booted.name, "--os")


def test_a_python_program_runs(booted: BootedGuest) -> None:
    booted.put(
        "/tmp/two.py",
        b"import argparse, dataclasses, json, sys, termios, xml.etree\n"
        b"json.dump({'version': sys.version_info[0]}, sys.stdout)\n",
    )
    code, output = booted.run("python3 /tmp/two.py")
    assert (code, json.loads(output)) == (0, {"version": 3})


def test_a_line_on_the_second_serial_port_reaches_the_host_and_is_answered(
    booted: BootedGuest,
) -> None:
    talk = "exec <>/dev/ttyS1; stty raw -echo; echo physcpus >&0; read -r answer; echo $answer"
    with socket.socket(socket.AF_UNIX) as host:
        host.settimeout(PATIENCE_S)
        host.connect(str(booted.hostinfo_socket))
        booted.run(f"({talk}) >/run/answer 2>&1 &")
        assert host.makefile("rb").readline() == b"physcpus\n"
        host.sendall(b"two\n")
        wait_until(lambda: booted.run("cat /run/answer").output == "two\n", "the guest has it")


def test_a_hot_plugged_vcpu_a_reboot_by_the_agent_and_the_power_button(
    boot_host: Libvirtd, boot: BootGuest
) -> None:
    guest = boot(boot_host, "short-lived", vcpus=1, max_vcpus=2)
    boot_host.virsh("setvcpus", guest.name, "2", "--live")
    if guest.has_room_for_vcpus:
        wait_until(lambda: guest.run("nproc").output == "2\n", "the new vCPU is on")
    guest.wait_agent()
    boot_host.virsh("reboot", guest.name, "--mode", "agent")
    guest.wait_ready(boots=2)
    guest.wait_agent()
    assert guest.run("hostname") == (0, "short-lived\n")
    boot_host.virsh("shutdown", guest.name, "--mode", "acpi")
    guest.wait_state("shut off")


def test_all_devices_and_sleep(boot_host: Libvirtd, boot: BootGuest, tun: None) -> None:
    subprocess.run(boot_host.inside(["ip", "link", "add", "br0", "type", "bridge"]), check=True)
    metrics = boot_host.base / "metrics.img"
    metrics.write_bytes(b"mvbd".ljust(65536, b"\0"))
    guest = boot(
        *(boot_host, "rich"),
        sleeps=True,
        metrics_disk=metrics,
        metrics_channel=True,
        bridge="br0",
        address="10.77.0.9/24",
    )
    assert guest.run("head -c 4 /dev/vda").output == "mvbd"
    assert guest.run("ls /dev/virtio-ports").output.split() == [
        "org.github.vhostmd.1",
        "org.qemu.guest_agent.0",
        "org.vconsole.test.0",
    ]
    assert "inet 10.77.0.9/24" in guest.run("ip address show dev eth0").output
    guest.wait_agent()
    boot_host.virsh("dompmsuspend", guest.name, "mem")
    guest.wait_state("pmsuspended")
    boot_host.virsh("dompmwakeup", guest.name)
    assert guest.run("echo awake") == (0, "awake\n")

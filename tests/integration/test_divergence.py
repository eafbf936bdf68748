"""Where real guests run with something else than they are defined with, and both ways out of it."""

from __future__ import annotations

import difflib
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, guest_xml, make_disk
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from tests.unit.test_cli_commands import vconsole
from vconsole.changes.host_requests import HostRequests
from vconsole.features.divergence.model.plan import planner
from vconsole.features.divergence.model.rows import Divergence, ReadDivergence, Way
from vconsole.host.link import open_link
from vconsole.host.open import connect
from vconsole.host.source import View
from vconsole.model.cpuset import CpuSet
from vconsole.model.differences import Difference
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import ReadConfigurations, Reply
from vconsole.registry import revert

pytest_plugins = ("tests.integration.bootfixtures",)

EVERYTHING = CpuSet.parse("0-1")
MAC = "52:54:00:00:00:07"
MANY_DEVICES = f"""
<input type='tablet' bus='usb'/>
<graphics type='vnc' autoport='yes' passwd='secret'>
  <listen type='address' address='127.0.0.1'/>
</graphics>
<video><model type='virtio'/></video>
<console type='pty'><target type='virtio'/></console>
<parallel type='pty'/>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<watchdog model='i6300esb' action='reset'/>
<disk type='file' device='cdrom'><target dev='sdb' bus='scsi'/><readonly/></disk>
<interface type='user'><mac address='{MAC}'/><model type='e1000'/></interface>
"""


class Console:
    """Asks about one guest as the console does."""

    def __init__(self, host: Libvirtd, guest: BootedGuest) -> None:
        self.host, self.guest = host, guest
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._handlers: dict[type, Callable[[Any], Reply]] = {**self._requests.handlers()}

    def ask(self, request: Any) -> Reply:
        return self._handlers[type(request)](request)

    def divergence(self) -> Divergence:
        reply = self.ask(ReadDivergence((self.guest.uuid,), EVERYTHING))
        assert isinstance(reply.value, dict)
        found = reply.value[self.guest.uuid]
        assert isinstance(found, Divergence)
        return found

    def differences(self) -> list[tuple[str, str, str | None, str | None]]:
        rows = (row.difference for row in self.divergence().rows)
        return [(d.area, d.what, d.live, d.config) for d in rows]

    def do(self, way: Way, *wanted: Difference) -> None:
        """Plan and carry out; everything must be applied."""
        chosen = wanted or tuple(row.difference for row in self.divergence().rows)
        plan = planner(way, chosen, EVERYTHING, revert)
        reply = self.ask(Propose(((self.guest.uuid, self.guest.name),), plan))
        assert isinstance(reply.value, tuple)
        proposal: Proposal = reply.value[0]
        assert proposal.notes == ()
        for change in proposal.changes:
            done = self.ask(change)
            assert done.status == "applied", (done.message, change)

    def xml(self) -> tuple[str, str]:
        """(live, config)."""
        reply = self.ask(ReadConfigurations((self.guest.uuid,)))
        assert isinstance(reply.value, dict)
        found = reply.value[self.guest.uuid]
        return found.live, found.config

    def badge(self) -> int | None:
        """What the list of domains says."""
        source = connect(self.host.uri, True, False)
        try:
            for _ in range(20):
                domain = source.read(View("domains")).domain(self.guest.uuid)
                if domain is not None and domain.detailed:
                    return domain.diverged
        finally:
            source.close()
        raise AssertionError("the guest was not read")

    def close(self) -> None:
        self._requests.close()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of what the command line does goes elsewhere."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def console(boot_host: Libvirtd, booted: BootedGuest) -> Iterator[Console]:
    console = Console(boot_host, booted)
    assert console.differences() == []
    yield console
    console.close()


def changed(before: str, after: str) -> list[str]:
    """The lines that came or went."""
    lines = difflib.ndiff(before.split("\n"), after.split("\n"))
    return [" ".join(line.split()) for line in lines if line[0] in "+-"]


def test_a_guest_with_many_devices_that_was_just_started_does_not_differ(
    boot_host: Libvirtd, tmp_path: Path
) -> None:
    xml = guest_xml(
        "plenty", max_vcpus=4, iothreads=2, hostinfo=True, metrics_channel=True, extra=MANY_DEVICES
    )
    xml = xml.replace("type='usb' model='none'", "type='usb' model='qemu-xhci'")
    tune = (
        "<cputune><vcpupin vcpu='0' cpuset='1'/><emulatorpin cpuset='0'/></cputune>"
        "<numatune><memory mode='preferred' nodeset='0'/></numatune>"
        "<cpu mode='host-model'><topology sockets='1' cores='2' threads='2'/></cpu>"
        "<clock offset='utc'><timer name='hpet' present='no'/></clock>"
    )
    xml = xml.replace("<pm>", f"{tune}<pm>")
    guest = BootedGuest(boot_host, xml)
    try:
        console = Console(boot_host, guest.start())
        live, _ = console.xml()
        assert live.count("<alias") > 10
        assert console.differences() == []
        assert console.badge() == 0
        console.close()
    finally:
        guest.close()


def test_pins(console: Console) -> None:
    host, name = console.host, console.guest.name
    _, before = console.xml()
    host.virsh("vcpupin", name, "0", "1", "--live")
    host.virsh("emulatorpin", name, "0", "--live")
    assert console.differences() == [
        ("pins", "pin of vCPU 0", "1", "all"),
        ("pins", "pin of emulator", "0", "all"),
    ]
    assert console.badge() == 2
    console.do("revert", *(r.difference for r in console.divergence().rows[:1]))
    assert console.differences() == [("pins", "pin of emulator", "0", "all")]
    console.do("persist")
    assert console.differences() == []
    assert "+ <emulatorpin cpuset='0'/>" in changed(before, console.xml()[1])
    host.virsh("emulatorpin", name, "0-1", "--live", "--config")
    assert console.differences() == []


def test_memory(console: Console) -> None:
    host, name = console.host, console.guest.name
    host.virsh("setmem", name, "200M", "--live")
    wait_until(
        lambda: console.differences() == [("memory", "current memory", "200 MiB", "256 MiB")],
        "the balloon has its size",
    )
    _, before = console.xml()
    console.do("persist")
    after = console.xml()[1]
    assert console.differences() == []
    assert changed(before, after) == [
        "- <currentMemory unit='KiB'>262144</currentMemory>",
        "+ <currentMemory unit='KiB'>204800</currentMemory>",
    ]
    host.virsh("setmem", name, "256M", "--config")
    console.do("revert")
    assert console.differences() == []
    assert "<currentMemory unit='KiB'>262144<" in console.xml()[0]


def test_a_disk_that_only_the_running_domain_has(console: Console) -> None:
    host, name = console.host, console.guest.name
    image = make_disk(host.base / "more.img")
    image.chmod(0o666)
    host.virsh("attach-disk", name, str(image), "vdb", "--live", "--subdriver", "raw")
    assert console.differences() == [("devices", "disk vdb", f"{image}, raw, virtio, file", None)]
    _, before = console.xml()
    console.do("persist")
    assert console.differences() == []
    added = changed(before, console.xml()[1])
    assert {line[0] for line in added} == {"+"}
    assert f"+ <source file='{image}'/>" in added
    host.virsh("detach-disk", name, "vdb", "--live")
    wait_until(lambda: len(console.differences()) == 1, "the guest has let go of it")
    assert console.differences() == [("devices", "disk vdb", None, f"{image}, raw, virtio, file")]
    assert console.divergence().rows[0].removes
    console.do("revert")
    assert console.differences() == []
    host.virsh("detach-disk", name, "vdb", "--live")
    wait_until(lambda: len(console.differences()) == 1, "the guest has let go of it")
    console.do("persist")
    assert console.xml()[1] == before


def test_the_agents_channel(console: Console) -> None:
    host = console.host
    _, before = console.xml()
    edited = before.replace("org.qemu.guest_agent.0", "org.qemu.guest_agent.1")
    path = host.base / "xml/edited.xml"
    path.write_text(edited)
    host.virsh("define", str(path))
    assert [(area, what) for area, what, *_ in console.differences()] == [
        ("agent", "channel org.qemu.guest_agent.0"),
        ("devices", "channel org.qemu.guest_agent.1"),
    ]
    path.write_text(before)
    host.virsh("define", str(path))
    assert console.differences() == []


def test_what_takes_a_restart_is_made_persistent_only(console: Console) -> None:
    host = console.host
    _, before = console.xml()
    edited = before.replace("<clock offset='utc'/>", "<clock offset='localtime'/>")
    edited = edited.replace("<acpi/>", "<acpi/>\n    <apic/>").replace(
        "<on_crash>destroy<", "<on_crash>restart<"
    )
    path = host.base / "xml/edited.xml"
    path.write_text(edited)
    host.virsh("define", str(path))
    assert console.differences() == [
        ("features", "features apic", None, "yes"),
        ("clock", "clock offset", "utc", "localtime"),
        ("other", "on_crash", "destroy", "restart"),
    ]
    words = "not done from here while it runs"
    assert all(words in row.revert for row in console.divergence().rows)
    console.do("persist")
    assert console.xml()[1] == before


def test_the_link_of_an_interface(boot_host: Libvirtd, tun: None) -> None:
    for command in (
        ["ip", "link", "add", "dv0", "type", "bridge"],
        ["ip", "link", "set", "dv0", "up"],
    ):
        subprocess.run(boot_host.inside(command), check=True)
    guest = BootedGuest(boot_host, guest_xml("linked", vcpus=1, bridge="dv0"))
    try:
        console = Console(boot_host, guest.start())
        assert console.differences() == []
        (mac,) = (line.split()[4] for line in boot_host.virsh("domiflist", "linked").splitlines())
        boot_host.virsh("domif-setlink", "linked", mac, "down")
        assert console.differences() == [("network", f"interface {mac}", "link down", "link -")]
        console.do("revert")
        assert console.differences() == []
        boot_host.virsh("domif-setlink", "linked", mac, "down")
        _, before = console.xml()
        console.do("persist")
        assert changed(before, console.xml()[1]) == ["+ <link state='down'/>"]
        console.close()
    finally:
        guest.close()


def test_from_the_command_line(console: Console) -> None:
    host, name = console.host, console.guest.name
    assert vconsole("diff", "--all", uri=host.uri).returncode == 0
    host.virsh("vcpupin", name, "1", "0", "--live")
    found = vconsole("diff", name, uri=host.uri)
    assert found.returncode == 1
    assert (
        found.stdout.splitlines()[1].split()[1:]
        == "pins pin of vCPU 1 0 all persist, revert".split()
    )
    planned = vconsole("persist", name, "pins", "--dry-run", uri=host.uri)
    assert f"virsh vcpupin --domain {name} --vcpu 1 --cpulist 0 --config" in planned.stdout
    assert vconsole("revert", name, "memory", uri=host.uri).stdout == "nothing to do\n"
    done = vconsole("revert", name, uri=host.uri)
    assert (done.returncode, done.stderr) == (0, "")
    assert console.differences() == []


def test_a_guest_that_is_shut_off_or_transient_has_nothing_to_compare(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    off = guest(boot_host, "off", running=False)
    name = str(uuid.uuid5(uuid.NAMESPACE_DNS, off.name))
    reply = console.ask(ReadDivergence((name,), EVERYTHING))
    assert isinstance(reply.value, dict)
    assert reply.value[name].reason == "it does not run: there is nothing to compare"

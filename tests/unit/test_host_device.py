"""Devices of domains, changed on libvirt's test driver: every call here is a real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from vconsole.changes.host_requests import HostRequests
from vconsole.features.metrics.model.provision import channel_clause, disk_clause
from vconsole.host import devices as device
from vconsole.host.link import Link, open_link
from vconsole.model.request import ChangeDevice, Configurations, ReadConfigurations, Reply

libvirt = pytest.importorskip("libvirt")

PATH = "/dev/shm/vhostmd0"
DOMAIN = """<domain type='test'><name>device-{uuid}</name><uuid>{uuid}</uuid>
<memory unit='MiB'>8</memory><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><source file='/images/root'/><target dev='vda' bus='virtio'/></disk>
</devices></domain>"""


class Lab:
    """A domain and the requests about it."""

    def __init__(self) -> None:
        self.uuid = str(uuid4())
        self.requests = HostRequests(lambda: open_link("test:///default", False, False, _nobody))
        self._ask = self.requests.handlers()
        self.conn: Any = libvirt.open("test:///default")
        self.domain = self.conn.defineXML(DOMAIN.format(uuid=self.uuid))

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    @property
    def config(self) -> str:
        found = self.ask(ReadConfigurations((self.uuid,))).value
        assert isinstance(found, dict)
        known = found[self.uuid]
        assert isinstance(known, Configurations)
        return known.config or ""

    def change(self, clause: str, attach: bool = True, live: bool = False) -> ChangeDevice:
        return ChangeDevice(self.uuid, "web", "test", clause, attach, live, config=True)


def _nobody() -> None:
    """Nobody wants to know."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    if lab.domain.isActive():
        lab.domain.destroy()
    lab.domain.undefine()
    lab.requests.close()
    lab.conn.close()


@pytest.mark.parametrize("clause", [disk_clause(PATH, "vdz"), channel_clause()])
def test_a_device_comes_and_goes(lab: Lab, clause: str) -> None:
    before = lab.config
    reply = lab.ask(lab.change(clause))
    assert (reply.status, reply.message) == ("applied", "")
    assert isinstance(reply.value, Configurations)
    assert reply.value.config == lab.config != before
    assert lab.ask(lab.change(clause, attach=False)).status == "applied"
    assert lab.config.replace("    <controller type='virtio-serial' index='0'/>\n", "") == before


def test_a_running_domain_has_two_configurations(lab: Lab) -> None:
    lab.domain.create()
    found = lab.ask(ReadConfigurations((lab.uuid,))).value
    assert isinstance(found, dict)
    assert "id=" in found[lab.uuid].live
    assert "id=" not in found[lab.uuid].config


def test_a_domain_that_is_gone_is_missing_and_said() -> None:
    lab = Lab()
    lab.domain.undefine()
    reply = lab.ask(ReadConfigurations((lab.uuid,)))
    assert (reply.status, reply.value) == ("failed", {})
    assert reply.message == "Domain not found"
    lab.requests.close()


def test_a_device_that_came_meanwhile_is_a_conflict(lab: Lab) -> None:
    lab.ask(lab.change(disk_clause(PATH, "vdz")))
    again = lab.ask(lab.change(disk_clause(PATH, "vdy")))
    other = lab.ask(lab.change(disk_clause("/dev/shm/other", "vdz")))
    for reply in (again, other):
        assert reply.status == "conflict"
        assert "has got such a device meanwhile; look again" in reply.message


def test_a_device_that_was_replaced_is_not_detached(lab: Lab) -> None:
    """libvirt would find the disk by its target and take whatever is there."""
    reply = lab.ask(lab.change(disk_clause(PATH, "vda"), attach=False))
    assert reply.status == "conflict"
    assert "/images/root" in lab.config


def test_a_half_that_is_gone_is_a_conflict(lab: Lab) -> None:
    reply = lab.ask(lab.change(disk_clause(PATH, "vdz"), live=True))
    assert reply.status == "conflict"
    assert "no live configuration any more" in reply.message


def test_read_only_changes_nothing(lab: Lab) -> None:
    requests = HostRequests(lambda: open_link("test:///default", True, False, _nobody))
    reply = requests.handlers()[ChangeDevice](lab.change(disk_clause(PATH, "vdz")))
    assert reply.status == "refused"
    assert PATH not in lab.config
    requests.close()


class HalfWay:
    """A domain of a driver that changes the running domain, and cannot save the definition."""

    def __init__(self, stubborn: bool = False) -> None:
        self.live = self.config = DOMAIN.format(uuid="x")
        self._stubborn = stubborn

    def attachDeviceFlags(self, clause: str, flags: int) -> None:  # noqa: N802 - libvirt's
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
        self.live = self.live.replace("</devices>", f"{clause}</devices>")
        raise libvirt.libvirtError("no space left on device")

    def detachDeviceFlags(self, clause: str, flags: int) -> None:  # noqa: N802 - libvirt's
        assert flags == libvirt.VIR_DOMAIN_AFFECT_LIVE
        if self._stubborn:
            raise libvirt.libvirtError("the guest does not let go")
        self.live = self.live.replace(clause, "")


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_half_that_was_done_is_undone_or_named(
    stubborn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain, link = HalfWay(stubborn), _FakeLink()
    monkeypatch.setattr(device, "read_xml", lambda _, d: Configurations(d.live, d.config))
    link.domain = domain
    change = ChangeDevice("x", "web", "test", disk_clause(PATH, "vdz"), True, True, True)
    reply = device.change_device(link, change)
    if stubborn:
        assert reply.status == "failed"
        assert "the running domain is changed and cannot be put back" in reply.message
    else:
        assert (reply.status, PATH in domain.live) == ("rolled back", False)
        assert reply.message.endswith("what was done is undone")


class _FakeLink(Link):
    """Calls what it is given."""

    domain: HalfWay

    def __init__(self) -> None:
        self.conn = self

    def lookupByUUIDString(self, _uuid: str) -> HalfWay:  # noqa: N802 - libvirt's
        return self.domain

    def call(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)


def test_a_guest_that_does_not_let_go_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    link = _FakeLink()
    link.domain = HalfWay()
    clause = disk_clause(PATH, "vdz")
    both = DOMAIN.format(uuid="x").replace("</devices>", f"{clause}</devices>")
    monkeypatch.setattr(device, "read_xml", lambda *_: Configurations(both, None))
    change = ChangeDevice("x", "web", "test", clause, False, True, False)
    reply = device.change_device(link, change)
    assert reply.status == "unknown"
    assert "the guest has not let go of it yet" in reply.message

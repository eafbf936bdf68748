"""Networks and interfaces over libvirt: its test driver, and hosts that fail half-way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.network_xml import BRIDGE_CONFIG, BRIDGE_LIVE, LAN_CONFIG, MAC, domain
from vconsole.changes.host_requests import HostRequests
from vconsole.features.network.host import interface, network
from vconsole.features.network.model.interfaces import (
    ReadTraffic,
    ReadVnics,
    Source,
    Traffic,
    interfaces,
)
from vconsole.features.network.model.places import Bridge, HostNetwork, Lease, ReadHostNetwork
from vconsole.features.network.model.plan import (
    Edit,
    UpdateInterface,
    adder,
    mover,
    plugged_into,
    remover,
)
from vconsole.features.network.words import lease_words
from vconsole.host.link import Link, open_link
from vconsole.model.host_state import Connection
from vconsole.model.proposal import Planner, Propose, Subject
from vconsole.model.request import Configurations, Reply

libvirt = pytest.importorskip("libvirt")

BR1 = Source("bridge", "br1")
NO_SPACE = "no space left on device"
DOMAIN = f"""<domain type='test'><name>net-{{uuid}}</name><uuid>{{uuid}}</uuid>
<memory unit='MiB'>8</memory><os><type>hvm</type></os><devices>
{LAN_CONFIG.replace("'lan'", "'default'")}
</devices></domain>"""


# -- libvirt's test driver -------------------------------------------------------------------


class Lab:
    """A domain and the requests about it."""

    def __init__(self) -> None:
        self.uuid = str(uuid4())
        self.requests = HostRequests(lambda: open_link("test:///default", False, False))
        self._ask = self.requests.handlers()
        self.conn: Any = libvirt.open("test:///default")
        self.domain = self.conn.defineXML(DOMAIN.format(uuid=self.uuid))

    def ask(self, request: Any) -> Reply:
        return self._ask[type(request)](request)

    def change(self, plan: Planner) -> Reply:
        reply = self.ask(Propose(((self.uuid, "web"),), plan))
        assert isinstance(reply.value, tuple)
        (change,) = reply.value[0].changes
        return self.ask(change)

    @property
    def config(self) -> str:
        return str(self.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    if lab.domain.isActive():
        lab.domain.destroy()
    lab.domain.undefine()
    lab.requests.close()
    lab.conn.close()


def test_a_driver_without_the_call_edits_the_definition(lab: Lab) -> None:
    before = lab.config
    reply = lab.change(mover(MAC, BR1))
    assert (reply.status, reply.message) == ("applied", "")
    assert reply.read_back == "config: bridge br1, link up"
    assert lab.config == before.replace("type='network'", "type='bridge'").replace(
        "network='default'", "bridge='br1'"
    )


def test_of_a_running_domain_it_says_so(lab: Lab) -> None:
    lab.domain.create()
    reply = lab.change(mover(MAC, BR1))
    assert (reply.status, "definitions only" in reply.message) == ("applied", True)
    assert reply.read_back == "live: network default, link up; config: bridge br1, link up"


def test_interfaces_come_and_go_by_their_address(lab: Lab) -> None:
    before = lab.config
    added = lab.change(adder(Source("network", "default"), "52:54:00:00:00:01"))
    assert (added.status, added.message) == ("applied", "")
    assert [nic.mac for nic in interfaces(lab.config)] == [MAC, "52:54:00:00:00:01"]
    again = lab.change(adder(BR1, "52:54:00:00:00:01"))
    assert (again.status, "has got such a device" in again.message) == ("conflict", True)
    assert lab.change(remover("52:54:00:00:00:01")).status == "applied"
    assert lab.config == before


def test_of_two_with_one_address_the_other_is_moved(lab: Lab) -> None:
    twice = lab.config.replace("</interface>", "</interface>" + LAN_CONFIG.replace("0x02", "0x09"))
    lab.domain = lab.conn.defineXML(twice.replace("'lan'", "'default'"))
    first, second = interfaces(lab.config)
    assert first.mac == second.mac
    moved = plugged_into(second.xml, BR1)
    edit = Edit(second.xml, second.xml, moved)
    reply = lab.ask(UpdateInterface(lab.uuid, "web", "move", None, edit))
    assert (reply.status, reply.read_back) == ("applied", "config: bridge br1, link up")
    assert [str(nic.source) for nic in interfaces(lab.config)] == ["network default", "bridge br1"]


def test_what_was_edited_meanwhile_is_a_conflict(lab: Lab) -> None:
    reply = lab.ask(Propose(((lab.uuid, "web"),), mover(MAC, BR1)))
    assert isinstance(reply.value, tuple)
    (change,) = reply.value[0].changes
    lab.conn.defineXML(lab.config.replace("'default'", "'other'"))
    answer = lab.ask(change)
    assert answer.status == "conflict"
    assert answer.message == (
        "web: its config configuration has not got this interface any more as it was; look again"
    )
    assert "network='other'" in lab.config


def test_the_traffic_of_a_running_domain(lab: Lab) -> None:
    off = lab.ask(ReadTraffic(lab.uuid)).value
    assert isinstance(off, Traffic)
    assert (off.counters, off.domain.running) == ({}, False)
    lab.domain.create()
    on = lab.ask(ReadTraffic(lab.uuid)).value
    assert isinstance(on, Traffic)
    (vnic,) = on.domain.vnics
    assert (on.counters[vnic.now.target].rx_bytes or 0) > 0


def test_all_domains_or_some(lab: Lab) -> None:
    everybody = lab.ask(ReadVnics()).value
    assert isinstance(everybody, tuple)
    assert f"net-{lab.uuid}" in {found.name for found in everybody}
    some = lab.ask(ReadVnics((lab.uuid,))).value
    assert isinstance(some, tuple)
    assert [vnic.now.source for vnic in some[0].vnics] == [Source("network", "default")]


def test_networks(lab: Lab) -> None:
    found = lab.ask(ReadHostNetwork()).value
    assert isinstance(found, HostNetwork)
    default = next(n for n in found.networks if n.name == "default")
    assert (default.active, default.mode, default.bridge) == (True, "nat", "virbr0")
    assert default.ranges == ("192.168.122.2-192.168.122.254",)
    assert (found.leases, found.problem) == ((), "")


def test_read_only_changes_nothing(lab: Lab) -> None:
    requests = HostRequests(lambda: open_link("test:///default", True, False))
    edit = Edit(LAN_CONFIG, LAN_CONFIG, BRIDGE_CONFIG)
    change = UpdateInterface(lab.uuid, "web", "move", None, edit)
    assert requests.handlers()[UpdateInterface](change).status == "refused"
    requests.close()


# -- what fails half-way ---------------------------------------------------------------------


class HalfWay:
    """A running domain whose changes fail with these words, one after the other; "" succeeds."""

    def __init__(self, *problems: str, deaf: bool = False) -> None:
        self.halves = {1: domain(BRIDGE_LIVE, running=True), 2: domain(BRIDGE_CONFIG)}
        self.deaf = deaf
        self.calls: list[int] = []
        self._problems = iter(problems)

    def updateDeviceFlags(self, clause: str, flags: int) -> None:  # noqa: N802 - libvirt's
        self.calls.append(flags)
        if problem := next(self._problems):
            raise libvirt.libvirtError(problem)
        if not self.deaf:
            (nic,) = interfaces(self.halves[flags])
            self.halves[flags] = self.halves[flags].replace(nic.xml, clause)

    def isActive(self) -> bool:  # noqa: N802 - libvirt's
        return True

    isPersistent = isActive  # noqa: N815 - libvirt's

    def XMLDesc(self, flags: int) -> str:  # noqa: N802 - libvirt's
        return self.halves[2 if flags & libvirt.VIR_DOMAIN_XML_INACTIVE else 1]


class FakeLink(Link):
    """Calls what it is given."""

    def __init__(self, **objects: Any) -> None:
        self.conn = SimpleNamespace(**objects)
        self.connection = Connection()
        self.notes, self.denied = {}, {}

    def call(self, function: Any, *arguments: Any) -> Any:
        return function(*arguments)


def moved(found: HalfWay) -> Reply:
    subject = Subject("u", "web", found.halves[1], found.halves[2])
    (change,) = mover("vnet0", BR1)(subject, "both").changes
    assert isinstance(change, UpdateInterface)
    link = FakeLink(lookupByUUIDString=lambda uuid: found)
    return interface.update_interface(link, change)


def test_both_halves_are_changed_each_by_its_own_clause() -> None:
    found = HalfWay("", "")
    reply = moved(found)
    assert (reply.status, found.calls) == ("applied", [1, 2])
    assert reply.read_back == "live: bridge br1, link up; config: bridge br1, link up"
    assert interfaces(found.halves[1])[0].target == "vnet0"
    assert "<target" not in found.halves[2]


def test_a_half_that_was_done_is_undone() -> None:
    found = HalfWay("", NO_SPACE, "")
    before = dict(found.halves)
    reply = moved(found)
    assert (reply.status, found.calls) == ("rolled back", [1, 2, 1])
    assert reply.message == f"{NO_SPACE}; what was done is undone"
    assert found.halves == before


def test_what_cannot_be_undone_is_named() -> None:
    reply = moved(HalfWay("", NO_SPACE, "the monitor does not answer"))
    assert reply.status == "failed"
    assert reply.message == (
        f"{NO_SPACE}; the running domain is changed and cannot be put back: "
        "the monitor does not answer"
    )
    assert isinstance(reply.value, Configurations)


def test_a_first_half_that_fails_leaves_all_as_it_was() -> None:
    reply = moved(HalfWay(NO_SPACE))
    assert (reply.status, reply.message) == ("failed", NO_SPACE)


def test_what_libvirt_took_and_did_not_do_is_not_called_done() -> None:
    reply = moved(HalfWay("", "", deaf=True))
    assert (reply.status, reply.message) == ("unknown", "libvirt took it, yet it is not so")
    assert reply.read_back == "live: bridge br0, link up; config: bridge br0, link up"


# -- bridges and leases ----------------------------------------------------------------------


def sys_bridge(place: Path, name: str, state: str = "up", ports: tuple[str, ...] = ()) -> None:
    for folder in ("bridge", "brif", *(f"brif/{port}" for port in ports)):
        (place / name / folder).mkdir(parents=True)
    (place / name / "operstate").write_text(f"{state}\n")


def named(name: str, xml: str = "", active: bool = True) -> Any:
    return SimpleNamespace(
        name=lambda: name, XMLDesc=lambda flags: xml, isActive=lambda: int(active)
    )


def host_of(link: FakeLink) -> HostNetwork:
    found = network.read_host_network(link, ReadHostNetwork()).value
    assert isinstance(found, HostNetwork)
    return found


def test_bridges_of_this_machine_are_read_from_sys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "SYS", tmp_path)
    sys_bridge(tmp_path, "br1", "down")
    sys_bridge(tmp_path, "br0", ports=("eth0", "vnet3"))
    (tmp_path / "going" / "bridge").mkdir(parents=True)
    (tmp_path / "eth0").mkdir()
    link = FakeLink(
        listAllNetworks=lambda flags: [], listAllInterfaces=lambda flags: [named("br0")]
    )
    link.connection = Connection(local=True)
    assert host_of(link).bridges == (Bridge("br0", True, ("eth0",)), Bridge("br1", False))


def test_a_daemon_with_a_network_of_its_own_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "SYS", tmp_path)
    sys_bridge(tmp_path, "br0")
    bridge = (
        "<interface type='bridge' name='b'><bridge><interface name='eth9'/></bridge></interface>"
    )
    handles = [
        named("there", bridge),
        named("eth9", "<interface type='ethernet' name='eth9'/>"),
        named("odd", "<interface"),
    ]
    link = FakeLink(listAllNetworks=lambda flags: [], listAllInterfaces=lambda flags: handles)
    link.connection = Connection(local=True)
    assert host_of(link).bridges == (Bridge("there", True, ("eth9",)),)


def test_leases_as_libvirt_has_them() -> None:
    def leases() -> list[dict[str, Any]]:
        lease = {
            "mac": MAC.upper(),
            "ipaddr": "192.0.2.5",
            "prefix": 24,
            "expirytime": 1_800_000_000,
        }
        broken = {"mac": None, "ipaddr": None, "expirytime": (1 << 63) - 1}
        return [{**lease, "hostname": "web"}, broken]

    def gone() -> None:
        raise libvirt.libvirtError("network is not active")

    text = "<network><name>isle</name></network>"
    handle = named("isle", text)
    handle.autostart, handle.DHCPLeases = (lambda: 1), leases
    broken = named("broken", "<network")
    broken.autostart, broken.DHCPLeases = (lambda: 1), gone
    link = FakeLink(
        listAllNetworks=lambda flags: [handle, broken], listAllInterfaces=lambda flags: []
    )
    found = host_of(link)
    assert [n.name for n in found.networks] == ["isle"]
    assert found.leases == (
        Lease("isle", MAC, "192.0.2.5", "web", 1_800_000_000),
        Lease("isle", "", "", "", 1 << 37),
    )
    assert "until 6325-04-08" in lease_words(found.leases[1])

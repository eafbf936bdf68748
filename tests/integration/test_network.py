"""Interfaces of guests that run: moved, unplugged, given other addresses, on real bridges."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from difflib import unified_diff
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, guest_xml
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.network.model.interfaces import (
    DomainVnics,
    ReadTraffic,
    ReadVnics,
    Source,
    Traffic,
    duplicates,
    holders,
    speeds,
)
from vconsole.features.network.model.mac import make_mac
from vconsole.features.network.model.places import HostNetwork, Lease, ReadHostNetwork
from vconsole.features.network.model.plan import adder, address_giver, linker, mover, remover
from vconsole.host.link import open_link
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Propose
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)

ONE, TWO = Source("bridge", "vbr-one"), Source("bridge", "vbr-two")
LAN, ISLE = Source("network", "lan"), Source("network", "isle")
HERE = "192.0.2.1"
"""The address that each of the bridges has on the host."""
NETWORKS = (
    f"<network><name>lan</name><forward mode='bridge'/><bridge name='{ONE.name}'/></network>",
    "<network><name>isle</name><bridge name='vbr-isle'/></network>",
)


class Wiring:
    """The host's bridges and networks, and changes made as the console makes them."""

    def __init__(self, host: Libvirtd) -> None:
        self.host = host
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._handlers = self._requests.handlers()

    def lay(self) -> None:
        for bridge in (ONE, TWO):
            self.ip("link", "add", bridge.name, "type", "bridge")
            self.ip("link", "set", bridge.name, "up")
        for number, text in enumerate(NETWORKS):
            path = self.host.base / f"xml/network-{number}.xml"
            path.write_text(text)
            self.host.virsh("net-define", str(path))
        for network in (LAN, ISLE):
            self.host.virsh("net-start", network.name)

    def ip(self, *words: str) -> str:
        argv = self.host.inside(("ip", *words))
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def on(self, bridge: str) -> list[str]:
        """The devices plugged into a bridge, as the kernel says."""
        found = json.loads(self.ip("-json", "link", "show", "master", bridge))
        return [device["ifname"] for device in found]

    def ask(self, request: Any) -> Reply:
        return self._handlers[type(request)](request)

    def change(self, guest: BootedGuest, plan: Planner, target: Target = "both") -> list[Reply]:
        reply = self.ask(Propose(((guest.uuid, guest.name),), plan, (target,)))
        assert isinstance(reply.value, tuple)
        (proposal,) = reply.value
        assert proposal.changes, proposal.notes
        return [self.ask(change) for change in proposal.changes]

    def traffic(self, guest: BootedGuest) -> Traffic:
        found = self.ask(ReadTraffic(guest.uuid)).value
        assert isinstance(found, Traffic)
        return found

    def fleet(self) -> tuple[DomainVnics, ...]:
        found = self.ask(ReadVnics()).value
        assert isinstance(found, tuple)
        return found

    def network(self) -> HostNetwork:
        found = self.ask(ReadHostNetwork()).value
        assert isinstance(found, HostNetwork)
        return found

    def close(self) -> None:
        self._requests.close()


@pytest.fixture(scope="module")
def laid(boot_host: Libvirtd, tun: None) -> Iterator[Wiring]:
    wiring = Wiring(boot_host)
    wiring.lay()
    yield wiring
    wiring.close()


@pytest.fixture(scope="module")
def wired(laid: Wiring) -> Iterator[BootedGuest]:
    """A guest on the first bridge, left there by every test."""
    xml = guest_xml("wired", vcpus=1, bridge=ONE.name, address="192.0.2.5/24")
    guest = BootedGuest(laid.host, xml)
    try:
        yield guest.start()
    finally:
        guest.close()


def statuses(replies: list[Reply]) -> list[tuple[str, str]]:
    return [(reply.status, reply.message) for reply in replies]


def texts(guest: BootedGuest) -> tuple[list[str], list[str]]:
    """The live and the inactive XML."""
    live = guest.host.virsh("dumpxml", guest.name, "--security-info")
    config = guest.host.virsh("dumpxml", guest.name, "--security-info", "--inactive")
    return live.split("\n"), config.split("\n")


def changed(before: list[str], after: list[str]) -> list[str]:
    lines = list(unified_diff(before, after, n=0, lineterm=""))[2:]
    return [f"{line[0]} {line[1:].strip()}" for line in lines if not line.startswith("@")]


def carrier(guest: BootedGuest) -> str:
    return guest.run("cat /sys/class/net/eth0/carrier").output.strip()


def reaches_host(guest: BootedGuest) -> bool:
    return guest.run(f"ping -c 1 -W 2 {HERE}").code == 0


def test_a_running_guest_is_moved_to_another_bridge_and_only_its_source_changes(
    laid: Wiring, wired: BootedGuest
) -> None:
    laid.ip("address", "add", f"{HERE}/24", "dev", TWO.name)
    target = laid.traffic(wired).domain.vnics[0].now.target
    assert laid.on(ONE.name) == [target]
    assert not reaches_host(wired)
    live, config = texts(wired)
    replies = laid.change(wired, mover(target, TWO))
    assert statuses(replies) == [("applied", "")]
    assert replies[0].read_back == (
        "live: bridge vbr-two, link up; config: bridge vbr-two, link up"
    )
    assert (laid.on(ONE.name), laid.on(TWO.name)) == ([], [target])
    wait_until(lambda: reaches_host(wired), "the guest reaches the host over the second bridge")
    difference = ["- <source bridge='vbr-one'/>", "+ <source bridge='vbr-two'/>"]
    assert changed(live, texts(wired)[0]) == difference
    assert changed(config, texts(wired)[1]) == difference
    assert statuses(laid.change(wired, mover(target, ONE))) == [("applied", "")]
    assert texts(wired) == (live, config)
    laid.ip("address", "del", f"{HERE}/24", "dev", TWO.name)


@pytest.mark.parametrize(
    ("to", "bridge"), [(LAN, ONE.name), (ISLE, "vbr-isle")], ids=lambda x: str(x)
)
def test_a_running_guest_is_moved_to_a_network_and_back(
    laid: Wiring, wired: BootedGuest, to: Source, bridge: str
) -> None:
    live, config = texts(wired)
    assert statuses(laid.change(wired, mover("net0", to))) == [("applied", "")]
    (vnic,) = laid.traffic(wired).domain.vnics
    assert vnic.live is not None
    assert (vnic.live.source, vnic.live.bridge, vnic.differs) == (to, bridge, "")
    assert laid.on(bridge) == [vnic.live.target]
    assert changed(config, texts(wired)[1]) == [
        "- <interface type='bridge'>",
        "+ <interface type='network'>",
        "- <source bridge='vbr-one'/>",
        f"+ <source network='{to.name}'/>",
    ]
    # The link of one on a network is pulled without its leaving the network.
    assert statuses(laid.change(wired, linker("net0", up=False), "live")) == [("applied", "")]
    (vnic,) = laid.traffic(wired).domain.vnics
    assert (vnic.now.source, vnic.now.link, carrier(wired)) == (to, "down", "0")
    assert statuses(laid.change(wired, linker("net0", up=True), "live")) == [("applied", "")]
    assert statuses(laid.change(wired, mover("net0", ONE))) == [("applied", "")]
    assert texts(wired)[1] == config
    assert changed(live, texts(wired)[0]) in ([], ["+ <link state='up'/>"])


def test_the_guest_sees_its_cable_pulled(laid: Wiring, wired: BootedGuest) -> None:
    config = texts(wired)[1]
    assert carrier(wired) == "1"
    assert statuses(laid.change(wired, linker("net0", up=False))) == [("applied", "")]
    assert carrier(wired) == "0"
    assert changed(config, texts(wired)[1]) == ["+ <link state='down'/>"]
    assert statuses(laid.change(wired, linker("net0", up=True))) == [("applied", "")]
    assert carrier(wired) == "1"


def test_bytes_a_second(laid: Wiring, wired: BootedGuest) -> None:
    laid.ip("address", "add", f"{HERE}/24", "dev", ONE.name)
    before = laid.traffic(wired)
    target = before.domain.vnics[0].now.target
    wired.run(f"ping -c 3 -i 0.2 -s 1000 {HERE}")
    after = laid.traffic(wired)
    received, sent = speeds(before, after, target)
    elapsed_s = after.at_s - before.at_s
    assert received is not None
    assert sent is not None
    assert received * elapsed_s > 3000 < sent * elapsed_s
    laid.ip("address", "del", f"{HERE}/24", "dev", ONE.name)


def test_what_fails_changes_neither_half(laid: Wiring, wired: BootedGuest) -> None:
    before = texts(wired)
    (reply,) = laid.change(wired, mover("net0", Source("bridge", "nowhere")))
    assert reply.status == "failed"
    assert "nowhere" in reply.message
    assert texts(wired) == before


def test_another_address_waits_for_the_next_start(laid: Wiring, wired: BootedGuest) -> None:
    live, config = texts(wired)
    mac = make_mac(holders(laid.fleet()), "00:16:3e")
    old = laid.traffic(wired).domain.vnics[0].now.mac
    assert laid.change(wired, address_giver("net0", mac))[0].status == "applied"
    assert texts(wired)[0] == live
    assert changed(config, texts(wired)[1]) == [
        f"- <mac address='{old}'/>",
        f"+ <mac address='{mac}'/>",
    ]
    (vnic,) = laid.traffic(wired).domain.vnics
    assert vnic.differs == f"the next start changes mac {old} -> {mac}"
    assert laid.change(wired, address_giver("net0", old))[0].status == "applied"
    assert texts(wired)[1] == config


def test_an_interface_comes_and_goes_while_the_guest_runs(laid: Wiring, wired: BootedGuest) -> None:
    mac = make_mac(holders(laid.fleet()))
    assert statuses(laid.change(wired, adder(LAN, mac))) == [("applied", "")]

    def seen() -> bool:
        return mac in wired.run("cat /sys/class/net/*/address").output

    wait_until(seen, "the guest sees it")
    found = laid.traffic(wired).domain.vnics
    assert [vnic.now.source for vnic in found] == [ONE, LAN]
    assert {reply.status for reply in laid.change(wired, remover(mac))} <= {"applied", "unknown"}
    wait_until(lambda: len(laid.traffic(wired).domain.vnics) == 1, "it is gone")
    wait_until(lambda: not seen(), "the guest sees it no more")


def test_a_twin_is_found_in_a_definition(
    laid: Wiring, wired: BootedGuest, guest: LaunchGuest
) -> None:
    assert not duplicates(holders(laid.fleet()))
    mac = laid.traffic(wired).domain.vnics[0].now.mac
    guest(laid.host, "twin", running=False)
    laid.host.virsh("attach-interface", "twin", "bridge", TWO.name, "--mac", mac, "--config")
    (shared,) = duplicates(holders(laid.fleet())).values()
    assert sorted(map(str, shared)) == ["twin (config)", "wired (live and config)"]


def test_networks_bridges_and_leases(laid: Wiring, wired: BootedGuest) -> None:
    found = laid.network()
    assert [(n.name, n.mode, n.bridge, n.active) for n in found.networks] == [
        ("isle", "isolated", "vbr-isle", True),
        ("lan", "bridge", ONE.name, True),
    ]
    assert found.problem == ""
    assert {"vbr-isle", ONE.name, TWO.name} <= {bridge.name for bridge in found.bridges}
    laid.ip("link", "add", "uplink", "type", "veth", "peer", "name", "elsewhere")
    laid.ip("link", "set", "uplink", "master", TWO.name)
    bridges = {bridge.name: bridge for bridge in laid.network().bridges}
    assert (bridges[ONE.name].ports, bridges[TWO.name].ports) == ((), ("uplink",))


def test_the_leases_that_libvirt_noted_down(laid: Wiring) -> None:
    """There is no dnsmasq here: its notes are written as libvirt's helper for it does."""
    lease = {
        "ip-address": "198.51.100.9",
        "mac-address": "52:54:00:00:00:09",
        "hostname": "guest",
        "expiry-time": 4_000_000_000,
    }
    status = laid.host.base / "lib/dnsmasq/vbr-isle.status"
    status.parent.mkdir(exist_ok=True)
    status.write_text(json.dumps([lease]))
    assert laid.network().leases_of("52:54:00:00:00:09") == (
        Lease("isle", "52:54:00:00:00:09", "198.51.100.9", "guest", 4_000_000_000),
    )

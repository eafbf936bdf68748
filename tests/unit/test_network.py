"""Interfaces of domains, networks and bridges, read from what libvirt writes."""

from __future__ import annotations

import pytest

from tests.unit.network_xml import BRIDGE_CONFIG, BRIDGE_LIVE, LAN_CONFIG, LAN_LIVE, MAC, domain
from vconsole.features.network.model.interfaces import (
    Counters,
    DomainVnics,
    Holder,
    Source,
    Traffic,
    duplicates,
    find,
    holders,
    interfaces,
    read_interface,
    speeds,
    vnics,
)
from vconsole.features.network.model.places import Bridge, HostNetwork, Lease, Network, read_network
from vconsole.model.xml_edit import XmlEditError

LIVE, CONFIG = domain(BRIDGE_LIVE, running=True), domain(BRIDGE_CONFIG)
OTHER = BRIDGE_CONFIG.replace(MAC, "52:54:00:00:00:01").replace("slot='0x02'", "slot='0x09'")


# -- one interface ---------------------------------------------------------------------------


def test_what_is_read_of_an_interface() -> None:
    (nic,) = interfaces(LIVE)
    assert (nic.mac, nic.source, nic.bridge) == (MAC, Source("bridge", "br0"), "br0")
    assert (nic.target, nic.model, nic.alias, nic.link) == ("vnet0", "virtio", "net0", "up")
    assert nic.address == "pci 0x0000 0x00 0x02 0x0"
    assert nic.xml == BRIDGE_LIVE
    assert nic.called == "vnet0"
    (defined,) = interfaces(CONFIG)
    assert defined.called == MAC


def test_what_may_be_there_besides() -> None:
    more = (
        "<boot order='2'/><filterref filter='clean-traffic'/><mtu size='9000'/>"
        "<link state='down'/><bandwidth><inbound average='1000' peak='5000'/>"
        "<outbound average='128'/></bandwidth></interface>"
    )
    nic = read_interface(BRIDGE_LIVE.replace("</interface>", more))
    assert (nic.boot_order, nic.filter, nic.mtu) == ("2", "clean-traffic", "9000")
    assert (nic.link, nic.up) == ("down", False)
    assert nic.bandwidth == "inbound 1000 KiB/s, outbound 128 KiB/s"


def test_one_on_a_network_is_not_taken_for_one_on_its_bridge() -> None:
    nic = read_interface(LAN_LIVE)
    assert (nic.source, nic.actual, nic.bridge) == (Source("network", "lan"), "bridge", "br0")


@pytest.mark.parametrize(
    ("clause", "source"),
    [
        ("<interface type='user'><mac address='x'/></interface>", Source("user")),
        (
            "<interface type='direct'><source dev='eth0' mode='vepa'/></interface>",
            Source("direct", "eth0"),
        ),
        (
            "<interface type='hostdev'><source><address type='pci'/></source></interface>",
            Source("hostdev"),
        ),
    ],
)
def test_other_kinds(clause: str, source: Source) -> None:
    assert read_interface(clause).source == source


def test_only_devices_are_looked_at() -> None:
    assert interfaces(None) == ()
    assert interfaces(domain()) == ()
    for text in (
        "<domain/>",
        domain()[:-20],
        "<devices><interface type='x'><a></interface></domain>",
    ):
        with pytest.raises(XmlEditError):
            interfaces(text)


@pytest.mark.parametrize(
    ("text", "source"),
    [("bridge:br0", Source("bridge", "br0")), (" network:a:b ", Source("network", "a:b"))],
)
def test_a_source_that_is_typed(text: str, source: Source) -> None:
    assert Source.parse(text) == source


@pytest.mark.parametrize(
    "text",
    ["", "br0", "bridge:", "direct:eth0", "bridge:a/b", "bridge:sixteen-letters-", "bridge:a b"],
)
def test_a_source_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        Source.parse(text)


# -- both halves -----------------------------------------------------------------------------


def test_the_halves_are_side_by_side() -> None:
    (vnic,) = vnics(LIVE, CONFIG)
    assert vnic.live is not None
    assert vnic.config is not None
    assert (vnic.now, vnic.differs) == (vnic.live, "")
    assert vnic.macs == {MAC: ("live", "config")}


def test_what_the_next_start_changes_is_said() -> None:
    moved = CONFIG.replace("bridge='br0'", "bridge='br1'").replace(MAC, "52:54:00:00:00:01")
    (vnic,) = vnics(LIVE, moved)
    assert vnic.differs == (
        f"the next start changes mac {MAC} -> 52:54:00:00:00:01, source bridge br0 -> bridge br1"
    )
    assert vnic.macs == {MAC: ("live",), "52:54:00:00:00:01": ("config",)}


def test_what_comes_and_goes_is_said() -> None:
    found = vnics(LIVE, domain(OTHER))
    assert [vnic.differs for vnic in found] == [
        "the next start takes it away",
        "the next start adds it",
    ]


def test_one_half_alone_differs_from_nothing() -> None:
    assert [vnic.differs for vnic in (*vnics(LIVE, None), *vnics(None, CONFIG))] == ["", ""]


def test_two_with_one_address_are_told_apart_by_their_place() -> None:
    elsewhere = BRIDGE_CONFIG.replace("slot='0x02'", "slot='0x09'").replace("br0", "br9")
    live = domain(
        elsewhere.replace("</interface>", "<target dev='vnet9'/></interface>"), BRIDGE_LIVE
    )
    found = vnics(live, domain(BRIDGE_CONFIG, elsewhere))
    assert [(v.now.target, v.differs) for v in found] == [("vnet9", ""), ("vnet0", "")]


@pytest.mark.parametrize("word", ["vnet0", "net0", MAC, MAC.upper().replace(":", "-")])
def test_an_interface_has_several_names(word: str) -> None:
    assert find(vnics(LIVE, CONFIG), word).now.target == "vnet0"


@pytest.mark.parametrize("word", ["vnet1", "", "virtio"])
def test_one_that_is_not_there_is_named_with_those_that_are(word: str) -> None:
    found = vnics(LIVE, domain(BRIDGE_CONFIG, OTHER))
    with pytest.raises(ValueError, match="it has vnet0, 52:54:00:00:00:01"):
        find(found, word)
    with pytest.raises(ValueError, match="it has none"):
        find((), word)


def test_a_name_of_two_is_not_guessed() -> None:
    twice = domain(BRIDGE_CONFIG, BRIDGE_CONFIG.replace("slot='0x02'", "slot='0x09'"))
    with pytest.raises(ValueError, match="more than one of its interfaces"):
        find(vnics(None, twice), MAC)


# -- the fleet -------------------------------------------------------------------------------


def guest(name: str, live: str | None, config: str | None) -> DomainVnics:
    return DomainVnics(name, name, live is not None, vnics(live, config))


def test_shared_addresses_are_found_live_and_in_definitions() -> None:
    changed = domain(BRIDGE_CONFIG.replace(MAC, "52:54:00:00:00:01"))
    fleet = (guest("web", LIVE, CONFIG), guest("db", None, CONFIG), guest("mail", None, changed))
    shared = duplicates(holders(fleet))
    assert shared == {
        MAC: (Holder("web", "web", ("live", "config")), Holder("db", "db", ("config",)))
    }
    assert [str(holder) for holder in shared[MAC]] == ["web (live and config)", "db (config)"]


def test_both_halves_of_one_interface_share_nothing() -> None:
    assert duplicates(holders([guest("web", LIVE, CONFIG)])) == {}


def test_two_of_one_domain_share() -> None:
    twice = domain(BRIDGE_CONFIG, BRIDGE_CONFIG.replace("slot='0x02'", "slot='0x09'"))
    assert len(duplicates(holders([guest("web", None, twice)]))[MAC]) == 2


# -- the host --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("forward", "mode", "own"),
    [
        ("", "isolated", True),
        ("<forward/>", "nat", True),
        ("<forward mode='route'/>", "route", True),
        ("<forward mode='bridge'/>", "bridge", False),
    ],
)
def test_a_network(forward: str, mode: str, own: bool) -> None:
    xml = (
        f"<network><name>lan</name>{forward}<bridge name='virbr0'/><ip><dhcp>"
        "<range start='192.0.2.2' end='192.0.2.9'/><range start='192.0.2.20' end='192.0.2.29'/>"
        "</dhcp></ip></network>"
    )
    ranges = ("192.0.2.2-192.0.2.9", "192.0.2.20-192.0.2.29")
    assert read_network(xml, True, None) == Network(
        "lan", True, None, mode, "virbr0", own_bridge=own, ranges=ranges
    )


def test_who_is_where() -> None:
    lan, isle = (
        Network("lan", True, True, "bridge", "br0", own_bridge=False),
        Network("isle", True, True, "nat", "virbr0"),
    )
    host = HostNetwork((isle, lan), (Bridge("br0", True), Bridge("virbr0", True)))
    fleet = (
        guest("a", domain(LAN_LIVE), domain(LAN_CONFIG)),
        guest("b", None, CONFIG.replace("br0", "ovs0")),
    )
    assert host.places(fleet) == {
        Source("network", "isle"): 0,
        Source("network", "lan"): 1,
        Source("bridge", "br0"): 0,
        Source("bridge", "ovs0"): 1,
    }
    direct = guest("c", None, CONFIG.replace("br0", "virbr0"))
    assert host.places((direct,))[Source("bridge", "virbr0")] == 1
    assert host.what(Source("network", "isle")) is isle
    assert host.what(Source("bridge", "isle")) is None
    assert host.what(Source("user")) is None


def test_leases_by_address() -> None:
    lease = Lease("isle", MAC, "192.0.2.5")
    assert HostNetwork(leases=(lease,)).leases_of(MAC) == (lease,)
    assert HostNetwork(leases=(lease,)).leases_of("52:54:00:00:00:01") == ()


# -- traffic ---------------------------------------------------------------------------------


def test_speeds_need_two_readings_of_the_same_interface() -> None:
    web = guest("web", LIVE, CONFIG)
    first = Traffic(10.0, web, {"vnet0": Counters(rx_bytes=0, tx_bytes=50)})
    second = Traffic(12.0, web, {"vnet0": Counters(rx_bytes=400, tx_bytes=10)})
    assert speeds(first, second, "vnet0") == (200.0, None)
    assert speeds(None, second, "vnet0") == (None, None)
    assert speeds(first, second, "vnet1") == (None, None)


def test_what_was_lost_is_counted_together() -> None:
    assert Counters(1, 2, 3, 4, 5, 6, 7, None).lost == 14
    assert Counters().lost == 0

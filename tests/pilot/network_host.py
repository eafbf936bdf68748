"""A host with networks and bridges for tests of the console: two readings, changes taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.feed import Answers, proposer
from tests.scenes import uuid_of
from vconsole.features.network.model.interfaces import (
    Counters,
    DomainVnics,
    ReadTraffic,
    ReadVnics,
    Traffic,
    vnics,
)
from vconsole.features.network.model.places import (
    Bridge,
    HostNetwork,
    Lease,
    Network,
    ReadHostNetwork,
)
from vconsole.features.network.model.plan import UpdateInterface
from vconsole.model.proposal import Propose
from vconsole.model.request import ChangeDevice, Configurations, Define, ReadConfigurations, Reply

NAME = "shop-web-1"
MAC, SECOND = "52:54:00:1c:7a:02", "52:54:00:1c:7a:03"
MIB = 1 << 20


def clause(
    mac: str, source: str, slot: int, target: str = "", kind: str = "bridge", more: str = ""
) -> str:
    """One interface as libvirt writes it."""
    running = (
        f"      <target dev='{target}'/>\n      <alias name='net{slot - 2}'/>\n" if target else ""
    )
    place = f"domain='0x0000' bus='0x00' slot='{slot:#04x}' function='0x0'"
    return (
        f"    <interface type='{kind}'>\n      <mac address='{mac}'/>\n      <source {source}/>\n"
        f"{running}      <model type='virtio'/>\n{more}"
        f"      <address type='pci' {place}/>\n"
        "    </interface>\n"
    )


def domain(name: str, *clauses: str) -> str:
    """A domain with these interfaces."""
    return (
        f"<domain type='kvm'>\n  <name>{name}</name>\n  <devices>\n{''.join(clauses)}"
        "  </devices>\n</domain>\n"
    )


LIMITS = (
    "      <filterref filter='clean-traffic'/>\n      <mtu size='9000'/>\n"
    "      <bandwidth><inbound average='1000'/></bandwidth>\n"
)
LAN = "network='lan' portid='4c2f5aa4-8820-4341-850d-91f9b7fc78b1' bridge='br0'"
XML: Mapping[str, tuple[str | None, str | None]] = {
    NAME: (
        domain(
            NAME,
            clause(MAC, "bridge='br0'", 2, "vnet0", more=LIMITS),
            clause(SECOND, LAN, 3, "vnet1"),
        ),
        domain(
            NAME, clause(MAC, "bridge='br0'", 2, more=LIMITS), clause(SECOND, "bridge='br1'", 3)
        ),
    ),
    "shop-web-2": (
        domain(
            "shop-web-2", clause("52:54:00:1c:7a:05", "network='default'", 2, "vnet7", "network")
        ),
        domain("shop-web-2", clause("52:54:00:1c:7a:05", "network='default'", 2, "", "network")),
    ),
    "mail": (None, domain("mail", clause(MAC, "bridge='br0'", 2))),
}
NETWORK = HostNetwork(
    networks=(
        Network("default", True, True, "nat", "virbr0", ranges=("192.168.122.2-192.168.122.254",)),
        Network("isle", False, False, "isolated", "virbr1"),
        Network("lan", True, True, "bridge", "br0", own_bridge=False),
    ),
    bridges=(Bridge("br0", True, ("bond0",)), Bridge("br1", False), Bridge("virbr0", True)),
    leases=(
        Lease("default", MAC, "192.168.122.17", "shop-web-1", 1_900_000_000),
        Lease("default", "52:54:00:1c:7a:05", "192.168.122.18"),
    ),
)


class NetworkHost:
    """Each reading of traffic is two seconds and some bytes after the one before."""

    def __init__(
        self, xml: Mapping[str, tuple[str | None, str | None]] = XML, back: bool = False
    ) -> None:
        self.xml, self._back = dict(xml), back
        self.network = NETWORK
        self.readings = 0
        self.changes: list[Any] = []

    @property
    def answers(self) -> Answers:
        return {
            ReadTraffic: self._traffic,
            ReadVnics: lambda request: Reply(value=tuple(map(self._vnics, sorted(self.xml)))),
            ReadHostNetwork: lambda request: Reply(value=self.network),
            Propose: proposer(self._configurations),
            **dict.fromkeys((UpdateInterface, ChangeDevice, Define), self._change),
        }

    def _vnics(self, name: str) -> DomainVnics:
        live, config = self.xml[name]
        return DomainVnics(uuid_of(name), name, live is not None, vnics(live, config))

    def _traffic(self, request: ReadTraffic) -> Reply:
        name = next((n for n in self.xml if uuid_of(n) == request.uuid), None)
        if name is None:
            return Reply("failed", "Domain not found")
        self.readings += 1
        count = (100 - self.readings if self._back else self.readings) * MIB
        counters = {
            vnic.live.target: Counters(count * (n + 1), 9, 0, n, count // 2, 9, 0, 0)
            for n, vnic in enumerate(self._vnics(name).vnics)
            if vnic.live
        }
        return Reply(value=Traffic(self.readings * 2.0, self._vnics(name), counters))

    def _configurations(self, request: ReadConfigurations) -> Reply:
        found = {uuid_of(n): Configurations(*both) for n, both in self.xml.items()}
        return Reply(value={uuid: found[uuid] for uuid in request.uuids if uuid in found})

    def _change(self, request: Any) -> Reply:
        self.changes.append(request)
        return Reply(read_back="as was asked")


def hostile() -> NetworkHost:
    """Names that try to take over the terminal."""
    live = domain("x", clause(MAC, "network='[red]a&#9;b\u202e'", 2, "v\u009b2J", "network"))
    host = NetworkHost({NAME: (live, None)})
    lease = Lease("[red]a", MAC, "\x1b[2J", "\u202ename", 1)
    host.network = HostNetwork((Network("[red]\x1b[2J", True, None),), leases=(lease,))
    return host

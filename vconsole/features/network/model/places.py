"""Networks and bridges of the host, who is on them, and the leases of their DHCP.

Format: https://libvirt.org/formatnetwork.html.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from vconsole.features.network.model.interfaces import DomainVnics, Source
from vconsole.model.xml_edit import Document


@dataclass(frozen=True, slots=True)
class Network:
    """A virtual network of libvirt."""

    name: str
    active: bool
    autostart: bool | None
    mode: str = "isolated"
    """How it forwards: nat, route, open, bridge, private and others."""
    bridge: str = ""
    own_bridge: bool = True
    """libvirt made the bridge; False where it is the host's."""
    ranges: tuple[str, ...] = ()
    """What DHCP gives away: ``192.168.122.2-192.168.122.254``."""
    guarantees: bool = False
    """Its traffic inwards has a bandwidth, of which interfaces can be guaranteed a part (floor)."""


def read_network(xml: str, active: bool, autostart: bool | None) -> Network:
    """Read a ``<network>``.

    Raises:
        XmlEditError: It cannot be read.
    """
    root = Document(xml).root
    name, forward, bridge = (root.find(tag) for tag in ("name", "forward", "bridge"))
    mode = (forward.get("mode") or "nat") if forward else "isolated"
    ranges = (
        f"{node.get('start') or ''}-{node.get('end') or ''}"
        for node in root.findall("ip/dhcp/range")
    )
    return Network(
        name.text if name else "",
        active,
        autostart,
        mode,
        (bridge.get("name") if bridge else None) or "",
        own_bridge=mode in ("isolated", "nat", "route", "open"),
        ranges=tuple(ranges),
        guarantees=root.find("bandwidth/inbound") is not None,
    )


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge of the host."""

    name: str
    active: bool
    """It is up, and something on it as well."""
    ports: tuple[str, ...] = ()
    """The host's devices on it; those of guests, ``vnet0`` and the like, are left out."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that DHCP of a network gave to a guest."""

    network: str
    mac: str
    address: str
    hostname: str = ""
    """As the guest says."""
    expires_s: int = 0
    """Seconds since 1970; 0 for never."""


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """What interfaces can be plugged into, and who got which address there."""

    networks: tuple[Network, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    leases: tuple[Lease, ...] = ()
    problem: str = ""
    """What could not be read, in one line."""

    def leases_of(self, mac: str) -> tuple[Lease, ...]:
        """The addresses of an interface."""
        return tuple(lease for lease in self.leases if lease.mac == mac)

    def what(self, source: Source) -> Network | Bridge | None:
        """What an interface is plugged into; None where it is not known here."""
        known: dict[str, tuple[Network | Bridge, ...]] = {
            "network": self.networks,
            "bridge": self.bridges,
        }
        return next((one for one in known.get(source.kind, ()) if one.name == source.name), None)

    def places(self, domains: Iterable[DomainVnics]) -> dict[Source, int]:
        """Networks, bridges, and what else domains are plugged into -> how many interfaces are.

        The bridge that libvirt made for a network counts only where something is on it directly.
        """
        found = Counter(vnic.now.source for domain in domains for vnic in domain.vnics)
        own = {network.bridge for network in self.networks if network.own_bridge}
        networks = [Source("network", network.name) for network in self.networks]
        bridges = [Source("bridge", b.name) for b in self.bridges if b.name not in own]
        others = sorted(found, key=lambda source: (source.kind, source.name))
        return {source: found[source] for source in (*networks, *bridges, *others)}


@dataclass(frozen=True, slots=True)
class ReadHostNetwork:
    """Read networks, bridges and leases: answers a `HostNetwork`."""

    deadline_s: ClassVar[float] = 20.0

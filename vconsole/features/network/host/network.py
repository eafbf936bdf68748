"""Reads the host's networks, bridges and leases, and the interfaces of domains with their traffic.

Sources: virConnectListAllNetworks, virNetworkGetDHCPLeases, virConnectListAllInterfaces,
virDomainInterfaceStats; /sys/class/net of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

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
    read_network,
)
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.together import together
from vconsole.model.request import Reply
from vconsole.model.xml_read import parse

SYS: Final = Path("/sys/class/net")
_INACTIVE, _PERSISTENT = 2, 4
"""VIR_DOMAIN_XML_INACTIVE, VIR_CONNECT_LIST_DOMAINS_PERSISTENT."""
_GUESTS: Final = "vnet"
"""What libvirt calls the devices of guests; it names none of them as a port itself."""
_LAST_S: Final = 1 << 37
"""In the year 6325; a calendar has no days for the numbers that a broken daemon may tell."""
_MOST: Final = 512
"""Interfaces of the host that libvirt is asked about one by one."""


# ---- domains


def read_vnics(link: Link, request: ReadVnics) -> Reply:
    """Read the interfaces of the domains that are asked for, else of all."""
    domains = link.call(link.conn.listAllDomains, 0)
    persistent = {d.UUIDString() for d in link.call(link.conn.listAllDomains, _PERSISTENT)}
    wanted = frozenset(request.uuids)
    chosen = [d for d in domains if not wanted or d.UUIDString() in wanted]
    chosen.sort(key=lambda d: d.name().casefold())
    found = together(link, lambda d: _domain(link, d, d.UUIDString() in persistent), chosen)
    return Reply(value=tuple(found))


def _domain(link: Link, domain: Any, persistent: bool) -> DomainVnics:
    import libvirt

    uuid, name, running = domain.UUIDString(), domain.name(), domain.ID() >= 0
    try:
        live = link.xml_of(domain) if running else None
        config = link.xml_of(domain, _INACTIVE) if persistent else None
        return DomainVnics(uuid, name, running, vnics(live, config))
    except (libvirt.libvirtError, ValueError) as error:  # it is gone, or its XML cannot be read
        return DomainVnics(uuid, name, running, problem=errors.message(error))


def read_traffic(link: Link, request: ReadTraffic) -> Reply:
    """Read one domain, and count what goes through its interfaces while it runs."""
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    found = _domain(link, domain, bool(link.call(domain.isPersistent)))
    counters = {
        vnic.live.target: _count(link, domain, vnic.live.target)
        for vnic in found.vnics
        if vnic.live is not None and vnic.live.target
    }
    return Reply(value=Traffic(monotonic(), found, counters), message=found.problem)


def _count(link: Link, domain: Any, target: str) -> Counters:
    import libvirt

    try:
        found = link.call(domain.interfaceStats, target)
    except libvirt.libvirtError:  # of some kinds there are none
        return Counters()
    return Counters(*(number if number >= 0 else None for number in found))


# ---- the host


def read_host_network(link: Link, request: ReadHostNetwork) -> Reply:
    """Read what there is; what the driver lacks is left out."""
    found = link.demand("networks", link.conn.listAllNetworks, 0) or []
    networks = tuple(sorted(_networks(link, found), key=lambda network: network.name))
    leases = tuple(_leases(link, found))
    problem = "; ".join(filter(None, map(link.denied.get, ("networks", "leases"))))
    return Reply(value=HostNetwork(networks, _bridges(link), leases, problem))


def _networks(link: Link, found: list[Any]) -> Iterator[Network]:
    import libvirt

    for handle in found:
        with suppress(libvirt.libvirtError, ValueError):  # it is gone, or cannot be read
            text = link.call(handle.XMLDesc, 0)
            active, autostart = link.call(handle.isActive), link.call(handle.autostart)
            yield read_network(text, bool(active), bool(autostart))


def _leases(link: Link, found: list[Any]) -> Iterator[Lease]:
    for handle in found:
        for lease in link.attempt("leases", handle.DHCPLeases) or ():
            yield Lease(
                handle.name(),
                str(lease.get("mac") or "").lower(),
                str(lease.get("ipaddr") or ""),
                str(lease.get("hostname") or ""),
                min(int(lease.get("expirytime") or 0), _LAST_S),
            )


def _bridges(link: Link) -> tuple[Bridge, ...]:
    """The bridges, as the daemon sees them.

    /sys tells at no cost, where this machine's network is the daemon's: not of a daemon in a
    container, which names interfaces that are not here.
    """
    handles = link.demand("interfaces", link.conn.listAllInterfaces, 0)
    here = {folder.name for folder in SYS.iterdir()} if link.connection.local else set()
    if link.connection.local and {h.name() for h in handles or ()} <= here:
        found = [_bridge_here(folder) for folder in SYS.glob("*/bridge")]
    else:
        found = [_bridge_there(link, handle) for handle in (handles or [])[:_MOST]]
    return tuple(sorted(filter(None, found), key=lambda bridge: bridge.name))


def _bridge_here(folder: Path) -> Bridge | None:
    place = folder.parent
    try:
        up = (place / "operstate").read_text().strip() == "up"
        names = (port.name for port in (place / "brif").iterdir())
        ports = sorted(name for name in names if not name.startswith(_GUESTS))
    except OSError:  # it has just gone
        return None
    return Bridge(place.name, up, tuple(ports))


def _bridge_there(link: Link, handle: Any) -> Bridge | None:
    import libvirt

    try:
        root = parse(str(link.call(handle.XMLDesc, 0)), "interface")
        if root.get("type") != "bridge":
            return None
        ports = sorted(node.get("name", "") for node in root.findall("bridge/interface"))
        return Bridge(handle.name(), bool(link.call(handle.isActive)), tuple(ports))
    except (libvirt.libvirtError, ValueError):  # it has just gone, or cannot be read
        return None

"""Words and cells for network interfaces, networks and bridges; foreign text leaves here safe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from vconsole.features.network.model.interfaces import (
    Counters,
    DomainVnics,
    Holders,
    Interface,
    Source,
    Vnic,
)
from vconsole.features.network.model.places import Bridge, HostNetwork, Lease, Network
from vconsole.model.keys import Keys
from vconsole.model.words import names_label, plural
from vconsole.text import Cell, Column, Note, safe, size

KEY = Keys("network")


def speed(value: float | None) -> str:
    """Bytes a second: ``1.2 MiB``; unknown is ``-``."""
    return size(None if value is None else round(value))


def alarm(vnic: Vnic, shared: Holders, uuid: str) -> str:
    """Who else has its MAC address; empty if nobody."""
    words = []
    for mac in vnic.macs:
        others = [str(h) for h in shared.get(mac, ()) if h.uuid != uuid]
        own = sum(h.uuid == uuid for h in shared.get(mac, ()))
        others += ["another of its own"] if own > 1 else []
        if others:
            words.append(f"{mac} is shared with {names_label(others)}")
    return "; ".join(words)


def mark(vnic: Vnic, shared: Holders) -> Cell:
    """An alarm where the address is shared, a warning where the next start changes something."""
    if any(mac in shared for mac in vnic.macs):
        return "!", "bad"
    return ("!", "warn") if vnic.differs else ("", "")


def vnic_notes(
    vnic: Vnic, counters: Counters | None, network: HostNetwork, trouble: str
) -> Iterator[Note]:
    """All that is known of an interface beyond its row."""
    nic = vnic.now
    if trouble:
        yield f" {safe(trouble)}; {KEY.mac} gives another", "bad"
    if vnic.differs:
        yield f" {safe(vnic.differs)}", "warn"
    for lease in network.leases_of(nic.mac):
        yield f" {lease_words(lease)}", ""
    if words := "   ".join(_facts(nic)):
        yield f" {safe(words)}", ""
    if counters is not None and counters.rx_bytes is not None:
        yield f" {_counted(counters)}", ""
    half = "live" if vnic.live else "config"
    yield f" {half}:", "dim"
    margin = len(last := nic.xml.split("\n")[-1]) - len(last.lstrip())
    for number, line in enumerate(nic.xml.split("\n")):
        yield f" {safe(line[margin if number else 0 :])}", "dim"


def lease_words(lease: Lease) -> str:
    """One address that DHCP gave."""
    until = f"{datetime.fromtimestamp(lease.expires_s):%Y-%m-%d %H:%M}" if lease.expires_s else ""
    words = (
        lease.address,
        f"as {lease.hostname}" if lease.hostname else "",
        f"by the DHCP of {lease.network}",
        f"until {until}" if until else "for ever",
    )
    return safe(" ".join(filter(None, words)))


def _facts(nic: Interface) -> Iterator[str]:
    behind = nic.bridge if nic.source.kind != "bridge" else ""
    for label, value in (
        ("on bridge", behind),
        ("alias", nic.alias),
        ("boot order", nic.boot_order),
        ("filter", nic.filter),
        ("MTU", nic.mtu),
        ("limits", nic.bandwidth),
    ):
        if value:
            yield f"{label} {value}"


def _counted(counters: Counters) -> str:
    words = (
        f"received {size(counters.rx_bytes)}, sent {size(counters.tx_bytes)}",
        f"{plural(counters.lost, 'packet')} lost or broken" if counters.lost else "",
    )
    return "; ".join(filter(None, words))


# ---- the host

PLACE_COLUMNS = (
    Column("mark", "", 1),
    Column("name", "Network, bridge", 21),
    Column("state", "State", 8),
    Column("autostart", "Auto", 4),
    Column("mode", "Forward", 8),
    Column("bridge", "Bridge", 10),
    Column("guests", "On", 3, "right"),
    Column("more", "DHCP, ports", 17, flex=True),
)


def place_cells(source: Source, what: Network | Bridge | None, guests: int) -> tuple[Cell, ...]:
    """A network, a bridge, or what only domains name."""
    name, count = (safe(str(source)), "accent"), (str(guests), "" if guests else "dim")
    if isinstance(what, Network):
        return (
            *(("", ""), name),
            ("active", "good") if what.active else ("inactive", "warn"),
            ({True: "yes", False: "no", None: "-"}[what.autostart], ""),
            *((safe(what.mode), ""), (safe(what.bridge or "-"), ""), count),
            (safe(" ".join(what.ranges) or "-"), ""),
        )
    state, more = ("-", "dim"), ("", "")
    if what is not None:
        state = ("up", "good") if what.active else ("down", "dim")
        more = (safe(" ".join(what.ports) or "-"), "")
    elif source.kind in ("network", "bridge"):
        more = ("not seen on this host", "warn")
    return ("", ""), name, state, ("", ""), ("", ""), ("", ""), count, more


def guest_cells(
    domain: DomainVnics, vnic: Vnic, shared: Holders, network: HostNetwork
) -> tuple[Cell, ...]:
    """An interface, in the same columns."""
    nic, tone = vnic.now, "" if domain.running else "dim"
    addresses = " ".join(lease.address for lease in network.leases_of(nic.mac))
    return (
        mark(vnic, shared),
        (f"  {safe(domain.name)}", tone),
        ("running" if domain.running else "off", tone),
        *(("", ""), (f"link {nic.link}", tone if nic.up else "warn")),
        *((safe(nic.target or "-"), tone), ("", "")),
        (safe(f"{nic.mac} {addresses}".strip()), tone),
    )

"""Words and cells for network interfaces, networks and bridges; foreign text leaves here safe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from vconsole.features.network.model.interfaces import (
    Counters,
    DomainVnics,
    Holders,
    Interface,
    Source,
    Vnic,
)
from vconsole.features.network.model.places import Bridge, HostNetwork, Lease, Network
from vconsole.model.column import Column
from vconsole.model.keys import Keys
from vconsole.model.words import names_label, plural
from vconsole.text import Cell, Note, safe, size

KEY = Keys("network")
_NONE: Final[Cell] = ("", "")


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


class Row(NamedTuple):
    """A network, a bridge, or an interface on one, cell by cell; what it has not is empty."""

    name: Cell
    state: Cell
    more: Cell = _NONE
    mark: Cell = _NONE
    autostart: Cell = _NONE
    mode: Cell = _NONE
    bridge: Cell = _NONE
    guests: Cell = _NONE


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("mark", "", 1, cell=lambda row: row.mark),
    Column("name", "Network, bridge", 20, cut="middle", cell=lambda row: row.name),
    Column("state", "State", 8, cell=lambda row: row.state),
    Column("autostart", "Auto", 4, cell=lambda row: row.autostart),
    Column("mode", "Forward", 8, cell=lambda row: row.mode),
    Column("bridge", "Bridge", 10, cell=lambda row: row.bridge),
    Column("guests", "On", 3, "right", cell=lambda row: row.guests),
    Column("more", "DHCP, ports", 18, flex=True, cell=lambda row: row.more),
)


def place_row(source: Source, what: Network | Bridge | None, guests: int) -> Row:
    """A network, a bridge, or what only domains name."""
    name, count = (safe(str(source)), "accent"), (str(guests), "" if guests else "dim")
    if isinstance(what, Network):
        return Row(
            name,
            ("active", "good") if what.active else ("inactive", "warn"),
            (safe(" ".join(what.ranges) or "-"), ""),
            autostart=({True: "yes", False: "no", None: "-"}[what.autostart], ""),
            mode=(safe(what.mode), ""),
            bridge=(safe(what.bridge or "-"), ""),
            guests=count,
        )
    if what is not None:
        state = ("up", "good") if what.active else ("down", "dim")
        return Row(name, state, (safe(" ".join(what.ports) or "-"), ""), guests=count)
    missed = source.kind in ("network", "bridge")
    more = ("not seen on this host", "warn") if missed else _NONE
    return Row(name, ("-", "dim"), more, guests=count)


def guest_row(domain: DomainVnics, vnic: Vnic, shared: Holders, network: HostNetwork) -> Row:
    """An interface."""
    nic, tone = vnic.now, "" if domain.running else "dim"
    addresses = " ".join(lease.address for lease in network.leases_of(nic.mac))
    return Row(
        (f"  {safe(domain.name)}", tone),
        ("running" if domain.running else "off", tone),
        (safe(f"{nic.mac} {addresses}".strip()), tone),
        mark=mark(vnic, shared),
        mode=(f"link {nic.link}", tone if nic.up else "warn"),
        bridge=(safe(nic.target or "-"), tone),
    )

"""``vconsole net``: interfaces of domains, networks and bridges of the host."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from vconsole.changes.dispatcher import Request
from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, chosen, plan_and_change
from vconsole.cli.report import (
    DONE,
    FAILED,
    REFUSED,
    USAGE,
    CliError,
    plain,
    print_json,
    print_table,
)
from vconsole.features.network.model.interfaces import (
    DomainVnics,
    ReadTraffic,
    ReadVnics,
    Source,
    Traffic,
    duplicates,
    holders,
)
from vconsole.features.network.model.mac import NEW, PREFIXES, MacError, wanted_mac
from vconsole.features.network.model.places import HostNetwork, ReadHostNetwork
from vconsole.features.network.model.plan import adder, address_giver, linker, mover, remover
from vconsole.host.source import HostSource
from vconsole.model.words import plural
from vconsole.text import safe, size

if TYPE_CHECKING:
    Run = Callable[[argparse.Namespace, HostSource], int]

_WHERE = "network:NAME or bridge:NAME"


def add_parser(commands: Commands) -> None:
    """Add ``net``."""
    parser = commands.add_parser("net", help="network interfaces, networks and bridges")
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="list|move|link|mac|add|remove|check"
    )
    show = _add(actions, "list", _list, "interfaces of a domain; or what the host has")
    show.add_argument("domain", nargs="?", help="name, UUID or id")
    show.add_argument("--host", action="store_true", help="networks, bridges and leases")
    show.add_argument("--json", action="store_true", help="report as JSON")
    check = _add(actions, "check", _check, "find MAC addresses that interfaces share")
    check.add_argument("--json", action="store_true", help="report as JSON")
    move = _add_change(actions, "move", _move, "plug an interface into something else")
    move.add_argument("to", type=_source, help=_WHERE)
    link = _add_change(actions, "link", _link, "plug its cable in, or pull it")
    link.add_argument("state", choices=("up", "down"))
    mac = _add_change(actions, "mac", _mac, "give it another address, from its next start on")
    mac.add_argument("mac", help=f"an address, or {NEW}, or one of {', '.join(PREFIXES)}")
    add = _add_change(actions, "add", _add_interface, "give a domain an interface", named=False)
    add.add_argument("to", type=_source, help=_WHERE)
    add.add_argument("--mac", default=NEW, help=f"an address, or one of {', '.join(PREFIXES)}")
    add.add_argument("--model", default="virtio", help="default %(default)s")
    _add_change(actions, "remove", _remove, "take an interface away")


def _add(actions: Commands, name: str, run: Run, explanation: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=explanation)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.set_defaults(run=run)
    return parser


def _add_change(
    actions: Commands, name: str, run: Run, explanation: str, *, named: bool = True
) -> argparse.ArgumentParser:
    parser = _add(actions, name, run, explanation)
    parser.add_argument("domain", help="name, UUID or id")
    if named:
        parser.add_argument("interface", help="its target, alias or MAC address")
    add_change_arguments(parser, target=True, defines=True)
    return parser


def _source(text: str) -> Source:
    try:
        return Source.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


# ---- changing


def _move(options: argparse.Namespace, source: HostSource) -> int:
    with asking(options) as host:
        there = _value(host, ReadHostNetwork(), HostNetwork).what(options.to)
    return plan_and_change(options, source, mover(options.interface, options.to, there))


def _link(options: argparse.Namespace, source: HostSource) -> int:
    return plan_and_change(options, source, linker(options.interface, options.state == "up"))


def _mac(options: argparse.Namespace, source: HostSource) -> int:
    return plan_and_change(options, source, address_giver(options.interface, _free_mac(options)))


def _add_interface(options: argparse.Namespace, source: HostSource) -> int:
    return plan_and_change(options, source, adder(options.to, _free_mac(options), options.model))


def _remove(options: argparse.Namespace, source: HostSource) -> int:
    return plan_and_change(options, source, remover(options.interface))


def _free_mac(options: argparse.Namespace) -> str:
    """The address that is asked for, if no interface of the host's domains has it."""
    with asking(options) as host:
        known = holders(_fleet(host))
    try:
        mac = wanted_mac(options.mac, known)
    except MacError as error:
        raise CliError(str(error), USAGE) from error
    if mac in known:
        raise CliError(f"{mac} is the address of {known[mac][0]} already", REFUSED)
    return mac


# ---- showing


def _list(options: argparse.Namespace, source: HostSource) -> int:
    if options.host == (options.domain is not None):
        raise CliError("net list needs either the name of a domain or --host", USAGE)
    (_list_host if options.host else _list_domain)(options, source)
    return DONE


def _list_domain(options: argparse.Namespace, source: HostSource) -> None:
    (domain,), _ = chosen(options, source)
    with asking(options) as host:
        traffic = _value(host, ReadTraffic(domain.uuid), Traffic)
        network = _value(host, ReadHostNetwork(), HostNetwork)
        shared = duplicates(holders(_fleet(host)))
    found = traffic.domain
    if found.problem:
        raise CliError(found.problem)
    if options.json:
        rows = [_as_json(traffic, network, number) for number in range(len(found.vnics))]
        print_json({"uuid": found.uuid, "name": found.name, "interfaces": rows})
        return
    titles = ("target", "mac", "model", "source", "link", "received", "sent", "addresses")
    print_table(titles, [_row(traffic, network, n) for n in range(len(found.vnics))])
    for vnic in found.vnics:
        if vnic.differs:
            print(safe(f"{vnic.now.called}: {vnic.differs}"))
        for mac in vnic.macs.keys() & shared.keys():
            print(safe(f"{vnic.now.called}: {mac} is shared by {', '.join(map(str, shared[mac]))}"))


def _row(traffic: Traffic, network: HostNetwork, number: int) -> tuple[object, ...]:
    nic = traffic.domain.vnics[number].now
    counters = traffic.counters.get(nic.target)
    return (
        nic.target or None,
        nic.mac or None,
        nic.model or None,
        nic.source,
        nic.link,
        size(counters.rx_bytes if counters else None),
        size(counters.tx_bytes if counters else None),
        " ".join(lease.address for lease in network.leases_of(nic.mac)) or None,
    )


def _as_json(traffic: Traffic, network: HostNetwork, number: int) -> dict[str, object]:
    vnic = traffic.domain.vnics[number]
    return {
        "live": vnic.live,
        "config": vnic.config,
        "differs": vnic.differs,
        "counters": traffic.counters.get(vnic.now.target),
        "leases": network.leases_of(vnic.now.mac),
    }


def _list_host(options: argparse.Namespace, source: HostSource) -> None:
    with asking(options) as host:
        network, fleet = _value(host, ReadHostNetwork(), HostNetwork), _fleet(host)
    if options.json:
        guests = {str(source): _on(source, fleet) for source in network.places(fleet)}
        print_json({**plain(network), "domains": guests})
        return
    titles = ("network", "state", "autostart", "forward", "bridge", "dhcp", "domains")
    print_table(titles, list(_network_rows(network, fleet)))
    print()
    print_table(("bridge", "state", "ports", "domains"), list(_bridge_rows(network, fleet)))
    if network.leases:
        print()
        rows = [(e.network, e.address, e.mac, e.hostname or None) for e in network.leases]
        print_table(("lease of", "address", "mac", "host name"), rows)
    if network.problem:
        raise CliError(network.problem)


def _network_rows(
    network: HostNetwork, fleet: tuple[DomainVnics, ...]
) -> Iterator[tuple[object, ...]]:
    for one in network.networks:
        yield (
            one.name,
            "active" if one.active else "inactive",
            "yes" if one.autostart else "no",
            one.mode,
            one.bridge or None,
            " ".join(one.ranges) or None,
            " ".join(_on(Source("network", one.name), fleet)) or None,
        )


def _bridge_rows(
    network: HostNetwork, fleet: tuple[DomainVnics, ...]
) -> Iterator[tuple[object, ...]]:
    for one in network.bridges:
        yield (
            one.name,
            "up" if one.active else "down",
            " ".join(one.ports) or None,
            " ".join(_on(Source("bridge", one.name), fleet)) or None,
        )


def _on(source: Source, fleet: tuple[DomainVnics, ...]) -> list[str]:
    """The domains with an interface there."""
    return [d.name for d in fleet if any(vnic.now.source == source for vnic in d.vnics)]


def _check(options: argparse.Namespace, source: HostSource) -> int:
    """Answer 1 where addresses are shared, or not all could be compared."""
    with asking(options) as host:
        fleet = _fleet(host)
    shared = duplicates(holders(fleet))
    unread = {domain.name: domain.problem for domain in fleet if domain.problem}
    if options.json:
        print_json({"duplicates": shared, "unread": unread})
        return FAILED if shared or unread else DONE
    for mac, found in shared.items():
        print(safe(f"{mac} is shared by {', '.join(map(str, found))}"))
    for name, problem in unread.items():
        print(safe(f"{name}: not read: {problem}"))
    if not shared and not unread:
        print(f"no MAC address is shared by {plural(len(fleet), 'domain')} of this host")
    return FAILED if shared or unread else DONE


def _fleet(host: HostRequests) -> tuple[DomainVnics, ...]:
    found: tuple[DomainVnics, ...] = _value(host, ReadVnics(), tuple)
    return found


def _value(host: HostRequests, request: Request, kind: type[Any]) -> Any:
    reply = ask(host, request)
    if not isinstance(reply.value, kind):
        raise CliError(reply.message)
    return reply.value

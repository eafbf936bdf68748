"""Interfaces of domains, networks and bridges of the host."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={
        "network": "Network interfaces",
        "networkchoice": "Choice of a network",
        "networks": "Host: networks",
    },
    commands=(
        Command(
            "domains.network",
            "n",
            "",
            "Go to the network interfaces of the domain.",
            (a_domain,),
            virsh="domiflist {name}",
            opens="network",
            words="domif-setlink domifstat domifaddr nic mac cable",
        ),
        Command(
            "domain.network",
            "n",
            "",
            "Go to its network interfaces.",
            (a_domain,),
            virsh="domiflist {name}",
            opens="network",
            words="domif-setlink domifstat domifaddr nic mac cable",
        ),
        Command(
            "host.networks",
            "n",
            "networks",
            "Go to networks and bridges, and who is on them.",
            virsh="net-list --all",
            opens="networks",
            words="net-dhcp-leases net-info iface-list leases switch",
        ),
        Command(
            "network.move",
            "m",
            "move",
            "Plug the interface into another network or bridge.",
            (writable, a_domain),
            virsh="update-device {name} FILE",
        ),
        Command(
            "network.link",
            "x",
            "link up/down",
            "Pull the interface's cable, or plug it in.",
            (writable, a_domain),
            virsh="domif-setlink {name} INTERFACE down",
        ),
        Command(
            "network.mac",
            "w",
            "MAC",
            "Give it another MAC, from the next start on.",
            (writable, a_domain),
        ),
        Command(
            "network.add", "plus", "add", "Give the domain an interface.", (writable, a_domain)
        ),
        Command(
            "network.remove",
            "minus,d,delete",
            "remove",
            "Take the interface away.",
            (writable, a_domain),
        ),
        Command(
            "network.host",
            "n",
            "networks",
            "Go to the networks and bridges of the host.",
            opens="networks",
        ),
        Command("networkchoice.choose", "enter", "choose", "Plug it in here."),
        Command("networkchoice.filter", "slash", "filter", "Show only those that match."),
        Command("networkchoice.other", "o", "other", "Type one that is not in the list."),
        Command(
            "networks.open", "enter", "open", "Open the interfaces of the domain.", (a_domain,)
        ),
        Command(
            "networks.filter", "slash", "filter", "Show only what matches, by name or address."
        ),
    ),
    pages={
        "network": "vconsole.screens.network.network:NetworkScreen",
        "networks": "vconsole.screens.network.networks:NetworksScreen",
    },
    answers=(
        Answer(".model.places:ReadHostNetwork", ".host.network:read_host_network"),
        Answer(".model.interfaces:ReadTraffic", ".host.network:read_traffic"),
        Answer(".model.interfaces:ReadVnics", ".host.network:read_vnics"),
        Answer(
            ".model.plan:UpdateInterface",
            ".host.interface:update_interface",
            changes=True,
            tells=".host.interface:tell_interface",
        ),
    ),
    subcommands={"net": ".cli:add_parser"},
    reverts={"interface": ".model.plan:revert"},
)

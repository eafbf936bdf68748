"""Commands of network interfaces, networks and bridges."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain

TABLE: Final = (
    Command(
        "network.move",
        "m",
        "move",
        "Plug the interface into another network or bridge.",
        (a_domain,),
        virsh="update-device {name} FILE",
    ),
    Command(
        "network.link",
        "x",
        "link up/down",
        "Pull the interface's cable, or plug it in.",
        (a_domain,),
        virsh="domif-setlink {name} INTERFACE down",
    ),
    Command("network.mac", "w", "MAC", "Give it another MAC, from the next start on.", (a_domain,)),
    Command("network.add", "plus", "add", "Give the domain an interface.", (a_domain,)),
    Command("network.remove", "minus,d,delete", "remove", "Take the interface away.", (a_domain,)),
    Command("network.host", "n", "networks", "Go to the networks and bridges of the host."),
    Command("networkchoice.choose", "enter", "choose", "Plug it in here."),
    Command("networkchoice.filter", "slash", "filter", "Show only those that match."),
    Command("networkchoice.other", "o", "other", "Type one that is not in the list."),
    Command("networks.open", "enter", "open", "Open the interfaces of the domain.", (a_domain,)),
    Command("networks.filter", "slash", "filter", "Show only what matches, by name or address."),
)

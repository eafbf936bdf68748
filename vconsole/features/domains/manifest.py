"""The list of domains, and the page of one."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, unreached
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"domains": "Domains", "domain": "Domain"},
    commands=(
        Command(
            "app.domains",
            "1",
            "",
            "Go to the list of domains.",
            virsh="list --all --title",
            place=10,
        ),
        Command(
            "domains.open",
            "enter",
            "open",
            "Open the domain.",
            (a_domain,),
            virsh="dominfo {name}",
            opens="domain",
            place=40,
            words="domstate vcpuinfo domstats domblklist details",
        ),
        Command(
            "domains.filter",
            "slash",
            "filter",
            "Show only the domains that match.",
            words="search find",
        ),
        Command(
            "domains.select", "space", "select", "Choose the domain, for actions.", (a_domain,)
        ),
        Command("domains.select_all", "asterisk", "", "Choose all that the filter shows."),
        Command(
            "domains.jump",
            "f",
            "",
            "Jump to a domain by typing its name.",
            place=60,
            words="search find goto",
        ),
        Command("domains.sort", "s", "sort", "Sort by the next column.", place=60),
        Command("domains.reverse", "S", "", "Turn the order around.", place=60),
        Command(
            "domains.demo",
            "d",
            "",
            "Open the demo host instead of one that does not answer.",
            (unreached,),
            place=90,
        ),
        Command(
            "domain.next_tab",
            "tab,right_square_bracket",
            "next tab",
            "Show the next tab.",
            place=60,
        ),
        Command(
            "domain.previous_tab",
            "shift+tab,left_square_bracket",
            "",
            "Show the tab before this one.",
            place=60,
        ),
        Command(
            "domain.xml",
            "x",
            "live/config/diff",
            "Go to the XML; there, switch between live, inactive (config) and the difference.",
            (a_domain,),
            virsh="dumpxml {name} --inactive",
            place=65,
            words="definition difference",
        ),
    ),
    pages={"domain": "vconsole.screens.domains.domain:DomainScreen"},
    group="Look and pin",
    subcommands={"show": ".cli:add_parser"},
)

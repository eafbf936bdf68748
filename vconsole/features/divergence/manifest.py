"""Where domains run otherwise than they are defined."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"divergence": "Divergence"},
    commands=(
        Command(
            "domains.divergence",
            "D",
            "",
            "Show where the domains chosen, or this one, run otherwise than they are defined.",
            (a_domain,),
            words="drift inactive persistent",
        ),
        Command(
            "domain.divergence",
            "D",
            "",
            "Show where it runs otherwise than it is defined.",
            (a_domain,),
            opens="divergence",
            words="drift inactive persistent",
        ),
        Command(
            "divergence.open",
            "enter",
            "XML",
            "Show the difference of the domain's live and inactive XML.",
            (a_domain,),
            virsh="dumpxml --inactive {name}",
        ),
        Command(
            "divergence.persist",
            "plus",
            "persist",
            "Make the live values chosen persistent: write them into the definition.",
            (writable,),
            virsh="edit {name}",
        ),
        Command(
            "divergence.revert",
            "minus",
            "revert",
            "Revert the live values chosen to what the definition says.",
            (writable,),
        ),
        Command("divergence.select", "space", "select", "Choose the difference, or not any more."),
        Command(
            "divergence.select_all",
            "asterisk",
            "",
            f"Choose all differences, but for those that {key('divergence.persist')} would take "
            "out of a definition.",
        ),
        Command("divergence.all", "tab", "all", "Show all domains that differ, or go back."),
    ),
    pages={"divergence": "vconsole.screens.divergence:DivergenceScreen"},
    answers=(Answer(".model.rows:ReadDivergence", ".host:read_divergence"),),
    subcommands=dict.fromkeys("diff persist revert".split(), ".cli:add_parsers"),
)

"""Commands of the page that compares what domains run with and what they are defined with."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable

TABLE: Final = (
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
        "Choose all differences, but for those that + would take out of a definition.",
    ),
    Command("divergence.all", "tab", "all", "Show all domains that differ, or go back."),
)

"""Commands of a domain's snapshots."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable

TABLE: Final = (
    Command("snapshots.detail", "enter", "XML", "Show the snapshot's XML, and the list again."),
    Command(
        "snapshots.create",
        "plus",
        "take one",
        "Take a snapshot of the domain.",
        (writable, a_domain),
        virsh="snapshot-create-as {name}",
    ),
    Command(
        "snapshots.revert",
        "R",
        "revert",
        "Put the domain back to the snapshot; what came since is lost.",
        (writable, a_domain),
        virsh="snapshot-revert {name}",
    ),
    Command(
        "snapshots.delete",
        "minus,d,delete",
        "delete",
        "Delete the snapshot, or what comes from it.",
        (writable, a_domain),
        virsh="snapshot-delete {name}",
    ),
    Command("newsnapshot.apply", "enter", "go on", "Show what it does; enter there takes it."),
    Command("newsnapshot.choose", "space", "choose", "Take the next choice, or edit the text."),
    Command("newsnapshot.edit", "e", "edit", "Edit name or description."),
)

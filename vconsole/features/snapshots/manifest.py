"""Snapshots of a domain."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"snapshots": "Snapshots", "newsnapshot": "New snapshot"},
    commands=(
        Command(
            "domains.snapshots",
            "t",
            "",
            "List the snapshots of the domain as a tree.",
            (a_domain,),
            virsh="snapshot-list {name} --tree",
            opens="snapshots",
            words="snapshot-create snapshot-revert checkpoint restore backup",
        ),
        Command(
            "domain.snapshots",
            "t",
            "",
            "List its snapshots as a tree.",
            (a_domain,),
            virsh="snapshot-list {name} --tree",
            opens="snapshots",
            words="snapshot-create snapshot-revert checkpoint restore backup",
        ),
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
            words="restore roll back",
        ),
        Command(
            "snapshots.delete",
            "minus,d,delete",
            "delete",
            "Delete the snapshot, or what comes from it.",
            (writable, a_domain),
            virsh="snapshot-delete {name}",
        ),
        Command(
            "newsnapshot.apply",
            "enter",
            "go on",
            f"Show what it does; {key('changes.apply')} there takes it.",
        ),
        Command("newsnapshot.choose", "space", "choose", "Take the next choice, or edit the text."),
        Command("newsnapshot.edit", "e", "edit", "Edit name or description."),
    ),
    pages={"snapshots": "vconsole.screens.snapshots.snapshots:SnapshotsScreen"},
    answers=(
        Answer(".model.create:ReadGround", ".host.create:read_ground", link="guests"),
        Answer(".model.tree:ReadSnapshots", ".host.snapshots:read_snapshots"),
        Answer(
            ".model.create:CreateSnapshot",
            ".host.create:create_snapshot",
            changes=True,
            tells=".host.snapshots:tell_created",
            link="guests",
        ),
        Answer(
            ".model.change:DeleteSnapshot",
            ".host.snapshots:delete_snapshot",
            changes=True,
            tells=".host.snapshots:tell_deleted",
        ),
        Answer(
            ".model.change:RevertSnapshot",
            ".host.snapshots:revert_snapshot",
            changes=True,
            tells=".host.snapshots:tell_reverted",
        ),
    ),
    subcommands={"snapshot": ".cli:add_parser"},
)

"""Storage: pools of the host, their volumes, and which domains use them."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, not_read_only, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={
        "storage": "Storage pools",
        "volumes": "Volumes of a pool",
        "storageform": "A pool or a volume to be made",
        "disks": "Disks of a domain",
        "image": "A disk image",
    },
    commands=(
        Command(
            "app.storage",
            "6",
            "",
            "Go to the storage pools of the host.",
            virsh="pool-list --all --details",
            place=10,
            opens="storage",
            words="vol-list pool-info disk image",
        ),
        Command(
            "domain.disks",
            "s",
            "",
            "Go to its disks: media, size, limits, chain.",
            (a_domain,),
            virsh="domblklist {name} --details",
            opens="disks",
        ),
        Command(
            "snapshots.flatten",
            "f",
            "flatten",
            "Pull the images its disks are based on into them, while it runs.",
            (writable, a_domain),
            virsh="blockpull {name} TARGET --wait",
        ),
        Command("disks.attach", "plus,o", "attach", "Give it an image.", (writable, a_domain)),
        Command(
            "disks.detach",
            "minus,d,delete",
            "detach",
            "Take the disk away; its image stays.",
            (writable, a_domain),
            virsh="detach-disk {name} TARGET",
        ),
        Command(
            "disks.medium",
            "m",
            "medium",
            "Put another medium into the drive, or none.",
            (writable, a_domain),
            virsh="change-media {name} TARGET",
        ),
        Command(
            "disks.resize",
            "e",
            "resize",
            "Give the disk another capacity while it is used.",
            (writable, a_domain),
            virsh="blockresize {name} TARGET SIZE",
        ),
        Command(
            "disks.limit",
            "l",
            "limit",
            "Limit what it may do in a second.",
            (writable, a_domain),
            virsh="blkdeviotune {name} TARGET",
        ),
        Command(
            "disks.flatten",
            "f",
            "flatten",
            "Pull what it is based on into it, while it is used.",
            (writable, a_domain),
            virsh="blockpull {name} TARGET --wait",
        ),
        Command(
            "disks.commit",
            "C",
            "",
            "Write it down into what it is based on, and go on there.",
            (writable, a_domain),
            virsh="blockcommit {name} TARGET --active --pivot",
        ),
        Command(
            "disks.move",
            "v",
            "",
            "Copy it to another place while it is used, and go on there.",
            (writable, a_domain),
            virsh="blockcopy {name} TARGET --dest PATH --pivot",
        ),
        Command(
            "disks.end",
            "x",
            "",
            "End a block job that nobody follows, or go on at what it made.",
            (writable, a_domain),
            virsh="blockjob {name} TARGET --abort",
        ),
        Command("disks.image", "i", "", "Go to its image: chain, check, convert, rebase."),
        Command("storage.open", "enter", "volumes", "Show the volumes of the pool."),
        Command("storage.start", "s", "start", "Start the pool.", (writable,)),
        Command("storage.stop", "x", "stop", "Stop the pool; its data stays.", (writable,)),
        Command("storage.refresh", "r", "", "Have libvirt read it anew.", (writable,)),
        Command("storage.autostart", "A", "", "Start it with the host, or not.", (writable,)),
        Command("storage.define", "plus,o", "define", "Define another pool.", (writable,)),
        Command(
            "storage.build", "B", "", "Build it: its directory, file system or group.", (writable,)
        ),
        Command(
            "storage.undefine",
            "minus,d,delete",
            "undefine",
            "Have libvirt forget the pool; its data stays.",
            (writable,),
        ),
        Command(
            "storage.delete", "X", "", "Delete the pool's data; it must be stopped.", (writable,)
        ),
        Command("storage.default", "D", "", "Make the default pool.", (writable,)),
        Command("storage.image", "i", "", "Open a disk image of this machine by its path."),
        Command(
            "storage.find",
            "f",
            "find",
            "Find a volume by POOL/NAME, path or key.",
            virsh="vol-pool VOLUME",
            words="vol-name vol-path vol-key vol-info",
        ),
        Command("storage.create", "n", "", "Make a disk image at a path.", (not_read_only,)),
        Command("storage.filter", "slash", "", "Show only the pools that match."),
        Command("volumes.image", "enter", "image", "Go to its image: chain, check, convert."),
        Command("volumes.create", "plus,o", "create", "Make a volume.", (writable,)),
        Command("volumes.clone", "c", "clone", "Make a copy of the volume.", (writable,)),
        Command("volumes.resize", "e", "resize", "Give it another capacity.", (writable,)),
        Command("volumes.wipe", "w", "", "Overwrite what it holds.", (writable,)),
        Command("volumes.delete", "minus,d,delete", "delete", "Delete the volume.", (writable,)),
        Command("volumes.upload", "i", "", "Write it from a file of this machine.", (writable,)),
        Command("volumes.download", "x", "", "Read it into a file of this machine.", (writable,)),
        Command("volumes.filter", "slash", "filter", "Show only the volumes that match."),
        Command(
            "storageform.apply",
            "enter",
            "go on",
            f"Show what it does; {key('changes.apply')} there does it.",
        ),
        Command("storageform.choose", "space", "choose", "Take the next choice, or edit the text."),
        Command("storageform.edit", "e", "edit", "Edit the text."),
        Command("image.open", "enter", "", "Go to the base under the cursor."),
        Command("image.check", "c", "check", "Look for errors in it."),
        Command("image.repair", "R", "", "Repair what the check found.", (not_read_only,)),
        Command("image.convert", "v", "convert", "Copy it in another format.", (not_read_only,)),
        Command("image.measure", "M", "", "Ask how much room a copy would take."),
        Command("image.resize", "e", "resize", "Give it another size.", (not_read_only,)),
        Command("image.rebase", "b", "rebase", "Change what it is based on.", (not_read_only,)),
        Command("image.commit", "C", "", "Write it down into its base.", (not_read_only,)),
        Command("image.snapshot", "plus,o", "snapshot", "Take a snapshot in it.", (not_read_only,)),
        Command("image.apply", "a", "", "Go back to the snapshot.", (not_read_only,)),
        Command("image.delete", "minus,d,delete", "", "Delete the snapshot.", (not_read_only,)),
        Command("image.map", "m", "", "Show which parts are allocated where."),
        Command("image.compare", "t", "", "Ask whether another image holds the same."),
    ),
    pages={
        "storage": "vconsole.screens.storage.pools:PoolsScreen",
        "disks": "vconsole.screens.storage.disks:DisksScreen",
    },
    answers=(
        *(
            Answer(f".model.pool:{kind}", f".host.read:{by}", link="storage")
            for kind, by in (
                ("ReadPool", "read_one_pool"),
                ("ReadPoolTypes", "read_pool_types"),
                ("ReadVolumes", "read_volumes"),
                ("ReadVolumeDetails", "read_volume_details"),
                ("FindVolume", "find_volume"),
            )
        ),
        # held up by any pool that hangs, so on a connection of its own
        Answer(".model.pool:ReadPools", ".host.read:read_pools", link="pool list"),
        Answer(".model.pool:ReadUsers", ".host.read:read_users"),
        Answer(
            *(".model.images:ReadImage", ".host.images:read_image"),
            local=True,
            demo=".demo:read_image",
        ),
        Answer(
            *(".model.images:AskImage", ".host.images:ask_image"),
            local=True,
            demo=".demo:ask_image",
        ),
        Answer(".model.images:ReadRoom", ".host.images:read_room", local=True),
        Answer(
            ".model.images:ImageWork",
            ".host.images:work_on_image",
            changes=True,
            link="images",
            tells=".host.tell:tell_made",
            untold="what was done within an image leaves no trace: check it",
        ),
        Answer(".model.disks:ReadDisks", ".host.disks:read_domain_disks"),
        *(
            Answer(
                *(f".model.disk_change:{kind}", f".host.disks:{by}"),
                changes=True,
                link="disks",
                tells=".host.tell:tell_disk",
            )
            for kind, by in (
                ("ResizeDisk", "resize_disk"),
                ("ChangeMedium", "change_medium"),
                ("LimitDisk", "limit_disk"),
                ("ChainJob", "run_chain_job"),
                ("EndJob", "end_job"),
            )
        ),
        *(
            Answer(
                *(f".model.change:{kind}", f".host.act:{by}"),
                changes=True,
                link="storage changes",
                tells=".host.tell:tell_storage",
            )
            for kind, by in (
                ("ActOnPool", "act_on_pool"),
                ("DefinePool", "define_pool"),
                ("CreateVolume", "create_volume"),
                ("ActOnVolume", "act_on_volume"),
                ("ResizeVolume", "resize_volume"),
            )
        ),
        Answer(
            ".model.change:TransferVolume",
            ".host.transfer:transfer_volume",
            changes=True,
            link="transfers",
            tells=".host.tell:tell_made",
            untold="what was written into a volume leaves no trace: upload it once more",
        ),
    ),
    group="Storage",
    subcommands={
        **dict.fromkeys(("pool", "volume"), ".cli.pools:add_parsers"),
        "disk": ".cli.disks:add_parser",
        "image": ".cli.images:add_parser",
    },
)

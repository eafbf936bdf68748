"""Plans changes of pools and volumes, and refuses what would harm a guest.

A plan is a pure function of what was read; `ValueError` says why nothing can be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vconsole.features.storage.model.change import (
    FORMATTED,
    ActOnPool,
    ActOnVolume,
    CreateVolume,
    DefinePool,
    PoolAction,
    ResizeVolume,
    TransferVolume,
    VolumeAction,
)
from vconsole.features.storage.model.forms import POOL_TYPES, pool_xml
from vconsole.features.storage.model.pool import Pool, Volume
from vconsole.features.storage.model.users import Users
from vconsole.model.proposal import Proposal
from vconsole.model.size import parse
from vconsole.model.words import names_label
from vconsole.model.xml_edit import element, escape_text

FORMATS: Final = ("qcow2", "raw", "qed", "vmdk", "vpc", "vdi")
"""Of volumes that are made in a directory, the usual ones first."""
DIRECTORY_TYPES: Final = ("dir", "fs", "netfs", "gluster", "vstorage")
"""Pools whose volumes are files and have formats."""


def plan_pool(pool: Pool, action: PoolAction, users: Users) -> Proposal:
    """Say what an action does to a pool.

    Raises:
        ValueError: The pool is not in a state for it.
    """
    if reason := why_not(pool, action):
        raise ValueError(reason)
    change = ActOnPool(pool.uuid, pool.name, action, pool.state, pool.type in FORMATTED)
    return Proposal((change,), tuple(_pool_notes(pool, action, users)))


def why_not(pool: Pool, action: PoolAction) -> str:
    """Why an action cannot be done with a pool; empty where it can."""
    running = {"stop": True, "refresh": True, "start": False, "build": False, "delete": False}
    if pool.state == "-":
        return f"the state of {pool.name} is not known"
    if action in running and pool.running != running[action]:
        return f"{pool.name} is {pool.state}"
    if action == "undefine" and pool.running:
        return f"{pool.name} runs: stop it first"
    if action in ("autostart", "no autostart", "undefine") and pool.persistent is False:
        return f"{pool.name} is transient: it has no definition"
    if action == "autostart" and pool.autostart:
        return f"{pool.name} starts with the host already"
    if action == "no autostart" and pool.autostart is False:
        return f"{pool.name} does not start with the host"
    return ""


def _pool_notes(pool: Pool, action: PoolAction, users: Users) -> Iterable[str]:
    names = users.of_pool(pool)
    if action in ("stop", "undefine", "delete") and names:
        yield f"used by {names_label(names)}"
    if action == "stop":
        yield "domains that run go on; they cannot start from it again while it is stopped"
    if action == "undefine":
        yield "only libvirt forgets the pool: its data stays where it is"
    if action == "delete":
        yield f"everything in {pool.target or pool.source or 'it'} is lost; undefine keeps it"
    if action == "build" and pool.type in FORMATTED:
        yield f"it formats {pool.source or 'its device'}; libvirt refuses where it finds data"


@dataclass(frozen=True, slots=True)
class PoolWish:
    """A pool that is to be defined: its type, name, and a text for each field of the type."""

    type: str
    name: str
    fields: tuple[tuple[str, str], ...] = ()
    build: bool = False
    start: bool = True
    autostart: bool = True


def plan_define(wish: PoolWish, pools: Sequence[Pool]) -> Proposal:
    """Plan a pool.

    Raises:
        ValueError: A field is missing or wrong, or the name or the place is taken.
    """
    if not wish.name.strip() or "/" in wish.name or not wish.name.isprintable():
        raise ValueError("a pool needs a name without / in it")
    if any(pool.name == wish.name for pool in pools):
        raise ValueError(f"there is a pool {wish.name} already")
    values = dict(wish.fields)
    for field in POOL_TYPES[wish.type].fields:
        if reason := field.why_not(values.get(field.id, "")):
            raise ValueError(f"{field.title}: {reason}")
    change = DefinePool(
        *(wish.name, pool_xml(wish.type, wish.name, values)),
        *(wish.build, wish.start, wish.autostart, wish.type in FORMATTED),
    )
    return Proposal((change,), tuple(_define_notes(wish, values, pools)))


def _define_notes(wish: PoolWish, values: dict[str, str], pools: Sequence[Pool]) -> Iterable[str]:
    target = values.get("target", "").rstrip("/")
    for pool in pools:
        place = pool.target.rstrip("/")
        if (
            target
            and place
            and (f"{place}/".startswith(f"{target}/") or f"{target}/".startswith(f"{place}/"))
        ):
            yield f"{target} overlaps the pool {pool.name} ({pool.target}): both see the same files"
    if wish.build and wish.type in FORMATTED:
        yield "building formats the device; libvirt refuses where it finds data"
    if wish.build and values.get("format") == "auto":
        yield "say which file system: auto only mounts one that is there"


# ---- volumes


@dataclass(frozen=True, slots=True)
class VolumeWish:
    """A volume that is to be made."""

    name: str
    capacity: str
    """With a unit; as of a copy empty."""
    format: str = "qcow2"
    preallocate: str = "none"
    """none, metadata, or full: all of it allocated."""
    backing: str = ""
    """Path of the image it is based on."""
    backing_format: str = ""
    """As the image's owner says: never guessed from its content."""
    cluster_kib: int = 0
    """Of qcow2; 0 for QEMU's own."""


PREALLOCATIONS: Final = ("none", "metadata", "full")


def plan_create(pool: Pool, names: Iterable[str], wish: VolumeWish) -> Proposal:
    """Plan an empty volume, or one on top of an image.

    Raises:
        ValueError: Name, size or the pool do not allow it.
    """
    _check_name(pool, names, wish.name)
    size = parse(wish.capacity).asked_bytes
    if wish.backing and not wish.backing.startswith("/"):
        raise ValueError(f"{wish.backing!r} does not begin with /: it must be based on a file")
    if wish.backing and not wish.backing_format:
        raise ValueError(
            f"say the format of {wish.backing}: it is never guessed from what a guest wrote"
        )
    if wish.backing and wish.format == "raw":
        raise ValueError("a raw image has no backing image: choose qcow2")
    if wish.backing and wish.preallocate == "metadata":
        raise ValueError("metadata cannot be preallocated on top of another image: choose none")
    if wish.cluster_kib and wish.format != "qcow2":
        raise ValueError("only qcow2 has clusters")
    change = CreateVolume(
        pool.uuid,
        pool.name,
        wish.name,
        _volume_xml(pool, wish, size),
        preallocate=wish.preallocate == "metadata",
    )
    return Proposal((change,), tuple(_room(pool, size, wish)))


def _room(pool: Pool, size: int, wish: VolumeWish) -> Iterable[str]:
    free = pool.available_bytes
    full = wish.preallocate == "full" or pool.type not in DIRECTORY_TYPES
    if free is None:
        return
    if size > free:
        what = "does not fit" if full else "may grow beyond what is free"
        yield f"{size} bytes: {what}: {free} bytes are available in {pool.name}"


def _check_name(pool: Pool, names: Iterable[str], name: str) -> None:
    if not pool.running:
        raise ValueError(f"{pool.name} is {pool.state}: start it first")
    if not name or "/" in name or name in (".", "..") or not name.isprintable():
        raise ValueError("a volume needs a name without / in it")
    if name in set(names):
        raise ValueError(f"{pool.name} has a volume {name} already")


def _volume_xml(pool: Pool, wish: VolumeWish, size: int) -> str:
    # less than the capacity would be a thin snapshot to LVM, which is lost when it is full
    whole = wish.preallocate == "full" or pool.type not in DIRECTORY_TYPES
    allocation = size if whole else 0
    parts = [
        element("name", {}, escape_text(wish.name)),
        element("capacity", {"unit": "bytes"}, str(size)),
        element("allocation", {"unit": "bytes"}, str(allocation)),
    ]
    if pool.type in DIRECTORY_TYPES:
        inner = [element("format", {"type": wish.format})]
        if wish.cluster_kib:
            inner.append(element("clusterSize", {"unit": "KiB"}, str(wish.cluster_kib)))
        parts.append(element("target", {}, *inner))
    if wish.backing:
        base = element("path", {}, escape_text(wish.backing))
        parts.append(
            element("backingStore", {}, base, element("format", {"type": wish.backing_format}))
        )
    return element("volume", {}, *parts)


def _check_format(pool: Pool, volume: Volume, users: Users) -> None:
    """Refuse what libvirt would do by the format that it finds in what a guest wrote.

    Raises:
        ValueError: A domain says another.
    """
    said = next((user for user in users.of(pool, volume) if user.format), None)
    known = volume.format in FORMATS and volume.format != "raw"
    if said is not None and known and volume.format != said.format:
        raise ValueError(
            f"{volume.name} looks like {volume.format} to libvirt, {said} has it as {said.format}: "
            "its guest may have written that; its page of images does it by the format said there"
        )


def plan_clone(
    pool: Pool, names: Iterable[str], volume: Volume, name: str, users: Users
) -> Proposal:
    """Plan a copy of a volume.

    Raises:
        ValueError: The name or the pool do not allow it, or its format is not as libvirt guesses.
    """
    _check_name(pool, names, name)
    _check_format(pool, volume, users)
    wish = VolumeWish(name, "", volume.format, backing=volume.backing)
    if wish.backing:
        wish = VolumeWish(
            name, "", volume.format, backing=volume.backing, backing_format=volume.backing_format
        )
    xml = _volume_xml(pool, wish, volume.capacity_bytes or 0)
    running = [user for user in users.of(pool, volume) if user.running]
    notes = tuple(
        f"{user} runs: the copy is what its disk holds just now, as after a power cut"
        for user in running
    )
    return Proposal((CreateVolume(pool.uuid, pool.name, name, xml, volume.name),), notes)


def plan_volume(
    pool: Pool, volume: Volume, action: VolumeAction, users: Users, others: Iterable[Volume] = ()
) -> Proposal:
    """Plan to wipe or delete a volume.

    Args:
        pool: Where it is.
        volume: As it was seen.
        action: What is to be done.
        users: Who uses images, snapshots looked at as well.
        others: The volumes that may be based on it.

    Raises:
        ValueError: A domain or another image needs it, or nobody can say.
    """
    check_unused(pool, volume, users, others, action)
    change = ActOnVolume(pool.uuid, pool.name, volume.name, volume.key, action)
    return Proposal((change,), (f"{volume.path}: what it holds cannot be had back",))


def check_unused(
    pool: Pool, volume: Volume, users: Users, others: Iterable[Volume], action: str
) -> None:
    """Refuse what somebody needs.

    Raises:
        ValueError: Naming who.
    """
    names = [str(user) for user in users.of(pool, volume)]
    names += [f"{v.name} is based on it" for v in others if v.is_based_on(volume)]
    if names:
        raise ValueError(f"{volume.name} is in use: {', '.join(names[:4])}; not to {action}")
    if users.problem:
        raise ValueError(f"nobody can say whether {volume.name} is in use: {users.problem}")


def plan_resize(pool: Pool, volume: Volume, text: str, shrink: bool, users: Users) -> Proposal:
    """Plan another capacity: ``20G``, or ``+5G`` more.

    Raises:
        ValueError: It is no size, shrinks without the word for it, or a running domain has it, or
            its format is not as libvirt guesses.
    """
    _check_format(pool, volume, users)
    if volume.capacity_bytes is None:
        raise ValueError(f"the capacity of {volume.name} is not known")
    grown = text.strip().startswith("+")
    asked = parse(text.strip().lstrip("+")).asked_bytes
    after = volume.capacity_bytes + asked if grown else asked
    after = -(-after // 512) * 512
    if after == volume.capacity_bytes:
        raise ValueError(f"{volume.name} has {after} bytes already")
    if after < volume.capacity_bytes and not shrink:
        raise ValueError(
            f"that is less than its {volume.capacity_bytes} bytes: what lies behind is lost; "
            "say shrink to do it, after the file systems in it were made smaller"
        )
    running = [str(user) for user in users.of(pool, volume) if user.running]
    if running:
        raise ValueError(
            f"{volume.name} is in use by {running[0]}; vconsole disk resize does it there"
        )
    change = ResizeVolume(
        pool.uuid, pool.name, volume.name, volume.key, volume.capacity_bytes, after
    )
    notes = ("file systems in it do not grow by themselves",)
    return Proposal((change,), notes)


def plan_transfer(
    pool: Pool, volume: Volume, path: str, upload: bool, size_bytes: int | None, users: Users
) -> Proposal:
    """Plan to read a volume into a file, or to write it from one.

    Args:
        pool: Where it is.
        volume: As it was seen.
        path: Of the file on this machine.
        upload: Write the volume.
        size_bytes: Of the file that is uploaded; None where that is not known yet.
        users: Who uses images.

    Raises:
        ValueError: The path is none, somebody uses the volume, or it is too small.
    """
    if not path.startswith("/"):
        raise ValueError(f"{path!r} does not begin with /")
    running = [str(user) for user in users.of(pool, volume) if user.running]
    capacity = volume.capacity_bytes or 0
    if upload:
        check_unused(pool, volume, users, (), "write it from a file")
        if volume.format == "raw" and (size_bytes or 0) > capacity:
            raise ValueError(f"{path} has {size_bytes} bytes, {volume.name} only {capacity}")
    size = size_bytes if upload else volume.allocation_bytes or volume.capacity_bytes
    change = TransferVolume(pool.uuid, pool.name, volume.name, volume.key, path, upload, size or 0)
    notes = (f"{running[0]} runs: the file is what its disk holds meanwhile",) if running else ()
    return Proposal((change,), notes)

"""Reads pools, volumes and who uses them.

Each pool is asked by itself: one on a file server that is away hangs in the kernel, and with it
whatever asks libvirt about it.

Sources: virConnectListAllStoragePools, virStoragePoolGetInfo, virStoragePoolListAllVolumes,
virStorageVolGetXMLDesc, virConnectGetStoragePoolCapabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

from vconsole.features.storage.host import pool_memory
from vconsole.features.storage.host.links import follow
from vconsole.features.storage.host.patience import NoAnswerError, within
from vconsole.features.storage.model.plan import check_unused
from vconsole.features.storage.model.pool import (
    STATES,
    FindVolume,
    FoundVolume,
    Pool,
    PoolName,
    ReadPool,
    ReadPools,
    ReadPoolTypes,
    ReadUsers,
    ReadVolumeDetails,
    ReadVolumes,
    Volume,
    read_pool,
    read_volume,
    supported_types,
)
from vconsole.features.storage.model.users import Place, User, Users, collect, uses
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.together import together
from vconsole.model.request import Reply

LIST_S: Final = 5.0
POOL_S: Final = 6.0
FIND_S: Final = 8.0
ALL_S: Final = 120.0
_INACTIVE: Final = 2
"""VIR_DOMAIN_XML_INACTIVE."""


def read_pools(link: Link, request: ReadPools) -> Reply:
    """List them by name; where one that hangs holds up libvirt's list, those of the last one."""
    try:
        names = within(link, "pools", LIST_S, lambda: _names(link))
    except NoAnswerError as error:
        known = pool_memory.recall(link.connection.uri)
        words = f"libvirt does not list its pools, {error.message}: one of them hangs"
        return Reply(value=known, message=words) if known else Reply("unknown", words)
    pool_memory.remember(link.connection.uri, names)
    return Reply(value=names)


def _names(link: Link) -> tuple[PoolName, ...]:
    found = link.call(link.conn.listAllStoragePools, 0)
    names = [PoolName(str(pool.UUIDString()), str(pool.name())) for pool in found]
    return tuple(sorted(names, key=lambda pool: pool.name.casefold()))


def read_one_pool(link: Link, request: ReadPool) -> Reply:
    """Read one."""
    return _of_pool(link, request.uuid, "state", POOL_S, lambda h: pool_of(link, h))


def _of_pool(
    link: Link, uuid: str, what: str, seconds: float, work: Callable[[Any], object]
) -> Reply:
    """Ask something of one pool; silence is of unknown outcome."""
    try:
        ask = partial(_with_handle, link, uuid, work)
        return Reply(value=within(link, f"{what} of pool {uuid}", seconds, ask))
    except NoAnswerError as error:
        return Reply("unknown", f"{error.title}, {error.message}")


def _with_handle(link: Link, uuid: str, work: Callable[[Any], object]) -> object:
    return work(pool_handle(link, uuid))


def pool_handle(link: Link, uuid: str) -> Any:
    """libvirt's handle of a pool."""
    return link.call(link.conn.storagePoolLookupByUUIDString, uuid)


def pool_of(link: Link, handle: Any) -> Pool:
    """Read a pool by its handle."""
    state, capacity, allocation, available = link.call(handle.info)
    pool = read_pool(str(link.call(handle.XMLDesc, 0)), handle.UUIDString(), handle.name())
    running = bool(link.call(handle.isActive))
    pool = replace(
        pool,
        state=STATES[state] if state < len(STATES) else "-",
        persistent=bool(link.call(handle.isPersistent)),
        autostart=bool(link.call(handle.autostart)),
    )
    pool = _led(link, pool)
    if not running:  # what its XML still says was true when it ran
        return replace(pool, capacity_bytes=None, allocation_bytes=None, available_bytes=None)
    return replace(
        pool,
        capacity_bytes=capacity,
        allocation_bytes=allocation,
        available_bytes=available,
        volumes=int(link.call(handle.numOfVolumes)),
    )


def _led(link: Link, pool: Pool) -> Pool:
    """With where its target leads."""
    place = _follow(link, (pool.target,)).get(pool.target, pool.target)
    return replace(pool, leads_to=place) if place != pool.target else pool


def _follow(link: Link, paths: Iterable[str]) -> Mapping[str, str]:
    """Where they lead; nobody knows of another machine's, nor of invented ones."""
    return follow(paths) if link.connection.local else {}


def read_pool_types(link: Link, request: ReadPoolTypes) -> Reply:
    """Ask what this libvirt offers."""
    text = link.attempt("pool capabilities", link.conn.getStoragePoolCapabilities, 0)
    return Reply(value=supported_types(str(text)) if text else {})


# ---- volumes


def read_volumes(link: Link, request: ReadVolumes) -> Reply:
    """List them by name: one call however many there are."""
    unnamed: list[int] = []

    def names(pool: Any) -> tuple[str, ...]:
        found, more = volume_names(link, pool)
        unnamed.append(more)
        return tuple(sorted(found, key=str.casefold))

    reply = _of_pool(link, request.pool, "volumes", request.deadline_s - 2, names)
    return replace(reply, message=_NO_NAME.format(unnamed[0])) if any(unnamed) else reply


_NO_NAME: Final = "{} more with a name that is no UTF-8, which cannot be read: rename the file"


def volume_names(link: Link, pool: Any) -> tuple[tuple[str, ...], int]:
    """(names, how many volumes more): libvirt's binding gives no name that is no UTF-8."""
    names, unnamed = [], 0
    for volume in link.call(pool.listAllVolumes, 0):
        try:
            names.append(str(volume.name()))
        except UnicodeDecodeError:
            unnamed += 1
    return tuple(names), unnamed


def read_volume_details(link: Link, request: ReadVolumeDetails) -> Reply:
    """Read those that are asked for."""

    def details(pool: Any) -> dict[str, Volume]:
        found = [_volume_in(link, pool, name) for name in request.names]
        return {volume.name: volume for volume in _all_led(link, filter(None, found))}

    return _of_pool(link, request.pool, "details", request.deadline_s - 2, details)


def _volume_in(link: Link, pool: Any, name: str) -> Volume | None:
    """Read one; None where it has gone or cannot be read."""
    import libvirt

    with suppress(libvirt.libvirtError, ValueError):
        return _as_said(link, link.call(pool.storageVolLookupByName, name))
    return None


def volume_of(link: Link, handle: Any) -> Volume:
    """Read a volume by its handle."""
    (volume,) = _all_led(link, (_as_said(link, handle),))
    return volume


def _as_said(link: Link, handle: Any) -> Volume:
    """What libvirt says of it: it follows no links."""
    volume = read_volume(str(link.call(handle.XMLDesc, 0)), str(handle.name()))
    return replace(volume, key=volume.key or handle.key(), path=volume.path or handle.path())


def _all_led(link: Link, volumes: Iterable[Volume]) -> tuple[Volume, ...]:
    """With where their paths, and those of their bases, lead."""
    known = tuple(volumes)
    real = _follow(link, (path for v in known for path in (v.path, v.backing)))

    def led(path: str) -> str:
        place = real.get(path, path)
        return place if place != path else ""

    return tuple(replace(v, leads_to=led(v.path), backing_leads_to=led(v.backing)) for v in known)


def find_volume(link: Link, request: FindVolume) -> Reply:
    """Find a volume by path, by key, or by the names of pool and volume.

    For a path or a key libvirt looks into every pool: one that hangs holds it up. Not so for names.
    """
    import libvirt

    text = request.text
    lookups = (by_path, _by_key) if text.startswith("/") else (_by_names, by_path, _by_key)
    for lookup in lookups:
        with suppress(libvirt.libvirtError, ValueError):
            return Reply(
                value=within(link, f"find {text}", FIND_S, partial(_found, link, lookup, text))
            )
    return Reply("failed", f"no volume {text!r}: give POOL/NAME, a path or a key")


def _found(link: Link, lookup: Callable[[Link, str], Any], text: str) -> FoundVolume:
    handle = lookup(link, text)
    pool = link.call(handle.storagePoolLookupByVolume)
    return FoundVolume(pool_of(link, pool), volume_of(link, handle))


def by_path(link: Link, text: str) -> Any:
    """libvirt's handle of the volume of a path; it looks into every pool."""
    return link.call(link.conn.storageVolLookupByPath, text)


def _by_key(link: Link, text: str) -> Any:
    return link.call(link.conn.storageVolLookupByKey, text)


def _by_names(link: Link, text: str) -> Any:
    pool, slash, name = text.partition("/")
    if not slash:
        raise ValueError("no pool")
    handle = link.call(link.conn.storagePoolLookupByName, pool)
    return link.call(handle.storageVolLookupByName, name)


def path_of(link: Link, place: str) -> str:
    """The path of ``POOL/NAME``; a path is itself, and so is what no pool has."""
    import libvirt

    if place.startswith("/"):
        return place
    with suppress(libvirt.libvirtError, ValueError):
        return str(within(link, f"find {place}", FIND_S, lambda: _by_names(link, place).path()))
    return place


def every_volume(link: Link) -> Iterator[tuple[str, Volume]]:
    """(pool, volume) of all pools that run: an image may be the base of one in another pool.

    Raises:
        NoAnswerError: A pool does not answer; the message names it.
    """
    for name in within(link, "pools", LIST_S, lambda: _names(link)):
        try:
            work = partial(_with_handle, link, name.uuid, partial(_volumes, link))
            found = within(link, f"all of pool {name.uuid}", ALL_S, work)
        except NoAnswerError as error:
            raise NoAnswerError(error.title, f"pool {name.name} gives {error.message}") from error
        for volume in cast("tuple[Volume, ...]", found):
            yield name.name, volume


def _volumes(link: Link, pool: Any) -> tuple[Volume, ...]:
    if not link.call(pool.isActive):
        return ()
    names, unnamed = volume_names(link, pool)
    if unnamed:
        raise NoAnswerError("unknown", _NO_NAME.format(unnamed))
    found = (_volume_in(link, pool, name) for name in names)
    return _all_led(link, filter(None, found))


def why_in_use(link: Link, pool: Pool, volume: Volume, word: str) -> str:
    """Who needs a volume now, snapshots and bases looked at as well; "" where nobody does."""
    users = read_users(link, ReadUsers(snapshots=True)).value
    assert isinstance(users, Users)
    same: list[tuple[str, str]] = []

    def others() -> Iterator[Volume]:
        for name, other in every_volume(link):
            if other.is_at(volume):
                same.append((name, other.name))
            yield other

    try:
        check_unused(pool, volume, users, others(), word)
        for names in same:
            check_unused(
                pool, volume, Users({volume.path: users.by_volume.get(names, ())}), (), word
            )
    except ValueError as error:
        return str(error)
    except NoAnswerError as error:
        return f"nobody can say whether {volume.name} is in use: {error.message}"
    return ""


# ---- users


def read_users(link: Link, request: ReadUsers) -> Reply:
    """Read the XML of all domains, of their snapshots too if that is asked for."""
    found: list[tuple[Place, User]] = []
    problems: dict[str, None] = {}
    domains = link.call(link.conn.listAllDomains, 0)
    read = together(link, lambda domain: _texts(link, domain, request.snapshots), domains)
    for domain, (texts, trouble) in zip(domains, read, strict=True):
        used, wrong = uses(domain.UUIDString(), domain.name(), domain.ID() >= 0, texts)
        found += used
        problems |= dict.fromkeys(filter(None, (trouble, wrong)))
    named = dict.fromkeys(place.path for place, _ in found if place.path.startswith("/"))
    leads_to = _follow(link, named)
    if link.connection.local and (silent := [path for path in named if path not in leads_to]):
        problems[f"nothing answers where {silent[0]} lies"] = None
    users: Users = collect(found, "; ".join(problems), leads_to)
    return Reply(value=users, message=users.problem)


def _texts(link: Link, domain: Any, snapshots: bool) -> tuple[list[tuple[str, str]], str]:
    """(what each is, XML) of a domain, and why one could not be read."""
    import libvirt

    found: list[tuple[str, str]] = []
    try:
        if domain.ID() >= 0:
            found.append(("", link.xml_of(domain)))
        if link.call(domain.isPersistent):
            kind = "next start" if found else "shut off"
            found.append((kind, link.xml_of(domain, _INACTIVE)))
        if snapshots:
            found += _snapshot_texts(link, domain)
    except libvirt.libvirtError as error:
        if errors.code(error) == libvirt.VIR_ERR_NO_DOMAIN:
            return [], ""
        return found, f"{domain.name()}: {errors.message(error)}"
    return found, ""


def _snapshot_texts(link: Link, domain: Any) -> Iterator[tuple[str, str]]:
    import libvirt

    try:
        found = link.call(domain.listAllSnapshots, 0)
    except libvirt.libvirtError as error:
        if not errors.unsupported(error):
            raise
        return
    for snapshot in found:
        yield f"snapshot {snapshot.getName()}", str(link.call(snapshot.getXMLDesc, 0))

"""Tells whether a change of storage took effect that was cut off, by reading again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from vconsole.features.storage.host.disks import report_of
from vconsole.features.storage.host.read import (
    path_of,
    pool_handle,
    pool_of,
    volume_names,
    volume_of,
)
from vconsole.features.storage.model.disk_change import ending_line
from vconsole.features.storage.model.disks import Disk, DiskReport
from vconsole.features.storage.model.pool import Pool
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.model.job import PARTIAL
from vconsole.model.request import Reply, not_over, took_effect
from vconsole.text import size

_NO_WAY: Final = "what became of it cannot be seen: look"


def tell_storage(link: Link, _uuid: str, trace: str) -> Reply:
    """Look at the pool or the volume that a change was about."""
    kind, *words = json.loads(trace)
    if kind == "pool":
        return _pool(link, *words)
    if kind == "defined":
        names = {pool.name() for pool in link.call(link.conn.listAllStoragePools, 0)}
        return took_effect(words[0] in names)
    return _volume(link, kind, *words)


def _pool(link: Link, uuid: str, action: str) -> Reply:
    import libvirt

    try:
        pool = pool_of(link, pool_handle(link, uuid))
    except libvirt.libvirtError as error:
        if errors.code(error) != libvirt.VIR_ERR_NO_STORAGE_POOL:
            raise
        return took_effect(action == "undefine", read_back="gone")
    look = _POOL.get(action)
    return took_effect(look(pool), pool, pool.state) if look else Reply("unknown", _NO_WAY, pool)


_POOL: Final[Mapping[str, Callable[[Pool], bool]]] = {
    "start": lambda pool: pool.running,
    "stop": lambda pool: not pool.running,
    "autostart": lambda pool: pool.autostart is True,
    "no autostart": lambda pool: pool.autostart is False,
    "undefine": lambda pool: not pool.persistent,
}


def _volume(link: Link, kind: str, pool: str, name: str, size: int = 0) -> Reply:
    there = name in volume_names(link, pool_handle(link, pool))[0]
    if kind == "created":
        return _created(link, pool, name) if there else took_effect(False)
    if kind == "delete volume":
        return took_effect(not there)
    if kind != "resized" or not there:
        return Reply("unknown", _NO_WAY)
    handle = link.call(pool_handle(link, pool).storageVolLookupByName, name)
    capacity = volume_of(link, handle).capacity_bytes
    return took_effect(capacity == size, read_back=f"{capacity} bytes")


def _created(link: Link, pool: str, name: str) -> Reply:
    """libvirt names a volume from the beginning; only who wants its contents hears of more."""
    import libvirt

    handle = link.call(pool_handle(link, pool).storageVolLookupByName, name)
    made = _is_made(link, handle)
    try:
        volume = volume_of(link, handle)
    except libvirt.libvirtError:
        if made:
            raise
        return not_over("libvirt still makes it")  # there is no file yet
    of, now = size(volume.capacity_bytes), size(volume.allocation_bytes)
    if not made:
        far = f", {now} so far of {of}" if volume.capacity_bytes else ""  # it has no header yet
        return not_over(f"libvirt still makes it{far}")
    return took_effect(True, volume, f"{of}, {now} allocated")


def _is_made(link: Link, handle: Any) -> bool:
    """libvirt lets nobody read a volume that is "still being allocated"; a byte is asked for."""
    import libvirt

    stream = link.call(link.conn.newStream, 0)
    try:
        link.call(handle.download, stream, 0, 1, 0)
    except libvirt.libvirtError as error:
        return bool(errors.code(error) != libvirt.VIR_ERR_OPERATION_INVALID)
    with suppress(libvirt.libvirtError):
        link.call(stream.abort)
    return True


def tell_disk(link: Link, uuid: str, trace: str) -> Reply:
    """Look at the disk that a change was about."""
    import libvirt

    kind, target, *words = json.loads(trace)
    domain = link.call(link.conn.lookupByUUIDString, uuid)
    if kind == "size":
        capacity: Any = None
        with suppress(libvirt.libvirtError):
            capacity = link.call(domain.blockInfo, target)[0]
        return took_effect(capacity == words[0], read_back=f"{capacity} bytes")
    report = report_of(link, domain)
    disk = next((disk for disk in report.disks if disk.target == target), None)
    if disk is None:
        return Reply("unknown", f"{target} is not there any more", report)
    if kind == "job":
        return _job(link, report, disk, domain, *words)
    if kind == "medium":
        return took_effect(disk.now.source == words[0], report, disk.now.source or "no medium")
    return _limit(report, target, *words)


def _job(link: Link, report: DiskReport, disk: Disk, domain: Any, kind: str, image: str) -> Reply:
    """A job goes on without who began it, and one that has caught up waits to be told to pivot."""
    numbers = report.numbers.get(disk.target)
    if disk.live is None:
        if kind == "flatten":
            return Reply("unknown", f"it is shut off; {_NO_WAY} at {disk.now.source}", report)
    elif disk.live.mirror or (numbers and numbers.job):
        how = "--pivot" if disk.live.mirror_ready else "--abort"
        who = domain.name(), domain.UUIDString()
        line = ending_line(*who, disk.target, how, link.connection.uri)
        state = "waits for its end" if disk.live.mirror_ready else "runs on"
        return Reply("unknown", f"the job {state}, and nobody follows it: {line}", report)
    image = path_of(link, image)
    became = disk.now.has_become(kind, image)
    left = ""
    if kind == "copy" and not became and link.connection.local and os.path.lexists(image):
        left = f"; {image} is there: half a copy, if nobody else made it"
    return took_effect(became, report, f"{disk.now.chain_words}{left}")


def tell_made(_link: Link, _uuid: str, trace: str) -> Reply:
    """Look for the file that a job makes: it has its name when it is whole."""
    if os.path.lexists(trace):
        return took_effect(True, read_back=trace)
    half = f"{trace}{PARTIAL} is unfinished" if os.path.lexists(trace + PARTIAL) else "no file"
    return took_effect(False, read_back=half)


def _limit(
    report: DiskReport, target: str, limit: str, wanted: int, live: bool, config: bool
) -> Reply:
    disk = next(disk for disk in report.disks if disk.target == target)
    halves = [half for half, asked in ((disk.live, live), (disk.config, config)) if asked]
    found = [half.limits.get(limit, 0) if half else None for half in halves]
    return took_effect(all(now == wanted for now in found), report, ", ".join(map(str, found)))

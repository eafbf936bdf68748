"""Changes pools and volumes: compared with what was seen, made, read back.

Sources: virStoragePoolCreate, Destroy, Refresh, Build, SetAutostart, Undefine, Delete, DefineXML;
virStorageVolCreateXML, CreateXMLFrom, Resize, Wipe, Delete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from vconsole.features.storage.host.read import (
    pool_handle,
    pool_of,
    read_users,
    volume_names,
    volume_of,
    why_in_use,
)
from vconsole.features.storage.model.change import (
    ActOnPool,
    ActOnVolume,
    CreateVolume,
    DefinePool,
    PoolAction,
    ResizeVolume,
)
from vconsole.features.storage.model.pool import Pool, ReadUsers
from vconsole.features.storage.model.users import Users
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.model.request import Reply

_ACTS: Final[Mapping[PoolAction, Callable[[Any], Any]]] = {
    "start": lambda pool: pool.create(0),
    "stop": lambda pool: pool.destroy(),
    "refresh": lambda pool: pool.refresh(0),
    "build": lambda pool: pool.build(0),  # only a directory
    "autostart": lambda pool: pool.setAutostart(1),
    "no autostart": lambda pool: pool.setAutostart(0),
    "undefine": lambda pool: pool.undefine(),
    "delete": lambda pool: pool.delete(0),
}


def _act(link: Link, handle: Any, action: PoolAction, formats: bool) -> None:
    """Do it; a device is formatted only where nothing is on it."""
    import libvirt

    if action == "build" and formats:
        link.call(handle.build, libvirt.VIR_STORAGE_POOL_BUILD_NO_OVERWRITE)
    else:
        link.call(_ACTS[action], handle)


def act_on_pool(link: Link, request: ActOnPool) -> Reply:
    """Do it, unless the pool is in another state than was seen."""
    handle = pool_handle(link, request.pool)
    before = pool_of(link, handle)
    if before.state != request.before:
        return _conflict(f"{request.name} is {before.state}, it was {request.before}", before)
    _act(link, handle, request.action, request.formats)
    if request.action == "undefine":
        return _undefined(link, request)
    after = pool_of(link, handle)
    return _acted(request, after)


def _acted(request: ActOnPool, after: Pool) -> Reply:
    wanted = {
        "start": after.running,
        "stop": after.state == "inactive",
        "autostart": after.autostart is True,
        "no autostart": after.autostart is False,
    }
    words = f"{after.state}, autostart {'on' if after.autostart else 'off'}"
    if not wanted.get(request.action, True):
        return Reply("unknown", f"libvirt took it, yet {after.name} is {words}", after)
    return Reply(value=after, read_back=words)


def _undefined(link: Link, request: ActOnPool) -> Reply:
    import libvirt

    try:
        after = pool_of(link, pool_handle(link, request.pool))
    except libvirt.libvirtError as error:
        if errors.code(error) == libvirt.VIR_ERR_NO_STORAGE_POOL:
            return Reply(read_back="no definition; its data is where it was")
        raise
    return Reply("unknown", f"libvirt took it, yet {after.name} is defined", after)


def define_pool(link: Link, request: DefinePool) -> Reply:
    """Define, then build, start and mark it; a failed step leaves those before, and is named."""
    import libvirt

    if request.name in {pool.name() for pool in link.call(link.conn.listAllStoragePools, 0)}:
        return _conflict(f"there is a pool {request.name} meanwhile", None)
    handle = link.call(link.conn.storagePoolDefineXML, request.xml, 0)
    steps: tuple[tuple[bool, PoolAction], ...] = (
        (request.build, "build"),
        (request.start, "start"),
        (request.autostart, "autostart"),
    )
    done = ["defined"]
    for wanted, action in steps:
        try:
            if wanted:
                _act(link, handle, action, request.formats)
                done.append(action)
        except libvirt.libvirtError as error:
            words = f"{', '.join(done)}; not {action}: {errors.message(error)}"
            return Reply("failed", words, pool_of(link, handle))
    after = pool_of(link, handle)
    return Reply(
        value=after, read_back=f"{after.state}, autostart {'on' if after.autostart else 'off'}"
    )


# ---- volumes


def create_volume(link: Link, request: CreateVolume) -> Reply:
    """Make one, empty or as a copy; what a failure leaves behind is taken away again."""
    import libvirt

    pool = pool_handle(link, request.pool)
    if request.volume in volume_names(link, pool)[0]:
        return _conflict(f"{request.pool_name} has a volume {request.volume} meanwhile", None)
    flags = libvirt.VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA if request.preallocate else 0
    try:
        if request.source:
            source = link.call(pool.storageVolLookupByName, request.source)
            made = link.call(pool.createXMLFrom, request.xml, source, flags)
        else:
            made = link.call(pool.createXML, request.xml, flags)
    except libvirt.libvirtError as error:
        return Reply("failed", f"{errors.message(error)}{_left(link, pool, request.volume)}")
    after = volume_of(link, made)
    return Reply(
        value=after, read_back=f"{after.path}, {after.capacity_bytes} bytes, {after.format}"
    )


def _left(link: Link, pool: Any, name: str) -> str:
    """Say what a failure left; libvirt takes away what it began, mostly."""
    import libvirt

    try:
        link.call(pool.refresh, 0)
        left = name in volume_names(link, pool)[0]
    except libvirt.libvirtError:
        return ""
    return f"; {name} was left half made: delete it" if left else ""


def act_on_volume(link: Link, request: ActOnVolume) -> Reply:
    """Wipe or delete one, unless it is another or somebody uses it by now."""
    pool = pool_handle(link, request.pool)
    handle = link.call(pool.storageVolLookupByName, request.volume)
    if reason := _why_not(link, pool, handle, request):
        return _conflict(reason, None)
    link.call(handle.wipe if request.action == "wipe" else handle.delete, 0)
    there = request.volume in volume_names(link, pool)[0]
    if request.action == "wipe":
        return Reply(read_back="wiped" if there else "gone")
    if there:
        return Reply("unknown", f"libvirt took it, yet {request.volume} is there")
    return Reply(read_back="gone")


def _why_not(link: Link, pool: Any, handle: Any, request: ActOnVolume | ResizeVolume) -> str:
    """Why it is not the volume that was seen, or who uses it by now; to resize, who runs on it."""
    volume, where = volume_of(link, handle), pool_of(link, pool)
    if volume.key != request.key:
        return f"{request.volume} is another volume than was seen"
    if isinstance(request, ActOnVolume):
        return why_in_use(link, where, volume, request.action)
    users = read_users(link, ReadUsers()).value
    assert isinstance(users, Users)
    running = [str(user) for user in users.of(where, volume) if user.running]
    return f"{request.volume} is in use by {', '.join(running)}" if running else ""


def resize_volume(link: Link, request: ResizeVolume) -> Reply:
    """Resize one, unless it has another size than was seen, or runs."""
    import libvirt

    pool = pool_handle(link, request.pool)
    handle = link.call(pool.storageVolLookupByName, request.volume)
    before = volume_of(link, handle)
    if before.capacity_bytes != request.before_bytes:
        return _conflict(f"{request.volume} has {before.capacity_bytes} bytes meanwhile", None)
    if reason := _why_not(link, pool, handle, request):
        return _conflict(reason, None)
    shrink = request.after_bytes < request.before_bytes
    flags = libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK if shrink else 0
    link.call(handle.resize, request.after_bytes, flags)
    after = volume_of(link, handle)
    words = f"{after.capacity_bytes} bytes"
    if after.capacity_bytes != request.after_bytes:
        return Reply("unknown", f"libvirt took it, yet it has {words}", after)
    return Reply(value=after, read_back=words)


def _conflict(reason: str, value: object) -> Reply:
    return Reply("conflict", f"{reason}; look again", value)

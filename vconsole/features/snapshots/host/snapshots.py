"""Reads the snapshots of domains, goes back to them and deletes them.

Each change is compared with what its author saw, and read back.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from vconsole.features.snapshots.model.change import DeleteSnapshot, RevertSnapshot, deleted
from vconsole.features.snapshots.model.tree import (
    Disk,
    DomainSnapshot,
    ReadSnapshots,
    SnapshotList,
    read_disks,
    read_snapshot,
)
from vconsole.host import errors
from vconsole.host.fleet import STATES
from vconsole.host.link import Link
from vconsole.model.request import Reply, took_effect

MOST = 1000
"""Snapshots of a domain that are read; no tree of more is of use to anybody."""


def read_snapshots(link: Link, request: ReadSnapshots) -> Reply:
    """Answer a request for the snapshots of a domain."""
    return Reply(value=snapshots_of(link, link.call(link.conn.lookupByUUIDString, request.uuid)))


def snapshots_of(link: Link, domain: Any) -> SnapshotList:
    """Read the snapshots of a domain."""
    found = link.call(domain.listAllSnapshots, 0)
    current = _current(link, domain)
    read = (_read(link, snapshot, current) for snapshot in found[:MOST])
    return SnapshotList(
        tuple(snapshot for snapshot in read if snapshot is not None),
        unread=max(0, len(found) - MOST),
        libvirt_version=int(link.call(link.conn.getLibVersion)),
    )


def _current(link: Link, domain: Any) -> str | None:
    import libvirt

    with suppress(libvirt.libvirtError):  # there is none
        return str(link.call(domain.snapshotCurrent, 0).getName())
    return None


def _read(link: Link, snapshot: Any, current: str | None) -> DomainSnapshot | None:
    """Read one; None if it was deleted meanwhile."""
    import libvirt

    name = snapshot.getName()
    try:
        return read_snapshot(name, link.call(snapshot.getXMLDesc, 0), name == current)
    except ValueError as error:
        return DomainSnapshot(name, description=str(error), current=name == current)
    except libvirt.libvirtError as error:
        if errors.code(error) == libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT:
            return None
        raise


def revert_snapshot(link: Link, request: RevertSnapshot) -> Reply:
    """Put a domain back to a snapshot, unless it is another one by now."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if not _is_as_seen(snapshots_of(link, domain), request):
        return _conflict(f"{request.snapshot} is not what was seen any more")
    flags = {
        "as taken": 0,
        "running": libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING,
        "paused": libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED,
    }
    snapshot = link.call(domain.snapshotLookupByName, request.snapshot, 0)
    before = places_of(link, domain)
    try:
        link.call(domain.revertToSnapshot, snapshot, flags[request.then])
    except libvirt.libvirtError as error:
        moved = "" if places_of(link, domain) == before else ", its disks are others than before"
        message = f"{errors.message(error)}; it is {_state(link, domain)}{moved}"
        return Reply("failed", message, snapshots_of(link, domain))
    return _reverted(link, domain, request)


def _reverted(link: Link, domain: Any, request: RevertSnapshot) -> Reply:
    after, state = snapshots_of(link, domain), _state(link, domain)
    found = after.find(request.snapshot)
    if found is None or not found.current:
        return Reply("unknown", f"libvirt took it, yet {request.snapshot} is not current", after)
    disks = [f"{target} -> {source}" for target, source in places_of(link, domain) if source]
    read_back = "; ".join((f"{state} from {request.snapshot}", *disks))
    return Reply("applied", f"it is {state}", after, read_back)


def delete_snapshot(link: Link, request: DeleteSnapshot) -> Reply:
    """Delete snapshots, unless others would go than were seen."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = snapshots_of(link, domain)
    if not _is_as_seen(before, request):
        return _conflict(f"{request.snapshot} is not what was seen any more")
    if set(deleted(before.snapshots, request.snapshot, request.which)) != set(request.gone):
        return _conflict(f"{request.snapshot} has other children meanwhile")
    flags = {
        "alone": 0,
        "children": libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN,
        "children-only": libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY,
    }[request.which]
    if request.metadata_only:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY
    snapshot = link.call(domain.snapshotLookupByName, request.snapshot, 0)
    try:
        link.call(snapshot.delete, flags)
    except libvirt.libvirtError as error:
        return _deleted(link, domain, request, errors.message(error))
    return _deleted(link, domain, request)


def tell_created(link: Link, uuid: str, trace: str) -> Reply:
    """Look for the snapshot: there was none of its name before."""
    after = snapshots_of(link, link.call(link.conn.lookupByUUIDString, uuid))
    there = after.find(trace) is not None
    return took_effect(there, after, f"{trace}: {'there' if there else 'not there'}")


def tell_reverted(link: Link, uuid: str, trace: str) -> Reply:
    """Look which is current; one that is may have been so before."""
    domain = link.call(link.conn.lookupByUUIDString, uuid)
    after, state = snapshots_of(link, domain), _state(link, domain)
    found = after.find(trace)
    if found is None or not found.current:
        return took_effect(False, after, state)
    words = f"{trace} is current, which it may have been before; the domain is {state}: look"
    return Reply("unknown", words, after, state)


def tell_deleted(link: Link, uuid: str, trace: str) -> Reply:
    """Look which are left of those that were to go."""
    gone = json.loads(trace)
    after = snapshots_of(link, link.call(link.conn.lookupByUUIDString, uuid))
    left = [name for name in gone if after.find(name) is not None]
    if left and len(left) < len(gone):
        return Reply(
            "unknown", f"read again: {', '.join(left)} still there, the others gone", after
        )
    return took_effect(
        not left, after, ", ".join(f"{n}: {'there' if left else 'gone'}" for n in gone)
    )


def _is_as_seen(known: SnapshotList, request: RevertSnapshot | DeleteSnapshot) -> bool:
    found = known.find(request.snapshot)
    return found is not None and found.taken_s == request.taken_s


def _conflict(reason: str) -> Reply:
    return Reply("conflict", f"{reason}; look again")


def _deleted(link: Link, domain: Any, request: DeleteSnapshot, problem: str = "") -> Reply:
    after = snapshots_of(link, domain)
    left = {snapshot.name for snapshot in after.snapshots}
    kept = [name for name in request.gone if name in left]
    if not kept:
        return Reply("applied", problem, after, f"{', '.join(request.gone)}: gone")
    gone = [name for name in request.gone if name not in left]
    partly = f"; gone are {', '.join(gone)}" if gone else "; nothing was deleted"
    if problem:
        return Reply("failed", f"{problem}{partly}", after)
    return Reply("unknown", f"libvirt took it, yet there is still {', '.join(kept)}", after)


def disks_of(link: Link, domain: Any) -> tuple[Disk, ...]:
    """Read the disks of a domain as it is."""
    return read_disks(str(link.call(domain.XMLDesc, 0)))


def places_of(link: Link, domain: Any) -> tuple[tuple[str, str], ...]:
    """Read where the content of each disk is, as (target, source)."""
    return tuple((disk.target, disk.source) for disk in disks_of(link, domain))


def _state(link: Link, domain: Any) -> str:
    return STATES.get(link.call(domain.state, 0)[0], "no state")

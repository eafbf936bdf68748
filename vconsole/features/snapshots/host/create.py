"""Takes snapshots of domains, after a look at disks, free space and the guest agent.

A failure that left something behind says what.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import PurePosixPath
from time import monotonic, sleep
from typing import Any

from vconsole.features.snapshots.host.snapshots import disks_of, places_of, snapshots_of
from vconsole.features.snapshots.model.create import CreateSnapshot, Ground, ReadGround
from vconsole.features.snapshots.model.tree import Disk
from vconsole.host import errors
from vconsole.host.agent_call import AgentError, agent_command, answers_within, ask, why_mute
from vconsole.host.domain_job import SNAPSHOT, follow
from vconsole.host.link import Link
from vconsole.model.agent_channels import AGENT, channels
from vconsole.model.proposal import virsh_line
from vconsole.model.request import Reply
from vconsole.model.virsh import domain_argument

PING_S = 5
"""How long the guest agent may take to answer."""
_AGENT_S = 60.0
"""How long it may take to freeze or to thaw its file systems."""
_BACK_S = 15.0
"""How long an agent that closed its channel in between is waited for."""
_PAUSE_S = 0.5
_PING = '{"execute":"guest-ping"}'
_FREEZE_STATUS = '{"execute":"guest-fsfreeze-status"}'


def read_ground(link: Link, request: ReadGround) -> Reply:
    """Look at disks, free space, the guest agent and the names that are taken."""
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    running = bool(link.call(domain.isActive))
    disks = disks_of(link, domain)
    ground = Ground(
        running,
        disks,
        tuple(_free(link, disks)),
        _agent_problem(link, domain) if running else "",
        tuple(s.getName() for s in link.call(domain.listAllSnapshots, 0)),
    )
    return Reply(value=ground)


def _free(link: Link, disks: tuple[Disk, ...]) -> Iterator[tuple[str, int]]:
    """(directory, free bytes) of the disks that are files, as far as it can be known."""
    files = [disk.source for disk in disks if disk.kind == "file" and not disk.excluded]
    for folder, path in {str(PurePosixPath(path).parent): path for path in files}.items():
        free = _free_here(folder) if link.connection.local else _free_in_pool(link, path)
        if free is not None:
            yield folder, free


def _free_here(folder: str) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _free_in_pool(link: Link, path: str) -> int | None:
    volume = link.attempt("storageVolLookupByPath", link.conn.storageVolLookupByPath, path)
    if volume is None:
        return None
    pool = link.attempt("storagePoolLookupByVolume", volume.storagePoolLookupByVolume)
    info = link.attempt("storagePoolInfo", pool.info) if pool is not None else None
    return int(info[3]) if info else None


def _agent_problem(link: Link, domain: Any) -> str:
    """Why the guest agent does not answer, "" if it does; who may only read may not ask it."""
    if not link.connection.read_only:
        return _ask_agent(link, domain, _PING)[1]
    found = channels(str(link.call(domain.XMLDesc, 0))) or ()
    opened = any(channel.name == AGENT and channel.connected for channel in found)
    return "" if opened else "nothing in the guest has its channel open"


def _ask_agent(link: Link, domain: Any, command: str) -> tuple[str, str]:
    """(answer, why there is none)."""
    try:
        return agent_command(link, domain, command, PING_S), ""
    except AgentError as error:
        return "", str(error)


# -- taking ----------------------------------------------------------------------------------


def create_snapshot(link: Link, request: CreateSnapshot) -> Reply:
    """Take a snapshot, unless the domain is not as it was seen any more."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if reason := _difference(link, domain, request):
        return Reply("conflict", f"{reason}; look again")
    if there := _present(link, request):
        # libvirt refuses for disks, yet would overwrite a file for memory
        return Reply("refused", f"{there[0]} is there already: take another name")
    if request.wish.quiesce and (reason := _why_not_quiesce(link, domain)):
        return Reply("refused", reason)

    def take() -> object:
        return link.call(domain.snapshotCreateXML, request.xml, _flags(request))

    try:
        with answers_within(link, domain, _AGENT_S) if request.wish.quiesce else nullcontext():
            follow(link, domain, request.wait, take, SNAPSHOT, "saving its memory")
    except libvirt.libvirtError as error:
        left = "; ".join(_left_behind(link, domain, request)) or "nothing was changed"
        reason = errors.message(error)
        if errors.unsupported(error):
            reason = f"libvirt's {link.connection.driver} driver does not take it: {reason}"
        return Reply("failed", f"{reason}; {left}", snapshots_of(link, domain))
    return _created(link, domain, request)


def _difference(link: Link, domain: Any, request: CreateSnapshot) -> str:
    if bool(link.call(domain.isActive)) != request.running:
        return f"{request.name} has been {'shut off' if request.running else 'started'} meanwhile"
    if places_of(link, domain) != request.disks:
        return f"{request.name} has other disks meanwhile"
    names = [snapshot.getName() for snapshot in link.call(domain.listAllSnapshots, 0)]
    return f"{request.wish.name} is there meanwhile" if request.wish.name in names else ""


def _why_not_quiesce(link: Link, domain: Any) -> str:
    """Why its file systems cannot be frozen; whoever has frozen them already is to thaw them."""
    if reason := why_mute(link, domain):
        return f"nothing was done: {reason}"
    answer, problem = _ask_agent(link, domain, _FREEZE_STATUS)
    if problem:
        return f"the guest agent does not answer, nothing was done: {problem}"
    frozen = "its file systems are frozen already, by somebody else: nothing was done"
    return frozen if "frozen" in answer else ""


def _present(link: Link, request: CreateSnapshot) -> list[str]:
    """The new files that are there, as far as this machine's are those of the host."""
    files = (*(file for _, file in request.files), request.memory_file)
    return [file for file in files if file and link.connection.local and os.path.lexists(file)]


def _flags(request: CreateSnapshot) -> int:
    import libvirt

    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    if request.wish.kind == "disk-only":
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    if request.wish.kind == "external":
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_LIVE
    if request.wish.quiesce:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
    return int(flags)


def _created(link: Link, domain: Any, request: CreateSnapshot) -> Reply:
    after = snapshots_of(link, domain)
    found = after.find(request.wish.name)
    if found is None:
        return Reply("unknown", "libvirt took it, yet the snapshot is not there", after)
    now = dict(places_of(link, domain))
    wrong = [target for target, file in request.files if now.get(target) != file]
    if wrong:
        where = ", ".join(f"{target} on {now.get(target, '-')}" for target in wrong)
        return Reply("unknown", f"{found.name} is there, yet {where}", after)
    moved = "".join(f"; {target} -> {file}" for target, file in request.files)
    thawed = "; ".join(_thawed(link, domain, request.name)) if request.wish.quiesce else ""
    return Reply("applied", thawed, after, f"{found.name}: {found.kind}, {found.state}{moved}")


def _left_behind(link: Link, domain: Any, request: CreateSnapshot) -> Iterator[str]:
    """What a snapshot that failed has left, each with its cure, and what was put right."""
    who = domain_argument(request.name, request.uuid)
    if snapshots_of(link, domain).find(request.wish.name):
        cure = virsh_line("", "snapshot-delete", who, request.wish.name)
        yield f"left: the snapshot {request.wish.name}; away with it: {cure}"
    places = places_of(link, domain)
    for target, source in sorted(set(places) - set(request.disks)):
        flags = ("--active", "--pivot") if request.running else ()
        cure = virsh_line("", "blockcommit", who, target, *flags)
        yield f"left: {target} is on {source} now; back: {cure}, then delete that file"
    for file in sorted(set(_present(link, request)) - {source for _, source in places}):
        yield f"left: the file {file}, not used: delete it"
    if request.wish.quiesce:
        yield from _thawed(link, domain, who)


def _thawed(link: Link, domain: Any, who: str) -> Iterator[str]:
    """See that libvirt has thawed the guest; one that is frozen still would stand for good.

    An agent that closed its channel may open it again: it is waited for.
    """
    until = monotonic() + _BACK_S
    answer, problem = _ask_agent(link, domain, _FREEZE_STATUS)
    while problem and monotonic() < until:
        sleep(_PAUSE_S)
        answer, problem = _ask_agent(link, domain, _FREEZE_STATUS)
    cure = f"as soon as its agent answers: {virsh_line('', 'domfsthaw', who)}"
    if problem:
        yield f"the guest may be frozen still: {problem}; {cure}"
    elif "frozen" in answer:
        try:
            with answers_within(link, domain, _AGENT_S):
                ask(link, domain.fsThaw)
            yield "the guest was frozen still, and is thawed now"
        except AgentError as error:
            yield f"left: the guest is frozen, and does not thaw: {error}; {cure}"

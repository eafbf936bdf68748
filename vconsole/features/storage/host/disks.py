"""Reads the disks of domains and changes them while they are used.

Sources: virDomainGetBlockInfo, virDomainBlockStatsFlags, virDomainGetBlockJobInfo,
virDomainBlockResize, virDomainUpdateDeviceFlags, virDomainSetBlockIoTune, virDomainBlockPull,
virDomainBlockCommit, virDomainBlockCopy, virDomainBlockJobAbort.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any, Final, NamedTuple

from vconsole.features.storage.host.files import taken_away
from vconsole.features.storage.host.patience import NoAnswerError, within
from vconsole.features.storage.host.read import FIND_S, by_path, pool_of
from vconsole.features.storage.model.disk_change import (
    ChainJob,
    ChangeMedium,
    EndJob,
    LimitDisk,
    ResizeDisk,
)
from vconsole.features.storage.model.disks import (
    Disk,
    DiskReport,
    Numbers,
    ReadDisks,
    read_disks,
    source_element,
)
from vconsole.features.storage.model.plan import DIRECTORY_TYPES
from vconsole.host import errors
from vconsole.host.devices import read_xml
from vconsole.host.link import Link
from vconsole.model.request import Reply
from vconsole.model.xml_edit import element, escape_text

_JOBS: Final = {1: "pull", 2: "copy", 3: "commit", 4: "active commit", 5: "backup"}
"""By VIR_DOMAIN_BLOCK_JOB_TYPE_*."""
_LOOK_S: Final = 0.5


def read_domain_disks(link: Link, request: ReadDisks) -> Reply:
    """Read them."""
    return Reply(value=report_of(link, link.call(link.conn.lookupByUUIDString, request.uuid)))


def report_of(link: Link, domain: Any) -> DiskReport:
    """The disks of a domain by its handle."""
    found = read_xml(link, domain)
    disks = read_disks(found.live, found.config)
    numbers = {disk.target: _numbers(link, domain, disk) for disk in disks if disk.now.source}
    return DiskReport(disks, numbers, found.live is not None)


def _numbers(link: Link, domain: Any, disk: Disk) -> Numbers:
    """What one disk holds and does; what the driver does not tell is None."""
    import libvirt

    size: Any = (None, None, None)
    stats: dict[str, int] = {}
    job: dict[str, int] = {}
    with suppress(libvirt.libvirtError):
        size = link.call(domain.blockInfo, disk.target)
    if disk.live is not None:
        with suppress(libvirt.libvirtError):
            stats = link.call(domain.blockStatsFlags, disk.target)
        with suppress(libvirt.libvirtError):
            job = link.call(domain.blockJobInfo, disk.target, 0) or {}
    return Numbers(
        monotonic(),
        *(size[0], size[1], stats.get("rd_bytes"), stats.get("wr_bytes")),
        _total(stats, "rd_operations", "wr_operations"),
        _total(stats, "rd_total_times", "wr_total_times"),
        _JOBS.get(job.get("type", 0), ""),
        *(job.get("cur", 0), job.get("end", 0)),
    )


def _total(stats: dict[str, int], *names: str) -> int | None:
    """The sum of some counts; None where one is missing."""
    found = [stats[name] for name in names if name in stats]
    return sum(found) if len(found) == len(names) else None


# ---- size, media, limits


def resize_disk(link: Link, request: ResizeDisk) -> Reply:
    """Give a running disk another capacity."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    capacity = link.call(domain.blockInfo, request.target)[0]
    if capacity != request.before_bytes:
        return _conflict(f"{request.target} has {capacity} bytes meanwhile", link, domain)
    flags = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
    link.call(domain.blockResize, request.target, request.after_bytes, flags)
    after = link.call(domain.blockInfo, request.target)[0]
    report = report_of(link, domain)
    if after != request.after_bytes:
        return Reply("unknown", f"libvirt took it, yet it has {after} bytes", report)
    return Reply(value=report, read_back=f"{after} bytes")


def change_medium(link: Link, request: ChangeMedium) -> Reply:
    """Put another medium in, unless there is another than was seen."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = _disk(report_of(link, domain), request.target)
    if before is None or before.now.source != request.before:
        return _conflict(f"there is another medium in {request.target}", link, domain)
    for xml, flag in (
        (request.live_xml, libvirt.VIR_DOMAIN_AFFECT_LIVE),
        (request.config_xml, libvirt.VIR_DOMAIN_AFFECT_CONFIG),
    ):
        if not xml:
            continue
        try:
            link.call(domain.updateDeviceFlags, xml, flag)
        except libvirt.libvirtError as error:
            half = "live" if flag == libvirt.VIR_DOMAIN_AFFECT_LIVE else "config"
            done = "; live is done" if half == "config" and request.live_xml else ""
            message = f"{half}: {errors.message(error)}{done}"
            return Reply("failed", message, report_of(link, domain))
    report = report_of(link, domain)
    after = _disk(report, request.target)
    words = after.now.source if after is not None else "gone"
    if words != request.after:
        return Reply("unknown", f"libvirt took it, yet there is {words or 'no medium'}", report)
    return Reply(value=report, read_back=words or "no medium")


def limit_disk(link: Link, request: LimitDisk) -> Reply:
    """Set one limit; the others stay as they are."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = _disk(report_of(link, domain), request.target)
    if before is None or before.now.limits.get(request.limit, 0) != request.before:
        return _conflict(f"{request.limit} of {request.target} is another", link, domain)
    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if request.live else 0
    flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG if request.config else 0
    wanted = {request.limit: request.after}
    link.call(domain.setBlockIoTune, request.target, wanted, flags)
    report = report_of(link, domain)
    after = _disk(report, request.target)
    value = after.now.limits.get(request.limit, 0) if after else None
    if value != request.after:
        return Reply("unknown", f"libvirt took it, yet it is {value}", report)
    return Reply(value=report, read_back=f"{request.limit} {value or 'no limit'}")


def _disk(report: DiskReport, target: str) -> Disk | None:
    return next((disk for disk in report.disks if disk.target == target), None)


def _conflict(reason: str, link: Link, domain: Any) -> Reply:
    return Reply("conflict", f"{reason}; look again", report_of(link, domain))


# ---- jobs


def run_chain_job(link: Link, request: ChainJob) -> Reply:
    """Start it, follow it, pivot at its end; stop it when it is given up."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = _disk(report_of(link, domain), request.target)
    if before is None or before.live is None or before.live.source != request.source:
        return _conflict(f"{request.target} is another image than was seen", link, domain)
    place: _Place | None = None
    began = ended = False
    words = f"given up; {request.target} is as before"
    try:
        place = _place(link, request)
        _start(link, domain, request, place)
        began = True
        ended = _follow(link, domain, request)
    except libvirt.libvirtError as error:
        words = errors.message(error)
    except ValueError as error:
        words = str(error)
    finally:
        request.wait.what = ""
    if ended:
        reply = _read_back(link, domain, request, place)
        left = _taken_away(link, report_of(link, domain), place) if reply.status == "failed" else ""
        return replace(reply, message=f"{reply.message}{left}")
    if began:  # else the job that runs is another's
        _abort(link, domain, request)
    report = report_of(link, domain)
    return Reply("failed", f"{words}{_taken_away(link, report, place)}", report)


class _Place(NamedTuple):
    """Where a copy is made."""

    path: str
    format: str
    volume: Any = None
    """libvirt's handle, where one was made for it."""


def _place(link: Link, request: ChainJob) -> _Place | None:
    """Where the copy is to lie: a path where nothing is, or a volume that is made.

    Raises:
        ValueError: There is a file already.
    """
    if request.kind != "copy":
        return None
    pool, _, name = request.destination.partition("/")
    if not pool:
        found = os.path.lexists(request.destination) if link.connection.local else False
        if found and not request.destination.startswith("/dev/"):
            raise ValueError(f"{request.destination} is there already; nothing was written")
        return _Place(request.destination, request.format)
    handle = link.call(link.conn.storagePoolLookupByName, pool)
    of_files = pool_of(link, handle).type in DIRECTORY_TYPES
    format_ = request.format if of_files else "raw"
    target = element("target", {}, element("format", {"type": format_})) if of_files else ""
    allocation = 0 if of_files else request.capacity_bytes
    parts = (
        element("name", {}, escape_text(name)),
        element("capacity", {"unit": "bytes"}, str(request.capacity_bytes)),
        element("allocation", {"unit": "bytes"}, str(allocation)),
    )
    made = link.call(handle.createXML, element("volume", {}, *parts, target), 0)
    return _Place(str(made.path()), format_, made)


def _start(link: Link, domain: Any, request: ChainJob, place: _Place | None) -> None:
    import libvirt

    active, shallow = (
        libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE,
        libvirt.VIR_DOMAIN_BLOCK_COMMIT_SHALLOW,
    )
    commits = {"commit": active | shallow, "commit all": active, "commit bases": 0}
    if place is not None:
        kind, source = source_element(place.path)
        driver = element("driver", {"type": place.format})
        xml = element("disk", {"type": kind}, source, driver)
        # a persistent domain allows a copy only if the job may go with the domain's end
        flags = libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB
        flags |= libvirt.VIR_DOMAIN_BLOCK_COPY_REUSE_EXT if place.volume is not None else 0
        link.call(domain.blockCopy, request.target, xml, {}, flags)
    elif request.kind in commits:
        top = request.chain[0] if request.kind == "commit bases" else None
        link.call(domain.blockCommit, request.target, None, top, 0, commits[request.kind])
    else:
        link.call(domain.blockPull, request.target, 0, 0)


def _follow(link: Link, domain: Any, request: ChainJob) -> bool:
    """Wait until it is over, or ready to pivot, then pivot; False where it is given up."""
    while True:
        job = link.call(domain.blockJobInfo, request.target, 0)
        if not job:
            return True  # a pull is over when its job is gone
        current, end = job["cur"], job["end"]
        request.wait.what = f"{100 * current // end} %" if end else "beginning"
        if request.pivots and end and current == end and _ready(link, domain, request):
            return _pivot(link, domain, request)
        if request.wait.pause(_LOOK_S):
            return False


def _ready(link: Link, domain: Any, request: ChainJob) -> bool:
    """cur = end is not enough: libvirt marks the mirror as ready when QEMU has said so."""
    disks = read_disks(link.call(domain.XMLDesc, 0), None)
    return any(disk.target == request.target and disk.now.mirror_ready for disk in disks)


def _pivot(link: Link, domain: Any, request: ChainJob) -> bool:
    import libvirt

    flags = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT
    link.call(domain.blockJobAbort, request.target, flags)
    return True


def _abort(link: Link, domain: Any, request: ChainJob) -> None:
    import libvirt

    with suppress(libvirt.libvirtError):  # it never began, or has just ended
        link.call(domain.blockJobAbort, request.target, 0)


def _taken_away(link: Link, report: DiskReport, place: _Place | None) -> str:
    """Remove the half made copy, unless a job still writes it; says where it is left."""
    import libvirt

    if place is None:
        return ""
    halves = (disk.now for disk in report.disks)
    if any(place.path in (half.source, half.mirror_to, *half.chain) for half in halves):
        return f"; {place.path} is in use still"
    if place.volume is not None:
        with suppress(libvirt.libvirtError):
            link.call(place.volume.delete, 0)
            return ""
    elif link.connection.local and not place.path.startswith("/dev/"):
        return taken_away(place.path)
    return f"; {place.path} is half a copy: delete it"


def _read_back(link: Link, domain: Any, request: ChainJob, place: _Place | None) -> Reply:
    report = report_of(link, domain)
    after = _disk(report, request.target)
    live = after.live if after else None
    if live is None:
        return Reply("unknown", f"{request.target} is gone", report)
    words = live.chain_words
    if (live.source, live.chain, live.mirror) == (request.source, request.chain, ""):
        why = "the job was ended: the disk is full, or another program did it"
        return Reply("failed", f"{why}; {request.target} is {words}", report)
    if not live.has_become(request.kind, place.path if place else request.after):
        return Reply("unknown", f"the job ended, yet {request.target} is {words}", report)
    return Reply(value=report, read_back=words)


def end_job(link: Link, request: EndJob) -> Reply:
    """End a job that nobody follows."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = _disk(report_of(link, domain), request.target)
    live = before.live if before else None
    if live is None or (live.source, live.mirror_to) != (request.source, request.copy):
        return _conflict(f"{request.target} is another image than was seen", link, domain)
    half = request.half and not live.mirror_ready
    how = libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT if request.pivot else 0
    link.call(domain.blockJobAbort, request.target, how)
    report = report_of(link, domain)
    after = _disk(report, request.target)
    wanted = request.copy if request.pivot else request.source
    if after is None or after.now.source != wanted or after.now.mirror:
        return Reply("unknown", f"libvirt took it, yet {request.target} is another", report)
    place = _Place(request.copy, "", _volume_at(link, request.copy)) if half else None
    left = _taken_away(link, report, place)
    if request.half and not half:
        left = f"; {request.copy} had caught up by then: it is whole, and stays"
    return Reply(value=report, read_back=f"{after.now.chain_words}{left}")


def _volume_at(link: Link, path: str) -> Any:
    """libvirt's handle of the volume of a path; None where no pool has it, or one hangs."""
    import libvirt

    with suppress(libvirt.libvirtError, NoAnswerError):
        return within(link, f"find {path}", FIND_S, lambda: by_path(link, path))
    return None

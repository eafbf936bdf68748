"""Plans changes of the disks of a domain; `ValueError` says why nothing can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vconsole.features.storage.model.disk_change import (
    JOBS,
    LIMITS,
    ChainJob,
    ChangeMedium,
    EndJob,
    JobKind,
    LimitDisk,
    ResizeDisk,
)
from vconsole.features.storage.model.disks import (
    Disk,
    DiskReport,
    Half,
    Numbers,
    read_disks,
    source_element,
)
from vconsole.model.keys import key
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Proposal, Subject
from vconsole.model.request import ChangeDevice
from vconsole.model.size import parse
from vconsole.model.xml_edit import Document, element

REMOVABLE: Final = ("cdrom", "floppy")


def chain_job(
    uuid: str, name: str, report: DiskReport, target: str, kind: JobKind, destination: str = ""
) -> Proposal:
    """Plan a job on the chain of a disk.

    Raises:
        ValueError: The domain does not run, there is no chain, or a job runs already.
    """
    disk = _disk(report, target)
    if disk.live is None:
        raise ValueError(f"{target} does not run: qemu-img does that to an image nobody uses")
    if disk.live.mirror or report.numbers.get(target, Numbers(0.0)).job:
        raise ValueError(
            f"a job runs on {target} already; if nobody follows it, {key('disks.end')} ends it "
            "(vconsole disk end)"
        )
    if not disk.live.source:
        raise ValueError(f"{target} has no medium")
    if kind != "copy" and not disk.live.chain:
        raise ValueError(f"{target} is based on nothing: there is nothing to {JOBS[kind][0]}")
    if kind == "commit bases" and len(disk.live.chain) < 2:
        raise ValueError(f"{target} is based on one image: there is nothing between")
    notes = [JOBS[kind][1]]
    if kind.startswith("commit"):
        base = disk.live.chain[0 if kind == "commit" else -1]
        notes.append(f"{base} is changed: images based on it besides these break")
    if kind == "copy":
        _check_place(destination)
        notes.append(f"{disk.live.source} stays as it is then; delete it when all is well")
    change = ChainJob(
        *(uuid, name, target, kind, disk.live.source, disk.live.chain, destination),
        disk.live.format if disk.live.format != "-" else "raw",
        report.numbers.get(target, Numbers(0.0)).capacity_bytes or 0,
    )
    if disk.config is not None and disk.config.source != disk.live.source:
        notes.append("its definition names another image: that half stays as it is")
    return Proposal((change,), tuple(notes))


def _check_place(text: str, or_empty: bool = False) -> None:
    """Take the path of an image, or ``POOL/NAME`` of a volume."""
    pool, slash, name = text.partition("/")
    if (or_empty and not text) or (slash and not pool):
        return
    if not (pool and name) or "/" in name or not text.isprintable():
        raise ValueError(f"{text!r}: say a path, which begins with /, or POOL/NAME of a volume")


def end_job(uuid: str, name: str, report: DiskReport, target: str, pivot: bool) -> Proposal:
    """Plan to end a block job that nobody follows, going on at what it made or not.

    Raises:
        ValueError: There is none, or it has not caught up and cannot pivot.
    """
    disk = _disk(report, target)
    job = report.numbers.get(target, Numbers(0.0)).job
    if disk.live is None or not (disk.live.mirror or job):
        raise ValueError(f"no job runs on {target}")
    if pivot and not disk.live.mirror_ready:
        raise ValueError(f"the job on {target} has not caught up: it cannot go on there yet")
    half = disk.live.mirror == "copy" and not disk.live.mirror_ready
    change = EndJob(uuid, name, target, disk.live.source, disk.live.mirror_to, half, pivot)
    note = "a console that follows it gives it up on its page of jobs, and cleans up as well"
    return Proposal((change,), (note,))


def flatten_all(subject: Subject, target: Target) -> Proposal:
    """Plan to pull what each disk of a domain is based on into it: no chain is left.

    Raises:
        ValueError: It does not run, or no disk is based on anything.
    """
    if subject.live is None:
        raise ValueError(
            f"it does not run: open the image of a disk by {key('disks.image')} on its page of "
            f"disks, and let it stand alone by {key('image.rebase')} there"
        )
    report = DiskReport(read_disks(subject.live, subject.config))
    chained = [d.target for d in report.disks if d.live and d.live.chain and not d.live.mirror]
    if not chained:
        raise ValueError("its disks are based on nothing")
    plans = [chain_job(subject.uuid, subject.name, report, name, "flatten") for name in chained]
    notes = (JOBS["flatten"][1], "snapshots stay listed; nothing of their images is needed then")
    return Proposal(tuple(change for plan in plans for change in plan.changes), notes)


def _disk(report: DiskReport, target: str) -> Disk:
    found = next((disk for disk in report.disks if disk.target == target), None)
    if found is None:
        raise ValueError(f"no disk {target}: there is {', '.join(d.target for d in report.disks)}")
    return found


def plan_resize_disk(
    uuid: str, name: str, report: DiskReport, target: str, text: str, shrink: bool = False
) -> Proposal:
    """Plan another capacity of a disk of a running domain.

    Raises:
        ValueError: It does not run, or shrinks without the word for it.
    """
    disk, numbers = _disk(report, target), report.numbers.get(target)
    if disk.live is None:
        raise ValueError(f"{name} does not run: resize its volume on the page of storage")
    if numbers is None or numbers.capacity_bytes is None:
        raise ValueError(f"the capacity of {target} is not known")
    asked = parse(text.strip().lstrip("+")).asked_bytes
    after = numbers.capacity_bytes + asked if text.strip().startswith("+") else asked
    after = -(-after // 512) * 512
    if after < numbers.capacity_bytes and not shrink:
        raise ValueError(
            f"that is less than its {numbers.capacity_bytes} bytes: what lies behind is lost, "
            "and the guest writes there; say shrink to do it"
        )
    change = ResizeDisk(uuid, name, target, numbers.capacity_bytes, after)
    return Proposal((change,), ("file systems in it do not grow by themselves",))


def plan_medium(uuid: str, name: str, report: DiskReport, target: str, path: str) -> Proposal:
    """Plan another medium in a drive, or none.

    Raises:
        ValueError: It is no drive for media, or the path is none.
    """
    disk = _disk(report, target)
    if disk.device not in REMOVABLE:
        raise ValueError(f"{target} is no cdrom and no floppy")
    _check_place(path, or_empty=True)
    if path == disk.now.source:
        raise ValueError(f"{path or 'no medium'} is in {target} already")
    live = _with_medium(disk.live, path) if disk.live else ""
    config = _with_medium(disk.config, path) if disk.config else ""
    change = ChangeMedium(uuid, name, target, disk.now.source, path, live, config)
    note = "the guest is asked to open the tray; one that has locked it refuses"
    return Proposal((change,), (note,) if disk.live and disk.now.source else ())


def _with_medium(half: Half, path: str) -> str:
    """The drive with another image: always read as raw, whatever it may pass for."""
    document = Document(half.xml)
    for node in document.findall("backingStore"):
        document = Document(document.remove(node))
    old = document.find("source")
    text = document.remove(old) if old is not None else half.xml
    document = Document(text)
    root = document.root
    kind, place = source_element(path)
    if root.get("type") != kind:
        document = Document(document.set_attribute(root, "type", kind))
    if not path:
        return document.text
    driver = document.find("driver")
    if driver is not None:
        document = Document(document.set_attribute(driver, "type", "raw"))
    return document.insert(document.root, place, after=document.find("driver"))


def plan_limit(
    uuid: str, name: str, report: DiskReport, target: str, limit: str, text: str
) -> Proposal:
    """Plan a limit: a number, or a size a second for bytes; 0 for none.

    Raises:
        ValueError: It is none, or one of its kind stands against it.
    """
    disk = _disk(report, target)
    if limit not in LIMITS:
        raise ValueError(f"one of {', '.join(LIMITS)}")
    after = parse(text).asked_bytes if "bytes" in limit and not text.isdigit() else _number(text)
    kind, unit = limit.split("_", 1)
    rivals = [f"read_{unit}", f"write_{unit}"] if kind == "total" else [f"total_{unit}"]
    if after and (rival := next((r for r in rivals if disk.now.limits.get(r)), None)):
        raise ValueError(f"{rival} is set: libvirt takes either the total, or reads and writes")
    change = LimitDisk(
        *(uuid, name, target, limit, disk.now.limits.get(limit, 0), after),
        live=disk.live is not None,
        config=disk.config is not None,
    )
    if change.before == change.after:
        raise ValueError(f"{limit} of {target} is {after or 'no limit'} already")
    return Proposal((change,))


def _number(text: str) -> int:
    if not text.strip().isdigit():
        raise ValueError(f"{text!r} is no whole number")
    return int(text)


@dataclass(frozen=True, slots=True)
class DiskWish:
    """An image that a domain is to be given."""

    path: str
    format: str
    """As its owner says: it is never guessed."""
    target: str = ""
    """``vdb``; empty for the next that is free."""
    read_only: bool = False


def attacher(wish: DiskWish) -> Planner:
    """Plan to attach an image."""

    def plan(subject: Subject, target: Target) -> Proposal:
        live, config = halves(subject, target)
        _check_place(wish.path)
        if not wish.format:
            raise ValueError(f"say the format of {wish.path}: it is never guessed")
        disks = read_disks(subject.live, subject.config)
        name = wish.target or _free({disk.target for disk in disks})
        kind, source = source_element(wish.path)
        parts = [
            element("driver", {"name": "qemu", "type": wish.format}),
            source,
            element("target", {"dev": name, "bus": _bus(name)}),
        ]
        if wish.read_only:
            parts.append(element("readonly", {}))
        xml = element("disk", {"type": kind, "device": "disk"}, *parts)
        change = ChangeDevice(
            *(subject.uuid, subject.name, f"attach {wish.path} as {name}", xml, True, live, config)
        )
        return Proposal((change,))

    return plan


def detacher(target_name: str) -> Planner:
    """Plan to detach a disk; its image stays."""

    def plan(subject: Subject, target: Target) -> Proposal:
        live, config = halves(subject, target)
        disks = read_disks(subject.live, subject.config)
        disk = next((d for d in disks if d.target == target_name), None)
        if disk is None:
            raise ValueError(f"it has no disk {target_name}")
        live, config = live and disk.live is not None, config and disk.config is not None
        half = disk.live if live else disk.config
        if half is None or not (live or config):
            raise ValueError(f"{target_name} is not there to detach in what was chosen")
        change = ChangeDevice(
            *(subject.uuid, subject.name, f"detach {target_name}", half.xml, False, live, config),
            grade="destructive" if live else "interrupting",
        )
        stays = f"{half.source} stays; " if half.source else ""
        note = f"{stays}a guest that uses the disk loses it" if live else ""
        return Proposal((change,), (note,) if note else ())

    return plan


def halves(subject: Subject, target: Target) -> tuple[bool, bool]:
    """Whether live and whether config are changed.

    Raises:
        ValueError: There is nothing to change.
    """
    live = subject.live is not None and target in ("both", "live")
    config = subject.config is not None and target in ("both", "config")
    if not live and not config:
        raise ValueError("it does not run" if target == "live" else "it has no definition")
    return live, config


def _free(taken: set[str]) -> str:
    letters = (chr(code) for code in range(ord("a"), ord("z") + 1))
    found = next((f"vd{letter}" for letter in letters if f"vd{letter}" not in taken), None)
    if found is None:
        raise ValueError("vda to vdz are taken: name a target")
    return found


def _bus(target: str) -> str:
    return {"v": "virtio", "s": "scsi", "h": "ide"}.get(target[:1], "virtio")

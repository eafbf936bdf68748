"""The disks of a domain: what they are, as it runs and as it is defined, and what can be done.

Format: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms. A raw image is never
looked into: what its guest wrote there could pass for another format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Literal

from vconsole.model.outcome import Target
from vconsole.model.proposal import Grade, Planner, Proposal, Subject, flags_of, virsh_line
from vconsole.model.request import ChangeDevice
from vconsole.model.size import parse
from vconsole.model.virsh import domain_argument
from vconsole.model.wait import Wait
from vconsole.model.xml_edit import Document, element
from vconsole.model.xml_tree import Element

REMOVABLE: Final = ("cdrom", "floppy")
LIMITS: Final = (
    "total_bytes_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_iops_sec",
    "read_iops_sec",
    "write_iops_sec",
)
"""The limits of blkdeviotune that people set; total and read or write exclude each other."""
_PLACES: Final = ("file", "dev", "dir", "name")
_DAY_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Half:
    """A disk in one configuration of its domain."""

    xml: str
    source: str = ""
    """Path, ``pool/volume``, or the name of a network disk; empty for no medium."""
    format: str = "-"
    chain: tuple[str, ...] = ()
    """What it is based on, the nearest first; known of a running domain."""
    cache: str = ""
    io: str = ""
    iothread: str = ""
    read_only: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    mirror: str = ""
    """The job that copies it: ``copy``, ``active-commit``; empty for none."""


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, live and config; None where the domain has it only in the other."""

    target: str
    bus: str = "-"
    device: str = "disk"
    live: Half | None = None
    config: Half | None = None

    @property
    def now(self) -> Half:
        """As it runs, else as it is defined."""
        found = self.live or self.config
        assert found is not None, "a disk is in one of the two"
        return found

    @property
    def where(self) -> str:
        """``live``, ``config`` or both, and whether they differ."""
        if self.live is None or self.config is None:
            return "config only" if self.live is None else "live only"
        return "" if self.live.source == self.config.source else "config differs"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a disk holds and does; None is what is not known."""

    at_s: float
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    requests: int | None = None
    busy_ns: int | None = None
    """What all requests took together."""
    job: str = ""
    """The block job that runs: ``commit``, ``pull``, ``copy``, ``active commit``."""
    done: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class DiskReport:
    """The disks of a domain."""

    disks: tuple[Disk, ...] = ()
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    running: bool = False


@dataclass(frozen=True, slots=True)
class ReadDisks:
    """Read the disks of a domain and what they do: answers a `DiskReport`."""

    uuid: str
    deadline_s: ClassVar[float] = 15.0


def read_disks(live: str | None, config: str | None) -> tuple[Disk, ...]:
    """The disks of a domain, in the order of its XML.

    Raises:
        XmlEditError: The XML cannot be read.
    """
    found: dict[str, Disk] = {}
    for text, name in ((live, "live"), (config, "config")):
        if text is None:
            continue
        document = Document(text)
        for node in document.findall("devices/disk"):
            target = node.find("target")
            dev = (target.get("dev") if target else None) or "-"
            bus = (target.get("bus") if target else None) or "-"
            known = found.get(dev, Disk(dev, bus, node.get("device") or "disk"))
            half = _half(node, document.text[node.start : node.end])
            found[dev] = (
                replace(known, live=half) if name == "live" else replace(known, config=half)
            )
    return tuple(found.values())


def _half(node: Element, xml: str) -> Half:
    driver, source = node.find("driver"), node.find("source")
    tune, mirror = node.find("iotune"), node.find("mirror")
    return Half(
        xml,
        source_of(source),
        (driver.get("type") if driver else None) or "-",
        tuple(_chain(node)),
        (driver.get("cache") if driver else None) or "",
        (driver.get("io") if driver else None) or "",
        (driver.get("iothread") if driver else None) or "",
        node.find("readonly") is not None,
        {n.tag: int(n.text) for n in (tune.children if tune else ()) if n.text.strip().isdigit()},
        (mirror.get("job") or "copy") if mirror else "",
    )


def source_of(source: Element | None) -> str:
    """A ``<source>`` in one word."""
    if source is None:
        return ""
    if pool := source.get("pool"):
        return f"{pool}/{source.get('volume') or ''}"
    return next((value for name in _PLACES if (value := source.get(name))), "")


def _chain(node: Element) -> Iterator[str]:
    """What a disk is based on; its XML is as deep as the chain."""
    base = node.find("backingStore")
    while base is not None:
        if path := source_of(base.find("source")):
            yield path
        base = base.find("backingStore")


# ---- what is done: size, media, limits


@dataclass(frozen=True, slots=True)
class ResizeDisk:
    """Grow or shrink a disk of a running domain; answers the `DiskReport` read back."""

    uuid: str
    name: str
    target: str
    before_bytes: int
    after_bytes: int
    deadline_s: ClassVar[float] = 120.0
    when: ClassVar[str] = "now"

    @property
    def grade(self) -> Grade:
        """What shrinks loses its end under a running guest."""
        return "destructive" if self.after_bytes < self.before_bytes else "harmless"

    @property
    def what(self) -> str:
        """Which way."""
        return f"{'shrink' if self.after_bytes < self.before_bytes else 'grow'} {self.target}"

    def lines(self) -> tuple[str, ...]:
        """The capacities."""
        return f"- {self.before_bytes} bytes", f"+ {self.after_bytes} bytes"

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        domain = domain_argument(self.name, self.uuid)
        return (virsh_line(uri, "blockresize", domain, self.target, f"{self.after_bytes}B"),)


@dataclass(frozen=True, slots=True)
class ChangeMedium:
    """Put another medium into a drive, or none; answers the `DiskReport` read back.

    It is a conflict if there is another one in it than was seen.
    """

    uuid: str
    name: str
    target: str
    before: str
    after: str
    """Path of the image; empty to eject."""
    live_xml: str = ""
    """The drive as it shall be, live; empty to leave that half."""
    config_xml: str = ""
    deadline_s: ClassVar[float] = 60.0
    grade: ClassVar[Grade] = "harmless"

    @property
    def when(self) -> str:
        """Which halves."""
        if not self.live_xml:
            return "at the next start"
        return "live and config" if self.config_xml else "live, until it is shut off"

    @property
    def what(self) -> str:
        """What happens to the drive."""
        return f"put a medium into {self.target}" if self.after else f"eject {self.target}"

    def lines(self) -> tuple[str, ...]:
        """The media."""
        return f"- {self.before or 'no medium'}", f"+ {self.after or 'no medium'}"

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        domain = domain_argument(self.name, self.uuid)
        flags = flags_of(bool(self.live_xml), bool(self.config_xml))
        how = ("--update", "--source", self.after) if self.after else ("--eject",)
        return (virsh_line(uri, "change-media", domain, self.target, *how, *flags),)


@dataclass(frozen=True, slots=True)
class LimitDisk:
    """Limit what a disk may do in a second; answers the `DiskReport` read back. 0 is no limit."""

    uuid: str
    name: str
    target: str
    limit: str
    """One of `LIMITS`."""
    before: int
    after: int
    live: bool
    config: bool
    deadline_s: ClassVar[float] = 30.0
    grade: ClassVar[Grade] = "harmless"

    @property
    def when(self) -> str:
        """Which halves."""
        if not self.live:
            return "at the next start"
        return "live and config" if self.config else "live, until it is shut off"

    @property
    def what(self) -> str:
        """Which limit."""
        return f"limit {self.target}: {self.limit}"

    def lines(self) -> tuple[str, ...]:
        """The values."""
        return (
            f"- {self.limit} {self.before or 'no limit'}",
            f"+ {self.limit} {self.after or 'no limit'}",
        )

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        domain = domain_argument(self.name, self.uuid)
        option = f"--{self.limit.replace('_', '-')}"
        flags = flags_of(self.live, self.config)
        return (
            virsh_line(uri, "blkdeviotune", domain, self.target, option, str(self.after), *flags),
        )


# ---- jobs on the chain of a running disk

JobKind = Literal["flatten", "commit", "copy"]
JOBS: Final[Mapping[JobKind, tuple[str, str]]] = {
    "flatten": ("flatten", "pulls what it is based on into it (block pull)"),
    "commit": ("commit", "writes it down into what it is based on, and goes on there"),
    "copy": ("move", "copies it elsewhere while it is used, and goes on there"),
}
"""Kind -> (verb, what it does)."""


@dataclass(frozen=True, slots=True)
class ChainJob:
    """Change the chain of a running disk, pivoting at the end; answers the `DiskReport` read back.

    It is given up by its `wait`; the disk is then as before, and what was copied is left to delete.
    """

    uuid: str
    name: str
    target: str
    kind: JobKind
    source: str
    """The image in use, as it was seen."""
    chain: tuple[str, ...] = ()
    destination: str = ""
    """Of a copy: the path of the new image."""
    format: str = "raw"
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    deadline_s: ClassVar[float] = _DAY_S
    when: ClassVar[str] = "now"

    @property
    def grade(self) -> Grade:
        """A commit changes an image that others may be based on."""
        return "interrupting" if self.kind == "commit" else "harmless"

    @property
    def what(self) -> str:
        """The verb and the disk."""
        return f"{JOBS[self.kind][0]} {self.target}"

    def lines(self) -> tuple[str, ...]:
        """The chain before and after."""
        before = tuple(f"- {path}" for path in (self.source, *self.chain))
        after = {
            "flatten": (self.source,),
            "commit": self.chain,
            "copy": (self.destination,),
        }[self.kind]
        return (*before, *(f"+ {path}" for path in after))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        domain = domain_argument(self.name, self.uuid)
        words = {
            "flatten": ("blockpull", domain, self.target, "--wait", "--verbose"),
            "commit": (
                *("blockcommit", domain, self.target, "--shallow"),
                *("--active", "--verbose", "--pivot"),
            ),
            "copy": (
                *("blockcopy", domain, self.target, "--dest", self.destination),
                *("--format", self.format, "--wait", "--verbose", "--pivot", "--transient-job"),
            ),
        }[self.kind]
        return (virsh_line(uri, *words),)


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
        raise ValueError(f"a job runs on {target} already")
    if not disk.live.source:
        raise ValueError(f"{target} has no medium")
    if kind != "copy" and not disk.live.chain:
        raise ValueError(f"{target} is based on nothing: there is nothing to {JOBS[kind][0]}")
    notes = [JOBS[kind][1]]
    if kind == "commit":
        notes.append(f"{disk.live.chain[0]} is changed: images based on it besides this one break")
    if kind == "copy":
        if not destination.startswith("/"):
            raise ValueError("say where to: a path that begins with /")
        notes.append(f"{disk.live.source} stays as it is then; delete it when all is well")
    change = ChainJob(
        *(uuid, name, target, kind, disk.live.source, disk.live.chain, destination),
        disk.live.format if disk.live.format != "-" else "raw",
    )
    if disk.config is not None and disk.config.source != disk.live.source:
        notes.append("its definition names another image: that half stays as it is")
    return Proposal((change,), tuple(notes))


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
    if path and not path.startswith("/"):
        raise ValueError("a path begins with /")
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
    if root.get("type") != "file":
        document = Document(document.set_attribute(root, "type", "file"))
    if not path:
        return document.text
    driver = document.find("driver")
    if driver is not None:
        document = Document(document.set_attribute(driver, "type", "raw"))
    return document.insert(
        document.root, element("source", {"file": path}), after=document.find("driver")
    )


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


# ---- attach and detach


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
        if not wish.path.startswith("/"):
            raise ValueError("a path begins with /")
        if not wish.format:
            raise ValueError(f"say the format of {wish.path}: it is never guessed")
        disks = read_disks(subject.live, subject.config)
        name = wish.target or _free({disk.target for disk in disks})
        kind = "block" if wish.path.startswith("/dev/") else "file"
        parts = [
            element("driver", {"name": "qemu", "type": wish.format}),
            element("source", {"dev" if kind == "block" else "file": wish.path}),
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
        note = f"{half.source or target_name} stays; a guest that uses it loses it" if live else ""
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

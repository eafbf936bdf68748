"""What can be done with a disk of a domain: size, media, limits, and jobs on its chain.

Sources: virsh(1); virDomainBlock* of libvirt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from vconsole.model.proposal import Grade, flags_of, virsh_line
from vconsole.model.virsh import domain_argument
from vconsole.model.wait import Wait

LIMITS: Final = (
    "total_bytes_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_iops_sec",
    "read_iops_sec",
    "write_iops_sec",
)
"""The limits of blkdeviotune that people set; total and read or write exclude each other."""


def _trace(*words: str | int) -> str:
    """What `host.tell` takes: the kind of the change, the disk, and what it needs else."""
    return json.dumps(words)


_DAY_S: Final = 24 * 3600.0


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
    def trace(self) -> str:
        """The disk and its new capacity."""
        return _trace("size", self.target, self.after_bytes)

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
    def trace(self) -> str:
        """The drive and its new medium."""
        return _trace("medium", self.target, self.after)

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
        change = ("change-media", domain, self.target, *flags)
        if not self.after:
            return (virsh_line(uri, *change, "--eject"),)
        pool, _, volume = self.after.partition("/")
        if not pool:
            return (virsh_line(uri, *change, "--update", "--source", self.after),)
        path = virsh_line(uri, "vol-path", volume, "--pool", pool)
        return (f'{virsh_line(uri, *change, "--update", "--source")} "$({path})"',)


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
    def trace(self) -> str:
        """The disk, the limit, and the halves that get it."""
        return _trace("limit", self.target, self.limit, self.after, self.live, self.config)

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


JobKind = Literal["flatten", "commit", "commit all", "commit bases", "copy"]


JOBS: Final[Mapping[JobKind, tuple[str, str]]] = {
    "flatten": ("flatten", "pulls what it is based on into it (block pull)"),
    "commit": ("commit", "writes it down into what it is based on, and goes on there"),
    "commit all": (
        "commit all of",
        "writes the whole chain down into its last base, goes on there",
    ),
    "commit bases": ("commit the bases of", "writes its bases down into the last of them"),
    "copy": ("move", "copies it elsewhere while it is used, and goes on there"),
}
"""Kind -> (verb, what it does)."""


def ending_line(name: str, uuid: str, target: str, how: str = "--abort", uri: str = "") -> str:
    """What ends a job that another program has begun, or this one before it was killed."""
    return virsh_line(uri, "blockjob", domain_argument(name, uuid), target, how)


@dataclass(frozen=True, slots=True)
class ChainJob:
    """Change the chain of a running disk, pivoting at the end; answers the `DiskReport` read back.

    It is given up by its `wait`; the disk is then as before, and what was copied is taken away.
    """

    uuid: str
    name: str
    target: str
    kind: JobKind
    source: str
    """The image in use, as it was seen."""
    chain: tuple[str, ...] = ()
    destination: str = ""
    """Of a copy: the path of the new image, or ``POOL/NAME`` of a volume that is made for it."""
    format: str = "raw"
    capacity_bytes: int = 0
    """Of the disk, as it was seen."""
    wait: Wait = field(default_factory=Wait, compare=False, repr=False)
    deadline_s: ClassVar[float] = _DAY_S
    when: ClassVar[str] = "now"

    @property
    def trace(self) -> str:
        """The disk, the job, and the image in use when it is done."""
        return _trace("job", self.target, self.kind, self.after)

    @property
    def pivots(self) -> bool:
        """Its end is to go on in another image, which must be told."""
        return self.kind in ("commit", "commit all", "copy")

    @property
    def after(self) -> str:
        """The image in use when it is done."""
        return self.chain_after[0] if self.chain_after else ""

    @property
    def chain_after(self) -> tuple[str, ...]:
        """The image in use when it is done, and what it is based on then."""
        last = self.chain[-1:]
        return {
            "flatten": (self.source,),
            "commit": self.chain,
            "commit all": last,
            "commit bases": (self.source, *last),
            "copy": (self.destination,),
        }[self.kind]

    @property
    def grade(self) -> Grade:
        """A commit changes an image that others may be based on."""
        return "interrupting" if self.kind.startswith("commit") else "harmless"

    @property
    def what(self) -> str:
        """The verb and the disk."""
        return f"{JOBS[self.kind][0]} {self.target}"

    def lines(self) -> tuple[str, ...]:
        """The chain before and after."""
        before = tuple(f"- {path}" for path in (self.source, *self.chain))
        return (*before, *(f"+ {path}" for path in self.chain_after))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        if self.kind == "copy":
            return self._copying(uri)
        words = {
            "flatten": ("blockpull", "--wait", "--verbose"),
            "commit": ("blockcommit", "--shallow", "--active", "--verbose", "--pivot"),
            "commit all": ("blockcommit", "--active", "--verbose", "--pivot"),
            "commit bases": ("blockcommit", "--top", *self.chain[:1], "--wait", "--verbose"),
        }[self.kind]
        domain = domain_argument(self.name, self.uuid)
        return (virsh_line(uri, words[0], domain, self.target, *words[1:]),)

    def _copying(self, uri: str) -> tuple[str, ...]:
        """The lines of a copy; a volume of a pool is made first, as large as the disk."""
        how = ("--format", self.format, "--wait", "--verbose", "--pivot", "--transient-job")
        domain = domain_argument(self.name, self.uuid)
        copy = ("blockcopy", domain, self.target, *how)
        pool, _, volume = self.destination.partition("/")
        if not pool:
            return (virsh_line(uri, *copy, "--dest", self.destination),)
        size = f"{self.capacity_bytes}B"
        make = virsh_line(uri, "vol-create-as", pool, volume, size, "--format", self.format)
        path = virsh_line(uri, "vol-path", volume, "--pool", pool)
        return make, f'{virsh_line(uri, *copy, "--reuse-external", "--dest")} "$({path})"'


@dataclass(frozen=True, slots=True)
class EndJob:
    """End a block job that nobody follows; answers the `DiskReport` read back.

    It is a conflict where the disk has another image in use than was seen.
    """

    uuid: str
    name: str
    target: str
    source: str
    """The image in use, as it was seen."""
    copy: str = ""
    """What the job was making."""
    half: bool = False
    """That is a copy which has not caught up: it is taken away."""
    pivot: bool = False
    deadline_s: ClassVar[float] = 60.0
    when: ClassVar[str] = "now"
    grade: ClassVar[Grade] = "interrupting"

    @property
    def trace(self) -> str:
        """The disk, and the image in use when it is done."""
        return _trace("job", self.target, "end", self.copy if self.pivot else self.source)

    @property
    def what(self) -> str:
        """Which way."""
        return f"{'go on at the copy of' if self.pivot else 'end the job of'} {self.target}"

    def lines(self) -> tuple[str, ...]:
        """The image in use before and after."""
        if self.pivot:
            return f"- {self.source}", f"+ {self.copy}"
        return (f"  {self.source}", *((f"- {self.copy}, half made",) * self.half))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """The line that does it."""
        how = "--pivot" if self.pivot else "--abort"
        return (ending_line(self.name, self.uuid, self.target, how, uri),)

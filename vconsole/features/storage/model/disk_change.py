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


JobKind = Literal["flatten", "commit", "copy"]


JOBS: Final[Mapping[JobKind, tuple[str, str]]] = {
    "flatten": ("flatten", "pulls what it is based on into it (block pull)"),
    "commit": ("commit", "writes it down into what it is based on, and goes on there"),
    "copy": ("move", "copies it elsewhere while it is used, and goes on there"),
}
"""Kind -> (verb, what it does)."""


def ending_line(name: str, uuid: str, target: str, how: str = "--abort", uri: str = "") -> str:
    """What ends a job that another program has begun, or this one before it was killed."""
    return virsh_line(uri, "blockjob", domain_argument(name, uuid), target, how)


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
    def trace(self) -> str:
        """The disk, the job, and the image in use when it is done."""
        return _trace("job", self.target, self.kind, self.after)

    @property
    def after(self) -> str:
        """The image in use when it is done."""
        base = self.chain[0] if self.chain else ""
        return {"flatten": self.source, "commit": base, "copy": self.destination}[self.kind]

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

"""A change under way in some process of this user, and what one that was cut off has left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from vconsole.model.proposal import Grade

PARTIAL: Final = ".vconsole-partial"
"""Ends the name of a file that is being made."""


@dataclass(frozen=True, slots=True)
class Job:
    """One change, as its process wrote it down last."""

    id: str
    """``PID.NUMBER``."""
    process: str
    """As `changes.process.this_process` names it."""
    uri: str
    name: str
    what: str
    begun_s: float
    """Seconds since 1970."""
    progress: str = ""
    cancellable: bool = False
    partial: str = ""
    """Path of the file that it makes and names when it is whole; empty where it makes none."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that a job was making when its process was killed."""

    job: Job
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class JobsFound:
    """What all processes of this user do, and what others before them have left."""

    jobs: tuple[Job, ...] = ()
    leftovers: tuple[Leftover, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadJobs:
    """Read the jobs of all processes of this user: answers `JobsFound`."""

    directory: Path
    deadline_s: ClassVar[float] = 5.0


@dataclass(frozen=True, slots=True)
class GiveUpJob:
    """Tell the process of a job to give it up."""

    directory: Path
    id: str
    deadline_s: ClassVar[float] = 10.0


@dataclass(frozen=True, slots=True)
class RemoveLeftover:
    """Remove a file that was never finished; a conflict if it is not as it was seen."""

    directory: Path
    left: Leftover
    uuid: ClassVar[str] = ""
    deadline_s: ClassVar[float] = 60.0
    grade: ClassVar[Grade] = "interrupting"
    when: ClassVar[str] = "now"
    what: ClassVar[str] = "remove an unfinished file"

    @property
    def name(self) -> str:
        """Its path."""
        return self.left.job.partial

    @property
    def trace(self) -> str:
        """What is not there any more when it is done."""
        return self.name

    def lines(self) -> tuple[str, ...]:
        """What it was to become."""
        job = self.left.job
        return (f"- {job.partial}, {self.left.size_bytes} bytes", f"  of: {job.what}, {job.name}")

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """None: it is a file."""
        return ()

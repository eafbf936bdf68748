"""What the kernel has counted so far on the pCPUs of a domain, or on one of them.

Two samples make rates. Counters start at zero when a thread or an interrupt comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.value import dataclass


@dataclass(frozen=True, slots=True)
class ThreadCounts:
    """One thread of the domain; None where the kernel does not say."""

    tid: int
    pcpu: int
    allowed: CpuSet | None = None
    cpu_ns: int = 0
    wait_ns: int | None = None
    involuntary: int | None = None
    """How often it was taken off its pCPU."""
    migrations: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Any other thread of the host that ran since the sample before."""

    pid: int
    tid: int
    name: str
    """Foreign."""
    pcpu: int
    cpu_ns: int
    domain: str = ""
    """Of a thread of another guest its domain's UUID."""
    allowed: CpuSet | None = None
    kernel: bool = False


@dataclass(frozen=True, slots=True)
class Interrupt:
    """One line of /proc/interrupts."""

    number: str
    name: str
    """Foreign."""
    counts: Mapping[int, int]
    """pCPU -> how often, of those that are looked at."""
    affinity: CpuSet | None = None
    """Where it may go; None for those of the pCPU itself, such as its timer."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How fast a pCPU runs, in kHz."""

    governor: str = ""
    now_khz: int | None = None
    most_khz: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything at one instant."""

    at: float
    """Monotonic seconds."""
    pcpus: CpuSet = CpuSet()
    """Those looked at: where the domain's threads ran last, or the one asked about."""
    threads: Mapping[PinKey, ThreadCounts] = field(default_factory=dict)
    ticks: Mapping[int, int] = field(default_factory=dict)
    """Thread number -> ns on a pCPU so far, of all other threads of the host."""
    tasks: tuple[Task, ...] = ()
    interrupts: Mapping[str, Interrupt] = field(default_factory=dict)
    clocks: Mapping[int, Clock] = field(default_factory=dict)
    cost_s: float = 0.0
    """Processor time that it took to read all this."""


@dataclass(frozen=True, slots=True)
class ReadWhy:
    """Take a sample: answers a `Sample`. Of a domain, or of one pCPU."""

    uuid: str = ""
    pcpu: int | None = None
    before: Sample | None = None
    """What was there; tells which tasks ran since."""
    deadline_s: ClassVar[float] = 10.0


SHARE: float = 0.005
"""How much of one pCPU looking may cost; the pace follows from it."""


def pause_s(sample: Sample, least: float = 2.0) -> float:
    """Seconds to wait after a sample, so that taking them costs `SHARE` of one pCPU at most."""
    return max(least, sample.cost_s / SHARE)

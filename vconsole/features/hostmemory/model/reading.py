"""A host's memory and swap as read at one moment, and the request that reads it.

Missing is None. Sources: proc(5) for ``meminfo``, ``vmstat``, ``swaps`` and ``PID/status``; the
kernel's admin-guide/mm for ``hugepages`` and ``ksm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vconsole.model.host_state import HostState

Medium = Literal["rotating", "solid", "memory"]
"""What a swap area lies on: a disk that turns, one that does not, compressed RAM (zram)."""


@dataclass(frozen=True, slots=True)
class SwapArea:
    """A line of ``/proc/swaps``; `path` is foreign text."""

    path: str
    size_bytes: int
    used_bytes: int
    medium: Medium | None = None


@dataclass(frozen=True, slots=True)
class HugePages:
    """The pool of one size of huge pages: RAM set aside, used or not."""

    size_kib: int
    total: int
    free: int | None
    """None where that is not told."""
    reserved: int = 0
    """Of the free ones those promised to a process that has not touched them yet."""

    @property
    def total_bytes(self) -> int:
        """The RAM set aside."""
        return self.total * self.size_kib << 10

    @property
    def used(self) -> int | None:
        """How many of them processes hold."""
        return None if self.free is None else self.total - self.free

    @property
    def used_bytes(self) -> int | None:
        """What processes hold of it."""
        return None if self.used is None else self.used * self.size_kib << 10

    @property
    def idle_bytes(self) -> int:
        """What nobody holds and nobody was promised, as far as that is known."""
        return max(0, (self.free or 0) - self.reserved) * self.size_kib << 10


@dataclass(frozen=True, slots=True)
class Ksm:
    """Kernel same-page merging."""

    run: int | None
    """0 stopped, 1 merging, 2 stopped and everything parted again; None where it is not told."""
    saved_bytes: int
    """RAM that would be needed beside, were the merged pages written to."""


@dataclass(frozen=True, slots=True)
class GuestProcess:
    """What a running domain's QEMU process takes."""

    pid: int | None = None
    rss_bytes: int | None = None
    """In RAM, huge pages not counted."""
    huge_bytes: int | None = None
    """In huge pages."""
    swap_bytes: int | None = None
    oom_score: int | None = None
    """Who has the highest is ended first when memory runs out: 0 to about 2000."""

    @property
    def held_bytes(self) -> int | None:
        """In RAM altogether."""
        return None if self.rss_bytes is None else self.rss_bytes + (self.huge_bytes or 0)


@dataclass(frozen=True, slots=True)
class HostMemory:
    """The host's memory; bytes in and out of swap are counted since the host's start."""

    read_at: float
    """Monotonic seconds."""
    total_bytes: int | None = None
    available_bytes: int | None = None
    """What could be had without swapping."""
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None
    swapped_in_bytes: int | None = None
    swapped_out_bytes: int | None = None
    committed_bytes: int | None = None
    commit_limit_bytes: int | None = None
    overcommit: int | None = None
    """``vm.overcommit_memory``: 0 by guess, 1 always, 2 never beyond the limit."""
    swappiness: int | None = None
    huge: tuple[HugePages, ...] = ()
    ksm: Ksm | None = None
    areas: tuple[SwapArea, ...] = ()
    guests: Mapping[str, GuestProcess] = field(default_factory=dict)
    """Domain UUID -> its process."""
    unknown: str = ""
    """What could not be read, and why; empty where nothing is missing."""


@dataclass(frozen=True, slots=True)
class ReadHostMemory:
    """Read the host's memory; answers the `advice.Advice` that it comes to.

    It is worked out where it is read: for thousands of guests that takes longer than a key may.
    """

    host_state: HostState = field(compare=False)
    """The guests and cells that it is about."""
    before: HostMemory | None = field(default=None, compare=False)
    """What was read before; without it there are no rates."""
    deadline_s: ClassVar[float] = 10.0

"""What a host that is invented tells beside libvirt, in the place of /proc and /sys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from vconsole.host.proc import Guest
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Node


class HostTask(NamedTuple):
    """A thread of the host that is none of a guest."""

    pid: int
    name: str
    pcpu: int
    allowed: CpuSet
    cpu_ns: int
    share: float
    """Of its pCPU, at this moment."""


class HostIrq(NamedTuple):
    """An interrupt of a device."""

    number: int
    name: str
    pcpu: int
    """Which has them."""
    total: int
    """How often so far."""
    affinity: CpuSet


class Memory(NamedTuple):
    """Of the memory of a running domain what only its kernel knows."""

    by_cell: Mapping[int, int]
    """Cell -> bytes."""
    hugepages_kib: int | None
    allowed: CpuSet
    """The cells that its numatune lets it use."""


class Simulation(Protocol):
    """The kernel of a host that is not there."""

    @property
    def now_s(self) -> float:
        """Seconds since the host was started: all counters follow this clock."""

    def find_guests(self) -> dict[str, Guest]:
        """UUID -> the process of each running domain."""

    def busy(self) -> Mapping[int, float]:
        """PCPU -> how busy it is now, in percent."""

    def facts(self, node: Node) -> Node:
        """The node with what the kernel knows of it."""

    def tasks(self) -> tuple[HostTask, ...]:
        """What of the host itself runs now."""

    def irqs(self) -> tuple[HostIrq, ...]:
        """How often each device has asked for a pCPU so far."""

    def clock(self, pcpu: int, busy: Mapping[int, float]) -> tuple[str, int, int]:
        """Governor, kHz now and at most; `busy` is what `busy` told."""

    def memory_of(self, uuid: str) -> Memory | None:
        """None where it does not run."""

    def free_bytes(self) -> list[int]:
        """Free memory by cell."""

    def free_pages(self) -> list[int]:
        """Free pages of 2 MiB by cell."""

    def move(self, uuid: str, cells: Iterable[int]) -> float:
        """Begin to move its memory to these cells; answers when that ends, by `now_s`."""

    def stop_moving(self, uuid: str) -> None:
        """Its memory stays where it has come to."""

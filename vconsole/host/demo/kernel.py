"""What the demo host itself does on its pCPUs: daemons, interrupts of its disk, clocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vconsole.host.demo import shape
from vconsole.host.demo.load import load_of
from vconsole.host.simulation import HostIrq, HostTask
from vconsole.model.cpuset import CpuSet

GOVERNOR: Final = "performance"
_DAEMONS: Final = (
    "restic",
    "node_exporter",
    "multipathd",
    "vector",
    "ovs-vswitchd",
    "rsyslogd",
    "ceph-osd",
    "chronyd",
)
"""One for each L3 domain."""
_FIRST_PID, _FIRST_IRQ, _CORE = 1400, 120, 2
_IRQS_S: Final = 20000
"""Interrupts in a second of the load of a queue."""
_QUIET: Final = 20
"""Every second queue has so much less to do."""
_HEAT: Final = 0.45
"""So much slower pCPUs run where all that share their L3 cache are busy."""


def tasks(now_s: float, taken: Mapping[int, float]) -> tuple[HostTask, ...]:
    """A daemon in each L3 domain, where it disturbs most: beside who takes most of a pCPU there.

    Args:
        now_s: Seconds since the host was started.
        taken: PCPU -> what guests take of it.
    """
    return tuple(_tasks(now_s, taken))


def _tasks(now_s: float, taken: Mapping[int, float]) -> Iterator[HostTask]:
    for number, name in enumerate(_DAEMONS):
        load = load_of(name, number)
        pcpus = _l3(number)
        pcpu = max(pcpus, key=lambda pcpu: (taken.get(pcpu, 0.0), -pcpu))
        pid, ns = _FIRST_PID + 31 * number, int(load.busy_s(now_s) * 1e9)
        yield HostTask(pid, name, pcpu, pcpus, ns, load.share(now_s))


def irqs(now_s: float) -> tuple[HostIrq, ...]:
    """A queue of the disk for each core."""
    return tuple(_irq(core, now_s) for core in range(shape.PCPUS // _CORE))


def _irq(core: int, now_s: float) -> HostIrq:
    name, first = f"nvme0q{core + 1}", core * _CORE
    count = int(load_of(name, core).busy_s(now_s) * _IRQS_S / (1 if core % 2 else _QUIET))
    return HostIrq(_FIRST_IRQ + core, name, first, count, CpuSet.of((first, first + 1)))


def clock(pcpu: int, busy: Mapping[int, float]) -> tuple[str, int, int]:
    """Governor, kHz now and at most: the busier its neighbours, the slower."""
    neighbours = _l3(pcpu // shape.L3_PCPUS)
    heat = sum(busy.get(other, 0.0) for other in neighbours) / 100 / shape.L3_PCPUS
    most = shape.MHZ * 1000
    return GOVERNOR, int(most * (1 - _HEAT * heat)), most


def _l3(number: int) -> CpuSet:
    first = number * shape.L3_PCPUS
    return CpuSet.of(range(first, first + shape.L3_PCPUS))

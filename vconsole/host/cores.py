"""What this machine's kernel knows of its cores and libvirt does not say.

Formats: Documentation/ABI/testing/sysfs-devices-system-cpu for ``cache/indexN`` and
``cpu_capacity``; ``/sys/devices/cpu_core/cpus`` and ``cpu_atom`` of hybrid Intel; proc(5) for
``meminfo`` and ``stat``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from vconsole.host import errors, xml
from vconsole.host.proc import read_numbers, read_table
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PCpu

MEMINFO: Final = Path("/proc/meminfo")
CMDLINE: Final = Path("/proc/cmdline")
STAT: Final = Path("/proc/stat")
_PCPU: Final = re.compile(rb"^cpu(\d{1,5}) ([\d ]+)$", re.MULTILINE)
_KINDS: Final = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
"""Those that share out the whole: the two after them, of guests, are in user and nice, too."""
_MOST: Final = 1 << 16
_ALIKE: Final = 0.9
"""Favoured cores of one kind differ by a few percent; another kind is a third weaker or more."""


def with_cores(pcpus: Iterable[PCpu], sys: Path) -> tuple[PCpu, ...]:
    """The pCPUs with their kind, and their L3 domain where the capabilities name none.

    Args:
        pcpus: As the capabilities have them.
        sys: The kernel's directory of CPUs, /sys/devices/system/cpu.
    """
    found = tuple(pcpus)
    l3 = {} if any(p.l3 is not None for p in found) else _l3(found, sys)
    kinds = _hybrid(sys) or _by_capacity(found, sys)
    return tuple(replace(p, l3=l3.get(p.id, p.l3), kind=kinds.get(p.id, p.kind)) for p in found)


def hugepage_kib(meminfo: Path = MEMINFO) -> int | None:
    """The default size of huge pages, which a bare ``<hugepages/>`` means; None if unknown."""
    size_bytes = read_numbers(f"{meminfo}").get("Hugepagesize")
    return None if size_bytes is None else size_bytes >> 10


def times(stat: Path = STAT) -> dict[int, dict[str, float]]:
    """What each pCPU did so far, in clock ticks by kind.

    The kernel leaves out those that are offline: the number in the name says whose line it is.
    """
    lines = _PCPU.findall(read_table(f"{stat}") or b"")
    return {int(n): dict(zip(_KINDS, map(float, line.split()), strict=False)) for n, line in lines}


def governor(pcpus: CpuSet, sys: Path) -> str:
    """Who sets the pCPUs' clocks (cpufreq); all of their names where they are not of one mind."""
    found = (_text(sys / f"cpu{n}/cpufreq/scaling_governor") for n in pcpus)
    return errors.one_line(" and ".join(sorted({name.strip() for name in found} - {""})), 40)


def rcu_nocbs(cmdline: Path = CMDLINE) -> CpuSet:
    """The pCPUs whose RCU callbacks run elsewhere: ``rcu_nocbs=`` on the kernel's command line."""
    words = (word.partition("=") for word in _text(cmdline).split())
    named = next((value for name, _, value in words if name == "rcu_nocbs"), "")
    return xml.cpuset(named) or CpuSet()


def _l3(pcpus: Iterable[PCpu], sys: Path) -> dict[int, int]:
    """pCPU -> the lowest of those that share its level 3 cache."""
    found: dict[int, int] = {}
    for pcpu in pcpus:
        if pcpu.id not in found and pcpu.online is not False:
            cpus = _sharing(sys / f"cpu{pcpu.id}" / "cache")
            if cpus and cpus.first is not None:
                found |= dict.fromkeys(cpus, cpus.first)
    return found


def _sharing(cache: Path) -> CpuSet | None:
    for index in (3, 2, 4):  # the level is what counts; without an L1i it is index 2
        place = cache / f"index{index}"
        if _text(place / "level").strip() == "3":
            return xml.cpuset(_text(place / "shared_cpu_list").strip())
    return None


def _hybrid(sys: Path) -> dict[int, int]:
    """Intel's two kinds, each with performance counters of its own."""
    sets = [xml.cpuset(_text(sys.parents[1] / name / "cpus").strip()) for name in _HYBRID]
    if not all(sets):
        return {}
    return {pcpu: kind for kind, cpus in enumerate(sets) for pcpu in cpus or ()}


_HYBRID: Final = ("cpu_core", "cpu_atom")


def _by_capacity(pcpus: Iterable[PCpu], sys: Path) -> dict[int, int]:
    """Kinds by what the kernel's scheduler thinks of them: big.LITTLE."""
    capacity = dict(_capacities(pcpus, sys))
    kinds, top = -1, 0.0
    ranks: dict[int, int] = {}
    for value in sorted(set(capacity.values()), reverse=True):
        if kinds < 0 or value < top * _ALIKE:
            kinds, top = kinds + 1, value
        ranks[value] = kinds
    return {pcpu: ranks[value] for pcpu, value in capacity.items()} if kinds > 0 else {}


def _capacities(pcpus: Iterable[PCpu], sys: Path) -> Iterator[tuple[int, int]]:
    for pcpu in pcpus:
        value = xml.number(_text(sys / f"cpu{pcpu.id}" / "cpu_capacity"))
        if value:
            yield pcpu.id, value


def _text(path: Path) -> str:
    """What a small file of the kernel says; empty where it cannot be read."""
    with suppress(OSError, UnicodeError):
        return path.read_text("ascii")[:_MOST]
    return ""

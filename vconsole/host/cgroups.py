"""Which pCPUs the control groups above a domain leave to it, and which are in isolated partitions.

Format: Documentation/admin-guide/cgroup-v2.rst, ``cpuset.cpus.effective`` and ``.isolated``. Under
cgroup v1 nothing is said: there the kernel answers in ``Cpus_allowed_list`` alone.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from vconsole.host import xml
from vconsole.host.proc import Guest, read_bytes
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Confined

CGROUPS = Path("/sys/fs/cgroup")
MACHINES = "machine.slice"
"""Where libvirt puts domains that name no partition; see systemd.special(7)."""
_DEEPEST = 16


def isolated_partitions(root: Path = CGROUPS) -> CpuSet:
    """The pCPUs that some control group has taken from the scheduler's balancing.

    Kernels before 6.7 do not sum them up: there each group says of itself what it is.
    """
    known = _cpuset(f"{root}/cpuset.cpus.isolated")
    return _partitions(str(root), (b"isolated\n",)) if known is None else known


_PARTITIONS = (b"isolated\n", b"root\n")
"""What ``cpuset.cpus.partition`` says of one that is valid."""


def _partitions(path: str, kinds: Collection[bytes] = _PARTITIONS, depth: int = _DEEPEST) -> CpuSet:
    """The pCPUs of the partitions of some kinds.

    Partitions stand in partitions: no other group need be looked into.
    """
    found = CpuSet()
    with suppress(OSError):
        for entry in os.scandir(path) if depth else ():
            if entry.is_dir(follow_symlinks=False):
                kind = read_bytes(f"{entry.path}/cpuset.cpus.partition")
                if kind in kinds:
                    found |= _cpuset(f"{entry.path}/cpuset.cpus.effective") or CpuSet()
                if kind in _PARTITIONS:
                    found |= _partitions(entry.path, kinds, depth - 1)
    return found


def shares_without(root: Path = CGROUPS) -> int | None:
    """What libvirt's ``cpu_shares`` is where nothing is set; None where no group weighs pCPUs.

    It is ``cpu.weight`` of cgroup v2 (100) or ``cpu.shares`` of v1 (1024).
    """
    for place in ("", "unified/"):
        if b"cpu" in (read_bytes(f"{root}/{place}cgroup.controllers") or b"").split():
            return 100
    return 1024 if (root / "cpu").is_dir() else None


def confined(guests: Mapping[str, Guest], root: Path = CGROUPS) -> Mapping[str, Confined]:
    """UUID -> what is left to a domain that may not have all; for "" those that do not run yet."""
    taken = _partitions(str(root))
    found = {uuid: _of_path(root, taken, _path(guest)) for uuid, guest in guests.items()}
    found[""] = _of_path(root, taken, (MACHINES,))
    return {uuid: limit for uuid, limit in found.items() if limit is not None}


def _path(guest: Guest) -> tuple[str, ...]:
    """The control groups above those that libvirt makes for the threads of a domain."""
    for line in (read_bytes(f"{guest.path}/cgroup") or b"").splitlines():
        number, _, path = line.decode("utf-8", "replace").partition("::")
        if number == "0":
            parts = [part for part in path.split("/") if part]
            safe = all(part not in (".", "..") for part in parts)
            end = parts.index("libvirt") if "libvirt" in parts else len(parts)
            return tuple(parts[:end][:_DEEPEST]) if safe else ()
    return ()


def _of_path(root: Path, taken: CpuSet, parts: tuple[str, ...]) -> Confined | None:
    """The narrowest set on the way, and the uppermost group that makes it so.

    What partitions have taken is missing in the set of the root already.
    """
    sets = list(_sets(root, parts))
    if len(sets) < 2:
        return None
    everything, (narrowest, _) = sets[0][0] | taken, sets[-1]
    where = next(name for cpuset, name in sets if cpuset == narrowest)
    return Confined(narrowest, where) if narrowest != everything else None


def _sets(root: Path, parts: tuple[str, ...]) -> Iterator[tuple[CpuSet, str]]:
    path = str(root)
    for name in ("", *parts):
        path = f"{path}/{name}" if name else path
        if (cpuset := _cpuset(f"{path}/cpuset.cpus.effective")) is not None:
            yield cpuset, name


def _cpuset(path: str) -> CpuSet | None:
    text = (read_bytes(path) or b"")[:65536].decode("ascii", "replace")
    return xml.cpuset(text.strip())

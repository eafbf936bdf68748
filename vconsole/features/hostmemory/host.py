"""The memory and swap of the host, and what of both its guests' processes take.

Where this machine is the host the kernel tells all of it; of another host libvirt tells the memory,
the merged pages and what QEMU holds in RAM, but nothing about swap.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Final

from vconsole.features.hostmemory.model.advice import advise
from vconsole.features.hostmemory.model.reading import (
    GuestProcess,
    HostMemory,
    HugePages,
    Ksm,
    Medium,
    ReadHostMemory,
    SwapArea,
)
from vconsole.host.link import Link
from vconsole.host.proc import PROC, find_guests, read_number, read_numbers, read_table
from vconsole.host.usage import NOWAIT
from vconsole.model.request import Reply

SYS: Final = Path("/sys")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_ALL_CELLS = -1
_BALLOON, _ACTIVE = 1 << 2, 1 << 0
"""VIR_DOMAIN_STATS_BALLOON and VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE."""
_POOL = re.compile(r"hugepages-(\d{1,9})kB")
_OCTAL = re.compile(r"\\([0-7]{3})")
_ELSEWHERE = "swap, KSM's state and OOM scores are known only on the host itself"


def read_host_memory(link: Link, request: ReadHostMemory) -> Reply:
    """Read what the host tells, and say what it comes to."""
    now = local_memory() if link.connection.local else remote_memory(link)
    return Reply(value=advise(request.host_state, now, request.before))


# -- this machine ------------------------------------------------------------------------------


def local_memory(proc: Path = PROC, sys: Path = SYS) -> HostMemory:
    """Read this machine's memory from the kernel; what cannot be read stays None."""
    memory, events = read_numbers(f"{proc}/meminfo"), read_numbers(f"{proc}/vmstat")
    known = HostMemory(
        read_at=monotonic(),
        total_bytes=memory.get("MemTotal"),
        available_bytes=memory.get("MemAvailable"),
        swap_total_bytes=memory.get("SwapTotal"),
        swap_free_bytes=memory.get("SwapFree"),
        swapped_in_bytes=_pages(events.get("pswpin")),
        swapped_out_bytes=_pages(events.get("pswpout")),
        committed_bytes=memory.get("Committed_AS"),
        commit_limit_bytes=memory.get("CommitLimit"),
        overcommit=read_number(f"{proc}/sys/vm/overcommit_memory"),
        swappiness=read_number(f"{proc}/sys/vm/swappiness"),
        huge=_pools(sys),
        ksm=_ksm(sys),
        areas=_areas(proc, sys),
        guests=_guests(proc),
    )
    return known if memory else replace(known, unknown=f"{proc}/meminfo cannot be read")


def _pages(count: int | None) -> int | None:
    return None if count is None else count * _PAGE_BYTES


def _guests(proc: Path) -> dict[str, GuestProcess]:
    return {uuid: _guest(guest.path, guest.pid) for uuid, guest in find_guests(proc).items()}


def _guest(path: Path, pid: int) -> GuestProcess:
    status = read_numbers(f"{path}/status")
    return GuestProcess(
        pid,
        status.get("VmRSS"),
        status.get("HugetlbPages"),
        status.get("VmSwap"),
        read_number(f"{path}/oom_score"),
    )


def _pools(sys: Path) -> tuple[HugePages, ...]:
    """The pools that hold pages, the smallest pages first."""
    found: list[HugePages] = []
    with suppress(OSError):
        for place in (sys / "kernel/mm/hugepages").iterdir():
            counts = [read_number(f"{place}/{name}_hugepages") for name in ("nr", "free", "resv")]
            match, (total, free, reserved) = _POOL.fullmatch(place.name), counts
            if match and total and free is not None:
                found.append(HugePages(int(match[1]), total, free, reserved or 0))
    return tuple(sorted(found, key=lambda pool: pool.size_kib))


def _ksm(sys: Path) -> Ksm | None:
    run, sharing = (read_number(f"{sys}/kernel/mm/ksm/{name}") for name in ("run", "pages_sharing"))
    return None if run is None or sharing is None else Ksm(run, sharing * _PAGE_BYTES)


def _areas(proc: Path, sys: Path) -> tuple[SwapArea, ...]:
    return tuple(_read_areas((read_table(f"{proc}/swaps") or b"").splitlines()[1:], sys))


def _read_areas(lines: list[bytes], sys: Path) -> Iterator[SwapArea]:
    for line in lines:
        words = line.decode("utf-8", "replace").split()
        if len(words) == 5 and words[2].isdecimal() and words[3].isdecimal():
            path = _OCTAL.sub(lambda match: chr(int(match[1], 8)), words[0])
            size, used = int(words[2]) << 10, int(words[3]) << 10
            yield SwapArea(path, size, used, _medium(path, sys))


def _medium(path: str, sys: Path) -> Medium | None:
    """What a swap file or partition lies on; of a partition the disk knows it."""
    if os.path.basename(path).startswith("zram"):
        return "memory"
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    number = status.st_rdev if stat.S_ISBLK(status.st_mode) else status.st_dev
    device = (sys / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    for place in (device, device.parent):
        if (turns := read_number(f"{place}/queue/rotational")) is not None:
            return "rotating" if turns else "solid"
    return None


# -- elsewhere ---------------------------------------------------------------------------------


def remote_memory(link: Link) -> HostMemory:
    """Read what libvirt tells of a host; what its memory caches counts as available."""
    found = link.attempt("nodememstats", link.conn.getMemoryStats, _ALL_CELLS) or {}
    stats = {name: kib << 10 for name, kib in found.items()}
    parts = [stats[name] for name in ("free", "buffers", "cached") if name in stats]
    return HostMemory(
        read_at=monotonic(),
        total_bytes=stats.get("total"),
        available_bytes=sum(parts) if "free" in stats else None,
        ksm=_remote_ksm(link),
        guests=_remote_guests(link),
        unknown=_ELSEWHERE,
    )


def _remote_ksm(link: Link) -> Ksm | None:
    """By pages of the size that this machine has: libvirt does not tell the host's."""
    tune = link.attempt("node-memory-tune", link.conn.getMemoryParameters, 0) or {}
    sharing = tune.get("shm_pages_sharing")
    return None if sharing is None else Ksm(None, sharing * _PAGE_BYTES)


def _remote_guests(link: Link) -> dict[str, GuestProcess]:
    """One call for all of them; a domain that is busy is left out."""
    call = link.conn.getAllDomainStats
    records = link.attempt("balloon statistics", call, _BALLOON, _ACTIVE | NOWAIT) or ()
    return {
        domain.UUIDString(): GuestProcess(rss_bytes=values["balloon.rss"] << 10)
        for domain, values in records
        if "balloon.rss" in values
    }

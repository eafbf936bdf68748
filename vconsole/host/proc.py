"""QEMU's processes as this machine's kernel sees them.

Formats: proc(5) for ``stat`` and ``status``, Documentation/scheduler/sched-stats.rst for
``schedstat``. QEMU names its threads when libvirt starts it (``debug-threads=on``): ``CPU 3/KVM``,
``CPU 3/TCG``, ``IO iothread1``; the process's first thread is the emulator.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path

from vconsole.host import xml
from vconsole.host.numa_maps import read_numa_maps
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.value import dataclass

PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MAX_BYTES, _MAX_TABLE = 1 << 17, 1 << 24
_MAX_THREADS = 4096
_VCPU = re.compile(r"CPU (\d{1,5})/")
_IOTHREAD = re.compile(r"IO iothread(\d{1,5})$")
_NUMBER = re.compile(rb"^([\w()]+):?[ \t]+(\d{1,19})( kB)?$", re.MULTILINE)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Stat:
    """One line of ``stat``: of a process, the sum of its threads; of a thread, its own."""

    cpu_ns: int
    start: int
    """Clock ticks after boot; with the number it identifies a process."""
    rss_bytes: int
    processor: int
    """The pCPU it last ran on."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What one thread of a domain did so far."""

    key: PinKey
    tid: int
    processor: int
    cpu_ns: int
    wait_ns: int | None
    """Runnable, but not running; None where the kernel does not count it."""
    allowed: CpuSet | None = None
    """Where the kernel lets it run."""
    switches: int | None = None
    """So often it was taken from its pCPU although it wanted to go on."""


@dataclass(slots=True)
class Guest:
    """The process of a running domain."""

    root: Path
    pid: int
    start: int
    keys: dict[int, PinKey | None] = field(default_factory=dict)
    """Thread number -> row; None for threads that are no row."""
    path: Path = field(init=False)
    """Its directory below /proc."""

    def __post_init__(self) -> None:
        self.path = self.root / str(self.pid)

    def stat(self) -> Stat | None:
        """The process as a whole; None once it has ended, even if its number is in use again."""
        stat = parse_stat(read_bytes(f"{self.path}/stat"))
        return stat if stat is not None and stat.start == self.start else None

    def threads(self) -> Iterator[Thread]:
        """The threads that are rows of the pin table."""
        for tid, key in self._rows().items():
            if key is not None and (thread := self._thread(tid, key)):
                yield thread

    def tid(self, key: PinKey) -> int | None:
        """The thread of this row."""
        return next((tid for tid, row in self._rows().items() if row == key), None)

    def allowed(self, tid: int) -> CpuSet | None:
        """Where the kernel lets the thread run."""
        return parse_allowed(read_bytes(f"{self.path}/task/{tid}/status"))

    def memory(self) -> dict[int, int] | None:
        """Bytes of its memory by cell; None where that may not be read or the process is gone."""
        return read_numa_maps(self.path / "numa_maps")

    def _rows(self) -> dict[int, PinKey | None]:
        try:
            tids = sorted(int(n) for n in os.listdir(f"{self.path}/task") if n.isdigit())
        except OSError:
            tids = []
        for tid in tids[:_MAX_THREADS]:
            if tid not in self.keys:
                comm = read_bytes(f"{self.path}/task/{tid}/comm") or b""
                self.keys[tid] = thread_key(comm.decode("utf-8", "replace"), tid == self.pid)
        for tid in self.keys.keys() - set(tids):
            del self.keys[tid]
        return self.keys

    def _thread(self, tid: int, key: PinKey) -> Thread | None:
        base = f"{self.path}/task/{tid}"
        stat = parse_stat(read_bytes(f"{base}/stat"))
        if stat is None:
            return None
        ran, waited = parse_schedstat(read_bytes(f"{base}/schedstat")) or (stat.cpu_ns, None)
        status = read_bytes(f"{base}/status")
        switches = xml.number(field_of(status, b"nonvoluntary_ctxt_switches"))
        return Thread(key, tid, stat.processor, ran, waited, parse_allowed(status), switches)


def find_guests(root: Path = PROC) -> dict[str, Guest]:
    """UUID -> process, by the ``-uuid`` that libvirt starts QEMU with. Reads every process.

    Of a UUID that two have (a definition copied to another libvirt) it is not known whose is whose.
    """
    found: dict[str, Guest] = {}
    twice: set[str] = set()
    try:
        names = os.listdir(root)
    except OSError:
        return found
    for name in names:
        if name.isdigit() and (uuid := parse_uuid(read_bytes(f"{root}/{name}/cmdline"))):
            stat = parse_stat(read_bytes(f"{root}/{name}/stat"))
            if stat is not None:
                twice |= found.keys() & {uuid}
                found[uuid] = Guest(root, int(name), stat.start)
    return {uuid: guest for uuid, guest in found.items() if uuid not in twice}


def parse_uuid(cmdline: bytes | None) -> str | None:
    """The domain that a command line runs; None if it is not libvirt's QEMU."""
    words = (cmdline or b"").split(b"\0")
    if not (b"qemu" in words[0] or b"kvm" in words[0]) or b"-uuid" not in words[:-1]:
        return None
    uuid = words[words.index(b"-uuid") + 1].decode("ascii", "replace").lower()
    return uuid if _UUID.fullmatch(uuid) else None


def thread_key(comm: str, first: bool) -> PinKey | None:
    """The row that a thread of this name is; None for helpers, which follow the emulator's set."""
    if match := _VCPU.match(comm.strip()):
        return "vcpu", int(match[1])
    if match := _IOTHREAD.match(comm.strip()):
        return "iothread", int(match[1])
    return ("emulator", None) if first else None


def parse_stat(data: bytes | None) -> Stat | None:
    """Read a line of ``stat``; the name in parentheses may itself hold anything."""
    fields = (data or b"").rpartition(b")")[2].split()
    try:
        return Stat(
            cpu_ns=(int(fields[11]) + int(fields[12])) * _TICK_NS,
            start=int(fields[19]),
            rss_bytes=max(0, int(fields[21])) * _PAGE_BYTES,
            processor=int(fields[36]),
        )
    except (IndexError, ValueError):
        return None


def parse_schedstat(data: bytes | None) -> tuple[int, int] | None:
    """Read (time on a pCPU, time waiting for one) in nanoseconds."""
    fields = (data or b"").split()
    try:
        return int(fields[0]), int(fields[1])
    except (IndexError, ValueError):
        return None


def parse_allowed(data: bytes | None) -> CpuSet | None:
    """Read ``Cpus_allowed_list`` of a ``status``."""
    return xml.cpuset(field_of(data, b"Cpus_allowed_list"))


def field_of(data: bytes | None, name: bytes) -> str:
    """What stands behind a name and a colon, as in ``status``; empty where nothing does."""
    lines = b"\n" + (data or b"")
    at = lines.find(b"\n" + name)
    while at >= 0:
        key, _, text = lines[at + 1 :].partition(b"\n")[0].partition(b":")
        if key.rstrip() == name:
            return text.decode("ascii", "replace").strip()
        at = lines.find(b"\n" + name, at + 1)
    return ""


def read_numbers(path: str) -> Mapping[str, int]:
    """A file with a name and a number a line, as ``meminfo`` and ``vmstat``; kB become bytes."""
    found = _NUMBER.findall(read_table(path) or b"")
    return {name.decode(): int(number) << (10 if unit else 0) for name, number, unit in found}


def read_number(path: str) -> int | None:
    """A file that holds one number."""
    return xml.number((read_bytes(path) or b"").decode("ascii", "replace"))


def read_table(path: str) -> bytes | None:
    """A file of /proc with a line for each of many: one read gives no more than a page of those."""
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_TABLE)
    except OSError:
        return None


def read_bytes(path: str) -> bytes | None:
    """A file of /proc about one thing, in one go; None where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.read(descriptor, _MAX_BYTES)
    except OSError:
        return None
    finally:
        os.close(descriptor)

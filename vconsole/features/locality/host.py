"""Reads where memory lies, and has migratepages move it.

Formats: proc(5) for ``numa_maps`` and ``status``; migratepages(8), of the package numactl. Reading
``numa_maps`` takes the lock of the process's memory: seldom.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from vconsole.features.locality.model.move import MoveMemory
from vconsole.features.locality.model.place import Lying, PageKind, Place, ReadPlace, Room, stayed
from vconsole.host import xml
from vconsole.host.link import Link
from vconsole.host.numa_maps import parts
from vconsole.host.proc import Guest, field_of, read_bytes, read_number
from vconsole.model.cpuset import CpuSet
from vconsole.model.request import Reply
from vconsole.model.words import amount

NODES: Final = Path("/sys/devices/system/node")
ELSEWHERE: Final = "only the host's own kernel moves memory: run this there"
MISSING: Final = "migratepages is not installed: its package is numactl"
LOOK_S: Final = 2.0
PASSES: Final = 2
"""Two often move more than one."""
_FREE = re.compile(rb"MemFree:\s*(\d{1,18}) kB")
_MOST_FDS = 65536


def read_place(link: Link, request: ReadPlace) -> Reply:
    """See `Place`."""
    if not link.connection.local:
        return Reply("refused", ELSEWHERE)
    guest = link.find_guests().get(request.uuid)
    if guest is None:
        return Reply("failed", link.why_unseen(request.uuid))
    if (found := place_of(guest)) is None:
        return Reply("failed", "this user may not see where its memory lies")
    return Reply(value=found)


def place_of(guest: Guest, nodes: Path = NODES) -> Place | None:
    """None where its pages may not be looked at, or it has ended."""
    lying = _lying(guest)
    if lying is None or guest.stat() is None:
        return None
    status = read_bytes(f"{guest.path}/status") or b""
    locked = [_kib(field_of(status, name)) for name in (b"VmLck", b"VmPin")]
    return Place(
        guest.pid,
        guest.start,
        lying,
        xml.cpuset(field_of(status, b"Mems_allowed_list")),
        sum(kib << 10 for kib in locked if kib is not None) if locked[0] is not None else None,
        _vfio(guest),
        rooms(nodes),
    )


def _kib(text: str) -> int | None:
    return xml.number(text.removesuffix("kB"))


def _lying(guest: Guest) -> tuple[Lying, ...] | None:
    try:
        with (guest.path / "numa_maps").open("rb") as file:
            return parse_lying(file)
    except OSError:
        return None


def parse_lying(lines: Iterable[bytes]) -> tuple[Lying, ...]:
    """The lines of ``numa_maps``, by cell, kind and size of page."""
    sums: dict[tuple[int, PageKind, int], int] = {}
    for line, page_kib, cell, size_bytes in parts(lines):
        key = cell, _kind(line), page_kib
        sums[key] = sums.get(key, 0) + size_bytes
    return tuple(Lying(*key, total) for key, total in sorted(sums.items()))


def _kind(line: bytes) -> PageKind:
    words = line.split()
    if b"huge" in words:
        return "huge"
    of_file = any(word.startswith(b"file=") for word in words)
    return "shared" if of_file and b" anon=" not in line else "anonymous"


def _vfio(guest: Guest) -> bool:
    """One of its open files is a group or device of VFIO."""
    with suppress(OSError):
        for name in os.listdir(f"{guest.path}/fd")[:_MOST_FDS]:
            with suppress(OSError):
                if os.readlink(f"{guest.path}/fd/{name}").startswith("/dev/vfio/"):
                    return True
    return False


def rooms(nodes: Path = NODES) -> Mapping[int, Room]:
    """What is free on each cell."""
    found: dict[int, Room] = {}
    with suppress(OSError):
        for entry in os.listdir(nodes):
            number = xml.number(entry.removeprefix("node")) if entry.startswith("node") else None
            if number is not None:
                free = _FREE.search(read_bytes(f"{nodes}/{entry}/meminfo") or b"")
                found[number] = Room(int(free[1]) << 10 if free else None, _pools(nodes / entry))
    return found


def _pools(node: Path) -> dict[int, int | None]:
    found: dict[int, int | None] = {}
    with suppress(OSError):
        for pool in os.listdir(node / "hugepages"):
            kib = xml.number(pool.removeprefix("hugepages-").removesuffix("kB"))
            free = read_number(f"{node}/hugepages/{pool}/free_hugepages")
            if kib:
                found[kib] = free
    return found


# -- moving ----------------------------------------------------------------------------------------


def move_memory(link: Link, request: MoveMemory) -> Reply:
    """Move it in passes until nothing more comes; how far it is stands in `request.wait`."""
    if not link.connection.local:
        return Reply("refused", ELSEWHERE)
    program = shutil.which("migratepages")
    if program is None:
        return Reply("refused", MISSING)
    guest = link.find_guests().get(request.uuid)
    if guest is None or (guest.pid, guest.start) != (request.pid, request.start):
        return Reply("conflict", f"{request.name} does not run any more as it was seen; look again")
    try:
        problem = _passes(program, guest, request)
    finally:
        request.wait.what = ""
    return outcome(place_of(guest), request, problem)


def _passes(program: str, guest: Guest, request: MoveMemory) -> str:
    problem, left = "", _off(request.lying, request.cells)
    for _ in range(PASSES):
        problem = _pass(program, guest, request)
        now = _lying(guest)
        before, left = left, _off(now, request.cells)
        if problem or not left or left >= before or request.wait.given_up:
            break
    return problem


def _pass(program: str, guest: Guest, request: MoveMemory) -> str:
    """Run it once; answers why it failed, in its words."""
    argv = (program, *request.argv[1:])
    total = _off(request.lying, request.cells) or 1
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        looked = 0.0
        while process.poll() is None:
            if request.wait.pause(0.2):
                process.kill()
                return "given up"
            if monotonic() - looked >= LOOK_S:
                looked = monotonic()
                request.wait.what = how_far(_off(_lying(guest), request.cells), total)
        assert process.stderr is not None
        text = process.stderr.read(4096).decode("utf-8", "replace")
        return (text.strip().splitlines() or ["it failed"])[-1] if process.returncode else ""


def how_far(left: int, total: int) -> str:
    """Of `total` bytes there are `left` to move."""
    percent = max(0.0, 100 * (total - left) / total)
    return f"{percent:.0f} %, {amount(left)} to go"


def _off(lying: Iterable[Lying] | None, cells: CpuSet) -> int:
    return sum(part.size_bytes for part in lying or () if part.cell not in cells)


def outcome(now: Place | None, request: MoveMemory, problem: str) -> Reply:
    """What lies where now: that is the answer, whatever the program said."""
    if now is None:
        return Reply("unknown", f"{problem or 'moved'}; it does not run any more", None)
    seen = sum(part.size_bytes for part in request.lying if part.cell in request.cells)
    arrived = now.on(request.cells) - seen
    words = f"{amount(max(0, arrived))} arrived"
    left = stayed(now, request.cells)
    message = "; ".join(filter(None, (problem, left and f"{words}; {left}")))
    if problem or (left and arrived <= 0):
        return Reply("failed", message, now, words)
    return Reply("applied", message, now, words)

"""The host's memory as the kernel's files and libvirt tell it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from vconsole.changes.host_requests import HostRequests
from vconsole.features.hostmemory import host as advice
from vconsole.features.hostmemory.host import local_memory, read_host_memory
from vconsole.features.hostmemory.model.advice import Advice
from vconsole.features.hostmemory.model.reading import (
    GuestProcess,
    HostMemory,
    HugePages,
    Ksm,
    ReadHostMemory,
    SwapArea,
)
from vconsole.host.link import Link, open_link
from vconsole.host.proc import read_numbers
from vconsole.model.host_state import Connection, Domain, HostState
from vconsole.model.request import Reply

UUID = "01234567-89ab-cdef-0123-456789abcdef"
PAGE = os.sysconf("SC_PAGE_SIZE")
MEMINFO = """\
MemTotal:       16384000 kB
MemFree:         1000000 kB
MemAvailable:    8000000 kB
SwapTotal:       4000000 kB
SwapFree:        3000000 kB
CommitLimit:    12000000 kB
Committed_AS:    9000000 kB
HugePages_Total:    1024
"""
STATUS = """\
Name:\tVmSwap: 9 kB
Umask:\t0022
VmRSS:\t  500000 kB
VmSwap:\t   12000 kB
HugetlbPages:\t    4096 kB
"""
STAT = f"77 (qemu) S {' '.join('0' for _ in range(18))} 555 {' '.join('0' for _ in range(25))}"


def write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    swaps = f"Filename Type Size Used Priority\n{tmp_path}/swap\\040file file 4000000 1000000 -2\n"
    (tmp_path / "swap file").touch()
    files = {
        "meminfo": MEMINFO,
        "vmstat": "nr_free_pages 5\npswpin 10\npswpout 20\n",
        "swaps": f"{swaps}/dev/zram0 partition 100 0 5\nnonsense\n",
        "sys/vm/overcommit_memory": "2\n",
        "sys/vm/swappiness": "60\n",
        "77/cmdline": f"/usr/bin/qemu-system-x86_64\0-uuid\0{UUID}\0",
        "77/stat": STAT,
        "77/status": STATUS,
        "77/oom_score": "668\n",
        "78/cmdline": "bash\0",
    }
    return write(tmp_path / "proc", files)


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    device = tmp_path.stat().st_dev
    disk = f"dev/block/{os.major(device)}:{os.minor(device)}"
    files = {
        "kernel/mm/ksm/run": "1\n",
        "kernel/mm/ksm/pages_sharing": "100\n",
        "kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "8\n",
        "kernel/mm/hugepages/hugepages-2048kB/free_hugepages": "5\n",
        "kernel/mm/hugepages/hugepages-2048kB/resv_hugepages": "2\n",
        "kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "0\n",
        "kernel/mm/hugepages/hugepages-1048576kB/free_hugepages": "0\n",
        f"{disk}/queue/rotational": "1\n",
    }
    return write(tmp_path / "sys", files)


def test_the_kernel_tells_all_of_it(proc: Path, sys: Path, tmp_path: Path) -> None:
    known = local_memory(proc, sys)
    assert known == HostMemory(
        known.read_at,
        total_bytes=16384000 << 10,
        available_bytes=8000000 << 10,
        swap_total_bytes=4000000 << 10,
        swap_free_bytes=3000000 << 10,
        swapped_in_bytes=10 * PAGE,
        swapped_out_bytes=20 * PAGE,
        committed_bytes=9000000 << 10,
        commit_limit_bytes=12000000 << 10,
        overcommit=2,
        swappiness=60,
        huge=(HugePages(2048, 8, 5, 2),),
        ksm=Ksm(1, 100 * PAGE),
        areas=(
            SwapArea(f"{tmp_path}/swap file", 4000000 << 10, 1000000 << 10, "rotating"),
            SwapArea("/dev/zram0", 100 << 10, 0, "memory"),
        ),
        guests={UUID: GuestProcess(77, 500000 << 10, 4096 << 10, 12000 << 10, 668)},
    )
    pool = known.huge[0]
    assert (pool.used_bytes, pool.idle_bytes, pool.total_bytes) == (6 << 20, 6 << 20, 16 << 20)
    assert known.guests[UUID].held_bytes == (500000 + 4096) << 10


def test_a_partition_is_as_its_disk(proc: Path, sys: Path, tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    place = sys / f"dev/block/{os.major(device)}:{os.minor(device)}"
    (place / "queue/rotational").unlink()
    assert local_memory(proc, sys).areas[0].medium is None
    write(sys, {"dev/block/queue/rotational": "0\n"})
    assert local_memory(proc, sys).areas[0].medium == "solid"


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    known = local_memory(tmp_path, tmp_path)
    assert known == HostMemory(known.read_at, unknown=f"{tmp_path}/meminfo cannot be read")


@pytest.mark.parametrize(
    "text", ["", "VmSwap", "VmSwap:\n12 kB\n", "VmSwap: -1 kB\n", "VmSwap: 12 kBx\n", "\0\xff: 1"]
)
def test_files_that_say_nothing_are_no_numbers(tmp_path: Path, text: str) -> None:
    (tmp_path / "status").write_text(text, "latin-1")
    assert read_numbers(f"{tmp_path}/status") == {}


# -- elsewhere -------------------------------------------------------------------------------


class Named:
    """A record's domain."""

    def UUIDString(self) -> str:  # noqa: N802
        return UUID


class Host:
    """A host that is another machine."""

    def getMemoryStats(self, cell: int) -> dict[str, int]:  # noqa: N802
        assert cell == -1
        return {"total": 1000, "free": 100, "buffers": 20, "cached": 30}

    def getMemoryParameters(self, flags: int) -> dict[str, int]:  # noqa: N802
        return {"shm_pages_sharing": 7}

    def getAllDomainStats(self, groups: int, flags: int) -> list[tuple[Named, dict[str, int]]]:  # noqa: N802
        assert (groups, flags) == (4, 1 | 1 << 29)
        return [(Named(), {"balloon.rss": 640}), (Named(), {"balloon.current": 1})]


class Far:
    """A link to it."""

    conn = Host()
    connection = Connection()

    def attempt(self, name: str, call: Any, *arguments: Any) -> Any:
        return call(*arguments)


FAR = cast("Link", Far())


def test_of_another_host_libvirt_tells_a_part() -> None:
    known = told(read_host_memory(FAR, ReadHostMemory(HostState())))
    assert (known.total_bytes, known.available_bytes) == (1000 << 10, 150 << 10)
    assert known.ksm == Ksm(None, 7 * PAGE)
    assert known.guests == {UUID: GuestProcess(rss_bytes=640 << 10)}
    assert (known.swap_total_bytes, known.overcommit) == (None, None)
    assert "only on the host itself" in known.unknown


def test_without_what_is_free_nothing_is_said_to_be_available(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hypervisor may tell of its caches alone: they are not all there is."""
    monkeypatch.setattr(Host, "getMemoryStats", lambda *_: {"total": 1000, "cached": 30})
    assert told(read_host_memory(FAR, ReadHostMemory(HostState()))).available_bytes is None


def test_a_driver_that_tells_nothing_is_an_answer_too() -> None:
    pytest.importorskip("libvirt")
    requests = HostRequests(_test_driver)
    reply = requests.handlers()[ReadHostMemory](ReadHostMemory(HostState()))
    requests.close()
    assert reply.status == "applied"
    assert (told(reply).total_bytes, dict(told(reply).guests)) == (None, {})


def _test_driver() -> Link:
    return open_link("test:///default", True, False)


def test_this_machine_is_read_where_it_is_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Far, "connection", Connection(local=True))
    here, before = HostMemory(2.0, swapped_in_bytes=9), HostMemory(1.0, swapped_in_bytes=4)
    monkeypatch.setattr(advice, "local_memory", lambda: here)
    request = ReadHostMemory(HostState(domains=(Domain(UUID, "web", "running"),)), before)
    reply = read_host_memory(FAR, request)
    assert told(reply) is here
    assert isinstance(reply.value, Advice)
    assert reply.value.known.swap_in_bytes_s == 5.0
    assert [guest.name for guest in reply.value.guests] == ["web"]


def told(reply: Reply) -> HostMemory:
    """The reading that the answer is made from."""
    assert isinstance(reply.value, Advice)
    return reply.value.known.now

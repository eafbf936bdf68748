"""The memory of real QEMU processes, as the kernel tells it and as libvirt does."""

from __future__ import annotations

import psutil
import pytest

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.cli.read import complete
from vconsole.features.hostmemory.host import local_memory, remote_memory
from vconsole.features.hostmemory.model.advice import Advice, findings, headline
from vconsole.features.hostmemory.model.figures import figures
from vconsole.features.hostmemory.model.reading import ReadHostMemory
from vconsole.host.link import open_link
from vconsole.host.open import connect
from vconsole.host.proc import find_guests
from vconsole.host.source import View
from vconsole.model.host_state import HostState


def test_what_a_guest_holds_is_what_the_kernel_says(
    two_cell_host: Libvirtd, guest: LaunchGuest
) -> None:
    made = guest(two_cell_host, "held", memory_mib=96)
    uuid = two_cell_host.virsh("domuuid", made.name).strip()
    requests = HostRequests(lambda: open_link(two_cell_host.uri, True, False))
    reply = requests.handlers()[ReadHostMemory](ReadHostMemory(HostState()))
    requests.close()
    assert isinstance(reply.value, Advice)
    known = reply.value.known.now
    assert known.unknown == ""
    process = known.guests[uuid]
    assert process.pid == find_guests()[uuid].pid
    kernel = psutil.Process(process.pid).memory_full_info()
    assert process.rss_bytes == pytest.approx(kernel.rss, rel=0.05)
    assert process.swap_bytes == kernel.swap
    assert process.huge_bytes == 0
    assert 0 < (process.oom_score or 0) <= 2000
    machine, swap = psutil.virtual_memory(), psutil.swap_memory()
    assert known.total_bytes == machine.total
    assert known.available_bytes == pytest.approx(machine.available, rel=0.1)
    assert (known.swap_total_bytes, known.swap_free_bytes) == (swap.total, swap.free)


def test_from_afar_libvirt_says_the_same_of_it(two_cell_host: Libvirtd, guest: LaunchGuest) -> None:
    made = guest(two_cell_host, "far")
    uuid = two_cell_host.virsh("domuuid", made.name).strip()
    link = open_link(two_cell_host.uri, True, False)
    far, near = remote_memory(link), local_memory()
    link.close()
    assert far.total_bytes == near.total_bytes
    assert far.guests[uuid].rss_bytes == pytest.approx(near.guests[uuid].rss_bytes, rel=0.05)
    assert (far.swap_total_bytes, far.guests[uuid].swap_bytes) == (None, None)


def test_a_guest_larger_than_the_host_is_overcommitted(
    two_cell_host: Libvirtd, guest: LaunchGuest
) -> None:
    half_mib = psutil.virtual_memory().total * 11 // 20 >> 20
    for name in ("big-1", "big-2"):
        guest(two_cell_host, name, memory_mib=half_mib)
    source = connect(two_cell_host.uri, True, False)
    try:
        known = figures(complete(source, View("host")), local_memory())
    finally:
        source.close()
    assert known.maximum.of_ram_percent == pytest.approx(110, abs=2)
    assert known.held.bytes is not None
    assert known.maximum.bytes is not None
    assert known.held.bytes < known.maximum.bytes / 10
    verdict = headline(findings(known))
    assert (verdict.level, verdict.topic) in {("bad", "overcommit"), ("warn", "overcommit")}
    assert "too much for RAM" in verdict.words

"""The lab itself: what the other integration tests take for granted."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

from tests.integration.conftest import LaunchGuest
from tests.integration.ground import LabError
from tests.integration.lab import Libvirtd
from vconsole.host.libvirt_source import connect
from vconsole.host.link import open_link
from vconsole.host.source import View


def test_the_big_host_has_four_cells_of_sixteen_pcpus(big_host: Libvirtd) -> None:
    capabilities = ET.fromstring(big_host.virsh("capabilities"))
    cells = capabilities.findall("host/topology/cells/cell")
    assert [cell.get("id") for cell in cells] == ["0", "1", "2", "3"]
    assert [len(cell.findall("cpus/cpu")) for cell in cells] == [16, 16, 16, 16]
    place = dict(cells[1].findall("cpus/cpu")[0].attrib)
    place.pop("cluster_id", None)  # since libvirt 10.1
    assert place == {
        "id": "8",
        "socket_id": "1",
        "die_id": "0",
        "core_id": "0",
        "siblings": "8,40",
    }
    distances = [sibling.get("value") for sibling in cells[1].findall("distances/sibling")]
    assert distances == ["16", "10", "28", "28"]


def test_the_big_host_has_differing_free_memory_and_huge_pages(big_host: Libvirtd) -> None:
    free = re.findall(r"^ *\d+: +(\d+) KiB", big_host.virsh("freecell", "--all"), re.MULTILINE)
    assert [int(kib) >> 20 for kib in free] == [6, 20, 41, 12]
    assert "1024" in big_host.virsh("freepages", "2", "2048KiB")
    source = connect(big_host.uri)  # as one command reads: once
    assert [cell.pages[0].free for cell in source.read(View("pin")).cells] == [0, 512, 1024, 1536]
    source.close()


def test_a_live_pin_beyond_the_real_cpus_is_a_real_error(
    big_host: Libvirtd, guest: LaunchGuest
) -> None:
    guest(big_host, "far")
    big_host.virsh("vcpupin", "far", "0", "40", "--config")
    with pytest.raises(LabError):
        big_host.virsh("vcpupin", "far", "0", "40", "--live")


def test_a_live_pin_reaches_the_kernel(two_cell_host: Libvirtd, guest: LaunchGuest) -> None:
    guest(two_cell_host, "pinned", iothreads=1)
    assert two_cell_host.allowed_cpus("pinned")["CPU 1/TCG"] == "0-1"
    two_cell_host.virsh("vcpupin", "pinned", "1", "1", "--live")
    two_cell_host.virsh("iothreadpin", "pinned", "1", "0", "--live")
    threads = two_cell_host.allowed_cpus("pinned")
    assert (threads["CPU 0/TCG"], threads["CPU 1/TCG"], threads["IO iothread1"]) == (
        "0-1",
        "1",
        "0",
    )


def test_the_two_cells_have_one_pcpu_each(two_cell_host: Libvirtd) -> None:
    capabilities = ET.fromstring(two_cell_host.virsh("capabilities"))
    cells = capabilities.findall("host/topology/cells/cell")
    assert [len(cell.findall("cpus/cpu")) for cell in cells] == [1, 1]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_guests_survive_the_daemon(two_cell_host: Libvirtd, guest: LaunchGuest, how: str) -> None:
    guest(two_cell_host, "survivor")
    before = two_cell_host.qemu_pid("survivor")
    {"stop": two_cell_host.stop, "kill": two_cell_host.kill}[how]()
    assert not two_cell_host.running
    with pytest.raises(LabError):
        two_cell_host.virsh("list")
    two_cell_host.start()
    assert two_cell_host.virsh("domstate", "survivor") == "paused"
    assert two_cell_host.qemu_pid("survivor") == before


def test_a_daemon_that_hangs_goes_on(two_cell_host: Libvirtd) -> None:
    two_cell_host.sigstop()
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            two_cell_host.virsh("nodeinfo", timeout=1)
    finally:
        two_cell_host.sigcont()
    assert two_cell_host.virsh("nodeinfo")


def test_the_read_only_socket_refuses_changes(two_cell_host: Libvirtd, guest: LaunchGuest) -> None:
    guest(two_cell_host, "seen", running=False)
    argv = ["virsh", "-c", two_cell_host.ro_uri]
    assert "seen" in subprocess.run([*argv, "list", "--all"], capture_output=True, text=True).stdout
    assert subprocess.run([*argv, "start", "seen"], capture_output=True).returncode


def test_who_names_the_socket_for_reading_changes_nothing_besides_libvirt_either(
    two_cell_host: Libvirtd,
) -> None:
    link = open_link(two_cell_host.ro_uri, False, False)
    try:
        known = link.connection
        assert (known.read_only, known.read_only_reason) == (
            True,
            "its socket is the one for reading",
        )
    finally:
        link.close()


def test_commands_can_run_on_the_invented_machine(big_host: Libvirtd) -> None:
    argv = big_host.inside(["cat", "/sys/devices/system/node/online"])
    assert subprocess.run(argv, capture_output=True, text=True).stdout == "0-3\n"

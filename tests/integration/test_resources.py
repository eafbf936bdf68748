"""Memory and vCPUs of real guests: what the guest sees, and that nothing else of it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import ndiff
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.resources.model.numbers import Reading, ReadResources
from vconsole.features.resources.model.plan_memory import MemoryWish
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.features.resources.model.room import Room
from vconsole.host.link import open_link
from vconsole.model.outcome import Target
from vconsole.model.proposal import Proposal, Propose
from vconsole.model.request import Reply

pytest_plugins = ("tests.integration.bootfixtures",)
MIB = 1024


class Console:
    """Asks as the console does."""

    def __init__(self, host: Libvirtd) -> None:
        self._host = host
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))
        self._ask: dict[type, Callable[[Any], Reply]] = dict(self._requests.handlers())

    def reading(self, uuid: str) -> Reading:
        found = self._ask[ReadResources](ReadResources(uuid)).value
        assert isinstance(found, Reading)
        return found

    def plan(self, uuid: str, wish: MemoryWish | VcpuWish, target: Target = "both") -> Proposal:
        found = self._ask[Propose](Propose(((uuid, "guest"),), wish.plan, (target,))).value
        assert isinstance(found, tuple)
        (proposal,) = found
        assert isinstance(proposal, Proposal)
        return proposal

    def carry_out(
        self, uuid: str, wish: MemoryWish | VcpuWish, target: Target = "both"
    ) -> list[Reply]:
        changes = self.plan(uuid, wish, target).changes
        return [self._ask[type(change)](change) for change in changes]

    def config(self, name: str) -> str:
        return self._host.virsh("dumpxml", "--inactive", name)

    def close(self) -> None:
        self._requests.close()


@pytest.fixture
def console(boot_host: Libvirtd) -> Iterator[Console]:
    console = Console(boot_host)
    yield console
    console.close()


def changed(before: str, after: str) -> list[str]:
    """The lines of the XML that differ, without their indentation."""
    lines = ndiff(before.splitlines(), after.splitlines())
    return [f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "+-"]


def statuses(replies: list[Reply]) -> list[tuple[str, str]]:
    return [(reply.status, reply.message) for reply in replies]


def memtotal_kib(guest: BootedGuest) -> int:
    return int(guest.run("grep MemTotal /proc/meminfo").output.split()[1])


def test_the_balloon_of_a_guest_that_runs(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    guest = boot(boot_host, "ballooned", vcpus=1)
    before, full = console.config("ballooned"), memtotal_kib(guest)
    wait_until(lambda: console.reading(guest.uuid).needed_kib is not None, "the guest reports")
    needed = console.reading(guest.uuid).needed_kib
    assert needed is not None
    assert 20 * MIB < needed < 200 * MIB
    room = Room(needed_kib=needed)
    too_little = console.plan(guest.uuid, MemoryWish(current_kib=needed - MIB, room=room), "live")
    assert [change.grade for change in too_little.changes] == ["destructive"]
    (reply,) = console.carry_out(guest.uuid, MemoryWish(current_kib=200 * MIB), "live")
    assert (reply.status, reply.read_back) == ("applied", "live: maximum 256 MiB, current 200 MiB")
    assert memtotal_kib(guest) == full - 56 * MIB
    assert console.config("ballooned") == before
    statistics = console.reading(guest.uuid).statistics
    assert statistics is not None
    assert statistics.actual_kib == 200 * MIB
    assert statistics.rss_kib is not None

    above = console.plan(guest.uuid, MemoryWish(current_kib=300 * MIB), "live")
    assert above.changes == ()
    assert "above its maximum of 256 MiB" in above.notes[0]

    (reply,) = console.carry_out(guest.uuid, MemoryWish(current_kib=240 * MIB))
    assert reply.status == "applied"
    assert changed(before, console.config("ballooned")) == [
        "- <currentMemory unit='KiB'>262144</currentMemory>",
        "+ <currentMemory unit='KiB'>245760</currentMemory>",
    ]


def test_statistics_are_armed_and_go_stale(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    guest = boot(boot_host, "reporting", vcpus=1)
    before = console.config("reporting")
    wait_until(lambda: console.reading(guest.uuid).needed_kib is not None, "the guest reports")
    assert statuses(console.carry_out(guest.uuid, MemoryWish(period_s=0), "live")) == [
        ("applied", "")
    ]
    found = console.reading(guest.uuid)
    assert found.live is not None
    assert found.config is not None
    assert (found.live.period_s, found.config.period_s, found.needed_kib) == (0, 1, None)
    assert console.config("reporting") == before
    assert statuses(console.carry_out(guest.uuid, MemoryWish(period_s=2), "live")) == [
        ("applied", "")
    ]
    wait_until(lambda: console.reading(guest.uuid).needed_kib is not None, "it reports again")


def test_vcpus_are_plugged_in_and_perhaps_out(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    guest = boot(boot_host, "plugged", vcpus=1, max_vcpus=2)
    before = console.config("plugged")
    (reply,) = console.carry_out(guest.uuid, VcpuWish(count=2), "live")
    assert (reply.status, reply.read_back) == ("applied", "live: 2 of 2 vCPUs")
    if guest.has_room_for_vcpus:
        cpu1 = "ls -d /sys/devices/system/cpu/cpu1"
        wait_until(lambda: guest.run(cpu1).code == 0, "the guest sees it")
    assert console.config("plugged") == before
    proposal = console.plan(guest.uuid, VcpuWish(count=1), "live")
    assert proposal.notes == ("guest: the guest has to let go of vCPUs, and may refuse",)
    (reply,) = console.carry_out(guest.uuid, VcpuWish(count=1), "live")
    assert (reply.status, reply.read_back) in (
        ("applied", "live: 1 of 2 vCPUs"),
        ("unknown", "live: 2 of 2 vCPUs"),
    )
    assert console.config("plugged") == before


def test_the_definition_changes_in_what_is_asked_for_and_starts(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    made = guest(boot_host, "redefined", running=False)
    uuid = boot_host.virsh("domuuid", "redefined")
    before = console.config("redefined")
    have = console.reading(uuid).config
    assert have is not None
    wish = MemoryWish(have.maximum_kib, have.maximum_kib * 2, dump_core=False)
    replies = console.carry_out(uuid, wish)
    assert {reply.status for reply in replies} == {"applied"}
    twice = have.maximum_kib * 2
    assert changed(before, console.config("redefined")) == [
        f"- <memory unit='KiB'>{have.maximum_kib}</memory>",
        f"+ <memory dumpCore='off' unit='KiB'>{twice}</memory>",
    ]
    now = console.config("redefined")
    wanted = VcpuWish(maximum=8, shape=(1, 4, 2))
    assert {reply.status for reply in console.carry_out(uuid, wanted)} == {"applied"}
    lines = changed(now, console.config("redefined"))
    assert len(lines) == 3
    assert lines[1].startswith("+ <vcpu placement='static' current=")
    shape = lines[2].replace(" clusters='1'", "")  # libvirt says it by itself since 10.1
    assert shape == "+ <topology sockets='1' dies='1' cores='4' threads='2'/>"
    assert statuses(console.carry_out(uuid, VcpuWish(maximum=6))) == [
        ("applied", "set the maximum to 6 vCPUs: guest")
    ]
    odd = console.plan(uuid, VcpuWish(maximum=5))
    assert odd.changes == ()
    assert "possible are 2, 4, 6, 8 and the like" in odd.notes[0]
    boot_host.virsh("start", made.name, "--paused")
    live = console.reading(uuid).live
    assert live is not None
    assert (live.maximum_vcpus, live.dump_core) == (6, False)
    assert live.topology is not None
    assert live.topology.count == 6

"""Guest agents over real libvirt: an honest one, a dead one, and the worst that a guest can be."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, guest_xml, make_disk
from tests.integration.lab import Libvirtd, wait_until
from vconsole.changes.host_requests import HostRequests
from vconsole.features.agent import words as agentwords
from vconsole.features.agent.model.changes import (
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
)
from vconsole.features.agent.model.report import AgentReport, ReadAgent
from vconsole.host.link import open_link
from vconsole.model.request import ReadConfigurations, Reply

pytest_plugins = ("tests.integration.bootfixtures",)

Do = Callable[[Any], Reply]
HOSTILE = Path(__file__).with_name("guest") / "hostile_agent.py"
GA = "/usr/sbin/qemu-ga"
LATEST_S = ReadAgent.deadline_s - 15.0


@pytest.fixture(scope="module")
def do(boot_host: Libvirtd) -> Iterator[Do]:
    """Carry out a request as the dispatcher does, on one connection for all."""
    host = HostRequests(lambda: open_link(boot_host.uri, False, False))
    handlers = host.handlers()
    yield lambda request: handlers[type(request)](request)
    host.close()


@pytest.fixture(scope="module")
def guest(do: Do, boot_host: Libvirtd) -> Iterator[BootedGuest]:
    """One guest with an ext4 that can sleep; what hwclock is called by the agent is there."""
    image = make_disk(boot_host.base / "asked.img")
    guest = BootedGuest(boot_host, guest_xml("asked", disk=image, sleeps=True))
    try:
        guest.start().run("ln -s /usr/bin/hwclock /sbin/hwclock")
        guest.put("/run/hostile", HOSTILE.read_bytes())
        wait_answer(do, guest)
        yield guest
    finally:
        guest.close()


def report(do: Do, guest: BootedGuest, *, parts: bool = True) -> AgentReport:
    request = ReadAgent(guest.uuid, guest.name)
    reply = do(request if parts else ReadAgent(guest.uuid, guest.name, ()))
    assert isinstance(reply.value, AgentReport), reply.message
    return reply.value


def wait_state(do: Do, guest: BootedGuest, state: str) -> None:
    wait_until(lambda: report(do, guest, parts=False).state == state, f"the channel is {state}")


def wait_answer(do: Do, guest: BootedGuest) -> None:
    """As a console does, and not by a command of one's own, which leaves a mark on the domain."""
    wait_until(lambda: report(do, guest).answering is True, "the agent answers")


# -- an honest agent -------------------------------------------------------------------------


def test_all_that_it_tells(do: Do, guest: BootedGuest) -> None:
    found = report(do, guest)
    assert (found.state, found.answering, found.frozen) == ("connected", True, False)
    assert found.ping_ms is not None
    assert found.hostname == "asked"
    assert dict(found.os)["OS"] == "vconsole test guest 1"
    assert found.timezone is not None
    assert (found.timezone.name, found.timezone.offset_s) == ("UTC", 0)
    assert found.users == ()
    assert found.filesystems is not None
    assert [(fs.mountpoint, fs.type, fs.disks) for fs in found.filesystems] == [
        ("/mnt", "ext4", ("vda",))
    ]
    assert found.vcpus is not None
    assert (found.vcpus.known, found.vcpus.online) == ("0-1", "0-1")
    assert ("lo", "127.0.0.1", "agent") in {
        (row.interface, row.address, row.source) for row in found.addresses
    }
    assert set(found.problems) <= {"ARP"}


def test_nothing_of_the_domain_is_changed_by_asking(do: Do, guest: BootedGuest) -> None:
    before = do(ReadConfigurations((guest.uuid,))).value
    report(do, guest)
    assert do(ReadConfigurations((guest.uuid,))).value == before
    assert "tainted" not in guest.host.virsh("dominfo", guest.name)


def test_who_may_only_read_sees_the_channel(boot_host: Libvirtd, guest: BootedGuest) -> None:
    host = HostRequests(lambda: open_link(boot_host.ro_uri, True, False))
    handlers = host.handlers()
    found = handlers[ReadAgent](ReadAgent(guest.uuid, guest.name)).value
    assert isinstance(found, AgentReport)
    assert (found.state, found.answering) == ("connected", None)
    assert "read-only" in found.problems["agent"]
    assert handlers[ThawFs](ThawFs(guest.uuid, guest.name)).status == "refused"
    host.close()


def test_a_write_waits_while_frozen_and_the_thaw_comes_by_itself(
    do: Do, guest: BootedGuest
) -> None:
    request, replies = FreezeFs(guest.uuid, guest.name, 4.0), list[Reply]()
    thread = threading.Thread(target=lambda: replies.append(do(request)))
    thread.start()
    wait_until(lambda: request.wait.what == "frozen", "it is frozen")
    guest.run("rm -f /run/written; (echo x >/mnt/x; sync; touch /run/written) >/dev/null 2>&1 &")
    assert guest.run("sleep 1; ls /run/written").code
    assert report(do, guest).frozen
    thread.join(30)
    assert (replies[0].status, replies[0].value, replies[0].read_back) == ("applied", 1, "thawed")
    assert guest.run("sleep 1; ls /run/written").code == 0
    assert report(do, guest).frozen is False


def test_giving_up_thaws_before_the_time(do: Do, guest: BootedGuest) -> None:
    request, begun = FreezeFs(guest.uuid, guest.name, 300.0), monotonic()
    threading.Timer(1.0, request.wait.give_up).start()
    assert do(request).status == "applied"
    assert monotonic() - begun < 60.0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=lambda n: n.name)
def test_a_console_that_dies_leaves_nothing_frozen(
    number: signal.Signals, do: Do, guest: BootedGuest
) -> None:
    argv = ["-m", "vconsole", "-c", guest.host.uri, "agent", "freeze", guest.name, "--limit", "300"]
    console = subprocess.Popen(
        [sys.executable, *argv],
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # under nohup, too
    )
    try:
        wait_until(lambda: report(do, guest).frozen is True, "it is frozen")
    finally:
        console.send_signal(number)
        console.wait(60)
    wait_until(lambda: report(do, guest).frozen is False, "it is thawed")


def test_what_somebody_else_froze_is_thawed(do: Do, guest: BootedGuest) -> None:
    guest.host.virsh("domfsfreeze", guest.name)
    assert do(FreezeFs(guest.uuid, guest.name, 60.0)).status == "refused"
    assert report(do, guest).frozen, "another freeze leaves it to whom it belongs"
    reply = do(ThawFs(guest.uuid, guest.name))
    assert (reply.status, reply.value) == ("applied", 1)
    assert report(do, guest).hostname == "asked"


def test_a_wrong_clock_is_seen_and_set(do: Do, guest: BootedGuest) -> None:
    guest.run("date -s 2020-01-01")
    wrong = report(do, guest)
    assert wrong.offset_s is not None
    assert wrong.offset_s < -(10**7)
    assert do(SyncTime(guest.uuid, guest.name)).status == "applied"
    right = report(do, guest)
    assert right.offset_s is not None
    assert abs(right.offset_s) < 5.0


def test_a_guest_sleeps_and_wakes(do: Do, guest: BootedGuest) -> None:
    assert do(SuspendGuest(guest.uuid, guest.name)).read_back == "pmsuspended"
    assert report(do, guest).answering is not True
    assert do(WakeGuest(guest.uuid, guest.name)).read_back == "running"
    wait_answer(do, guest)


def test_commands_of_ones_own(do: Do, guest: BootedGuest) -> None:
    known = do(AgentCommand(guest.uuid, guest.name, '{"execute": "guest-get-vcpus"}'))
    assert isinstance(known.value, str)
    assert (known.status, '"logical-id":1' in known.value) == ("applied", True)
    unknown = do(AgentCommand(guest.uuid, guest.name, '{"execute": "guest-nope"}'))
    assert unknown.status == "failed"
    assert "guest-nope has not been found" in unknown.message


# -- one that is dead ------------------------------------------------------------------------


def test_an_agent_that_hangs_is_told_from_one_that_is_gone(do: Do, guest: BootedGuest) -> None:
    guest.run("killall -STOP qemu-ga")
    begun = monotonic()
    hangs = report(do, guest)
    assert (hangs.state, hangs.answering) == ("connected", False)
    assert monotonic() - begun < LATEST_S
    guest.run("killall -CONT qemu-ga")
    wait_answer(do, guest)
    with no_agent(do, guest):
        gone = report(do, guest)
        assert (gone.state, gone.answering) == ("present", None)
    wait_answer(do, guest)


@contextmanager
def no_agent(do: Do, guest: BootedGuest) -> Iterator[None]:
    """End the guest's agent, and what starts it anew."""
    guest.run(f"mv {GA} {GA}.off; killall -9 qemu-ga")
    wait_state(do, guest, "present")
    try:
        yield
    finally:
        guest.run(f"mv {GA}.off {GA}")


# -- one that means no good ------------------------------------------------------------------

MUTE = ("silent", "endless", "endless-answer", "wrong-id", "mute", "drip", "garbage", "not-utf8")
TALKING = ("escapes", "error", "wrong-types", "sluggish", "huge")


@pytest.fixture(scope="module")
def without_agent(do: Do, guest: BootedGuest) -> Iterator[BootedGuest]:
    with no_agent(do, guest):
        yield guest
    wait_answer(do, guest)


@pytest.fixture
def hostile(
    request: pytest.FixtureRequest, do: Do, without_agent: BootedGuest
) -> Iterator[BootedGuest]:
    """The guest, with something else in the place of its agent."""
    guest = without_agent
    guest.run(f"python3 /run/hostile {request.param} >/dev/null 2>&1 & echo $! >/run/hostile-pid")
    wait_state(do, guest, "connected")
    yield guest
    guest.run("kill -9 $(cat /run/hostile-pid)")
    wait_state(do, guest, "present")


@pytest.mark.parametrize("hostile", MUTE, indirect=True)
def test_what_gives_no_answer_is_one_clear_line(do: Do, hostile: BootedGuest) -> None:
    begun = monotonic()
    found = report(do, hostile)
    assert monotonic() - begun < LATEST_S
    assert found.answering is False
    assert re.search(
        "not respond|n't respond|not available|does not|no |No ", found.problems["agent"]
    )
    assert "restart qemu-guest-agent" in agentwords.advice(found)[0]
    assert all(text.isprintable() for row in agentwords.rows(found) for text in row)


@pytest.mark.parametrize("hostile", TALKING, indirect=True)
def test_what_says_strange_things_is_shown_harmlessly(do: Do, hostile: BootedGuest) -> None:
    begun = monotonic()
    found = report(do, hostile)
    assert monotonic() - begun < LATEST_S
    assert found.problems
    rows = list(agentwords.rows(found))
    assert all(text.isprintable() and len(text) < 9000 for row in rows for text in row)
    assert len(rows) < 40


@pytest.mark.parametrize("hostile", ["mute", "sluggish"], indirect=True)
def test_other_requests_are_answered_meanwhile(do: Do, hostile: BootedGuest) -> None:
    thread = threading.Thread(target=report, args=(do, hostile))
    thread.start()
    sleep(0.5)
    assert do(ReadConfigurations((hostile.uuid,))).status == "applied"
    assert thread.is_alive(), "it was over before"
    thread.join(60)


@pytest.mark.parametrize("hostile", ["mute"], indirect=True)
def test_nothing_is_done_by_an_agent_that_does_not_answer(do: Do, hostile: BootedGuest) -> None:
    reply = do(AgentCommand(hostile.uuid, hostile.name, '{"execute": "guest-ping"}', 2))
    assert (reply.status, bool(reply.message)) == ("unknown", True)

"""Agents as libvirt hands them on, the worst of guests included; a guard that thaws in time."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from itertools import count
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from tests.unit.libvirt_errors import failure
from vconsole.features.agent.host import changes as agentchange
from vconsole.features.agent.host import report as agent
from vconsole.features.agent.host.changes import thaw
from vconsole.features.agent.host.report import read_agent
from vconsole.features.agent.host.thaw import GuardError, ThawGuard
from vconsole.features.agent.model.changes import (
    CLOCK,
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
)
from vconsole.features.agent.model.report import MOST, Address, AgentReport, ReadAgent, TimeZone
from vconsole.host import agent_call as agentcall
from vconsole.host.agent_call import AgentError, answers_within, ask
from vconsole.host.events import Events
from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.model.host_state import Connection
from vconsole.model.manifest import imported, name_of
from vconsole.model.outcome import Status
from vconsole.model.request import Reply
from vconsole.registry import ANSWERS

libvirt = pytest.importorskip("libvirt")

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
WEB = (UUID, "web")
CHANNEL = (
    "<channel type='unix'><source mode='bind' path='/s'/>"
    "<target type='virtio' name='org.qemu.guest_agent.0' state='{}'/></channel>"
)
INFO = {
    1: {"user.count": 1, "user.0.name": "root", "user.0.login-time": 1500},
    2: {"os.name": "Debian", "os.version": "12", "os.machine": "x86_64"},
    4: {"timezone.name": "UTC", "timezone.offset": 0},
    8: {"hostname": "web.example"},
    16: {
        "fs.count": 1,
        "fs.0.mountpoint": "/",
        "fs.0.fstype": "ext4",
        "fs.0.total-bytes": 10,
        "fs.0.used-bytes": 4,
        "fs.0.disk.count": 2,
        "fs.0.disk.0.alias": "vda",
        "fs.0.disk.1.device": "/dev/vdb",
    },
}
ADDRESSES = {
    0: {"vnet0": {"hwaddr": "52:54:00:00:00:01", "addrs": [{"addr": "192.0.2.7", "prefix": 24}]}},
    1: {"eth0": {"hwaddr": "52:54:00:00:00:01", "addrs": [{"addr": "192.0.2.7", "prefix": 24}]}},
    2: {},
}


class Guest:
    """A domain as the binding has it, with a healthy agent; tests put other methods in place."""

    def __init__(self, state: str = "connected", running: bool = True) -> None:
        channel = CHANNEL.format(state) if state else ""
        self.xml = f"<domain><devices>{channel}</devices></domain>"
        self.running, self.states = running, [1]
        self.calls: list[tuple[Any, ...]] = []
        self.answer: Callable[[str, tuple[Any, ...]], Any] = self.healthy

    def UUIDString(self) -> str:  # noqa: N802
        return UUID

    def XMLDesc(self, flags: int) -> str:  # noqa: N802
        return self.xml

    def isActive(self) -> bool:  # noqa: N802
        return self.running

    def state(self, flags: int) -> list[int]:
        return [self.states.pop(0) if len(self.states) > 1 else self.states[0], 0]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.calls.append((name, *arguments))
            return self.answer(name, arguments)

        return call

    def healthy(self, name: str, arguments: tuple[Any, ...]) -> Any:
        return {
            "getTime": {"seconds": 1000, "nseconds": 5},
            "guestInfo": INFO.get(arguments[0] if arguments else 0),
            "guestVcpus": {"vcpus": "0-1", "online": "0", "offlinable": "1"},
            "interfaceAddresses": ADDRESSES.get(arguments[0] if arguments else 0),
            "fsFreeze": 2,
            "fsThaw": 2,
        }.get(name, 0)

    def asked(self) -> list[str]:
        return [name for name, *_ in self.calls if name != "agentSetResponseTimeout"]

    def limits(self) -> list[int]:
        return [rest[0] for name, *rest in self.calls if name == "agentSetResponseTimeout"]


def fails(guest: Guest, name: str, error: BaseException, kind: int | None = None) -> None:
    """Have a call fail, or only that for one kind of information."""
    answer = guest.answer

    def refuse(asked: str, arguments: tuple[Any, ...]) -> Any:
        if asked == name and kind in (None, *arguments[:1]):
            raise error
        return answer(asked, arguments)

    guest.answer = refuse


def link_to(guest: Guest, *, read_only: bool = False, alive: int = 1) -> Link:
    """A real link on a connection that has this guest only."""
    link = object.__new__(Link)
    link.conn = SimpleNamespace(lookupByUUIDString=lambda _: guest, isAlive=lambda: alive)
    link.connection = Connection("qemu:///system", read_only=read_only, local=True)
    link.calls, link.slowest_s, link.notes, link.denied, link.abandoned = 0, 0.0, {}, {}, False
    link._until = inf
    link.events = cast("Events", SimpleNamespace(closed=None))
    return link


def report_of(guest: Guest, **fields: Any) -> AgentReport:
    reply = read_agent(link_to(guest, **fields), ReadAgent(*WEB))
    assert reply.status == "applied"
    assert isinstance(reply.value, AgentReport)
    return reply.value


# -- what an honest agent says ---------------------------------------------------------------


def test_all_parts_of_a_healthy_agent() -> None:
    report = report_of(Guest())
    assert (report.state, report.answering, report.frozen) == ("connected", True, False)
    assert report.ping_ms is not None
    assert report.hostname == "web.example"
    assert report.os == (("OS", "Debian 12"), ("Machine", "x86_64"))
    assert report.timezone == TimeZone("UTC", 0)
    assert report.users is not None
    assert (report.users[0].name, report.users[0].login_s) == ("root", 1.5)
    assert report.filesystems is not None
    assert report.filesystems[0].disks == ("vda", "/dev/vdb")
    assert report.addresses == (
        Address("vnet0", "52:54:00:00:00:01", "192.0.2.7", 24, "lease"),
        Address("eth0", "52:54:00:00:00:01", "192.0.2.7", 24, "agent"),
    )
    assert report.clock_ns == 1000 * 10**9 + 5
    assert report.offset_s is not None
    assert report.offset_s < 0
    assert report.problems == {}


@pytest.mark.parametrize(
    ("state", "running", "said", "asked"),
    [
        ("connected", False, "off", []),
        ("", True, "absent", ["interfaceAddresses", "interfaceAddresses"]),
        ("disconnected", True, "present", ["interfaceAddresses", "interfaceAddresses"]),
    ],
)
def test_without_an_agent_only_the_host_is_asked(
    state: str, running: bool, said: str, asked: list[str]
) -> None:
    guest = Guest(state, running)
    report = report_of(guest)
    assert (report.state, report.answering) == (said, None)
    assert guest.asked() == asked


def test_without_parts_nobody_is_bothered() -> None:
    guest = Guest()
    reply = read_agent(link_to(guest), ReadAgent(*WEB, ()))
    assert isinstance(reply.value, AgentReport)
    assert reply.value.state == "connected"
    assert guest.calls == []


def test_who_may_only_read_gets_the_channel_and_the_hosts_addresses() -> None:
    guest = Guest()
    report = report_of(guest, read_only=True)
    assert "read-only" in report.problems["agent"]
    assert guest.asked() == ["interfaceAddresses", "interfaceAddresses"]
    assert [row.source for row in report.addresses] == ["lease"]


def test_broken_xml_is_one_line() -> None:
    guest = Guest()
    guest.xml = "<domain><channel"
    reply = read_agent(link_to(guest), ReadAgent(*WEB))
    assert reply.status == "failed"
    assert reply.message.startswith("web: its XML cannot be read: ")


# -- what others say -------------------------------------------------------------------------


def undecodable() -> SystemError:
    """As the binding raises it: the reason is hidden behind the function's own repr."""
    error = SystemError(f"{len!r} returned a result with an exception set")
    error.__cause__ = UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte")
    return error


READABLE = [
    (failure(1, "internal error: \x1b[2Jboom\nboom"), "internal error:  [2Jboom"),
    (failure(38, "No complete agent response found in 10485760 bytes"), "No complete agent"),
    (failure(39, "Unable to encode message payload"), "Unable to encode message payload"),
    (SystemError("returned a result with an exception set"), "its answer is not UTF-8"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "its answer is not UTF-8: byte 0xff at 0"),
    (undecodable(), "its answer is not UTF-8: byte 0xff at 2"),
]


@pytest.mark.parametrize(("error", "words"), READABLE, ids=lambda value: type(value).__name__)
def test_a_part_that_fails_hides_no_other(error: Exception, words: str) -> None:
    guest = Guest()
    fails(guest, "guestInfo", error, 8)
    report = report_of(guest)
    assert list(report.problems) == ["hostname"]
    assert report.problems["hostname"].startswith(words)
    assert report.problems["hostname"].isprintable()
    assert "<built-in" not in report.problems["hostname"]
    assert report.hostname is None
    assert (report.answering, report.os[0]) == (True, ("OS", "Debian 12"))
    assert report.vcpus is not None


@pytest.mark.parametrize("code", [86, 97, 68, 112])
def test_one_that_is_silent_is_not_asked_again(code: int) -> None:
    guest = Guest()
    fails(guest, "guestInfo", failure(code, "Guest agent is not responding"), 2)
    report = report_of(guest)
    assert report.problems == {"agent": "Guest agent is not responding"}
    assert (report.answering, report.hostname, report.timezone) == (False, "web.example", None)
    assert guest.asked()[-1] == "guestInfo"


def test_one_that_never_answered_has_no_time_of_answer() -> None:
    guest = Guest()
    fails(guest, "getTime", failure(86))
    report = report_of(guest)
    assert (report.answering, report.ping_ms, report.clock_ns) == (False, None, None)


def test_one_that_is_slow_is_asked_until_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0.0, 2.0)
    monkeypatch.setattr(agent, "monotonic", lambda: next(ticks))
    report = report_of(Guest())
    assert report.hostname == "web.example"
    assert report.filesystems is None
    assert report.problems["agent"].startswith("so slow that it was not asked for: ")


@pytest.mark.parametrize("nothing", [None, {}, [], "text"])
def test_what_libvirt_hides_is_said(nothing: object) -> None:
    guest = Guest()
    answer = guest.answer
    guest.answer = lambda name, arguments: (
        nothing if name in ("guestInfo", "guestVcpus") else answer(name, arguments)
    )
    report = report_of(guest)
    assert set(report.problems) == {"hostname", "os", "timezone", "users", "filesystems", "vcpus"}
    assert set(report.problems.values()) == {"it did not say"}
    assert report.answering


def test_a_frozen_guest_is_known_by_its_refusals() -> None:
    guest = Guest()
    fails(guest, "getTime", failure(1, "guest-get-time is disabled: the agent is in frozen state"))
    report = report_of(guest)
    assert (report.frozen, report.answering, report.problems) == (True, True, {})
    assert guest.asked()[-1] == "getTime"


NEW_REFUSAL = "guest-get-time has been disabled: the command is not allowed"
"""What qemu-ga says since 9.1, frozen or not; seen of 10.0 in Debian 13."""


@pytest.mark.parametrize("status", ["frozen", "thawed", ""])
def test_a_refusal_that_does_not_say_why_is_asked_about(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import libvirt_qemu

    guest, asked = Guest(), []

    def command(_guest: object, words: str, *_: object) -> str:
        asked.append(json.loads(words)["execute"])
        return json.dumps({"return": status} if status else {})

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", command)
    fails(guest, "getTime", failure(1, NEW_REFUSAL))
    report = report_of(guest)
    assert report.frozen is {"frozen": True, "thawed": False}.get(status)
    assert bool(report.problems) is (status != "frozen")
    assert report.answering
    assert asked == ["guest-fsfreeze-status"]
    assert (guest.asked()[-1] == "getTime") is (status == "frozen")


def test_what_somebody_else_froze_is_left_frozen_by_a_new_agent_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was taken for a failed freeze of ours, and thawed: a backup's, say."""
    import libvirt_qemu

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", lambda *_: '{"return": "frozen"}')
    guard, guest = Guard(), Guest()
    fails(guest, "fsFreeze", failure(1, NEW_REFUSAL.replace("get-time", "fsfreeze-freeze")))
    assert frozen(monkeypatch, guard, guest).status == "refused"
    assert (guard.thawed, guard.dismissed) == (0, 1)
    assert "fsThaw" not in guest.asked()


def test_lists_without_end_and_values_of_a_wrong_type_are_cut() -> None:
    guest = Guest()
    row = {"addr": "192.0.2.7", "prefix": "x"}
    many = {f"eth{number}": {"hwaddr": None, "addrs": [row]} for number in range(9999)}
    strange = {"user.count": 2**40, "user.0.name": 7, "user.1.name": "x" * 9999}
    answer = guest.answer
    guest.answer = lambda name, arguments: (
        many
        if name == "interfaceAddresses" and arguments[0] == 1
        else strange
        if name == "guestInfo" and arguments[0] == 1
        else answer(name, arguments)
    )
    report = report_of(guest)
    assert report.users is not None
    assert len(report.users) == MOST
    assert (report.users[0].name, len(report.users[1].name)) == ("", 256)
    assert sum(row.source == "agent" for row in report.addresses) == MOST
    assert report.addresses[-1].prefix is None


def test_what_is_no_address_is_left_out() -> None:
    guest = Guest()
    rows = [{"addr": "\x1b[2J", "prefix": 0}, {"addr": "::1", "prefix": 128}, {"addr": None}]
    answer = guest.answer
    guest.answer = lambda name, arguments: (
        {"lo": {"hwaddr": "", "addrs": rows}, "bare": {"hwaddr": "", "addrs": None}}
        if name == "interfaceAddresses"
        else answer(name, arguments)
    )
    assert {row.address for row in report_of(guest).addresses} == {"::1", ""}


def test_a_connection_that_is_lost_is_not_the_guests_fault() -> None:
    guest = Guest()
    fails(guest, "getTime", failure(39, "client socket is closed"))
    with pytest.raises(HostError):
        read_agent(link_to(guest, alive=0), ReadAgent(*WEB))


# -- how long libvirt waits ------------------------------------------------------------------


def test_libvirt_waits_no_longer_while_it_is_asked_and_as_before_afterwards() -> None:
    guest = Guest()
    fails(guest, "getTime", failure(86))
    report_of(guest)
    assert guest.limits() == [5, -2]


def test_who_is_done_first_does_not_let_the_other_wait_for_ever() -> None:
    guest = Guest()
    link = link_to(guest)
    with answers_within(link, guest, 5):
        with answers_within(link, guest, 60):
            pass
        assert guest.limits() == [5, 60]
    assert guest.limits() == [5, 60, -2]
    assert not agentcall._asking


def test_a_limit_and_its_end_are_heard_in_the_order_they_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another one that begins just as the last one ends shall not wait for ever."""
    guest = Guest()
    link = link_to(guest)
    held: list[bool] = []
    monkeypatch.setattr(agentcall, "_limit", lambda *_: held.append(agentcall._lock.locked()))
    with answers_within(link, guest, 5):
        pass
    assert held == [True, True]


def test_a_driver_without_such_a_limit_is_asked_all_the_same() -> None:
    guest = Guest()
    fails(guest, "agentSetResponseTimeout", failure(libvirt.VIR_ERR_NO_SUPPORT))
    assert report_of(guest).answering


# -- changes ---------------------------------------------------------------------------------


def do(guest: Guest, request: Any) -> Reply:
    found = {answer.request: answer.handler for answer in ANSWERS}[name_of(type(request))]
    reply: Reply = imported(found)(link_to(guest), request)
    return reply


def test_thaw_says_how_many() -> None:
    reply = do(Guest(), ThawFs(*WEB))
    assert (reply.status, reply.message, reply.read_back) == (
        "applied",
        "2 file systems thawed",
        "thawed",
    )


def test_the_clock_is_set_and_compared() -> None:
    guest = Guest()
    reply = do(guest, SyncTime(*WEB))
    assert guest.asked() == ["setTime", "getTime"]
    assert ("setTime", None, 1) in guest.calls
    assert reply.read_back.endswith(" s from the host's clock")


def test_a_clock_that_was_perhaps_set_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is wrong tells nothing: the hardware clock may be what is wrong."""
    link = link_to(guest := Guest())
    assert agentchange.tell_agent(link, WEB[0], CLOCK).status == "unknown"
    assert guest.asked() == ["getTime"]
    monkeypatch.setattr(agentchange, "time_ns", lambda: int(guest.getTime()["seconds"]) * 10**9)
    assert agentchange.tell_agent(link, WEB[0], CLOCK).status == "applied"


@pytest.mark.parametrize(
    ("error", "status"), [(failure(86, "mute"), "unknown"), (failure(1, "mute"), "failed")]
)
@pytest.mark.parametrize("kind", [ThawFs, SyncTime, SuspendGuest])
def test_without_an_answer_nobody_knows(error: Exception, status: Status, kind: Any) -> None:
    guest = Guest()
    for name in ("fsThaw", "setTime", "pMSuspendForDuration"):
        fails(guest, name, error)
    assert do(guest, kind(*WEB)) == Reply(status, "mute")


def test_a_guest_falls_asleep_and_wakes() -> None:
    guest = Guest()
    guest.states = [1, 7]
    assert do(guest, SuspendGuest(*WEB)).read_back == "pmsuspended"
    guest.states = [7, 1]
    assert do(guest, WakeGuest(*WEB)).read_back == "running"
    assert ("pMSuspendForDuration", 0, 0, 0) in guest.calls


def test_a_guest_that_only_says_so_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agentchange, "_ASLEEP_S", 0.0)
    reply = do(Guest(), SuspendGuest(*WEB, "disk"))
    assert (reply.status, reply.message) == ("unknown", "the guest took it, yet it is running")


def send(
    monkeypatch: pytest.MonkeyPatch, answer: object, name: str = "guest-ping", ping: str = ""
) -> Reply:
    import libvirt_qemu

    def answers(_guest: object, command: str, *_: object) -> object:
        if ping and "guest-ping" in command:
            return ping
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(libvirt_qemu, "qemuAgentCommand", answers)
    return do(Guest(), AgentCommand(*WEB, f'{{"execute": "{name}"}}', 3))


def test_a_command_is_answered_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps({"return": "x" * 300}, indent=1)
    reply = send(monkeypatch, text)
    assert (reply.status, reply.value) == ("applied", text)
    assert (len(reply.read_back), "\n" in reply.read_back) == (200, False)


def test_a_command_that_fails_is_told_from_one_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert send(monkeypatch, failure(1, "not found")) == Reply("failed", "not found")
    assert send(monkeypatch, failure(86, "mute")) == Reply("unknown", "mute")


def test_silence_is_good_only_of_one_that_has_just_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = send(monkeypatch, failure(86, "mute"), "guest-shutdown")
    assert dead == Reply("failed", "it was not sent: mute")
    obedient = send(monkeypatch, failure(86, "mute"), "guest-shutdown", ping='{"return": {}}')
    assert (obedient.status, "only if it fails" in obedient.message) == ("applied", True)


def test_what_a_file_holds_stays_out_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = '{"return": {"count": 4, "buf-b64": "cm9vdA=="}}'
    reply = send(monkeypatch, answer, "guest-file-read")
    assert reply.value == answer
    assert reply.read_back == '{"return": {"count": 4, "buf-b64": "***"}}'


# -- freezing --------------------------------------------------------------------------------


class Guard:
    """Stands for the process that thaws."""

    def __init__(self, over: bool = True, problem: str = "", found: int = 2) -> None:
        self.is_over, self.problem, self.found = over, problem, found
        self.thawed = self.left = self.dismissed = 0

    def made(self, uri: str, uuid: str, limit_s: float) -> Self:
        self.limit_s = limit_s
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.left += 1

    def over(self, within_s: float) -> bool:
        return self.is_over

    def thaw(self) -> int:
        self.thawed += 1
        if self.problem:
            raise GuardError(self.problem)
        return self.found

    def dismiss(self) -> None:
        self.dismissed += 1


def frozen(monkeypatch: pytest.MonkeyPatch, guard: Guard, guest: Guest) -> Reply:
    monkeypatch.setattr(agentchange, "ThawGuard", guard.made)
    return do(guest, FreezeFs(*WEB, 3.0))


def test_what_is_frozen_is_thawed(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, guest = Guard(), Guest()
    reply = frozen(monkeypatch, guard, guest)
    assert reply.status == "applied"
    assert reply.message.startswith("2 file systems frozen for ")
    assert (guard.limit_s, guard.thawed, guard.left) == (3.0, 1, 1)


def test_giving_up_thaws_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(over=False)
    monkeypatch.setattr(agentchange, "ThawGuard", guard.made)
    request = FreezeFs(*WEB, 600.0)
    request.wait.give_up()
    assert do(Guest(), request).read_back == "thawed"
    assert guard.thawed == 1


def test_a_freeze_without_an_answer_is_thawed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, guest = Guard(), Guest()
    fails(guest, "fsFreeze", failure(86, "mute"))
    reply = frozen(monkeypatch, guard, guest)
    assert (reply.status, reply.message, guard.thawed) == ("failed", "mute", 1)


def test_where_the_guard_fails_it_is_thawed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    guest = Guest()
    assert frozen(monkeypatch, Guard(problem="killed"), guest).status == "applied"
    assert guest.asked() == ["getTime", "fsFreeze", "fsThaw"]
    fails(guest, "fsThaw", failure(86, "mute"))
    reply = frozen(monkeypatch, Guard(problem="killed"), guest)
    assert reply.status == "failed"
    assert reply.message == (
        "the guest may be frozen still: killed, mute; as soon as its agent answers: "
        "virsh domfsthaw web"
    )


def test_what_the_guard_thawed_too_early_is_thawed_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    guest = Guest()
    assert frozen(monkeypatch, Guard(found=0), guest).status == "applied"
    assert guest.asked() == ["getTime", "fsFreeze", "fsThaw"]


def test_what_somebody_else_froze_stays_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, guest = Guard(), Guest()
    refusal = "guest-fsfreeze-freeze has been disabled: the agent is in frozen state"
    fails(guest, "fsFreeze", failure(86, refusal))
    assert frozen(monkeypatch, guard, guest).status == "refused"
    assert (guard.thawed, guard.dismissed) == (0, 1)


def test_without_a_guard_nothing_is_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise GuardError("it does not start")

    monkeypatch.setattr(agentchange, "ThawGuard", refuse)
    guest = Guest()
    reply = do(guest, FreezeFs(*WEB))
    assert (reply.status, guest.asked()) == ("refused", ["getTime"])
    assert "it does not start" in reply.message


@pytest.mark.parametrize("state", [3, 7, 5])
def test_a_guest_that_does_not_run_is_not_asked_at_all(
    monkeypatch: pytest.MonkeyPatch, state: int
) -> None:
    guard, guest = Guard(), Guest()
    guest.states = [state]
    reply = frozen(monkeypatch, guard, guest)
    assert (reply.status, guard.left, guest.asked()) == ("refused", 0, [])
    assert "its agent cannot answer; " in reply.message
    for request in (ThawFs(*WEB), SyncTime(*WEB), SuspendGuest(*WEB), AgentCommand(*WEB)):
        assert do(guest, request).status == "refused"
    report = report_of(guest)
    assert (report.answering, list(report.problems)) == (None, ["agent"])
    assert not {"fsThaw", "setTime", "getTime", "guestInfo"} & set(guest.asked())


def test_an_agent_that_is_mute_before_is_not_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    guard, guest = Guard(), Guest()
    fails(guest, "getTime", failure(86, "mute"))
    reply = frozen(monkeypatch, guard, guest)
    assert (reply.status, reply.message, guard.left) == (
        "refused",
        "nothing was frozen: its agent does not answer: mute",
        0,
    )


def test_a_freeze_that_outlasts_its_limit_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = count(0.0, 29.0)
    monkeypatch.setattr(agentchange, "monotonic", lambda: next(ticks))
    reply = frozen(monkeypatch, Guard(), Guest())
    assert (reply.status, reply.read_back) == ("failed", "thawed")
    assert reply.message.startswith("2 file systems frozen for 29.0 s, not 3 s")


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN])
def test_an_agent_that_closes_its_channel_is_not_the_loss_of_libvirt(number: int) -> None:
    guest = Guest()
    error: Any = failure(libvirt.VIR_ERR_SYSTEM_ERROR, "Unable to read: Connection reset by peer")
    error.err = (*error.err[:7], number, 0)
    fails(guest, "fsThaw", error)
    assert do(guest, ThawFs(*WEB)) == Reply("failed", "Unable to read: Connection reset by peer")
    dead = link_to(guest, alive=0)
    with pytest.raises(HostError):
        thaw(dead, ThawFs(*WEB))


# -- the guard itself, on libvirt's test driver ----------------------------------------------


@pytest.fixture
def node(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    file.write_text(
        f"<node><domain type='test'><name>web</name><uuid>{UUID}</uuid><memory>65536</memory>"
        "<vcpu>1</vcpu><os><type>hvm</type></os></domain></node>"
    )
    return f"test://{file}"


def test_the_guard_thaws_when_the_time_is_over(node: str) -> None:
    with ThawGuard(node, UUID, 0.1) as guard:
        assert guard.over(10.0)
        assert guard.thaw() >= 0


def test_the_guard_thaws_when_it_is_told_to(node: str) -> None:
    with ThawGuard(node, UUID, 600.0) as guard:
        assert not guard.over(0.0)
        assert guard.thaw() >= 0


def test_the_guard_thaws_when_its_process_shall_end(node: str) -> None:
    with ThawGuard(node, UUID, 600.0) as guard:
        guard._process.terminate()
        assert guard.over(10.0)
        assert guard.thaw() >= 0


def test_a_guard_that_is_dismissed_thaws_nothing(node: str) -> None:
    with ThawGuard(node, UUID, 600.0) as guard:
        guard.dismiss()
        with pytest.raises(GuardError, match="has ended"):
            guard.thaw()


@pytest.mark.parametrize(
    ("uuid", "words"), [("0" * 32, "Domain not found"), (UUID, "cannot connect")]
)
def test_a_guard_that_reaches_nobody_says_so(node: str, uuid: str, words: str) -> None:
    uri = node if "Domain" in words else "test:///nowhere"
    with pytest.raises(GuardError, match=words):
        ThawGuard(uri, uuid, 1.0)


def test_only_errors_of_agents_are_agent_errors() -> None:
    def broken() -> None:
        raise KeyError("a bug of ours")

    with pytest.raises(KeyError):
        ask(link_to(Guest()), broken)
    with pytest.raises(AgentError):
        ask(link_to(Guest()), lambda: (_ for _ in ()).throw(failure(1)))


def test_the_ping_is_asked_first_after_what_bothers_no_guest() -> None:
    guest = Guest()
    report_of(guest)
    assert guest.asked()[:3] == ["interfaceAddresses", "interfaceAddresses", "getTime"]

"""Actions on domains: when they can run, what they do on a host, how many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vconsole.changes.run import AT_A_TIME, ChangeRun
from vconsole.features.lifecycle.host import act
from vconsole.features.lifecycle.model import ACTIONS, Act, Mode
from vconsole.host.link import Link, open_link
from vconsole.model.host_state import Domain
from vconsole.model.proposal import confirmation
from vconsole.model.request import Reply

libvirt = pytest.importorskip("libvirt")

RUNNING = Domain("u", "web", "running", autostart=False, persistent=True)
NODE = """<node><domain type='test'><name>web</name><memory>65536</memory><vcpu>1</vcpu>
<os><type>hvm</type></os></domain></node>"""


def able(domain: Domain) -> set[str]:
    return {name for name, action in ACTIONS.items() if action.why_not(domain) is None}


# -- when ------------------------------------------------------------------------------------

OFF = {"destroy", "destroy_graceful"}
AS_IT_RUNS = {*OFF, "shutdown", "reboot", "reset", "suspend", "save", "autostart"}


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, AS_IT_RUNS),
        ({"autostart": True}, AS_IT_RUNS - {"autostart"} | {"autostart_off"}),
        ({"state": "paused"}, {*OFF, "resume", "save", "autostart"}),
        ({"state": "shut off"}, {"start", "start_paused", "save_remove", "autostart"}),
        ({"state": "pmsuspended"}, {*OFF, "autostart"}),
        ({"persistent": False}, AS_IT_RUNS - {"save", "autostart"}),
    ],
)
def test_what_can_be_done_depends_on_the_state(fields: dict[str, Any], names: set[str]) -> None:
    assert able(replace(RUNNING, **fields)) == names


def test_the_reason_names_the_cure() -> None:
    assert ACTIONS["shutdown"].why_not(replace(RUNNING, state="paused")) == (
        "is paused: resume it first"
    )


def ask(name: str, domain: Domain = RUNNING, modes: tuple[Mode, ...] = ("agent", "acpi")) -> Act:
    return ACTIONS[name].act(domain, modes, 5.0)


def test_each_mode_is_a_line_of_virsh() -> None:
    assert ask("shutdown").virsh("qemu:///system") == (
        "virsh -c qemu:///system shutdown web --mode agent",
        "virsh -c qemu:///system shutdown web --mode acpi",
    )
    hostile = replace(RUNNING, name="a; rm -rf ~")
    assert ask("start_paused", hostile).virsh() == ("virsh start 'a; rm -rf ~' --paused",)


def test_what_destroys_wants_the_name_or_the_number_typed() -> None:
    web = [ask("destroy", replace(RUNNING, name=name)) for name in ("web", "web-2", "web-3")]
    assert confirmation("destroy", web[:1] * 2) == "web"
    assert confirmation("destroy", [*web, *web]) == "destroy 3"
    unspeakable = replace(RUNNING, name="\x1b[2J")
    assert confirmation("destroy", [ask("destroy", unspeakable)]) == "u"


def test_all_of_the_destructive_are_graded_so() -> None:
    graded = {name for name, action in ACTIONS.items() if action.grade == "destructive"}
    assert graded == {"reset", "destroy", "destroy_graceful", "save_remove"}


# -- on libvirt's test driver ----------------------------------------------------------------


class Lab:
    """A host with one domain, as the dispatcher has it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.handle = link.conn.lookupByName("web")

    def do(self, name: str, seen: str) -> Reply:
        return act(self.link, Act(self.handle.UUIDString(), "web", name, seen))


@pytest.fixture
def lab(tmp_path: Any) -> Iterator[Lab]:
    file = tmp_path / "node.xml"
    file.write_text(NODE)
    link = open_link(f"test://{file}", False, False)
    yield Lab(link)
    link.close()


def test_a_life(lab: Lab) -> None:
    for name, seen, after in (
        ("suspend", "running", "paused"),
        ("resume", "paused", "running"),
        ("reset", "running", "running"),
        ("reboot", "running", "running"),
        ("save", "running", "shut off"),
        ("save_remove", "shut off", "shut off"),
        ("start", "shut off", "running"),
        ("shutdown", "running", "shut off"),
        ("start", "shut off", "running"),
        ("destroy", "running", "shut off"),
        ("start", "shut off", "running"),
        ("destroy_graceful", "running", "shut off"),
        ("autostart", "no autostart", "autostart"),
        ("autostart_off", "autostart", "no autostart"),
    ):
        reply = lab.do(name, seen)
        assert (name, reply.status, reply.value) == (name, "applied", after), reply.message
        assert bool(lab.handle.isActive()) == (after in ("running", "paused"))


def test_autostart_is_what_libvirt_has(lab: Lab) -> None:
    assert lab.do("autostart", "no autostart").message == "it starts with the host"
    assert lab.handle.autostart() == 1


def test_a_domain_that_changed_meanwhile_is_left_alone(lab: Lab) -> None:
    lab.handle.suspend()
    reply = lab.do("destroy", "running")
    assert (reply.status, reply.value) == ("conflict", "paused")
    assert reply.message == "it is paused meanwhile, not running"
    assert lab.handle.isActive()


def test_without_a_saved_state_there_is_none_to_discard(lab: Lab) -> None:
    lab.handle.destroy()
    assert lab.do("save_remove", "shut off").message == "it has no saved state"


def test_what_the_driver_lacks_is_an_error(lab: Lab) -> None:
    lab.handle.destroy()
    with pytest.raises(libvirt.libvirtError, match="unsupported flags"):
        lab.do("start_paused", "shut off")


# -- guests that are asked -------------------------------------------------------------------


class Guest:
    """A domain of QEMU that obeys some modes, and knows how it was asked."""

    def __init__(
        self,
        obeys: int = 0,
        fails: int = 0,
        later: Callable[[], object] = int,
        before: Callable[[], object] = int,
    ) -> None:
        self.obeys, self.fails, self.later, self.before = obeys, fails, later, before
        self.asked: list[int] = []
        self.limits: list[int] = []
        """How long libvirt was told to wait for the agent."""
        self.code = 1
        self.job = libvirt.VIR_DOMAIN_JOB_OPERATION_SAVE
        self.patience_s = 5.0
        self.aborted = Event()
        self.reset: Callable[..., None] | None = None

    def state(self, _flags: int) -> tuple[int, int]:
        return self.code, 0

    def _ask(self, flag: int) -> bool:
        self.asked.append(flag)
        self.before()
        if flag == self.fails:
            raise libvirt.libvirtError("the agent is not connected")
        self.later()
        return flag == self.obeys

    def shutdownFlags(self, flag: int) -> None:  # noqa: N802
        self.code = 5 if self._ask(flag) else 1

    def resume(self) -> None:
        """libvirt takes it, and nothing happens."""

    def managedSave(self, _flags: int) -> None:  # noqa: N802
        self.later()
        self.aborted.wait(self.patience_s)
        raise libvirt.libvirtError("canceled by client")

    def jobStats(self) -> dict[str, int]:  # noqa: N802
        return {"operation": self.job}

    def abortJob(self) -> None:  # noqa: N802
        self.aborted.set()

    def reboot(self, flag: int) -> None:
        if self._ask(flag) and self.reset is not None:
            self.reset()

    def domainEventRegisterAny(self, _d: object, _i: int, call: Any, _o: object) -> int:  # noqa: N802
        self.reset = call
        return 7

    def domainEventDeregisterAny(self, number: int) -> None:  # noqa: N802
        assert number == 7
        self.reset = None

    def lookupByUUIDString(self, _uuid: str) -> Guest:  # noqa: N802
        return self

    @property
    def link(self) -> Link:
        connection = SimpleNamespace(driver="QEMU")
        call = lambda function, *words: function(*words)  # noqa: E731
        attempt = lambda _name, function, *words: function(*words)  # noqa: E731
        return cast(
            "Link", SimpleNamespace(conn=self, connection=connection, call=call, attempt=attempt)
        )

    def UUIDString(self) -> str:  # noqa: N802
        return "u"

    def agentSetResponseTimeout(self, seconds: int, _flags: int) -> None:  # noqa: N802
        self.limits.append(seconds)


def request(name: str = "shutdown", *modes: Mode, timeout_s: float = 0.02) -> Act:
    return Act("u", "web", name, "running", modes or ("agent", "acpi"), timeout_s)


def test_an_agent_that_goes_before_it_answers_has_obeyed() -> None:
    """libvirt 11 tells of the closed channel as a failure; the next way was asked as well."""

    def off() -> None:
        guest.code = 5
        raise libvirt.libvirtError("internal error: End of file from agent socket")

    guest = Guest(before=off)
    reply = act(guest.link, request("shutdown"))
    assert (reply.status, reply.message) == ("applied", "it is shut off, asked by agent")
    assert guest.asked == [2]


@pytest.mark.parametrize("name", ["shutdown", "reboot"])
def test_the_agent_is_asked_first_and_is_enough(name: str) -> None:
    guest = Guest(obeys=2)
    reply = act(guest.link, request(name))
    assert guest.limits == [5, -2]
    assert (reply.status, guest.asked) == ("applied", [2])
    assert reply.message.endswith("asked by agent")
    assert guest.reset is None


@pytest.mark.parametrize("name", ["shutdown", "reboot"])
@pytest.mark.parametrize("fails", [0, 2], ids=["silent", "refusing"])
def test_then_the_power_button(name: str, fails: int) -> None:
    guest = Guest(obeys=1, fails=fails)
    reply = act(guest.link, request(name))
    assert (reply.status, guest.asked) == ("applied", [2, 1])
    assert reply.message.endswith("asked by acpi")


def test_a_mode_can_be_forced() -> None:
    guest = Guest(obeys=2)
    assert act(guest.link, request("shutdown", "acpi")).status == "unknown"
    assert guest.asked == [1]


def test_a_guest_that_does_nothing_is_not_said_to_be_off() -> None:
    reply = act(Guest().link, request())
    assert (reply.status, reply.value) == ("unknown", "running")
    assert reply.message == "not within 0.02 s by agent, acpi; it may still do it"


def test_a_guest_that_nobody_could_ask_failed() -> None:
    reply = act(Guest(fails=2).link, request("shutdown", "agent"))
    assert (reply.status, reply.message) == ("failed", "agent: the agent is not connected")


def test_giving_up_ends_the_waiting_and_asks_no_further() -> None:
    wanted = request(timeout_s=60.0)
    guest = Guest(later=wanted.wait.give_up)
    reply = act(guest.link, wanted)
    assert (reply.status, guest.asked) == ("unknown", [2])
    assert "may still do it" in reply.message


def test_a_save_that_is_given_up_is_stopped_and_the_domain_goes_on() -> None:
    wanted = request("save")
    guest = Guest(later=wanted.wait.give_up)
    reply = act(guest.link, wanted)
    assert (reply.status, reply.value) == ("refused", "running")
    assert reply.message == "given up: canceled by client"
    assert guest.aborted.is_set()


def test_a_save_that_waits_for_a_job_of_others_does_not_stop_that() -> None:
    wanted = request("save")
    guest = Guest(later=wanted.wait.give_up)
    guest.job, guest.patience_s = libvirt.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT, 0.2
    assert act(guest.link, wanted).status == "refused"
    assert not guest.aborted.is_set()


@pytest.mark.parametrize("name", ["destroy", "shutdown", "save"])
def test_what_was_given_up_before_its_turn_is_not_begun(name: str) -> None:
    wanted = request(name)
    wanted.wait.give_up()
    guest = Guest()
    assert act(guest.link, wanted).status == "not tried"
    assert (guest.asked, guest.code) == ([], 1)


def test_giving_up_while_the_agent_refuses_asks_no_other_way() -> None:
    wanted = request(timeout_s=60.0)
    guest = Guest(fails=2, before=wanted.wait.give_up)
    assert act(guest.link, wanted).status == "failed"
    assert guest.asked == [2]


def test_what_does_not_run_on_is_not_said_to() -> None:
    guest = Guest()
    guest.code = 3
    reply = act(guest.link, replace(request("resume"), before="paused"))
    assert (reply.status, reply.message) == ("unknown", "libvirt took it, yet it is paused")


def test_what_is_waited_for_can_be_seen() -> None:
    wanted = request(timeout_s=60.0)
    seen: list[tuple[str, float | None]] = []
    guest = Guest(obeys=2, later=lambda: seen.append((wanted.wait.what, wanted.wait.until)))
    act(guest.link, wanted)
    assert [(what, until is not None) for what, until in seen] == [("agent", True)]


def test_the_desk_waits_longer_than_the_guest_may_take() -> None:
    assert request(timeout_s=3600.0).deadline_s > 2 * 3600.0


# -- several at a time -----------------------------------------------------------------------


def many(count: int) -> tuple[ChangeRun[Act], list[Act]]:
    asked: list[Act] = []
    domains = [Domain(f"u{n}", f"web-{n}", "running") for n in range(count)]
    acts = [ask("suspend", domain) for domain in domains]
    return ChangeRun("suspend", acts, asked.append), asked


def test_only_so_many_go_on_at_a_time_and_all_get_their_turn() -> None:
    run, asked = many(AT_A_TIME + 3)
    run.begin()
    assert len(asked) == len(run.under_way) == AT_A_TIME
    for number in range(AT_A_TIME + 3):
        assert run.replied(asked[number], Reply())
        assert len(run.under_way) <= AT_A_TIME
    assert run.done
    assert [act.name for act in asked] == [f"web-{n}" for n in range(AT_A_TIME + 3)]


def test_equal_changes_are_made_once_and_come_to_an_end() -> None:
    asked: list[Act] = []
    act, twin = (ask("suspend", Domain("u", "web", "running")) for _ in range(2))
    run = ChangeRun("suspend", [act, twin], asked.append)
    run.begin()
    run.replied(act, Reply())
    assert run.done
    assert asked == [act]


def test_cancelling_begins_nothing_more_and_gives_up_the_rest() -> None:
    run, asked = many(AT_A_TIME + 1)
    run.begin()
    run.cancel()
    assert [r.status for r in run.replies.values()] == ["not tried"]
    assert all(act.wait.given_up for act in asked)
    assert not run.done
    for wanted in asked:
        run.replied(wanted, Reply("unknown", "given up"))
    assert run.done
    assert len(asked) == AT_A_TIME


def test_the_same_act_of_another_run_is_not_taken_for_ones_own() -> None:
    (run, _), (_, others) = many(1), many(1)
    run.begin()
    twin = ask("suspend", Domain("u0", "web-0", "running"))
    assert twin in run.changes
    assert not run.replied(twin, Reply())
    assert others == []

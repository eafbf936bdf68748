"""The agent of a guest: plans and their lines, what may be typed, the words of a report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.agent import words as agentwords
from vconsole.features.agent.model.changes import (
    MOST_CHARS,
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
    readable,
    seconds,
    through_agent,
    typed_command,
)
from vconsole.features.agent.model.channel import PrivateAgentCommand
from vconsole.features.agent.model.report import (
    Address,
    AgentReport,
    FileSystem,
    GuestVcpus,
    TimeZone,
    User,
)
from vconsole.features.agent.model.wire import AgentJsonError
from vconsole.model.proposal import Change, Subject

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
WEB = (UUID, "web")


def live(channel: str = "", pm: str = "") -> Subject:
    """A domain that runs."""
    return Subject(*WEB, f"<domain>{pm}<devices>{channel}</devices></domain>", None)


def agent(state: str = "connected", name: str = "org.qemu.guest_agent.0") -> str:
    return (
        "<channel type='unix'><source mode='bind' path='/s'/>"
        f"<target type='virtio' name='{name}' state='{state}'/></channel>"
    )


# -- plans -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (Subject(*WEB, None, "<domain/>"), "it does not run"),
        (live(), "it has no channel org.qemu.guest_agent.0: add it"),
        (live(agent("disconnected")), "nobody in the guest has opened the channel"),
        (live(agent(name="org.qemu.guest_agent.1")), "it has no channel org.qemu.guest_agent.0"),
        (live(agent().replace("bind", "connect")), "QEMU speaks to another program"),
    ],
)
def test_without_an_agent_nothing_is_planned_and_the_reason_is_named(
    subject: Subject, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        through_agent(FreezeFs(*WEB))(subject, "both")


def test_with_one_the_change_is_planned_with_its_notes() -> None:
    change = SyncTime(*WEB)
    found = through_agent(change, "mind this")(live(agent()), "both")
    assert (found.changes, found.notes) == ((change,), ("mind this",))


def test_a_freeze_by_hand_is_warned_of() -> None:
    change = AgentCommand(*WEB, '{"execute": "guest-fsfreeze-freeze"}')
    (note,) = through_agent(change)(live(agent()), "both").notes
    assert note.startswith("nobody thaws it but you")


def test_a_private_command_needs_its_own_channel_only() -> None:
    change = PrivateAgentCommand(*WEB, "org.qemu.guest_agent.1", '{"execute": "guest-ping"}')
    subject = live(agent(name="org.qemu.guest_agent.1"))
    assert through_agent(change)(subject, "both").changes == (change,)


@pytest.mark.parametrize(
    ("mode", "pm", "refused"),
    [
        ("mem", "<suspend-to-mem enabled='no'/>", True),
        ("disk", "<suspend-to-mem enabled='no'/>", False),
        ("hybrid", "<suspend-to-disk enabled='no'/>", True),
        ("mem", "<suspend-to-mem enabled='yes'/>", False),
        ("mem", "", False),
    ],
)
def test_a_guest_is_not_suspended_where_its_xml_forbids_it(
    mode: Any, pm: str, refused: bool
) -> None:
    plan = through_agent(SuspendGuest(*WEB, mode))
    subject = live(agent(), f"<pm>{pm}</pm>")
    if refused:
        with pytest.raises(ValueError, match=r"its <pm> has suspend-to-\w+ enabled='no'"):
            plan(subject, "both")
    else:
        assert plan(subject, "both").changes


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (FreezeFs(*WEB, 2.5), ("virsh domfsfreeze web", "sleep 2.5", "virsh domfsthaw web")),
        (ThawFs(*WEB), ("virsh domfsthaw web",)),
        (SyncTime(*WEB), ("virsh domtime web --sync",)),
        (SuspendGuest(*WEB, "hybrid"), ("virsh dompmsuspend web hybrid",)),
        (WakeGuest(*WEB), ("virsh dompmwakeup web",)),
        (
            AgentCommand(*WEB, '{"execute": "guest-ping"}', 7),
            ('virsh qemu-agent-command web \'{"execute": "guest-ping"}\' --timeout 7',),
        ),
    ],
)
def test_each_change_has_its_virsh_lines(change: Change, lines: tuple[str, ...]) -> None:
    assert change.virsh() == lines
    assert all(
        "-c qemu:///system" in line or "sleep" in line for line in change.virsh("qemu:///system")
    )


def test_what_stops_programs_or_jumps_their_clock_is_asked_about() -> None:
    harmless: list[Change] = [ThawFs(*WEB), WakeGuest(*WEB), AgentCommand(*WEB)]
    asked: list[Change] = [FreezeFs(*WEB), SyncTime(*WEB), SuspendGuest(*WEB)]
    asked += [AgentCommand(*WEB, typed_command("guest-fstrim"))]
    assert {change.grade for change in harmless} == {"harmless"}
    assert {change.grade for change in asked} == {"interrupting"}


def test_a_freeze_is_waited_for_longer_than_it_lasts() -> None:
    assert FreezeFs(*WEB, 600.0).deadline_s > 600.0 + 60.0
    assert FreezeFs(*WEB) == FreezeFs(*WEB)  # whatever waits for it


def test_a_password_reaches_neither_log_nor_screen() -> None:
    command = {
        "execute": "guest-set-user-password",
        "arguments": {"username": "root", "password": "c2VjcmV0", "crypted": False},
    }
    change = AgentCommand(*WEB, typed_command(json.dumps(command)))
    assert "c2VjcmV0" in change.command
    assert "c2VjcmV0" not in "".join((*change.lines(), *change.virsh(), change.what))


# -- what is typed and what comes ------------------------------------------------------------


def test_a_command_may_be_typed_by_its_name() -> None:
    assert typed_command(" guest-info ") == '{"execute": "guest-info"}'
    assert typed_command('{"execute":"guest-info"}') == '{"execute": "guest-info"}'


@pytest.mark.parametrize("text", ["", "guest info", "{", "[]", '{"execute": 1}', "Guest-Info"])
def test_what_is_no_command_is_refused(text: str) -> None:
    with pytest.raises(AgentJsonError):
        typed_command(text)


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "601", "nan", "inf", "1e9"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not between 1 and 600 seconds"):
        seconds(text, 600.0)


def test_a_time_is_read() -> None:
    assert (seconds("1", 600.0), seconds("600", 600.0)) == (1.0, 600.0)


def test_an_answer_is_indented_and_cut() -> None:
    assert readable('{"return": {"a": [1]}}') == '{\n  "a": [\n    1\n  ]\n}'
    assert readable("no JSON") == "no JSON"
    long = readable(json.dumps({"return": "x" * (2 * MOST_CHARS)}))
    assert long.endswith("\n(cut: 131074 characters)")
    assert len(long) < MOST_CHARS + 100


# -- words -----------------------------------------------------------------------------------

REPORT = AgentReport(
    "connected",
    answering=True,
    ping_ms=2.7,
    frozen=False,
    hostname="web.example",
    os=(("OS", "Debian 12"),),
    timezone=TimeZone("CET", 3600),
    users=(User("root", "", 1_760_000_000.0), User("anna", "CORP")),
    addresses=(
        Address("vnet0", "52:54:00:00:00:01", "192.0.2.7", 24, "lease"),
        Address("eth0", "52:54:00:00:00:01", "192.0.2.7", 24, "agent"),
        Address("eth0", "52:54:00:00:00:01", "2001:db8::7", 64, "agent"),
        Address("eth1", "52:54:00:00:00:02", "", None, "agent"),
        Address("vnet1", "52:54:00:00:00:03", "192.0.2.9", None, "ARP"),
        Address("eth2", "52:54:00:00:00:03", "", None, "agent"),
    ),
    filesystems=(FileSystem("/", "ext4", 1 << 30, 4 << 30, ("vda",)), FileSystem("", "xfs")),
    vcpus=GuestVcpus("0-3", "0-1", "1-3"),
    clock_ns=1_760_000_000_000_000_000,
    offset_s=-0.25,
    problems={"agent": "so slow"},
)


def words(report: AgentReport) -> list[tuple[str, str]]:
    return [(label, text) for label, text, _ in agentwords.rows(report)]


def test_a_report_in_words() -> None:
    assert words(REPORT) == [
        ("Channel", "there, and the guest has it open"),
        ("Agent", "answers in 3 ms"),
        ("Host name", "web.example"),
        ("OS", "Debian 12"),
        ("Time zone", "CET  UTC+01:00"),
        ("Clock", "2025-10-09 08:53:20 UTC, 0.25 s behind the host"),
        ("vCPUs", "0-1 of 0-3 online, 1-3 may go offline"),
        ("Users", "root since 2025-10-09 08:53:20"),
        ("", "CORP\\anna since -"),
        ("Addresses", "eth0  52:54:00:00:00:01  192.0.2.7/24  by lease, agent"),
        ("", "eth0  52:54:00:00:00:01  2001:db8::7/64  by agent"),
        ("", "eth1  52:54:00:00:00:02  no address  by agent"),
        ("", "vnet1  52:54:00:00:00:03  192.0.2.9  by ARP"),
        ("File systems", "/  ext4  1/4 GiB  vda"),
        ("", "not mounted  xfs  -"),
        ("! agent", "so slow"),
    ]
    assert agentwords.advice(REPORT) == ("", "")


@pytest.mark.parametrize(
    ("report", "row", "cure"),
    [
        (AgentReport("off"), "the domain does not run", "when the domain runs"),
        (AgentReport("absent"), "absent", "add the channel"),
        (AgentReport("present"), "nobody in the guest has it open", "start qemu-guest-agent"),
        (AgentReport("present", cure="wrong: mend it"), "wrong: mend it", "mend it"),
        (AgentReport("connected", answering=False), "does not answer", "restart qemu-guest-agent"),
        (AgentReport("connected", answering=True, frozen=True), "every write", "thaw its"),
        (AgentReport("connected"), "was not asked", ""),
    ],
)
def test_what_is_missing_has_its_cure(report: AgentReport, row: str, cure: str) -> None:
    assert any(row in text for _, text in words(report))
    assert cure in agentwords.advice(report)[0]


@pytest.mark.parametrize(
    ("offset_s", "said"),
    [(0.4, "0.40 s ahead of"), (-3.0, "3.00 s behind"), (7300.0, "2 h 1 min ahead of")],
)
def test_a_clock_that_is_off_is_measured(offset_s: float, said: str) -> None:
    rows = agentwords.rows(AgentReport("connected", clock_ns=0, offset_s=offset_s))
    ((text, tone),) = [(text, tone) for label, text, tone in rows if label == "Clock"]
    assert said in text
    assert tone == ("warn" if abs(offset_s) > 2 else "")


FOREIGN = st.text(max_size=20)
NUMBERS = st.integers(-(2**64), 2**64)
REPORTS = st.builds(
    AgentReport,
    st.just("connected"),
    hostname=FOREIGN,
    os=st.lists(st.tuples(FOREIGN, FOREIGN), max_size=2).map(tuple),
    timezone=st.builds(TimeZone, FOREIGN, NUMBERS),
    users=st.lists(st.builds(User, FOREIGN, FOREIGN, NUMBERS.map(float)), max_size=2).map(tuple),
    addresses=st.lists(
        st.builds(Address, FOREIGN, FOREIGN, FOREIGN, NUMBERS, st.just("agent")), max_size=2
    ).map(tuple),
    filesystems=st.lists(
        st.builds(FileSystem, FOREIGN, FOREIGN, NUMBERS, NUMBERS, st.tuples(FOREIGN)), max_size=2
    ).map(tuple),
    vcpus=st.builds(GuestVcpus, FOREIGN, FOREIGN, FOREIGN),
    clock_ns=NUMBERS,
    offset_s=st.floats(-1e20, 1e20),
    problems=st.dictionaries(st.sampled_from(["agent", "os"]), FOREIGN, max_size=2),
)


@given(REPORTS)
def test_whatever_a_guest_says_stays_on_its_line(report: AgentReport) -> None:
    for row in agentwords.rows(report):
        assert all(text.isprintable() for text in row)
    assert agentwords.advice(report)[0].isprintable()

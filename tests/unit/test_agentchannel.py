"""The agent's channel: who has it, what is wrong with it, and the changes that give and take it."""

from __future__ import annotations

import pytest

from vconsole.features.agent.model.channel import (
    AgentChannel,
    PrivateAgentCommand,
    add_channel,
    agent_channel,
    remove_channel,
)
from vconsole.model.agent_channels import AGENT, Channel, channel_clause, channels, why_no_plugging
from vconsole.model.outcome import Target
from vconsole.model.proposal import Planner, Propose, Subject, proposals
from vconsole.model.request import ChangeDevice
from vconsole.model.xml_edit import XmlEditError

BUS = "<controller type='virtio-serial' index='0'/>"
SMALL = "<controller type='virtio-serial' index='0' ports='3'/>"


def domain(*devices: str) -> str:
    return f"<domain><devices>{''.join(devices)}</devices></domain>"


def channel(
    name: str = AGENT,
    *,
    port: int | None = None,
    state: str = "",
    path: str = "",
    mode: str = "bind",
    backend: str = "unix",
    target: str = "virtio",
) -> str:
    where = f" path='{path}'" if path else ""
    shown = f" state='{state}'" if state else ""
    address = f"<address type='virtio-serial' controller='0' bus='0' port='{port}'/>"
    return (
        f"<channel type='{backend}'><source mode='{mode}'{where}/>"
        f"<target type='{target}' name='{name}'{shown}/>"
        f"{address if port is not None else ''}</channel>"
    )


def planned(
    planner: Planner, live: str | None, config: str | None, target: Target = "both"
) -> tuple[list[tuple[bool, bool, bool]], tuple[str, ...]]:
    """(attach, live, config) of each change, and the notes."""
    proposal = planner(Subject("u", "web", live, config), target)
    changes = [c for c in proposal.changes if isinstance(c, ChangeDevice)]
    assert len(changes) == len(proposal.changes)
    return [(c.attach, c.live, c.config) for c in changes], proposal.notes


def refusal(planner: Planner, live: str | None, config: str | None, target: Target = "both") -> str:
    with pytest.raises(ValueError, match=r".+") as caught:
        planner(Subject("u", "web", live, config), target)
    return str(caught.value)


# ---- what there is


@pytest.mark.parametrize(
    ("live", "config", "state", "next_start"),
    [
        (domain(), domain(), "absent", "absent"),
        (None, domain(channel()), "present", "present"),
        (domain(channel(state="disconnected")), domain(channel()), "present", "present"),
        (domain(channel(state="connected")), domain(channel()), "connected", "present"),
        (domain(), domain(channel()), "absent", "present"),
        (domain(channel()), domain(), "present", "absent"),
        (domain(channel(state="connected")), None, "connected", None),
        (None, None, "absent", None),
    ],
)
def test_the_state_is_that_of_now(
    live: str | None, config: str | None, state: str, next_start: str | None
) -> None:
    found = agent_channel(live, config)
    assert (found.state, found.next_start, found.problem) == (state, next_start, "")


def test_a_channel_is_found_by_its_name_and_not_by_its_port() -> None:
    xml = domain(
        channel("v-215-VM.vport", port=1), channel(port=7, path="/run/a", state="connected")
    )
    found = agent_channel(xml, None)
    assert [(c.name, c.path, c.connected) for c in found.now] == [(AGENT, "/run/a", True)]
    assert [c.name for c in found.others] == ["v-215-VM.vport"]
    assert agent_channel(xml, None, "v-215-VM.vport").state == "present"


def test_private_are_the_sockets_that_nobody_else_keeps_open() -> None:
    xml = domain(
        channel(),
        channel("org.github.vhostmd.1"),
        channel("com.redhat.spice.0", backend="spicevmc"),
        channel("a.connect", mode="connect", path="/x"),
        channel("org.qemu.guest_agent.1", path="/run/b"),
    )
    assert [c.path for c in agent_channel(xml, None).private] == ["/run/b"]
    assert agent_channel(xml, None, "org.qemu.guest_agent.1").private == ()


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ((channel(backend="pty"),), "is of type 'pty', not 'unix': remove it, then add one"),
        ((channel(target="xen"),), "has the target type 'xen', not 'virtio': remove it"),
        ((channel(mode="connect"),), "QEMU speaks to another program: remove it"),
        ((channel(), channel(path="/x")), f"2 channels are named {AGENT}, QEMU starts with one"),
    ],
)
def test_what_is_wrong_with_a_channel_is_said_and_can_be_removed(
    devices: tuple[str, ...], words: str
) -> None:
    config = domain(BUS, *devices)
    assert words in agent_channel(None, config).problem
    assert words in agent_channel(domain(BUS), config).problem
    assert words in refusal(add_channel(), domain(BUS), config)
    removed, _ = planned(remove_channel(), None, config)
    assert removed == [(False, False, True)] * len(devices)


def test_a_channel_without_a_name_or_a_source_is_nothing_to_trip_over() -> None:
    bare = "<channel type='unix'><target type='virtio' name='a'/></channel>"
    nameless = "<channel type='pty'><target type='guestfwd' address='10.0.2.1'/></channel>"
    odd = "<channel type='pty'/>"
    assert channels(domain(bare, nameless, odd)) == (Channel("a", "unix", "virtio", bare),)
    assert channels(domain()) == ()
    assert channels(None) is None
    with pytest.raises(XmlEditError):
        channels("<domain><channel")


# ---- giving and taking


@pytest.mark.parametrize(
    ("live", "config", "target", "changes"),
    [
        (domain(BUS), domain(BUS), "both", [(True, True, True)]),
        (domain(BUS), domain(BUS), "live", [(True, True, False)]),
        (domain(BUS), domain(BUS), "config", [(True, False, True)]),
        (domain(BUS), None, "both", [(True, True, False)]),
        (None, domain(), "both", [(True, False, True)]),
        (domain(BUS, channel()), domain(), "both", [(True, False, True)]),
        (domain(BUS), domain(channel()), "both", [(True, True, False)]),
    ],
)
def test_what_lacks_the_channel_gets_it(
    live: str | None, config: str | None, target: Target, changes: list[tuple[bool, bool, bool]]
) -> None:
    assert planned(add_channel(), live, config, target) == (changes, ())


def test_libvirt_chooses_socket_and_port() -> None:
    (change,) = add_channel("a.1")(Subject("u", "web", None, domain()), "both").changes
    assert isinstance(change, ChangeDevice)
    assert change.device == channel_clause("a.1")
    assert change.what == "add the channel a.1"
    for word in ("address", "path", "port"):
        assert word not in change.device


def test_without_a_controller_the_definition_gets_it_and_the_reason_is_said() -> None:
    changes, notes = planned(add_channel(), domain(), domain())
    assert changes == [(True, False, True)]
    assert notes == (
        "web: it runs without a virtio-serial controller, which cannot be plugged in: "
        "the guest has the channel from its next start",
    )
    assert "add the channel to its definition" in refusal(add_channel(), domain(), domain(), "live")
    defined = domain(channel())
    assert "shut it off and start it" in refusal(add_channel(), domain(), defined)
    assert "which cannot be plugged in" in refusal(add_channel(), domain(), None)


@pytest.mark.parametrize(
    ("devices", "room"),
    [
        ((BUS,), True),
        ((SMALL, channel("a", port=1)), True),
        ((SMALL, channel("a", port=1), channel("b", port=2)), False),
        ((SMALL, channel("a", port=0), channel("b", port=2)), True),
        (("<controller type='virtio-serial' ports='1'/>",), False),
        (("<controller type='usb' index='0'/>",), False),
        ((BUS, *(channel(f"c{n}", port=n) for n in range(1, 30))), True),
        ((BUS, *(channel(f"c{n}", port=n) for n in range(1, 31))), False),
        ((SMALL, channel("a", port=1), channel("b", port=2), BUS.replace("'0'", "'1'")), True),
    ],
)
def test_whether_there_is_a_port_left(devices: tuple[str, ...], room: bool) -> None:
    assert (why_no_plugging(domain(*devices)) == "") is room


@pytest.mark.parametrize(
    ("live", "config", "target", "words"),
    [
        (domain(channel()), domain(channel()), "both", f"it has the channel {AGENT} already"),
        (None, domain(), "live", "it does not run"),
        (domain(BUS), None, "config", "it has no definition"),
        (None, None, "both", "it has no definition"),
    ],
)
def test_what_cannot_be_added_says_why(
    live: str | None, config: str | None, target: Target, words: str
) -> None:
    assert refusal(add_channel(), live, config, target) == words


def test_a_channel_is_taken_from_both_as_each_has_it() -> None:
    live = domain(BUS, channel(port=1, path="/run/a", state="connected"), channel("other"))
    config = domain(BUS, channel(port=1))
    both = remove_channel()(Subject("u", "web", live, config), "both").changes
    assert [(c.device, c.live, c.config) for c in both if isinstance(c, ChangeDevice)] == [
        (channel(port=1, path="/run/a", state="connected"), True, False),
        (channel(port=1), False, True),
    ]
    assert [change.grade for change in both] == ["interrupting", "harmless"]
    assert planned(remove_channel(), live, config, "config")[0] == [(False, False, True)]
    assert refusal(remove_channel("none"), live, config) == "it has no channel none"
    assert refusal(remove_channel(), None, config, "live") == "it does not run"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a" * 33, "a\n", "é"])
def test_a_name_that_no_channel_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for a channel"):
        add_channel(name)
    assert refusal(remove_channel(name), domain(), None) == f"it has no channel {name}"


def test_many_domains_are_planned_at_once_and_who_needs_nothing_is_named() -> None:
    configs = {"a": domain(), "b": domain(channel()), "c": domain(channel(backend="pty"))}
    asked = Propose(tuple((uuid, f"vm-{uuid}") for uuid in configs), add_channel())
    (proposal,) = proposals(asked, lambda uuid, name: Subject(uuid, name, None, configs[uuid]))
    assert [change.name for change in proposal.changes] == ["vm-a"]
    assert [note.split(":")[0] for note in proposal.notes] == ["vm-b", "vm-c"]


# ---- the request


def test_a_command_is_named_graded_and_shown_without_its_secrets() -> None:
    typed = '{"execute": "guest-set-user-password", "arguments": {"password": "cGFzcw=="}}'
    command = PrivateAgentCommand("u", "web", "a.1", typed)
    assert command.what == "guest-set-user-password over a.1"
    assert command.grade == "interrupting"
    assert command.when == "now"
    assert command.virsh() == ()
    assert "cGFzcw" not in "".join(command.lines())
    assert command.deadline_s > command.timeout_s


def test_nothing_known_is_nothing_there() -> None:
    assert AgentChannel().state == "absent"
    assert AgentChannel().now == ()

"""The agent's channel, given to real guests while they run, and a channel that is ours alone."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from difflib import ndiff
from typing import Any

import pytest

from tests.integration.bootguest import BootedGuest, BootGuest
from tests.integration.conftest import LaunchGuest
from tests.integration.ground import wait_until
from tests.integration.lab import Libvirtd
from vconsole.changes.host_requests import HostRequests
from vconsole.features.agent.model.channel import (
    AgentChannel,
    PrivateAgentCommand,
    add_channel,
    agent_channel,
    remove_channel,
)
from vconsole.features.agent.model.wire import check_command
from vconsole.host.link import open_link
from vconsole.model.agent_channels import AGENT
from vconsole.model.proposal import Planner, Proposal, Propose
from vconsole.model.request import Configurations, ReadConfigurations, Reply

pytest_plugins = ("tests.integration.bootfixtures",)
PRIVATE = "org.qemu.guest_agent.1"


class Console:
    """Asks as the console does."""

    def __init__(self, host: Libvirtd) -> None:
        self._requests = HostRequests(lambda: open_link(host.uri, False, False))

    def ask(self, request: Any) -> Reply:
        return self._requests.handlers()[type(request)](request)

    def plan(self, name: str, planner: Planner) -> Proposal:
        planned = self.ask(Propose(((uuid_of(name), name),), planner)).value
        assert isinstance(planned, tuple)
        assert isinstance(planned[0], Proposal)
        return planned[0]

    def change(self, name: str, planner: Planner) -> list[tuple[str, str]]:
        replies = [self.ask(change) for change in self.plan(name, planner).changes]
        return [(reply.status, reply.message) for reply in replies]

    def configurations(self, name: str) -> Configurations:
        found = self.ask(ReadConfigurations((uuid_of(name),))).value
        assert isinstance(found, dict)
        known = found[uuid_of(name)]
        assert isinstance(known, Configurations)
        return known

    def channel(self, name: str) -> AgentChannel:
        found = self.configurations(name)
        return agent_channel(found.live, found.config)

    def command(self, name: str, command: str, timeout_s: float = 10.0) -> Reply:
        typed = check_command(json.dumps({"execute": command}))
        return self.ask(PrivateAgentCommand(uuid_of(name), name, PRIVATE, typed, timeout_s))

    def close(self) -> None:
        self._requests.close()


def uuid_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def added(before: str | None, after: str | None) -> list[str]:
    """The lines that came; none may have gone."""
    assert before is not None
    assert after is not None
    lines = [line for line in ndiff(before.split("\n"), after.split("\n")) if line[0] in "+-"]
    assert all(line[0] == "+" for line in lines), lines
    return [line[1:].strip() for line in lines]


@pytest.fixture
def console(boot_host: Libvirtd) -> Iterator[Console]:
    console = Console(boot_host)
    yield console
    console.close()


def has_port(guest: BootedGuest, name: str) -> bool:
    return guest.run(f"test -e /dev/virtio-ports/{name}").code == 0


def test_a_guest_that_runs_gets_its_agent_and_loses_it_and_nothing_else_changes(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    guest = boot(boot_host, "agentless", agent=False)
    before = console.configurations("agentless")
    assert console.channel("agentless").state == "absent"
    assert not has_port(guest, AGENT)

    assert console.change("agentless", add_channel()) == [("applied", "")]
    wait_until(lambda: has_port(guest, AGENT), "the guest has the channel")
    guest.wait_agent()
    wait_until(lambda: console.channel("agentless").state == "connected", "libvirt sees it open")
    during = console.configurations("agentless")
    for half in (added(before.live, during.live), added(before.config, during.config)):
        assert half[0] == "<channel type='unix'>"
        assert half[-1] == "</channel>"
        assert sum(line.startswith("<target") for line in half) == 1
    assert "port='2'" in "".join(added(before.config, during.config)), "the next that is free"

    assert console.change("agentless", remove_channel()) == [("applied", "")] * 2
    wait_until(lambda: not has_port(guest, AGENT), "the guest has lost it")
    assert console.configurations("agentless") == before
    assert console.change("agentless", add_channel()) == [("applied", "")]
    guest.wait_agent()


def test_a_guest_without_a_controller_gets_it_at_its_next_start(
    boot_host: Libvirtd, guest: LaunchGuest, console: Console
) -> None:
    guest(boot_host, "no-bus")
    before = console.configurations("no-bus")
    proposal = console.plan("no-bus", add_channel())
    assert "runs without a virtio-serial controller" in proposal.notes[0]
    assert "from its next start" in proposal.notes[0]
    assert console.change("no-bus", add_channel()) == [("applied", "")]
    after = console.configurations("no-bus")
    assert after.live == before.live
    assert added(before.config, after.config)[0].startswith("<controller type='virtio-serial'")
    found = console.channel("no-bus")
    assert (found.state, found.next_start) == ("absent", "present")


def test_a_full_controller_takes_no_more_and_the_definition_gets_another(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    small = "<controller type='virtio-serial' index='0' ports='2'/>"
    guest = boot(boot_host, "full-bus", agent=False, extra=small)
    assert "all ports" in console.plan("full-bus", add_channel()).notes[0]
    assert console.change("full-bus", add_channel()) == [("applied", "")]
    found = console.channel("full-bus")
    assert (found.state, found.next_start) == ("absent", "present")
    boot_host.virsh("destroy", guest.name)
    boot_host.virsh("start", guest.name)
    guest.wait_ready()
    assert has_port(guest, AGENT)
    guest.wait_agent()


def test_an_agent_on_a_channel_of_ours_answers_and_a_hostile_one_does_no_harm(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    path = boot_host.base / "private.sock"
    private = (
        f"<channel type='unix'><source mode='bind' path='{path}'/>"
        f"<target type='virtio' name='{PRIVATE}'/></channel>"
    )
    guest = boot(boot_host, "private", extra=private)
    port = f"/dev/virtio-ports/{PRIVATE}"
    assert [channel.name for channel in console.channel("private").private] == [
        "org.vconsole.test.0",
        PRIVATE,
    ]
    nobody = console.command("private", "guest-ping", 1.0)
    assert nobody.status == "failed"
    assert "no sign of an agent" in nobody.message

    guest.run("mkdir -p /run/ga1")
    agent = f"qemu-ga --method=virtio-serial --path={port} --statedir=/run/ga1"
    guest.run(f"{agent} --pidfile=/run/ga1/pid >/run/ga1/log 2>&1 & echo $! >/run/ga1/own")
    for _ in range(3):
        reply = console.command("private", "guest-ping")
        assert (reply.status, reply.value) == ("applied", '{"return": {}}'), reply
    told = json.loads(str(console.command("private", "guest-get-host-name").value))
    assert told["return"]["host-name"] == "private"
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(path))
        beaten = console.command("private", "guest-ping", 1.0)
        assert (beaten.status, "another program" in beaten.message) == ("failed", True)
    unknown = console.command("private", "guest-nonsense")
    assert (unknown.status, unknown.message.split(":")[0]) == ("failed", "CommandNotFound")

    guest.run("kill $(cat /run/ga1/own); sleep 1")
    guest.run(f"(yes '\033[31m' | head -c 20000000 >{port}) >/dev/null 2>&1 &")
    hostile = console.command("private", "guest-ping", 3.0)
    assert hostile.status == "failed"
    guest.wait_agent()  # libvirt's own is none the worse


def test_a_script_in_the_guest_may_be_the_agent(
    boot_host: Libvirtd, boot: BootGuest, console: Console
) -> None:
    path = boot_host.base / "script.sock"
    private = (
        f"<channel type='unix'><source mode='bind' path='{path}'/>"
        f"<target type='virtio' name='{PRIVATE}'/></channel>"
    )
    guest = boot(boot_host, "scripted", agent=False, extra=private)
    guest.put("/run/agent.sh", SCRIPT)
    guest.run(f"sh /run/agent.sh <>/dev/virtio-ports/{PRIVATE} >&0 2>/dev/null &")
    reply = console.command("scripted", "guest-ping")
    assert (reply.status, reply.value) == ("applied", '{"return": "from sh"}'), reply
    guest.run("kill $(pgrep -f agent.sh)")


SCRIPT = rb"""
while :; do
  while read -r order; do
    number=$(echo "$order" | sed -n 's/.*"id": \([0-9]*\).*/\1/p')
    if [ -n "$number" ]; then
      printf 'stale\n\377{"return": 1}\n\377{"return": %s}\n' "$number"
    else
      echo '{"return": "from sh"}'
    fi
  done
  sleep 0.1
done
"""

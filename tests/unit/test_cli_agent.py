"""Agents from the command line, on libvirt's test driver, where no guest has one that answers."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import vconsole
from vconsole.changes.activity import ActivityLog
from vconsole.cli.report import CliError
from vconsole.features.agent.cli import agent
from vconsole.features.agent.model.changes import AgentCommand
from vconsole.host.source import HostSource
from vconsole.model.host_state import Connection, Domain
from vconsole.model.proposal import Change, Proposal
from vconsole.model.request import Reply

pytest.importorskip("libvirt")

CHANNEL = (
    "<channel type='unix'><source mode='bind' path='/s'/>"
    "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
)
DOMAIN = (
    "<domain type='test'><name>{}</name><uuid>{}</uuid><memory>65536</memory><vcpu>1</vcpu>"
    "<os><type>hvm</type></os><devices>{}</devices></domain>"
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "vconsole" / "activity.jsonl"


@pytest.fixture
def host(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    domains = DOMAIN.format("bare", uuid4(), "") + DOMAIN.format("web\x9b", uuid4(), CHANNEL)
    file.write_text(f"<node>{domains}</node>")
    return f"test://{file}"


def test_info_names_what_is_missing_and_what_to_do(host: str) -> None:
    done = vconsole("agent", "info", "bare", uri=host)
    assert done.stdout.splitlines()[:1] == ["Channel       absent: libvirt has no way to an agent"]
    assert done.stdout.splitlines()[-1].startswith("next          add the channel; ")
    assert (done.returncode, done.stderr) == (1, "")


def test_a_ping_without_an_answer_fails(host: str) -> None:
    done = vconsole("agent", "ping", "web\x9b", "--json", uri=host)
    found = json.loads(done.stdout)
    assert (found["name"], found["state"], found["answering"]) == ("web\x9b", "present", None)
    assert "start qemu-guest-agent" in found["advice"]
    assert done.returncode == 1


@pytest.mark.parametrize("act", ["freeze", "thaw", "sync-time", "suspend"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_without_an_agent_nothing_is_done(
    act: str, more: tuple[str, ...], host: str, state: Path
) -> None:
    done = vconsole("agent", act, "bare", *more, uri=host)
    assert done.stdout == "bare: it has no channel org.qemu.guest_agent.0: add it\n"
    assert done.returncode == 3
    assert not state.exists()


def test_a_command_without_an_agent_is_refused(host: str, state: Path) -> None:
    done = vconsole("agent", "command", "web\x9b", "guest-ping", uri=host)
    assert "web\\x9b: nobody in the guest has opened the channel" in done.stderr
    assert done.returncode == 3
    assert not state.exists()


def test_a_command_that_cannot_be_logged_is_not_silently_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def carried_out(_host: object, changes: tuple[Change, ...], _uri: str, log: ActivityLog) -> Any:
        log.problem = "full"
        return {change: Reply(value='{"return": {}}') for change in changes}

    domain = Domain("u", "web", "running")
    command = AgentCommand("u", "web")
    planned = Reply(value=(Proposal((command,)),))
    monkeypatch.setattr(agent, "chosen", lambda *_: ([domain], Connection("test:///default")))
    monkeypatch.setattr(agent, "asking", nullcontext)
    monkeypatch.setattr(agent, "ask", lambda *_: planned)
    monkeypatch.setattr(agent, "carry_out", carried_out)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    options = Namespace(dry_run=False, json=False, make=lambda *_: command)
    with pytest.raises(CliError, match="not in the activity log: full"):
        agent._send(options, cast("HostSource", None))
    assert capsys.readouterr().out == "{}\n"


def test_a_wakeup_needs_no_agent(host: str, state: Path) -> None:
    planned = vconsole("agent", "wakeup", "bare", "--dry-run", uri=host)
    assert "virsh dompmwakeup bare" in planned.stdout
    done = vconsole("agent", "wakeup", "bare", "--json", uri=host)
    (result,) = json.loads(done.stdout)["changes"]
    assert (result["status"], done.returncode) == ("failed", 1)
    assert "not supported" in result["message"]
    (entry,) = outcomes(state)
    assert (entry["action"], entry["outcome"]) == ("wake up", "failed")


def test_read_only_refuses(host: str, state: Path) -> None:
    done = vconsole("agent", "wakeup", "bare", "--read-only", uri=host)
    assert (done.returncode, "read-only" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("freeze", "bare", "--limit", "0"), "'0' is not between 1 and 600 seconds"),
        (("command", "bare", "{"), "not JSON"),
        (("command", "bare", "guest-ping", "--timeout", "x"), "'x' is not between"),
        (("suspend", "bare", "--mode", "deep"), "invalid choice"),
        (("info",), "DOMAIN"),
    ],
)
def test_wrong_usage_names_the_word(words: tuple[str, ...], said: str, host: str) -> None:
    done = vconsole("agent", *words, uri=host)
    assert (done.returncode, said in done.stderr) == (2, True)


def test_an_unknown_domain_is_named(host: str) -> None:
    done = vconsole("agent", "info", "nobody", uri=host)
    assert done.returncode == 1
    assert "no domain 'nobody'" in done.stderr

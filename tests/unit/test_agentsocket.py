"""Talks with agents of all kinds over a real socket: in time, within limits, never off by one."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agentscript import Behave, ScriptedAgent, Side, obedient, synced
from vconsole.changes.host_requests import HostRequests
from vconsole.features.agent.host import socket as agentsocket
from vconsole.features.agent.host.socket import AgentSocketError, exchange, private_command
from vconsole.features.agent.model.channel import PrivateAgentCommand
from vconsole.features.agent.model.wire import MAX_ANSWER_BYTES
from vconsole.host.link import Link, open_link
from vconsole.model.agent_channels import AGENT
from vconsole.model.request import Reply

PING = '{"execute": "guest-ping"}'
Launch = Callable[[Behave], str]


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launch]:
    """A maker of agents that live for the test."""
    monkeypatch.setattr(agentsocket, "SYNC_S", 60.0)
    running: list[ScriptedAgent] = []

    def start(behave: Behave) -> str:
        running.append(ScriptedAgent(tmp_path / f"agent{len(running)}", behave))
        return str(running[-1].path)

    yield start
    for agent in running:
        agent.close()


def failure(path: str, timeout_s: float = 60.0) -> AgentSocketError:
    """What a talk fails with, no later than it may."""
    begun = monotonic()
    with pytest.raises(AgentSocketError) as caught:
        exchange(path, PING, timeout_s)
    assert monotonic() - begun < timeout_s + 20
    return caught.value


def test_an_agent_answers_and_its_complaint_about_the_flush_is_not_the_answer(
    launch: Launch,
) -> None:
    path = launch(obedient)
    for name in ("guest-ping", "guest-info", "guest-get-users"):
        answer = exchange(path, json.dumps({"execute": name}), 60.0)
        assert json.loads(answer) == {"return": {"did": name}}


def test_stale_answers_and_wrong_numbers_are_passed_over(launch: Launch) -> None:
    def late(side: Side) -> None:
        number = int(side.order()["arguments"]["id"])
        side.say(b'{"return": "late"}\n' + synced(number + 1) + synced(-1))
        side.say(b"\xff[[[\n\xff{}\nhalf a line" + synced(number))
        side.order()
        side.say(b'{"return": "mine"}\n')

    assert json.loads(exchange(launch(late), PING, 60.0)) == {"return": "mine"}


def test_an_answer_to_the_one_before_is_not_taken_after_a_time_out(launch: Launch) -> None:
    seen: list[str] = []

    def slow(side: Side) -> None:
        side.sync()
        seen.append(side.order()["execute"])
        if len(seen) == 1:
            side.wait()
        side.say(json.dumps({"return": seen[-1]}).encode() + b"\n")

    path = launch(slow)
    assert failure(path, 2.0).sent
    answer = exchange(path, '{"execute": "guest-info"}', 60.0)
    assert json.loads(answer) == {"return": "guest-info"}


def test_what_is_said_before_it_is_asked_is_no_answer(launch: Launch) -> None:
    def hasty(side: Side) -> None:
        number = int(side.order()["arguments"]["id"])
        side.say(synced(number) + b'{"return": "hasty"}\n')
        side.order()
        side.say(synced(number) + b'\n{"return": "asked"}\n')

    assert json.loads(exchange(launch(hasty), PING, 60.0)) == {"return": "asked"}


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (lambda side: side.wait(), "no sign of an agent"),
        (lambda side: side.say_for_ever(b"x" * 65536), "10240 KiB without an end|no sign"),
        (lambda side: side.say_for_ever(b"\n" * 4096), "no sign of an agent"),
        (lambda side: side.say_for_ever(b"x", 0.02), "no sign of an agent"),
        (lambda side: side.say_for_ever(b'\xff{"return": 1}\n', 0.001), "no sign of an agent"),
        (lambda side: side.say(b'\xff{"return":'), "the connection has ended: it was closed"),
    ],
    ids=["silent", "endless", "empty lines", "drip", "wrong number", "closing midway"],
)
def test_no_agent_is_found_where_there_is_none(
    launch: Launch, behave: Behave, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(side: Side) -> None:
        side.order()
        behave(side)

    if "no sign" in words:
        monkeypatch.setattr(agentsocket, "SYNC_S", 0.5)
    error = failure(launch(nobody))
    assert not error.sent
    assert re.search(words, str(error))


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (lambda side: side.wait(), "the agent has not answered in time"),
        (lambda side: side.say_for_ever(b"x" * 4096), "more than 1024 KiB without an end"),
        (lambda side: side.say_for_ever(b"x", 0.02), "the agent has not answered in time"),
        (lambda side: side.say(b'{"return": '), "the connection has ended: it was closed"),
    ],
    ids=["silent", "endless", "drip", "closing midway"],
)
def test_an_agent_that_turns_bad_after_the_sync(launch: Launch, behave: Behave, words: str) -> None:
    def bad(side: Side) -> None:
        side.sync()
        side.order()
        behave(side)

    error = failure(launch(bad), 2.0 if "in time" in words else 60.0)
    assert error.sent
    assert words in str(error)


def test_an_agent_that_does_not_read_holds_nobody_up(launch: Launch) -> None:
    def deaf(side: Side) -> None:
        side.sync()
        over.wait(60)

    path, over = launch(deaf), threading.Event()
    with pytest.raises(AgentSocketError, match="not answered in time"):
        exchange(path, json.dumps({"execute": "x" * (4 << 20)}), 2.0)
    over.set()


def test_only_one_talk_on_a_socket_at_a_time(launch: Launch) -> None:
    asked, go = threading.Event(), threading.Event()

    def waiting(side: Side) -> None:
        side.sync()
        side.order()
        asked.set()
        go.wait(60)
        side.say(b'{"return": {}}\n')

    path = launch(waiting)
    answers: list[str] = []
    first = threading.Thread(target=lambda: answers.append(exchange(path, PING, 60.0)))
    first.start()
    assert asked.wait(30)
    with pytest.raises(AgentSocketError, match="another command is on its way"):
        exchange(path, PING, 1.0)
    go.set()
    first.join(30)
    assert answers == ['{"return": {}}']


def test_what_is_no_socket_is_not_spoken_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    assert "Connection refused" in str(failure(str(tmp_path / "file")))
    assert "Connection refused" in str(failure(str(tmp_path / "fifo")))
    assert "No such file" in str(failure(str(tmp_path / "none")))
    assert "cannot be connected to" in str(failure("/" + "x" * 300))
    assert "cannot be connected to" in str(failure("a\0b"))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.binary(max_size=300) | st.sampled_from([b"\xff", b"\n", b'{"return":', b"[" * 999])
    ),
    st.lists(st.binary(max_size=300) | st.just(b'{"return": 1}\n')),
    st.booleans(),
)
def test_no_bytes_do_harm(before: list[bytes], after: list[bytes], right: bool) -> None:
    def any_guest(side: Side) -> None:
        number = int(side.order()["arguments"]["id"])
        side.say(b"".join(before) + (b"\n" + synced(number) if right else b""))
        if right:
            side.order()
        side.say(b"".join(after))

    with TemporaryDirectory() as folder:
        agent = ScriptedAgent(Path(folder) / "agent", any_guest)
        outcome = talked(str(agent.path))
        agent.close()
    if isinstance(outcome, AgentSocketError):
        assert outcome.sent == right
    else:
        assert right
        assert 0 < len(outcome) <= MAX_ANSWER_BYTES


def talked(path: str) -> str | AgentSocketError:
    try:
        return exchange(path, PING, 60.0)
    except AgentSocketError as error:
        return error


# ---- the request


def channel(name: str, path: str, backend: str = "unix", mode: str = "bind") -> str:
    return (
        f"<channel type='{backend}'><source mode='{mode}' path='{path}'/>"
        f"<target type='virtio' name='{name}' state='connected'/></channel>"
    )


def ask(
    devices: str,
    command: str = PING,
    *,
    name: str = "a.1",
    local: bool = True,
    active: bool = True,
    timeout_s: float = 60.0,
) -> Reply:
    """Ask on a host with one domain."""
    domain = SimpleNamespace(
        isActive=lambda: active,
        XMLDesc=lambda flags: f"<domain><devices>{devices}</devices></domain>",
    )
    link = SimpleNamespace(
        connection=SimpleNamespace(local=local),
        conn=SimpleNamespace(lookupByUUIDString=lambda uuid: domain),
        call=lambda function, *arguments: function(*arguments),
    )
    request = PrivateAgentCommand("u", "web", name, command, timeout_s)
    return private_command(cast(Link, link), request)


def answering(data: bytes) -> Behave:
    def behave(side: Side) -> None:
        side.sync()
        side.order()
        side.say(data)
        side.wait()

    return behave


def test_the_line_of_the_agent_is_the_answer(launch: Launch) -> None:
    reply = ask(channel("a.1", launch(obedient)))
    assert (reply.status, reply.message) == ("applied", "")
    assert json.loads(str(reply.value)) == {"return": {"did": "guest-ping"}}


def test_an_error_of_the_agent_is_a_failure_in_its_words(launch: Launch) -> None:
    said = b'{"error": {"class": "CommandNotFound", "desc": "\\u001b[31m"}}\n'
    reply = ask(channel("a.1", launch(answering(said))))
    assert (reply.status, reply.message) == ("failed", "CommandNotFound: \x1b[31m")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"\x1b]0;owned\x07\n", "not JSON"),
        (b"\xc3\x28\n", "not JSON"),
        (b'{"return": ' + b"[" * 5000 + b"]" * 5000 + b"}\n", "nested deeper than 64"),
        (b'{"return": ' + b"9" * 5000 + b"}\n", "not JSON"),
        (b'{"return": NaN}\n', "not JSON: NaN"),
        (b"[]\n", "neither a return nor an error"),
    ],
    ids=["escapes", "not UTF-8", "deep", "a huge number", "NaN", "a list"],
)
def test_what_is_no_answer_is_said_to_be_none(launch: Launch, said: bytes, words: str) -> None:
    reply = ask(channel("a.1", launch(answering(said))))
    assert reply.status == "unknown"
    assert words in reply.message


def test_not_utf_8_within_an_answer_is_replaced(launch: Launch) -> None:
    reply = ask(channel("a.1", launch(answering(b'{"return": "\xc3\x28"}\n'))))
    assert (reply.status, reply.value) == ("applied", '{"return": "\ufffd("}')


def test_silence_is_the_success_of_a_shutdown(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agentsocket, "SYNC_S", 1.0)
    monkeypatch.setattr(agentsocket, "_SILENCE_S", 0.2)
    quiet = channel("a.1", launch(answering(b"")))
    command = '{"execute": "guest-shutdown"}'
    assert ask(quiet, command, timeout_s=60.0).status == "applied"
    assert ask(quiet, timeout_s=1.2).status == "unknown"
    nobody = channel("a.1", launch(lambda side: side.wait()))
    assert ask(nobody, command, timeout_s=60.0).status == "failed"


@pytest.mark.parametrize(
    ("devices", "options", "words"),
    [
        (channel(AGENT, "/x"), {"name": AGENT}, "belongs to libvirt"),
        (channel("org.github.vhostmd.1", "/x"), {"name": "org.github.vhostmd.1"}, "to vhostmd"),
        (channel("a.1", "/x", "pty"), {}, "of type 'pty'"),
        (channel("a.1", "/x", mode="connect"), {}, "another program"),
        (channel("b.1", "/x") + channel(AGENT, "/y"), {}, "no channel a.1; it has b.1"),
        ("", {}, "it has no private channel"),
        (channel("a.1", "/x"), {"local": False}, "on another machine"),
        (channel("a.1", "/x"), {"active": False}, "does not run"),
    ],
)
def test_other_sockets_are_left_alone(devices: str, options: dict[str, Any], words: str) -> None:
    reply = ask(devices, **options)
    assert reply.status == "refused"
    assert words in reply.message


def test_it_is_refused_on_a_read_only_connection() -> None:
    pytest.importorskip("libvirt")
    requests = HostRequests(lambda: open_link("test:///default", True, False))
    reply = requests.handlers()[PrivateAgentCommand](PrivateAgentCommand("u", "web", "a.1", PING))
    requests.close()
    assert (reply.status, reply.message.split(":")[0]) == ("refused", "read-only")

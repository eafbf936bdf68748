r"""Speaks to a guest agent over a socket of our own: channels that libvirt does not connect to.

The guest chooses every byte that comes. A talk is a connection of its own: first
guest-sync-delimited with a number that nobody can guess, so that answers to others are passed
over, then the command, then one line. Time and bytes are limited; the next talk starts anew.
Source: the QEMU guest agent's protocol reference, guest-sync-delimited.
"""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Lock
from time import monotonic
from typing import Final

from vconsole.features.agent.model.channel import (
    PrivateAgentCommand,
    agent_channel,
    why_not_private,
)
from vconsole.features.agent.model.wire import (
    MAX_ANSWER_BYTES,
    SILENT,
    AgentJsonError,
    command_name,
    read_answer,
    read_json,
)
from vconsole.host.link import Link
from vconsole.model.request import Reply

MAX_STALE_BYTES: Final = 10 << 20
"""What is passed over in search of the answer to the sync; libvirt takes as much of an answer."""
SYNC_S: Final = 5.0
_SILENCE_S: Final = 5.0
"""After so long without a failure, a command that answers nothing else is taken for done."""
_SENTINEL: Final = b"\xff"
_CHUNK: Final = 64 << 10
_SYNC_CHARS: Final = 200
"""More than any answer to a sync has."""
_PATIENCE: Final = "the agent is not running, or another program has the socket"


class AgentSocketError(Exception):
    """No answer; one line that says why.

    Attributes:
        sent: The agent may have got the command.
    """

    def __init__(self, message: str, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


def private_command(link: Link, request: PrivateAgentCommand) -> Reply:
    """Send a command over a private channel of a domain; answers the line that came."""
    if not link.connection.local:
        return Reply("refused", "its socket is on another machine: run vconsole there")
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if not link.call(domain.isActive):
        return Reply("refused", "it does not run")
    found = agent_channel(str(link.call(domain.XMLDesc, 0)), None, request.channel)
    if not found.now:
        names = ", ".join(channel.name for channel in found.private) or "no private channel"
        return Reply("refused", f"it has no channel {request.channel}; it has {names}")
    if reason := found.problem or why_not_private(found.now[0]):
        return Reply("refused", reason)
    return _answer(found.now[0].path, request)


def _answer(path: str, request: PrivateAgentCommand) -> Reply:
    silent = command_name(request.command) in SILENT
    timeout_s = min(request.timeout_s, SYNC_S + _SILENCE_S) if silent else request.timeout_s
    try:
        text = exchange(path, request.command, timeout_s)
        error = read_answer(text).error
    except AgentSocketError as problem:
        if silent and problem.sent:
            return Reply(message="sent; the guest answers only if it fails")
        return Reply("unknown" if problem.sent else "failed", str(problem))
    except AgentJsonError as problem:
        return Reply("unknown", f"the agent's answer is {problem}", text)
    return Reply("failed" if error else "applied", error, text)


# ---- one talk


def exchange(path: str, command: str, timeout_s: float) -> str:
    """Send one command, already checked, and answer the line that came.

    Raises:
        AgentSocketError: There is none: no socket, no agent, too late, too much.
    """
    until = monotonic() + timeout_s
    with _alone(path), closing(_connect(path, timeout_s)) as connection:
        talk = _Talk(connection)
        talk.synchronize(min(until, monotonic() + SYNC_S))
        return talk.ask(command, until)


_busy: set[str] = set()
_lock = Lock()


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """One talk on a socket at a time: QEMU would let the second wait for ever."""
    with _lock:
        if path in _busy:
            raise AgentSocketError("another command is on its way to this agent: wait for it")
        _busy.add(path)
    try:
        yield
    finally:
        _busy.discard(path)


def _connect(path: str, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        connection.connect(path)
    except (OSError, ValueError) as error:
        connection.close()
        words = getattr(error, "strerror", None) or error
        raise AgentSocketError(f"{path} cannot be connected to: {words}") from error
    return connection


class _Talk:
    """The lines of one connection, each wait and each line limited."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self._sent = False
        """The command is on its way."""

    def synchronize(self, until: float) -> None:
        """Pass over whatever comes until the agent has answered to a number made now."""
        number = secrets.randbits(53)
        order = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
        self._send(_SENTINEL + json.dumps(order).encode() + b"\n", until)
        left = MAX_STALE_BYTES
        while True:
            line = self._line(until, left)
            left -= len(line) + 1
            _, sentinel, answer = line.rpartition(_SENTINEL)
            if sentinel and _is_answer(answer, number):
                return

    def ask(self, command: str, until: float) -> str:
        """The answer to a command; bytes that are not UTF-8 are replaced."""
        self._buffer.clear()  # said before it was asked
        self._sent = True
        self._send(command.encode() + b"\n", until)
        left = MAX_ANSWER_BYTES
        while True:
            line = self._line(until, left)
            left -= len(line) + 1
            if line.strip() and _SENTINEL not in line[:1]:  # that is one sync answered twice
                return line.decode(errors="replace")

    def _send(self, data: bytes, until: float) -> None:
        self._connection.settimeout(self._left(until))
        try:
            self._connection.sendall(data)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            raise self._over(error.strerror) from None

    def _line(self, until: float, limit: int) -> bytes:
        """The next line without its end."""
        self._left(until)  # lines may come faster than they can be looked at
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > limit:
                raise AgentSocketError(f"more than {limit >> 10} KiB without an end", self._sent)
            self._buffer += self._receive(until)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _receive(self, until: float) -> bytes:
        self._connection.settimeout(self._left(until))
        try:
            data = self._connection.recv(_CHUNK)
        except TimeoutError:
            raise self._late() from None
        except OSError as error:
            raise self._over(error.strerror) from None
        if not data:
            raise self._over("it was closed")
        return data

    def _left(self, until: float) -> float:
        if (left := until - monotonic()) <= 0:
            raise self._late()
        return left

    def _late(self) -> AgentSocketError:
        if self._sent:
            return AgentSocketError("the agent has not answered in time", sent=True)
        return AgentSocketError(f"no sign of an agent: {_PATIENCE}")

    def _over(self, reason: object) -> AgentSocketError:
        return AgentSocketError(f"the connection has ended: {reason}", self._sent)


def _is_answer(line: bytes, number: int) -> bool:
    try:
        return len(line) < _SYNC_CHARS and read_json(line.decode()) == {"return": number}
    except ValueError:
        return False

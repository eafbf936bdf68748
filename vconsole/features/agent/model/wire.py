"""What is said to a guest agent, and what it answers: JSON, checked and read within limits.

Everything an agent answers is chosen by the guest. Source: the QEMU guest agent's protocol
reference; the limits are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vconsole.model.proposal import Grade

MAX_COMMAND_CHARS: Final = 64 << 10
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 64
"""Levels of lists and objects; what is deeper cannot be written again by Python's own encoder."""
SILENT: Final = frozenset(
    {"guest-shutdown", "guest-suspend-disk", "guest-suspend-hybrid", "guest-suspend-ram"}
)
"""Commands that answer only when they fail."""

_SYNCS: Final = ("guest-sync", "guest-sync-delimited")
_READS: Final = re.compile(
    r"guest-(get-.*|info|ping|network-get-(interfaces|route)|fsfreeze-status|exec-status"
    r"|ssh-get-authorized-keys)"
)
_SECRET: Final = frozenset(
    {"password", "passphrase", "input-data", "buf-b64", "env", "out-data", "err-data"}
)
"""Members of commands and of answers that do not belong in a log."""
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)


class AgentJsonError(ValueError):
    """What is no command, or no answer; one line that says why and quotes nothing foreign."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent answered to one command.

    Attributes:
        value: What it returned.
        error: Its own words where it failed, foreign; "" where it did not.
    """

    value: object = None
    error: str = ""


def check_command(text: str) -> str:
    """A command that somebody typed, on one line of ASCII, as it is sent.

    Raises:
        AgentJsonError: It is none; the message names the cure.
    """
    return json.dumps(_command(text))


def command_name(text: str) -> str:
    """The command's name, of one that was checked."""
    return str(_command(text)["execute"])


def command_grade(text: str) -> Grade:
    """How a command that was checked is confirmed: only those known to read are harmless."""
    return "harmless" if _READS.fullmatch(command_name(text)) else "interrupting"


def loggable(text: str) -> str:
    """A command that was checked, without what may be a password."""
    return json.dumps(_masked(_command(text)))


def loggable_answer(text: str) -> str:
    """What an agent answered, without what may be a password or a file's content."""
    try:
        return json.dumps(_masked(read_json(text)))
    except AgentJsonError:
        return "no JSON"


def _masked(value: object) -> object:
    if isinstance(value, Mapping):
        return {k: "***" if k in _SECRET else _masked(v) for k, v in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list) else value


def _command(text: str) -> dict[str, Any]:
    if len(text) > MAX_COMMAND_CHARS:
        raise AgentJsonError(f"a command of {len(text) >> 10} KiB is too long: shorten it")
    command = read_json(text)
    if not isinstance(command, dict) or not isinstance(name := command.get("execute"), str):
        raise AgentJsonError('a command is an object: {"execute": "guest-ping"}')
    if unknown := sorted(command.keys() - {"execute", "arguments"}):
        raise AgentJsonError(f"{unknown[0][:40]!r} is not known: only execute and arguments are")
    if not isinstance(command.get("arguments", {}), dict):
        raise AgentJsonError('the arguments are an object: {"mode": "reboot"}')
    if name in _SYNCS:
        raise AgentJsonError(f"{name} is sent before each command anyway: leave it out")
    return command


def read_answer(text: str) -> Answer:
    """Read what an agent sent on one line.

    Raises:
        AgentJsonError: It is no answer.
    """
    answer = read_json(text)
    if isinstance(answer, dict) and "return" in answer:
        return Answer(answer["return"])
    if isinstance(answer, dict) and isinstance(error := answer.get("error"), Mapping):
        words = (error.get("class"), error.get("desc"))
        return Answer(error=": ".join(str(word)[:400] for word in words if word) or "an error")
    raise AgentJsonError("neither a return nor an error")


def read_json(text: str) -> object:
    """Read JSON from anybody.

    Raises:
        AgentJsonError: It is none, or nested deeper than `MAX_DEPTH`.
    """
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_DEPTH:
            raise AgentJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise AgentJsonError(f"not JSON: {error.msg} at {where}") from None
    except ValueError as error:  # a number of thousands of digits
        raise AgentJsonError(f"not JSON: {error}") from None


def _refuse(constant: str) -> object:
    raise AgentJsonError(f"not JSON: {constant}")

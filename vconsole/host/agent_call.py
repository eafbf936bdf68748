"""Calls that end in a guest's agent: limited in time, and whatever comes of them stays theirs.

libvirt by default waits for ever for an agent that has answered once and then hangs, with a
thread of the daemon and a lock of the domain. It is told to wait no longer while we ask, and told
back afterwards; what it was told before by others cannot be read.
Source: virDomainAgentSetResponseTimeout.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, TypeVar

from vconsole.host import errors
from vconsole.host.fleet import STATES
from vconsole.host.link import Link

T = TypeVar("T")
_FOR_EVER: Final = -2
"""VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, libvirt's own default."""
_CURES: Final = {
    "paused": "resume it first",
    "pmsuspended": "wake it up first",
    "shut off": "start it first",
    "crashed": "start it first",
}
_FROZEN: Final = "frozen state"
"""What qemu-ga says of itself while file systems are frozen, in every refusal."""
_REFUSED: Final = "has been disabled: the command is not allowed"
"""What it says since 9.1, and also where its settings forbid a command."""
_COMMAND_TIMEOUT: Final = 112
"""VIR_ERR_AGENT_COMMAND_TIMEOUT, since libvirt 11.2; a binding may be older than the library."""
_STATUS: Final = '{"execute": "guest-fsfreeze-status"}'
_STATUS_S: Final = 5


class AgentError(Exception):
    """Why an agent was of no use; one line, foreign.

    Attributes:
        silent: It gave no answer: there is none to be had from the next question either.
        frozen: It answers nothing else while file systems are frozen.
        refused: It does not do this; why it does not say. See `is_frozen`.
    """

    def __init__(self, message: str, silent: bool = False) -> None:
        super().__init__(message)
        self.silent, self.frozen = silent, _FROZEN in message
        self.refused = _REFUSED in message


def ask(link: Link, function: Callable[..., T], *arguments: Any) -> T:
    """Call libvirt where the guest may choose the answer.

    Raises:
        AgentError: There is no answer, or none that can be read.
        HostError: The connection is gone.
    """
    import libvirt

    try:
        return link.call(function, *arguments)
    except libvirt.libvirtError as error:
        raise AgentError(errors.message(error), _is_silence(error)) from error
    except (SystemError, UnicodeError, ValueError) as error:  # the binding cannot decode it
        raise AgentError(f"its answer is not UTF-8{_where(error)}") from error


def agent_command(link: Link, domain: Any, command: str, timeout_s: int) -> str:
    """Send a command in the agent's own language and answer its reply.

    Raises:
        AgentError: There is no answer, or none that can be read.
        HostError: The connection is gone.
    """
    if link.simulation is not None:
        return str(ask(link, domain.qemuAgentCommand, command, timeout_s, 0))
    import libvirt_qemu

    return str(ask(link, libvirt_qemu.qemuAgentCommand, domain, command, timeout_s, 0))


def is_frozen(link: Link, domain: Any, error: AgentError) -> bool | None:
    """Whether file systems of a guest are frozen, given how its agent refused something.

    None where it does not tell.

    libvirt has no call of its own to ask for that, so it is asked only where the refusal leaves it
    open: libvirt notes in the domain's log that somebody used the agent's own language.
    """
    if error.frozen or not error.refused:
        return error.frozen
    try:
        found = json.loads(agent_command(link, domain, _STATUS, _STATUS_S))
    except (AgentError, ValueError, RecursionError):
        return None
    told = found.get("return") if isinstance(found, dict) else None
    return {"frozen": True, "thawed": False}.get(str(told))


def _where(error: Exception) -> str:
    """Where it is not: the binding hides that behind a SystemError that names its own function."""
    cause = error if isinstance(error, UnicodeDecodeError) else error.__cause__
    if not isinstance(cause, UnicodeDecodeError):
        return ""
    return f": byte 0x{cause.object[cause.start]:02x} at {cause.start}"


def why_mute(link: Link, domain: Any) -> str:
    """Why no agent of this domain can answer now, with the cure; empty where one may.

    Nothing of a guest runs that is paused, and libvirt says no more than "not running".
    """
    state = STATES.get(link.call(domain.state, 0)[0], "-")
    cure = _CURES.get(state)
    return f"it is {state}: its agent cannot answer; {cure}" if cure else ""


def _is_silence(error: Exception) -> bool:
    import libvirt

    return errors.code(error) in (
        libvirt.VIR_ERR_AGENT_UNRESPONSIVE,
        libvirt.VIR_ERR_AGENT_UNSYNCED,
        _COMMAND_TIMEOUT,
        libvirt.VIR_ERR_OPERATION_TIMEOUT,  # another program is speaking to it
    )


_asking: Counter[str] = Counter()
_lock = Lock()


@contextmanager
def answers_within(link: Link, domain: Any, seconds: float) -> Iterator[None]:
    """Have libvirt wait so long for each answer of this domain's agent."""
    uuid = domain.UUIDString()
    with _lock:  # libvirt hears of each in the order in which they are counted
        _limit(link, domain, int(seconds))
        _asking[uuid] += 1
    try:
        yield
    finally:
        with _lock:
            _asking[uuid] -= 1
            if not _asking[uuid]:
                del _asking[uuid]
                _limit(link, domain, _FOR_EVER)


def _limit(link: Link, domain: Any, seconds: int) -> None:
    link.attempt("agentSetResponseTimeout", domain.agentSetResponseTimeout, seconds, 0)

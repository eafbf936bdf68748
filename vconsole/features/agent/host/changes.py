"""Has guests do something by their agents, and reads back what libvirt sees of it.

Sources: virDomainFSFreeze, virDomainFSThaw, virDomainSetTime, virDomainPMSuspendForDuration,
virDomainPMWakeup and virDomainQemuAgentCommand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic, sleep, time_ns
from typing import Any, Final

from vconsole.features.agent.host.report import read_agent
from vconsole.features.agent.host.thaw import Guard, GuardError, OwnGuard, ThawGuard
from vconsole.features.agent.model.changes import (
    ANSWER_S,
    CLOCK,
    FROZEN,
    THAWED,
    AgentCommand,
    FreezeFs,
    SuspendGuest,
    SyncTime,
    ThawFs,
    WakeGuest,
)
from vconsole.features.agent.model.report import AgentReport, ReadAgent
from vconsole.features.agent.model.wire import SILENT, command_name, loggable_answer
from vconsole.host.agent_call import (
    AgentError,
    agent_command,
    answers_within,
    ask,
    is_frozen,
    why_mute,
)
from vconsole.host.fleet import STATES
from vconsole.host.link import Link
from vconsole.model.proposal import virsh_line
from vconsole.model.request import Reply, took_effect
from vconsole.model.virsh import domain_argument
from vconsole.model.words import plural

_SYNC: Final = 1
"""VIR_DOMAIN_TIME_SYNC."""
_TARGETS: Final = {"mem": 0, "disk": 1, "hybrid": 2}
"""VIR_NODE_SUSPEND_TARGET_*."""
_PING: Final = '{"execute": "guest-ping"}'
_LOOK_S: Final = 0.2
_READ_BACK: Final = 200
"""Characters of an answer that are logged."""
PING_S: Final = 5.0
"""How long it may take to tell the time, before it is trusted to freeze and to thaw."""
LATE_S: Final = 2.0
"""Freezing and thawing take a moment: a freeze that lasts so much longer than its limit is late."""
_RIGHT_S: Final = 1.0
_ASLEEP_S: Final = 20.0
"""How long the domain's state may take to follow."""


def freeze(link: Link, request: FreezeFs) -> Reply:
    """Freeze, with the guard standing by that thaws when the time is over."""
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if reason := _why_not_freeze(link, domain):
        return Reply("refused", f"nothing was frozen: {reason}")
    request.wait.what = "freezing"
    try:
        if link.simulation is not None:
            return _freeze(link, domain, request, OwnGuard(link, domain, request.limit_s))
        with ThawGuard(link.connection.uri, request.uuid, request.limit_s) as guard:
            return _freeze(link, domain, request, guard)
    except GuardError as error:
        return Reply("refused", f"nothing was frozen: nobody would thaw it: {error}")


def _why_not_freeze(link: Link, domain: Any) -> str:
    """Why it is not even tried: a guard that thaws for nothing would do so for minutes."""
    if reason := why_mute(link, domain):
        return reason
    try:
        with answers_within(link, domain, PING_S):
            ask(link, domain.getTime)
    except AgentError as error:
        if is_frozen(link, domain, error):
            return "it is frozen already, by somebody else, and left so"
        return f"its agent does not answer: {error}" if error.silent else ""
    return ""


def _freeze(link: Link, domain: Any, request: FreezeFs, guard: Guard) -> Reply:
    problem = ""
    begun = monotonic()
    try:
        with answers_within(link, domain, ANSWER_S):
            count = ask(link, domain.fsFreeze)
    except AgentError as error:
        if is_frozen(link, domain, error):
            guard.dismiss()
            return Reply("refused", "it is frozen already, by somebody else, and left so")
        problem, count = str(error), 0  # it may still come about: it is thawed all the same
    else:
        request.wait.what, request.wait.until = "frozen", begun + request.limit_s
        while count and not request.wait.given_up and not guard.over(_LOOK_S):
            pass
    request.wait.what, request.wait.until = "thawing", None
    try:
        if not guard.thaw() and count:
            raise GuardError("it found nothing frozen")  # it may have been before the freeze
    except GuardError as error:
        if (other := thaw(link, ThawFs(request.uuid, request.name))).status != "applied":
            reasons = dict.fromkeys((str(error), other.message))
            cure = virsh_line("", "domfsthaw", domain_argument(request.name, request.uuid))
            words = f"the guest may be frozen still: {', '.join(reasons)}"
            words += f"; as soon as its agent answers: {cure}"
            return Reply("failed", "; ".join(filter(None, (problem, words))))
    if problem:
        return Reply("failed", problem, read_back="thawed")
    return _thawed(request, count, monotonic() - begun)


def _thawed(request: FreezeFs, count: int, lasted_s: float) -> Reply:
    """Frozen longer than was allowed is no success, though it is over."""
    words = f"{plural(count, 'file system')} frozen for {lasted_s:.1f} s"
    if lasted_s > request.limit_s + LATE_S:
        words += f", not {request.limit_s:g} s: the guest was slow to freeze or to thaw"
        return Reply("failed", words, count, "thawed")
    return Reply("applied", words, count, "thawed")


def thaw(link: Link, request: ThawFs) -> Reply:
    """Thaw."""

    def do(domain: Any) -> Reply:
        count = ask(link, domain.fsThaw)
        return Reply("applied", f"{plural(count, 'file system')} thawed", count, "thawed")

    return _by_agent(link, request.uuid, do)


def sync_time(link: Link, request: SyncTime) -> Reply:
    """Set the clock, and compare it with ours."""

    def do(domain: Any) -> Reply:
        ask(link, domain.setTime, None, _SYNC)
        return Reply("applied", "", *_offset(link, domain))

    return _by_agent(link, request.uuid, do)


def _offset(link: Link, domain: Any) -> tuple[float, str]:
    """How far the guest's clock is from ours, in seconds and in words."""
    found = ask(link, domain.getTime)
    offset_s = found["seconds"] + found["nseconds"] / 1e9 - time_ns() / 1e9
    whose = "the host's" if link.connection.local else "this machine's"
    return offset_s, f"{offset_s:+.2f} s from {whose} clock"


def suspend(link: Link, request: SuspendGuest) -> Reply:
    """Have it fall asleep, and see whether it does: a guest that cannot says nothing."""
    wanted = "shut off" if request.mode == "disk" else "pmsuspended"

    def do(domain: Any) -> Reply:
        ask(link, domain.pMSuspendForDuration, _TARGETS[request.mode], 0, 0)
        return _comes_about(link, domain, wanted)

    return _by_agent(link, request.uuid, do)


def wake(link: Link, request: WakeGuest) -> Reply:
    """Wake it."""
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    link.call(domain.pMWakeup, 0)
    return _comes_about(link, domain, "running")


def tell_agent(link: Link, uuid: str, trace: str) -> Reply:
    """Look at the state that a change would have led to, or ask the agent whether it is frozen.

    What is not frozen may have been, and was thawed by the guard or by somebody else.
    """
    if trace == CLOCK:
        return _by_agent(link, uuid, partial(_tell_clock, link))
    if trace not in (FROZEN, THAWED):
        domain = link.call(link.conn.lookupByUUIDString, uuid)
        state = STATES.get(link.call(domain.state, 0)[0], "-")
        return took_effect(state == trace, state, state)
    report = read_agent(link, ReadAgent(uuid, "", ("time",))).value
    frozen = report.frozen if isinstance(report, AgentReport) else None
    if frozen is None:
        return Reply("unknown", "its agent does not tell whether it is frozen: look")
    if trace == FROZEN and not frozen:
        return Reply("unknown", "nothing is frozen now: it was thawed, or never frozen")
    return took_effect(frozen == (trace == FROZEN), frozen, FROZEN if frozen else "not frozen")


def _tell_clock(link: Link, domain: Any) -> Reply:
    """A right clock was wanted; another may have been set by a wrong hardware clock."""
    offset_s, words = _offset(link, domain)
    if abs(offset_s) < _RIGHT_S:
        return took_effect(True, offset_s, words)
    return Reply("unknown", f"it is {words}: set it again", offset_s, words)


def command(link: Link, request: AgentCommand) -> Reply:
    """Send a command and answer what comes."""

    def send(command: str) -> str:
        return agent_command(link, domain, command, request.timeout_s)

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if reason := why_mute(link, domain):
        return Reply("refused", reason)
    silent = command_name(request.command) in SILENT
    try:
        if silent:  # else one that hears nothing could not be told from one that obeys
            send(_PING)
    except AgentError as error:
        return Reply("failed", f"it was not sent: {error}")
    try:
        text = send(request.command)
    except AgentError as error:
        if error.silent and silent:
            return Reply(message="sent; the guest answers only if it fails")
        return Reply("unknown" if error.silent else "failed", str(error))
    return Reply("applied", "", text, loggable_answer(text)[:_READ_BACK])


def _by_agent(link: Link, uuid: str, do: Callable[[Any], Reply]) -> Reply:
    domain = link.call(link.conn.lookupByUUIDString, uuid)
    if reason := why_mute(link, domain):
        return Reply("refused", reason)
    try:
        with answers_within(link, domain, ANSWER_S):
            return do(domain)
    except AgentError as error:
        return Reply("unknown" if error.silent else "failed", str(error))


def _comes_about(link: Link, domain: Any, wanted: str) -> Reply:
    until = monotonic() + _ASLEEP_S
    while (state := STATES.get(link.call(domain.state, 0)[0], "-")) != wanted:
        if monotonic() > until:
            return Reply("unknown", f"the guest took it, yet it is {state}", state)
        sleep(_LOOK_S)
    return Reply("applied", "", state, state)

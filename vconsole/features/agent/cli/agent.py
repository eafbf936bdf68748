"""``vconsole agent info|ping|freeze|thaw|sync-time|suspend|wakeup|command|channel``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Final

from vconsole.changes.activity import ActivityLog
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import (
    CODES,
    add_change_arguments,
    ask,
    asking,
    carry_out,
    chosen,
    longest_s,
    plan_and_change,
)
from vconsole.cli.report import DONE, FAILED, REFUSED, CliError, plain, print_json
from vconsole.features.agent import words as agentwords
from vconsole.features.agent.cli.channel import add_channel_parser
from vconsole.features.agent.model.changes import (
    COMMAND_S,
    FREEZE_S,
    MOST_COMMAND_S,
    MOST_FREEZE_S,
    TAINT,
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
from vconsole.features.agent.model.report import PARTS, AgentReport, Part, ReadAgent
from vconsole.features.agent.model.wire import AgentJsonError, read_json
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource
from vconsole.model.agent_channels import AGENT
from vconsole.model.host_state import Domain
from vconsole.model.proposal import Change, Planner, Proposal, Propose
from vconsole.model.request import Reply
from vconsole.text import safe

Make = Callable[[argparse.Namespace, Domain], Change]
_LABEL: Final = 14


def add_parser(commands: Commands) -> None:
    """Add ``agent`` and what it can do."""
    parser = commands.add_parser("agent", help="ask guests by their agents, and act by them")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACTION")
    _add_read(acts, "info", "print what the agent tells of the guest", PARTS)
    _add_read(acts, "ping", "see whether the agent answers", ("time",))
    limit = partial(_seconds, most=MOST_FREEZE_S)
    _add_change(acts, "freeze", "freeze all file systems, wait, thaw them", _freeze).add_argument(
        *("--limit", "-l"),
        type=limit,
        default=FREEZE_S,
        metavar="S",
        help="seconds until they are thawed, whatever becomes of this command; default %(default)g",
    )
    _add_change(acts, "thaw", "thaw all file systems", lambda _, d: ThawFs(d.uuid, d.name))
    _add_change(
        acts, "sync-time", "set the clock by its RTC", lambda _, d: SyncTime(d.uuid, d.name)
    )
    _add_change(acts, "suspend", "have the guest fall asleep", _suspend).add_argument(
        "--mode", choices=("mem", "disk", "hybrid"), default="mem", help="default %(default)s"
    )
    _add_change(acts, "wakeup", "wake a guest up", lambda _, d: WakeGuest(d.uuid, d.name))
    _add_command(acts)
    add_channel_parser(acts)


def _add_read(acts: Commands, act: str, words: str, parts: tuple[Part, ...]) -> None:
    parser = acts.add_parser(act, help=words)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=_read, parts=parts)


def _add_change(acts: Commands, act: str, words: str, make: Make) -> argparse.ArgumentParser:
    parser = acts.add_parser(act, help=words)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    add_change_arguments(parser)
    parser.set_defaults(run=_change, make=make, longest=_longest_s)
    return parser


def _add_command(acts: Commands) -> None:
    parser = _add_change(acts, "command", "send the agent a command of your own", _command)
    parser.add_argument(
        "line", type=_typed, metavar="COMMAND", help="guest-info, or JSON with execute"
    )
    parser.add_argument(
        "--timeout",
        type=partial(_seconds, most=MOST_COMMAND_S),
        default=float(COMMAND_S),
        metavar="S",
        help="seconds for the answer; default %(default)g",
    )
    parser.add_argument(
        "--channel", default=AGENT, metavar="NAME", help="over a private channel; not %(default)s"
    )
    parser.set_defaults(run=_send)


def _seconds(text: str, most: float) -> float:
    try:
        return seconds(text, most)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _typed(text: str) -> str:
    try:
        return typed_command(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _longest_s(options: argparse.Namespace) -> float:
    extra = getattr(options, "limit", 0.0) + getattr(options, "timeout", 0.0)
    return longest_s(1, extra + 300.0)


def _freeze(options: argparse.Namespace, domain: Domain) -> Change:
    return FreezeFs(domain.uuid, domain.name, options.limit)


def _suspend(options: argparse.Namespace, domain: Domain) -> Change:
    return SuspendGuest(domain.uuid, domain.name, options.mode)


def _command(options: argparse.Namespace, domain: Domain) -> Change:
    if options.channel == AGENT:
        return AgentCommand(domain.uuid, domain.name, options.line, round(options.timeout))
    named = (domain.uuid, domain.name, options.channel)
    return PrivateAgentCommand(*named, options.line, options.timeout)


# ---- doing it


def _read(options: argparse.Namespace, source: HostSource) -> int:
    """Print a report; 1 where no agent answered."""
    (domain,), _ = chosen(options, source)
    with asking(options) as host:
        reply = ask(host, ReadAgent(domain.uuid, domain.name, options.parts))
    report = reply.value
    if not isinstance(report, AgentReport):
        raise CliError(reply.message)
    words, _ = agentwords.advice(report)
    if options.json:
        print_json({"uuid": domain.uuid, "name": domain.name, **plain(report), "advice": words})
    else:
        for label, text, _ in agentwords.rows(report):
            print(f"{label:<{_LABEL}}{text}")
        if words:
            print(f"{'next':<{_LABEL}}{words}")
    return DONE if report.answering else FAILED


def _change(options: argparse.Namespace, source: HostSource) -> int:
    (domain,), _ = chosen(options, source)
    return plan_and_change(options, source, _plan(options.make(options, domain)))


def _plan(wanted: Change) -> Planner:
    if isinstance(wanted, WakeGuest):  # one that sleeps has no agent that could be asked
        return lambda subject, target: Proposal((wanted,))
    return through_agent(wanted)


def _send(options: argparse.Namespace, source: HostSource) -> int:
    """Send a command; its answer is printed whole, the log keeps the beginning."""
    if options.dry_run:
        return _change(options, source)
    (domain,), connection = chosen(options, source)
    wanted = options.make(options, domain)
    with asking(options) as host:
        planned = ask(host, Propose(((domain.uuid, domain.name),), through_agent(wanted, TAINT)))
        if not isinstance(planned.value, tuple):
            raise CliError(planned.message)
        (proposal,) = planned.value
        if not proposal.changes:
            raise CliError("; ".join(proposal.notes), REFUSED)
        log = ActivityLog(state_dir())
        replies = carry_out(host, proposal.changes, connection.uri, log)
    reply = replies[wanted]
    _print_answer(options, reply)
    if log.problem:
        raise CliError(f"not in the activity log: {log.problem}")
    return CODES.get(reply.status, FAILED)


def _print_answer(options: argparse.Namespace, reply: Reply) -> None:
    text = reply.value if isinstance(reply.value, str) else ""
    if options.json:
        print_json({"status": reply.status, "message": reply.message, "answer": _parsed(text)})
        return
    if reply.message or not text:
        print(safe(f"{reply.status}: {reply.message}" if reply.message else reply.status))
    for part in (readable(text) if text else "").splitlines():
        print(safe(part))


def _parsed(text: str) -> object:
    """As JSON where it is."""
    try:
        return read_json(text) if text else None
    except AgentJsonError:
        return text

"""``vconsole start|shutdown|reboot|...``: actions on domains, as the console has them."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import dataclass
from math import ceil
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, get_args

from vconsole.actionrun import AT_A_TIME, ActionRun
from vconsole.audit import ActivityLog, of_reply
from vconsole.cli.arguments import add_connection_arguments
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, FAILED, REFUSED, CliError, print_json
from vconsole.desk import Desk
from vconsole.host.open import connect_link
from vconsole.host.requests import HostRequests
from vconsole.host.source import HostSource, View
from vconsole.model.actions import ACTIONS, Action
from vconsole.model.requests import Act, Mode, Reply
from vconsole.model.snapshot import Domain
from vconsole.places import state_dir
from vconsole.text import safe

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_SWITCHES = {
    "start": ("--paused", "start_paused"),
    "save": ("--remove", "save_remove"),
    "destroy": ("--graceful", "destroy_graceful"),
    "autostart": ("--off", "autostart_off"),
}
"""Subcommand -> the option that makes it another action."""
WORDS = (
    "start",
    "shutdown",
    "reboot",
    "reset",
    "suspend",
    "resume",
    "save",
    "destroy",
    "autostart",
)
_CODES = {"applied": DONE, "planned": DONE, "refused": REFUSED, "conflict": REFUSED}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one domain."""

    uuid: str
    name: str
    action: str
    status: str
    """As of a change, or ``planned``."""
    before: str
    after: str | None
    message: str
    virsh: tuple[str, ...]


def add_parsers(commands: Commands) -> None:
    """Add one subcommand for each word."""
    for word in WORDS:
        action = ACTIONS[word]
        parser = commands.add_parser(word, help=action.help)
        add_connection_arguments(parser, argparse.SUPPRESS)
        parser.add_argument("domains", nargs="+", metavar="DOMAIN", help="name, UUID or id")
        if word in _SWITCHES:
            option, other = _SWITCHES[word]
            explanation = ACTIONS[other].help
            parser.add_argument(option, dest="other", action="store_true", help=explanation)
        if action.asks_guest:
            _add_modes(parser)
        parser.add_argument("--yes", action="store_true", help="do what may lose data")
        parser.add_argument("--dry-run", action="store_true", help="show what would be done")
        parser.add_argument("--json", action="store_true", help="report as JSON")
        parser.set_defaults(
            run=run,
            longest=longest_s,
            word=word,
            **({} if word in _SWITCHES else {"other": False}),
            **({} if action.asks_guest else {"mode": (), "timeout": 0.0}),
        )


def _add_modes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        type=_modes,
        default=get_args(Mode),
        metavar="MODE,...",
        help="how the guest is asked, one after the other; default agent,acpi",
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="S", help="seconds for each mode"
    )


def _modes(text: str) -> tuple[str, ...]:
    modes = tuple(dict.fromkeys(text.split(",")))
    if not set(modes) <= set(get_args(Mode)):
        raise argparse.ArgumentTypeError(f"{text!r} is not made of {', '.join(get_args(Mode))}")
    return modes


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 3600 seconds")
    return seconds


def longest_s(options: argparse.Namespace) -> float:
    """How long all of it may take: every act has its own deadline, so many go on at a time."""
    one = Act("", "", options.word, "", options.mode, options.timeout)
    return 60.0 + ceil(len(options.domains) / AT_A_TIME) * one.deadline_s


def run(options: argparse.Namespace, source: HostSource) -> int:
    """Act on each domain that allows it, and say what became of every one."""
    action = ACTIONS[_SWITCHES[options.word][1] if options.other else options.word]
    snapshot = complete(source, View("domains"))
    named = [find_domain(snapshot, word) for word in options.domains]
    domains = list({domain.uuid: domain for domain in named}.values())
    connection = snapshot.connection
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    if action.grade == "destructive" and not (options.yes or options.dry_run):
        raise CliError(f"{action.help} Give --yes to do it.", REFUSED)
    refused = {d.uuid: reason for d in domains if (reason := action.why_not(d))}
    acts = {d.uuid: action.act(d, options.mode, options.timeout) for d in domains}
    able = [act for uuid, act in acts.items() if uuid not in refused]
    log = ActivityLog(state_dir())
    replies = {} if options.dry_run else _carry_out(options, action, able, connection.uri, log)
    results = [_result(action, acts[d.uuid], d, refused, replies) for d in domains]
    if options.json:
        print_json(results)
    else:
        _print(action, results)
    if replies and log.problem:
        raise CliError(f"not in the activity log: {log.problem}")
    codes = {_CODES.get(result.status, FAILED) for result in results}
    return FAILED if FAILED in codes else max(codes)


def _carry_out(
    options: argparse.Namespace, action: Action, acts: list[Act], uri: str, log: ActivityLog
) -> dict[str, Reply]:
    """Act on several at a time, and log each."""
    queue = SimpleQueue[tuple[Any, Reply]]()
    requests = HostRequests(lambda: connect_link(options.connect, options.read_only, options.demo))
    desk = Desk(
        requests.handlers(), lambda asked, reply: queue.put((asked, reply)), width=AT_A_TIME
    )
    with closing(requests):
        going = ActionRun(action, acts, desk.ask)
        going.begin()
        while not going.done:
            request, reply = queue.get()
            log.add(of_reply(request, reply, uri))
            going.replied(request, reply)
    return going.replies


def _result(
    action: Action, act: Act, domain: Domain, refused: dict[str, str], replies: dict[str, Reply]
) -> Result:
    if (reason := refused.get(act.uuid)) is not None:
        reply = Reply("refused", f"it {reason}")
    else:
        reply = replies.get(act.uuid, Reply())
    planned = act.uuid not in refused and act.uuid not in replies
    return Result(
        *(act.uuid, act.name, act.action, "planned" if planned else reply.status, act.before),
        *(str(reply.value) if reply.value else None, reply.message, action.commands(act)),
    )


def _print(action: Action, results: list[Result]) -> None:
    for result in results:
        if result.status == "planned":
            print(safe(f"{result.name}: would {action.title} ({result.before})"))
            for line in result.virsh:
                print(f"  {safe(line)}")
        else:
            print(safe(f"{result.name}: {result.status}: {result.message}"))

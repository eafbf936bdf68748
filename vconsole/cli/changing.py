"""What every subcommand that changes something has: its options, carrying out, the report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from math import ceil
from queue import Empty, SimpleQueue
from typing import Any, Final

from vconsole.changes.activity import ActivityLog
from vconsole.changes.dispatcher import Dispatcher, Request
from vconsole.changes.entry import Entry
from vconsole.changes.host_requests import HostRequests
from vconsole.changes.jobs import JobBoard, directory_of
from vconsole.changes.recorder import Records
from vconsole.changes.run import AT_A_TIME, ChangeRun, OnFailure
from vconsole.changes.settle import MOST_CUT_OFF, ReadOutcome, summary
from vconsole.changes.store import PinHistory
from vconsole.cli.read import find_domain
from vconsole.cli.report import ASIDE, DONE, FAILED, REFUSED, CliError, print_json
from vconsole.files.places import state_dir
from vconsole.host.open import connect_link
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Connection, Domain
from vconsole.model.outcome import Target
from vconsole.model.proposal import Change, Planner, Proposal, Propose
from vconsole.model.request import Define, Reply
from vconsole.text import clip, safe

READ_ONLY = "started with --read-only"
CODES = {"applied": DONE, "planned": DONE, "refused": REFUSED, "conflict": REFUSED}
"""Status -> exit code; the others failed."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change."""

    uuid: str
    name: str
    what: str
    status: str
    """As of a change, or ``planned``."""
    when: str
    difference: tuple[str, ...]
    read_back: str
    message: str
    virsh: tuple[str, ...]


def add_change_arguments(
    parser: argparse.ArgumentParser, *, target: bool = False, defines: bool = False
) -> None:
    """Add the options of a change; with `target` those that choose live or config.

    With `defines` a definition is replaced, which libvirt validates unless it is told not to.
    """
    if target:
        parser.add_argument("--live", action="store_true", help="change the running domain")
        parser.add_argument("--config", action="store_true", help="change its definition")
    parser.add_argument("--yes", action="store_true", help="do what may lose data")
    parser.add_argument("--dry-run", action="store_true", help="show what would be done")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    if defines:
        words = "define what libvirt's schema refuses, as virsh edit does on request"
        parser.add_argument("--skip-validate", action="store_true", help=words)


def target_of(options: argparse.Namespace) -> Target:
    """What of a domain is to be changed; both where nothing is said."""
    if options.live == options.config:
        return "both"
    return "live" if options.live else "config"


def chosen(options: argparse.Namespace, source: HostSource) -> tuple[list[Domain], Connection]:
    """The domains named in `options.domains` or `.domain`, each once, and the connection."""
    host_state = source.read(View("domains"))
    words = options.domains if "domains" in options else [options.domain]
    named = [find_domain(host_state, word) for word in words]
    return list({domain.uuid: domain for domain in named}.values()), host_state.connection


@contextmanager
def asking(options: argparse.Namespace) -> Iterator[HostRequests]:
    """Answer requests on a connection of its own."""
    read_only = options.read_only or getattr(options, "dry_run", False)
    host = HostRequests(
        lambda: connect_link(options.connect, read_only, options.demo), demo=options.demo
    )
    with closing(host):
        yield host


def ask(host: HostRequests, request: Request) -> Reply:
    """Answer one request here and now."""
    return host.handlers()[type(request)](request)


def plan_and_change(options: argparse.Namespace, source: HostSource, plan: Planner) -> int:
    """Plan changes of the domains that are named, and carry them out; answers the exit code."""
    domains, connection = chosen(options, source)
    target = target_of(options) if "live" in options else "both"
    with asking(options) as host:
        wanted = Propose(tuple((d.uuid, d.name) for d in domains), plan, (target,))
        reply = ask(host, wanted)
        if not isinstance(reply.value, tuple):
            raise CliError(reply.message)
        return change(options, connection, host, reply.value[0])


def change_here(options: argparse.Namespace, *wanted: Change) -> int:
    """Show or carry out changes of this machine that need no libvirt; answers the exit code."""
    connection = Connection("", read_only=options.read_only, read_only_reason=READ_ONLY)
    with asking(options) as host:
        return change(options, connection, host, Proposal(wanted))


def change(
    options: argparse.Namespace, connection: Connection, host: HostRequests, proposal: Proposal
) -> int:
    """Show a proposal, or carry it out; write the log and the report; answers the exit code."""
    if getattr(options, "skip_validate", False):
        proposal = replace(proposal, changes=tuple(map(_unvalidated, proposal.changes)))
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    destructive = [c.what for c in proposal.changes if c.grade == "destructive"]
    if destructive and not (options.yes or options.dry_run):
        for note in proposal.notes:
            print(safe(note))
        raise CliError(f"{destructive[0]} may lose data. Give --yes to do it.", REFUSED)
    log = ActivityLog(state_dir())
    replies: dict[Any, Reply] = {}
    if not options.dry_run:
        replies = carry_out(host, proposal.changes, connection.uri, log)
        if wanted := _offered(options, replies, proposal.changes):
            made = carry_out(host, tuple(wanted.values()), connection.uri, log)
            replies |= {first: made[second] for first, second in wanted.items()}
    results = [_result(change, replies.get(change)) for change in proposal.changes]
    report(options, results, proposal.notes)
    if log.problem and replies:
        raise CliError(f"not in the activity log: {log.problem}")
    codes = {CODES.get(result.status, FAILED) for result in results}
    if not results and proposal.notes:
        return REFUSED
    return FAILED if FAILED in codes else max(codes, default=DONE)


def _unvalidated(change: Change) -> Change:
    return replace(change, validate=False) if isinstance(change, Define) else change


def _offered(
    options: argparse.Namespace, replies: dict[Any, Reply], changes: Sequence[Change]
) -> dict[Any, Change]:
    """What can be had without validation alone, and what waited for it, if that is wanted."""
    failed = [c for c in changes if replies[c].status == "failed"]
    refused = [c for c in failed if isinstance(replies[c].value, Define)]
    if not refused:
        return {}
    if options.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        ASIDE.append("--skip-validate defines it without validation")
        return {}
    for change in refused:
        print(safe(f"{change.name}: {replies[change].message}"))
    if asked("define it without validation, as virsh edit does? y/N ") not in ("y", "yes"):
        return {}
    return {c: _unvalidated(c) for c in changes if c in refused or replies[c].status == "not tried"}


def asked(question: str) -> str:
    """A person's answer in small letters; not by `input`, whose question goes to descriptor 2."""
    print(question, end="", flush=True)
    return sys.stdin.readline().strip().casefold()


def carry_out(
    host: HostRequests,
    changes: Sequence[Change],
    uri: str,
    log: ActivityLog,
    at_a_time: int = AT_A_TIME,
    on_failure: OnFailure[Any] | None = None,
) -> dict[Any, Reply]:
    """Make several changes at a time, and log each; ask again after one of unknown outcome.

    What programs that were cut off have left is looked at first: these changes would hide it.
    """
    board = JobBoard(directory_of(state_dir()))
    queue = SimpleQueue[tuple[Any, Reply]]()
    dispatcher = Dispatcher(
        host.handlers(),
        lambda asked, reply: queue.put((asked, reply)),
        width=AT_A_TIME + 1,
        recorder=Records(log, lambda: uri, PinHistory(state_dir()), board),
    )
    going = ChangeRun("", changes, dispatcher.ask, at_a_time, on_failure)
    _going.append(going)
    _look_back(dispatcher, queue, log.unsettled(uri)[:MOST_CUT_OFF])
    going.begin()
    asked = 0
    while not going.done or asked:
        request, reply = _next(queue, going)
        if isinstance(request, ReadOutcome):
            going.settled(request.of, reply)
            asked -= 1
            continue
        going.replied(request, reply)
        if isinstance(reply.settle, ReadOutcome):
            dispatcher.ask(reply.settle)
            asked += 1
    return going.replies


def _look_back(
    dispatcher: Dispatcher, queue: SimpleQueue[tuple[Any, Reply]], left: Sequence[Entry]
) -> None:
    """Have it told what became of intents without an outcome, and say it beside the report."""
    for entry in left:
        dispatcher.ask(ReadOutcome(entry, wait_s=0.0))
    replies = [queue.get()[1] for _ in left]
    if replies:
        ASIDE.append(f"{summary(replies)}; Activity in the console names them")


_going: Final = list[ChangeRun[Any]]()
_TOLD_S: Final = 1.0


def give_up() -> bool:
    """Give up what is under way, as far as it can be; False where nothing is."""
    under_way = [run for run in _going if not run.done]
    for run in under_way:
        run.cancel()
    return bool(under_way)


def _next(queue: SimpleQueue[tuple[Any, Reply]], going: ChangeRun[Any]) -> tuple[Any, Reply]:
    """The next reply; a person at a terminal is told meanwhile how far it is."""
    told = False
    while True:
        try:
            found = queue.get(timeout=_TOLD_S)
        except Empty:
            words = [f"{c.what}: {wait.what}" for c, wait in going.waiting.items() if wait.what]
            if words and sys.stdout.isatty():
                print(f"\r{clip(safe(words[0]), 78)}\x1b[K", end="", flush=True)
                told = True
            continue
        if told:
            print("\r\x1b[K", end="", flush=True)
        return found


def longest_s(count: int, one_s: float) -> float:
    """How long changes of so many domains may take, each with its own deadline."""
    return 60.0 + ceil(count / AT_A_TIME) * one_s


def _result(change: Change, reply: Reply | None) -> Result:
    planned = Result(
        *(change.uuid, change.name, change.what, "planned", change.when),
        *(change.lines(), "", "", change.virsh()),
    )
    if reply is None:
        return planned
    return replace(planned, status=reply.status, read_back=reply.read_back, message=reply.message)


def report(options: argparse.Namespace, results: list[Result], notes: Sequence[str]) -> None:
    """Print what became of each, as lines or as JSON."""
    if options.json:
        print_json({"changes": results, "notes": notes})
        return
    for note in notes:
        print(safe(note))
    for result in results:
        if result.status == "planned":
            print(safe(f"{result.name}: would {result.what} ({result.when})"))
            for line in (*result.difference, *result.virsh):
                print(f"  {safe(line)}")
            continue
        when = "" if result.when == "now" else f" ({result.when})"
        words = result.message or result.read_back
        done = f"{result.status}{when}{': ' if words else ''}{words}"
        print(safe(f"{result.name}: {result.what}: {done}"))
    if not results and not notes:
        print("nothing to do")

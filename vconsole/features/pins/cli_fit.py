"""``vconsole fit [DOMAIN...] [--apply]``: best fit of one, several or all domains as one plan."""

from __future__ import annotations

import argparse
from functools import partial

from vconsole.changes.activity import ActivityLog
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import CODES, asking, carry_out, target_of
from vconsole.cli.read import all_measured, complete, find_domain
from vconsole.cli.report import (
    DONE,
    FAILED,
    REFUSED,
    CliError,
    plain,
    print_columns,
    print_json,
)
from vconsole.features.pins.cli import add_target_arguments
from vconsole.features.pins.many_words import COLUMNS, LEGEND, picture, rows
from vconsole.features.pins.model.fit_many import fit_many
from vconsole.features.pins.model.many import ManyPlan, put_back, requests
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Domain, HostState
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.text import safe

_WIDTH = 32
"""pCPUs a line of the picture."""


def add_parsers(commands: Commands) -> None:
    """Add ``fit``."""
    fit = commands.add_parser("fit", help="find the best place for domains, together")
    fit.add_argument(
        "domains",
        nargs="*",
        metavar="DOMAIN",
        help="name, UUID or id; default all that run or start with the host",
    )
    add_connection_arguments(fit, argparse.SUPPRESS)
    how = fit.add_mutually_exclusive_group()
    how.add_argument("--apply", action="store_true", help="do it; else it is only shown")
    how.add_argument("--dry-run", action="store_true", help="only show it, as without --apply")
    add_target_arguments(fit, "domains")
    fit.add_argument("--json", action="store_true", help="report as JSON")
    fit.set_defaults(run=run_fit)


def run_fit(options: argparse.Namespace, source: HostSource) -> int:
    """Plan, show, and carry out where that is asked for."""
    uuids = [d.uuid for d in chosen_domains(options, complete(source, View("pin")))]
    host_state = all_measured(source, uuids)
    return show_and_apply(options, fit_many(uuids, host_state, target_of(options)))


def chosen_domains(options: argparse.Namespace, host_state: HostState) -> list[Domain]:
    """Those named, else all that run or will when the host starts."""
    if options.domains:
        return [find_domain(host_state, word) for word in options.domains]
    return [domain for domain in host_state.domains if domain.active or domain.autostart]


def show_and_apply(options: argparse.Namespace, many: ManyPlan) -> int:
    """Show a plan for several domains; carry it out where that is asked for and may be."""
    if not options.json:
        _print(many)
    replies: dict[SetPins, Reply] = {}
    if options.apply and many.changes:
        replies = _apply(options, many)
    if options.json:
        print_json(_report(many, replies))
    elif not many.changes:
        print("nothing would change")
    else:
        _print_replies(replies)
    if many.left_out and not many.placed:
        return REFUSED
    return max((CODES.get(reply.status, FAILED) for reply in replies.values()), default=DONE)


def _apply(options: argparse.Namespace, many: ManyPlan) -> dict[SetPins, Reply]:
    connection = many.before.connection
    if connection.read_only:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    if refused := many.refused:
        words = next(w.text for w in refused[0].warnings if w.severity == "refuse")
        raise CliError(f"refused: {refused[0].domain.name}: {words}", REFUSED)
    log = ActivityLog(state_dir())
    with asking(options) as host:
        replies = carry_out(
            *(host, requests(many), connection.uri, log),
            at_a_time=1,
            on_failure=partial(put_back, many),
        )
    if log.problem:
        raise CliError(f"not in the activity log: {log.problem}")
    return replies


def _print(many: ManyPlan) -> None:
    print_columns(COLUMNS, rows(many))
    for name, reason in many.left_out:
        print(safe(f"{name}: stays as it is: {reason}"))
    for placed in many.placed:
        for warning in placed.warnings:
            print(safe(f"{warning.severity}: {placed.domain.name}: {warning.text}"))
    lines = picture(many, _WIDTH)
    width = max((len(line.label) for line in lines), default=0)
    print()
    for line in lines:
        print(f"{line.label:<{width}}  {line.before}  {line.after}")
    print(f"{'':<{width}}  {LEGEND}")


def _print_replies(replies: dict[SetPins, Reply]) -> None:
    for change, reply in replies.items():
        what = "" if change.change.origin == "plan" else f" {change.change.origin}"
        words = reply.message or reply.read_back
        print(safe(f"{change.name}:{what} {reply.status}{': ' if words else ''}{words}"))


def _report(many: ManyPlan, replies: dict[SetPins, Reply]) -> dict[str, object]:
    return {
        "domains": [
            {
                "uuid": placed.domain.uuid,
                "name": placed.domain.name,
                "target": placed.plan.target,
                "rows": [plain(row) for row in placed.plan.changes()],
                "reasons": placed.reasons,
                "warnings": [plain(warning) for warning in placed.warnings],
                "commands": placed.plan.commands(many.before.connection.uri),
            }
            for placed in many.placed
        ],
        "left_out": [{"name": name, "reason": reason} for name, reason in many.left_out],
        "outcomes": [
            {"name": c.name, "origin": c.change.origin, "status": r.status, "message": r.message}
            for c, r in replies.items()
        ],
    }

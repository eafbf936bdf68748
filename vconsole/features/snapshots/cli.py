"""``vconsole snapshot list|create|revert|delete``: snapshots of a domain."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from vconsole.changes.dispatcher import Request
from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, change, chosen
from vconsole.cli.report import DONE, REFUSED, CliError, print_json, print_table
from vconsole.features.snapshots.model.change import plan_delete, plan_revert
from vconsole.features.snapshots.model.create import (
    DEADLINE_S,
    Ground,
    Kind,
    ReadGround,
    Wish,
    plan_create,
)
from vconsole.features.snapshots.model.tree import ReadSnapshots, SnapshotList, drawn, tree
from vconsole.host.source import HostSource
from vconsole.model.host_state import Domain
from vconsole.model.proposal import Proposal

V = TypeVar("V")
Plan = Callable[[argparse.Namespace, HostRequests, Domain], Proposal]


def add_parser(commands: Commands) -> None:
    """Add ``snapshot`` and what can be done with one."""
    top = commands.add_parser("snapshot", help="list, take, revert and delete snapshots")
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = _parser(actions, "list", "list the snapshots of a domain as a tree")
    listing.add_argument("--json", action="store_true", help="report as JSON")
    listing.set_defaults(run=run_list)
    _add_create(_parser(actions, "create", "take a snapshot"))
    _add_revert(_parser(actions, "revert", "put a domain back to a snapshot"))
    _add_delete(_parser(actions, "delete", "delete a snapshot"))


def _parser(actions: Commands, word: str, explanation: str) -> argparse.ArgumentParser:
    parser = actions.add_parser(word, help=explanation)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    return parser


def _add_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("snapshot", metavar="NAME", help="of the snapshot")
    parser.add_argument("--description", metavar="TEXT", default="", help="what it is for")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--disk-only", action="store_true", help="disks without memory, in new files")
    kind.add_argument("--external", action="store_true", help="memory and disks, in new files")
    parser.add_argument(
        "--quiesce", action="store_true", help="let the guest agent freeze the file systems"
    )
    _changes(parser, _create)


def _add_revert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("snapshot", metavar="NAME", help="of the snapshot")
    then = parser.add_mutually_exclusive_group()
    for word in ("running", "paused"):
        explanation = f"have it {word} then, however it was"
        then.add_argument(
            f"--{word}", dest="then", action="store_const", const=word, help=explanation
        )
    parser.set_defaults(then="as taken")
    _changes(parser, _revert)


def _add_delete(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("snapshot", metavar="NAME", help="of the snapshot")
    which = parser.add_mutually_exclusive_group()
    for word, explanation in (
        ("children", "and all that come from it"),
        ("children-only", "not itself, only all that come from it"),
    ):
        which.add_argument(
            f"--{word}", dest="which", action="store_const", const=word, help=explanation
        )
    parser.set_defaults(which="alone")
    parser.add_argument("--metadata", action="store_true", help="libvirt forgets, the data stays")
    _changes(parser, _delete)


def _changes(parser: argparse.ArgumentParser, plan: Plan) -> None:
    add_change_arguments(parser)
    parser.set_defaults(run=run_change, plan=plan, longest=lambda _: DEADLINE_S + 60.0)


# -- what they do ------------------------------------------------------------------------------


def run_list(options: argparse.Namespace, source: HostSource) -> int:
    """Print the snapshots of a domain."""
    domains, _ = chosen(options, source)
    with asking(options) as host:
        known = _answer(host, ReadSnapshots(domains[0].uuid), SnapshotList)
    if options.json:
        print_json([_fields(asdict(snapshot)) for snapshot in known.snapshots])
        return DONE
    rows = [
        (
            drawn(row, True) + s.name,
            f"{s.taken} UTC",
            s.state,
            s.kind,
            "current" * s.current,
            s.description,
        )
        for row in tree(known.snapshots)
        for s in (row.snapshot,)
    ]
    print_table(("name", "taken", "state", "kind", "", "description"), rows)
    if known.unread:
        print(f"and {known.unread} more")
    return DONE


def _fields(snapshot: dict[str, Any]) -> dict[str, Any]:
    """All but the XML, which is long."""
    return {name: value for name, value in snapshot.items() if name != "xml"}


def run_change(options: argparse.Namespace, source: HostSource) -> int:
    """Plan one change, and make it."""
    domains, connection = chosen(options, source)
    with asking(options) as host:
        try:
            proposal = options.plan(options, host, domains[0])
        except ValueError as error:
            raise CliError(f"{domains[0].name}: {error}", REFUSED) from error
        return change(options, connection, host, proposal)


def _create(options: argparse.Namespace, host: HostRequests, domain: Domain) -> Proposal:
    kind: Kind = "internal"
    if options.disk_only or options.external:
        kind = "disk-only" if options.disk_only else "external"
    wish = Wish(options.snapshot, options.description, kind, options.quiesce)
    ground = _answer(host, ReadGround(domain.uuid), Ground)
    return plan_create(domain.uuid, domain.name, ground, wish)


def _revert(options: argparse.Namespace, host: HostRequests, domain: Domain) -> Proposal:
    known = _answer(host, ReadSnapshots(domain.uuid), SnapshotList)
    return plan_revert(domain.uuid, domain.name, known, options.snapshot, options.then)


def _delete(options: argparse.Namespace, host: HostRequests, domain: Domain) -> Proposal:
    known = _answer(host, ReadSnapshots(domain.uuid), SnapshotList)
    which, metadata = options.which, options.metadata
    return plan_delete(domain.uuid, domain.name, known, options.snapshot, which, metadata)


def _answer(host: HostRequests, request: Request, kind: type[V]) -> V:
    reply = ask(host, request)
    if not isinstance(reply.value, kind):
        raise CliError(reply.message)
    return reply.value

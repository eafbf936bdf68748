"""``vconsole disk ...``: the disks of a domain, as the page of them does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import (
    add_change_arguments,
    ask,
    asking,
    change,
    chosen,
    longest_s,
    plan_and_change,
)
from vconsole.cli.report import DONE, REFUSED, CliError, print_columns, print_json
from vconsole.features.storage.model.disk_change import LIMITS
from vconsole.features.storage.model.disk_plan import (
    DiskWish,
    attacher,
    chain_job,
    detacher,
    end_job,
    plan_limit,
    plan_medium,
    plan_resize_disk,
)
from vconsole.features.storage.model.disks import DiskReport, ReadDisks
from vconsole.features.storage.words import DISK_COLUMNS, DiskRow
from vconsole.host.source import HostSource
from vconsole.model.host_state import Domain
from vconsole.model.proposal import Proposal

Plan = Callable[[argparse.Namespace, Domain, DiskReport], Proposal]
_DAY_S: Final = 24 * 3600.0


def add_parser(commands: Commands) -> None:
    """Add the word."""
    top = commands.add_parser("disk", help="the disks of a domain: list, change, resize, move")
    acts = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = _parser(acts, "list", "list the disks of a domain")
    listing.add_argument("--json", action="store_true", help="report as JSON")
    listing.set_defaults(run=_list)
    for word, help_, plan, arguments in _CHANGES:
        parser = _parser(acts, word, help_)
        parser.add_argument("target", metavar="TARGET", help="vda, as the list names it")
        for name, explanation in arguments:
            parser.add_argument(name, help=explanation)
        add_change_arguments(parser)
        parser.set_defaults(run=_change, plan=plan, longest=lambda _: longest_s(1, _DAY_S))
    acts.choices["resize"].add_argument(
        "--shrink", action="store_true", help="what lies behind is lost"
    )
    which = acts.choices["commit"].add_mutually_exclusive_group()
    for word, help_ in (
        ("all", "the whole chain into its last base, and go on there"),
        ("bases", "its bases into the last of them"),
    ):
        which.add_argument(
            f"--{word}", dest="which", action="store_const", const=f"commit {word}", help=help_
        )
    acts.choices["commit"].set_defaults(which="commit")
    acts.choices["end"].add_argument(
        "--pivot", action="store_true", help="go on at what it made, which has caught up"
    )
    _add_attach(acts)


def _add_attach(acts: Commands) -> None:
    attach = _parser(acts, "attach", "give a domain an image")
    attach.add_argument("path", metavar="PATH", help="or POOL/NAME")
    attach.add_argument("--format", required=True, help="raw, qcow2 ...: it is never guessed")
    attach.add_argument("--target", default="", help="vdb; else the next that is free")
    attach.add_argument("--readonly", action="store_true", help="the guest may not write it")
    detach = _parser(acts, "detach", "take a disk away; its image stays")
    detach.add_argument("target", metavar="TARGET", help="vda, as the list names it")
    for parser, run in ((attach, _attach), (detach, _detach)):
        add_change_arguments(parser, target=True)
        parser.set_defaults(run=run)


def _parser(acts: Commands, word: str, help_: str) -> argparse.ArgumentParser:
    parser = acts.add_parser(word, help=help_)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="its name or UUID")
    return parser


def _report(host: HostRequests, domain: Domain) -> DiskReport:
    reply = ask(host, ReadDisks(domain.uuid))
    if not isinstance(reply.value, DiskReport):
        raise CliError(reply.message)
    return reply.value


def _list(options: argparse.Namespace, source: HostSource) -> int:
    domains, _ = chosen(options, source)
    with asking(options) as host:
        found = _report(host, domains[0])
    if options.json:
        print_json(found)
        return DONE
    print_columns(DISK_COLUMNS, [DiskRow(d, found.numbers.get(d.target)) for d in found.disks])
    return DONE


def _change(options: argparse.Namespace, source: HostSource) -> int:
    domains, connection = chosen(options, source)
    with asking(options) as host:
        try:
            proposal = options.plan(options, domains[0], _report(host, domains[0]))
        except ValueError as error:
            raise CliError(f"{domains[0].name}: {error}", REFUSED) from error
        return change(options, connection, host, proposal)


def _attach(options: argparse.Namespace, source: HostSource) -> int:
    wish = DiskWish(options.path, options.format, options.target, options.readonly)
    return plan_and_change(options, source, attacher(wish))


def _detach(options: argparse.Namespace, source: HostSource) -> int:
    return plan_and_change(options, source, detacher(options.target))


_CHANGES: Final[tuple[tuple[str, str, Plan, tuple[tuple[str, str], ...]], ...]] = (
    (
        "resize",
        "give a disk another capacity while it is used",
        lambda o, d, r: plan_resize_disk(d.uuid, d.name, r, o.target, o.size, o.shrink),
        (("size", "20GiB, or +5GiB more"),),
    ),
    (
        "medium",
        "put another medium into a drive",
        lambda o, d, r: plan_medium(d.uuid, d.name, r, o.target, o.path),
        (("path", "an image, or POOL/NAME; '' ejects"),),
    ),
    (
        "eject",
        "take the medium out of a drive",
        lambda o, d, r: plan_medium(d.uuid, d.name, r, o.target, ""),
        (),
    ),
    (
        "limit",
        "limit what a disk may do in a second",
        lambda o, d, r: plan_limit(d.uuid, d.name, r, o.target, o.limit, o.value),
        (("limit", f"one of {', '.join(LIMITS)}"), ("value", "50MiB, 500; 0 for none")),
    ),
    (
        "flatten",
        "pull what a disk is based on into it",
        lambda o, d, r: chain_job(d.uuid, d.name, r, o.target, "flatten"),
        (),
    ),
    (
        "commit",
        "write a disk down into what it is based on",
        lambda o, d, r: chain_job(d.uuid, d.name, r, o.target, o.which),
        (),
    ),
    (
        "end",
        "end a block job that nobody follows",
        lambda o, d, r: end_job(d.uuid, d.name, r, o.target, o.pivot),
        (),
    ),
    (
        "move",
        "copy a disk elsewhere while it is used, and go on there",
        lambda o, d, r: chain_job(d.uuid, d.name, r, o.target, "copy", o.destination),
        (("destination", "path of the new image, or POOL/NAME of a volume made for it"),),
    ),
)

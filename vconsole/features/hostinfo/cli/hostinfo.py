"""The arguments of ``vconsole hostinfo``; the work is in modules that only it imports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.service import add_service

if TYPE_CHECKING:
    from vconsole.host.source import HostSource

CONF = Path("/etc/hostinfo/hostinfo.conf")
STATUS_SOCKET = Path("/run/vconsole/hostinfod.sock")
CHANGES = {
    "enable": "give domains a hostinfo port, from their next start on",
    "disable": "take the port away",
    "repair": "put a wrong port right",
}


def add_parser(commands: Commands) -> None:
    """Add ``hostinfo``."""
    parser = commands.add_parser("hostinfo", help="what guests may learn about this host")
    actions = parser.add_subparsers(
        dest="action",
        required=True,
        metavar="check|show|explain|status|enable|disable|repair|service",
    )
    check = actions.add_parser("check", help="say what is wrong with rules; needs no libvirt")
    check.add_argument("file", type=Path, help="such as /etc/hostinfo/hostinfo.conf")
    check.set_defaults(run=_check, connects=False)
    show = actions.add_parser("show", help="ports, rules and queries of the domains")
    show.add_argument("--domain", metavar="D", help="only this one, by name, UUID or id")
    show.add_argument(
        "--status-socket", type=Path, metavar="PATH", default=STATUS_SOCKET, help="hostinfod's"
    )
    _add_common(show, _show, rules=True)
    explain = actions.add_parser("explain", help="what a domain would receive, and by which line")
    explain.add_argument("domain", help="name, UUID or id")
    _add_common(explain, _explain, rules=True)
    status = actions.add_parser("status", help="whether domains have a hostinfo port")
    _add_domains(status)
    _add_common(status, _status)
    for action, help_ in CHANGES.items():
        change = actions.add_parser(action, help=help_)
        _add_domains(change)
        change.add_argument("--dry-run", action="store_true", help="show what would change")
        if action == "enable":
            change.add_argument(
                "--port", type=int, metavar="N", help="0 to 3; default 1, or the next that is free"
            )
        _add_common(change, _change)
    add_service(actions, "hostinfod")


def _add_domains(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("domains", nargs="*", metavar="DOMAIN", help="name, UUID or id")
    parser.add_argument("--all", action="store_true", help="all domains of the host")


def _add_common(parser: argparse.ArgumentParser, run: object, rules: bool = False) -> None:
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="report as JSON")
    if rules:
        parser.add_argument(
            "--hostinfo-conf", type=Path, metavar="FILE", default=CONF, help="rules (%(default)s)"
        )
    parser.set_defaults(run=run)


def _check(options: argparse.Namespace) -> int:
    from vconsole.features.hostinfo.cli.rules import check

    return check(options)


def _show(options: argparse.Namespace, source: HostSource) -> int:
    from vconsole.features.hostinfo.cli.rules import show

    return show(options, source)


def _explain(options: argparse.Namespace, source: HostSource) -> int:
    from vconsole.features.hostinfo.cli.explain import explain

    return explain(options, source)


def _status(options: argparse.Namespace, source: HostSource) -> int:
    from vconsole.features.hostinfo.cli.ports import status

    return status(options, source)


def _change(options: argparse.Namespace, source: HostSource) -> int:
    from vconsole.features.hostinfo.cli.ports import change

    return change(options, source)

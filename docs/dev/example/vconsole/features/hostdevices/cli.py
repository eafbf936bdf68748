"""``vconsole devices``: the devices of the host."""

from __future__ import annotations

import argparse

from vconsole.features.hostdevices.model import TITLES, ReadHostDevices

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import ask, asking
from vconsole.cli.report import DONE, CliError, print_json, print_table
from vconsole.host.source import HostSource


def add_parser(commands: Commands) -> None:
    """Add ``devices``."""
    parser = commands.add_parser("devices", help="list the devices of the host")
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, _source: HostSource) -> int:
    """Read, then print."""
    with asking(options) as host:
        reply = ask(host, ReadHostDevices())
    if not isinstance(reply.value, tuple):
        raise CliError(reply.message)
    if options.json:
        print_json(reply.value)
    else:
        print_table(TITLES, [(one.name, one.kind, one.parent) for one in reply.value])
    return DONE

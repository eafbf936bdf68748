"""``vconsole locality``: where the memory of a domain lies, and moving it."""

from __future__ import annotations

import argparse

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, change
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, REFUSED, USAGE, CliError, plain, print_columns, print_json
from vconsole.features.locality.model.move import plan_move
from vconsole.features.locality.model.place import Place, ReadPlace, reasons
from vconsole.features.locality.words import COLUMNS, home_of, rows_of
from vconsole.host.source import HostSource, View
from vconsole.model.cpuset import CpuSet, CpuSetError


def add_parsers(commands: Commands) -> None:
    """Add ``locality``."""
    locality = commands.add_parser(
        "locality", help="show where a domain's memory lies and why, or move it"
    )
    locality.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    locality.add_argument("--to", metavar="CELLS", help="move it there: 1, 0-1, or home")
    add_connection_arguments(locality, argparse.SUPPRESS)
    add_change_arguments(locality)
    locality.set_defaults(run=run_locality)


def run_locality(options: argparse.Namespace, source: HostSource) -> int:
    """Show the place of its memory, or plan another and have it moved."""
    host_state = complete(source, View("pin"))
    domain = find_domain(host_state, options.domain)
    home = home_of(domain, host_state)
    with asking(options) as host:
        reply = ask(host, ReadPlace(domain.uuid))
        if not isinstance(reply.value, Place):
            raise CliError(reply.message)
        place = reply.value
        why = reasons(domain, place, home)
        if options.to is not None:
            try:
                cells = home if options.to == "home" else CpuSet.parse(options.to)
                proposal = plan_move(domain.uuid, domain.name, place, cells)
            except CpuSetError as error:
                raise CliError(str(error).replace("pCPU", "cell"), USAGE) from error
            except ValueError as error:
                raise CliError(str(error), REFUSED) from error
            return change(options, host_state.connection, host, proposal)
    if options.json:
        print_json({"uuid": domain.uuid, "home": str(home), "place": plain(place), "why": why})
        return DONE
    print_columns(COLUMNS, rows_of(place, home))
    for text in why:
        print(text)
    return DONE

"""``vconsole diff``, ``persist``, ``revert``: domains as they run and as they are defined."""

from __future__ import annotations

import argparse
from typing import get_args

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, chosen, plan_and_change
from vconsole.cli.read import complete
from vconsole.cli.report import DONE, FAILED, USAGE, CliError, print_json, print_table
from vconsole.features.divergence.model.plan import area_planner
from vconsole.features.divergence.model.rows import Divergence, ReadDivergence
from vconsole.host.source import HostSource, View
from vconsole.model.differences import Area
from vconsole.registry import revert

_TITLES = ("Domain", "Area", "What", "Live", "Config", "Can")


def add_parsers(commands: Commands) -> None:
    """Add the three subcommands."""
    _add_diff(commands)
    persist = _add_way(commands, "persist", "write live values into the definition")
    persist.add_argument(
        "--remove", action="store_true", help="take out of it what the running domain has not got"
    )
    revert = _add_way(commands, "revert", "give the running domain what is defined")
    revert.set_defaults(remove=False)


def _add_diff(commands: Commands) -> None:
    diff = commands.add_parser(
        "diff", help="list where domains run otherwise than they are defined; exits with 1 if so"
    )
    add_connection_arguments(diff, argparse.SUPPRESS)
    diff.add_argument("domains", nargs="*", metavar="DOMAIN", help="name, UUID or id")
    diff.add_argument("--all", action="store_true", help="all domains that run")
    diff.add_argument("--json", action="store_true", help="print JSON")
    diff.set_defaults(run=run_diff)


def _add_way(commands: Commands, way: str, explanation: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(way, help=explanation)
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    areas = get_args(Area)
    parser.add_argument(
        "area", nargs="?", choices=areas, metavar="AREA", help=f"one of {', '.join(areas)}"
    )
    add_change_arguments(parser, defines=True)
    parser.set_defaults(run=run_way, way=way)
    return parser


# -- differences -----------------------------------------------------------------------------


def run_diff(options: argparse.Namespace, source: HostSource) -> int:
    """List the differences; answers 1 where there is one, or a domain could not be compared."""
    if options.all == bool(options.domains):
        raise CliError("name domains, or give --all", USAGE)
    domains, _ = chosen(options, source)
    host_state = source.read(View("domains"))
    if options.all:
        domains = [domain for domain in complete(source, View("domains")).domains if domain.active]
    uuids = tuple(domain.uuid for domain in domains)
    with asking(options) as host:
        reply = ask(host, ReadDivergence(uuids, host_state.all_pcpus))
    if not isinstance(reply.value, dict):
        raise CliError(reply.message)
    found: dict[str, Divergence] = reply.value
    if options.json:
        print_json([{"uuid": d.uuid, "name": d.name, "divergence": found[d.uuid]} for d in domains])
    else:
        print_table(_TITLES, [line for d in domains for line in _lines(d.name, found[d.uuid])])
    return FAILED if any(each.rows or each.unread for each in found.values()) else DONE


def _lines(name: str, found: Divergence) -> list[tuple[str | None, ...]]:
    if found.reason:
        return [(name, None, found.reason, None, None, None)]
    lines: list[tuple[str | None, ...]] = []
    for row in found.rows:
        shown = row.difference
        can = [w for w, why in (("persist", row.persist), ("revert", row.revert)) if not why]
        words = ", ".join(can) or None
        lines.append((name, shown.area, shown.what, shown.live, shown.config, words))
    return lines


def run_way(options: argparse.Namespace, source: HostSource) -> int:
    """Plan it for all differences of the area, and carry it out."""
    host_state = source.read(View("domains"))
    planner = area_planner(
        options.way,
        options.area,
        host_state.all_pcpus,
        revert,
        removing=options.remove,
        pins=host_state.connection.split_pins,
    )
    return plan_and_change(options, source, planner)

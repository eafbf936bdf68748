"""``vconsole why``: who disturbs a domain or a pCPU, the worst first."""

from __future__ import annotations

import argparse
from time import sleep

from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import ask, asking
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, USAGE, CliError, plain, print_json
from vconsole.features.why.model.rank import causes, thread_rates
from vconsole.features.why.model.sample import ReadWhy, Sample
from vconsole.features.why.words import NOBODY, RATES_TITLES, rates_line
from vconsole.host.source import HostSource, View
from vconsole.text import safe


def add_parsers(commands: Commands) -> None:
    """Add ``why``."""
    why = commands.add_parser("why", help="who disturbs a domain or a pCPU, with a cure each")
    why.add_argument("domain", nargs="?", metavar="DOMAIN", help="name, UUID or id")
    why.add_argument("--pcpu", type=int, metavar="N", help="one pCPU of the host")
    why.add_argument(
        "--seconds", type=float, default=3.0, metavar="S", help="how long to look; default 3"
    )
    add_connection_arguments(why, argparse.SUPPRESS)
    why.add_argument("--json", action="store_true", help="report as JSON")
    why.set_defaults(run=run_why)


def run_why(options: argparse.Namespace, source: HostSource) -> int:
    """Take two samples, and print what follows from them."""
    if (options.domain is None) == (options.pcpu is None):
        raise CliError("name a domain, or a pCPU by --pcpu", USAGE)
    if not 0.1 <= options.seconds <= 600:
        raise CliError("--seconds is from 0.1 to 600", USAGE)
    host_state = complete(source, View("host"))
    uuid = find_domain(host_state, options.domain).uuid if options.domain else ""
    if options.pcpu is not None and options.pcpu not in host_state.all_pcpus:
        raise CliError(f"this host has no pCPU {options.pcpu}", USAGE)
    with asking(options) as host:
        before = _sample(host, ReadWhy(uuid, options.pcpu))
        sleep(options.seconds)
        now = _sample(host, ReadWhy(uuid, options.pcpu, before))
    names = {d.uuid: d.name for d in host_state.domains}
    found, rates = causes(before, now, names), thread_rates(before, now)
    if options.json:
        print_json({"causes": [plain(c) for c in found], "threads": [plain(r) for r in rates]})
        return DONE
    for line in [RATES_TITLES, *map(rates_line, rates)] if rates else ():
        print(line)
    for cause in found:
        print(safe(cause.words))
        print(safe(f"    cure: {cause.cure}"))
    if not found:
        print(NOBODY)
    return DONE


def _sample(host: HostRequests, request: ReadWhy) -> Sample:
    reply = ask(host, request)
    if not isinstance(reply.value, Sample):
        raise CliError(reply.message)
    return reply.value

"""``vconsole memory`` and ``vconsole vcpus``: what a domain has, and giving it more or less."""

from __future__ import annotations

import argparse

from vconsole.changes.host_requests import HostRequests
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, change, target_of
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, CliError, print_json, print_table
from vconsole.features.resources.model.numbers import Reading, ReadResources
from vconsole.features.resources.model.plan_memory import LONGEST_PERIOD_S, MemoryWish
from vconsole.features.resources.model.plan_vcpus import VcpuWish
from vconsole.features.resources.model.room import room_of
from vconsole.features.resources.model.rows import ROWS, count_of, in_use, report_words, shape_of
from vconsole.host.source import HostSource, View
from vconsole.model.host_state import Domain, HostState
from vconsole.model.proposal import Planner, Propose
from vconsole.model.size import MemorySizeError, parse
from vconsole.model.words import amount
from vconsole.text import safe

_MEMORY = ("maximum", "current", "dump_core", "statistics")
_VCPUS = ("maximum_vcpus", "vcpus", "topology")


def add_parsers(commands: Commands) -> None:
    """Add both subcommands."""
    memory = commands.add_parser("memory", help="show or set the memory of a domain")
    _add_common(memory)
    memory.add_argument(
        "size", nargs="?", type=_kib, metavar="SIZE", help="what it has now: 512MiB, 2G, ..."
    )
    memory.add_argument("--max", type=_kib, metavar="SIZE", help="the most it may have")
    memory.add_argument(
        "--dump-core", choices=("on", "off"), help="whether its memory is in a core dump"
    )
    memory.add_argument(
        "--statistics", type=_seconds, metavar="S", help="have it report every S seconds; 0: never"
    )
    memory.set_defaults(run=run_memory)
    vcpus = commands.add_parser("vcpus", help="show or set the count of a domain's vCPUs")
    _add_common(vcpus)
    vcpus.add_argument("count", nargs="?", type=int, metavar="COUNT", help="how many it has now")
    vcpus.add_argument("--max", type=int, metavar="COUNT", help="the most it may have")
    vcpus.add_argument(
        "--topology", type=_shape, metavar="SxCxT", help="sockets, cores, threads: 1x4x2"
    )
    vcpus.set_defaults(run=run_vcpus)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    add_change_arguments(parser, target=True, defines=True)


def _kib(text: str) -> int:
    try:
        return parse(text).kib
    except MemorySizeError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> int:
    try:
        return count_of(text, 0, LONGEST_PERIOD_S, " seconds")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _shape(text: str) -> tuple[int, int, int]:
    try:
        return shape_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def run_memory(options: argparse.Namespace, source: HostSource) -> int:
    """Show the memory, or plan a change and make it."""
    host_state, domain = _found(options, source)
    with asking(options) as host:
        reading = _read(host, domain)
        dump = None if options.dump_core is None else options.dump_core == "on"
        wish = MemoryWish(options.size, options.max, dump, options.statistics)
        if wish == MemoryWish():
            return _show(options, domain, reading, _MEMORY)
        room = room_of(domain, host_state, reading.needed_kib)
        wish = MemoryWish(options.size, options.max, dump, options.statistics, room)
        return _change(options, host_state, domain, host, wish.plan)


def run_vcpus(options: argparse.Namespace, source: HostSource) -> int:
    """Show the vCPUs, or plan a change and make it."""
    host_state, domain = _found(options, source)
    wish = VcpuWish(options.count, options.max, options.topology)
    with asking(options) as host:
        if wish == VcpuWish():
            return _show(options, domain, _read(host, domain), _VCPUS)
        return _change(options, host_state, domain, host, wish.plan)


def _found(options: argparse.Namespace, source: HostSource) -> tuple[HostState, Domain]:
    host_state = complete(source, View("host"))
    return host_state, find_domain(host_state, options.domain)


def _read(host: HostRequests, domain: Domain) -> Reading:
    reply = ask(host, ReadResources(domain.uuid))
    if not isinstance(reply.value, Reading):
        raise CliError(reply.message)
    return reply.value


def _change(
    options: argparse.Namespace,
    host_state: HostState,
    domain: Domain,
    host: HostRequests,
    plan: Planner,
) -> int:
    wanted = Propose(((domain.uuid, domain.name),), plan, (target_of(options),))
    reply = ask(host, wanted)
    if not isinstance(reply.value, tuple):
        raise CliError(reply.message)
    return change(options, host_state.connection, host, reply.value[0])


def _show(
    options: argparse.Namespace, domain: Domain, reading: Reading, rows: tuple[str, ...]
) -> int:
    if options.json:
        statistics = {"statistics": reading.statistics} if "current" in rows else {}
        halves = {"live": reading.live, "config": reading.config}
        print_json({"uuid": domain.uuid, "name": domain.name, **halves, **statistics})
        return DONE
    table = [(ROWS[key].title, *ROWS[key].words(reading)) for key in rows]
    print_table((safe(domain.name), "live", "config", ""), table)
    if "current" in rows and reading.live:
        for title, kib in in_use(reading):
            print(f"{title:<18}  {'-' if kib is None else amount(kib * 1024)}")
        print(report_words(reading))
    return DONE

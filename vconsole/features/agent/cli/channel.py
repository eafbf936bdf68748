"""``vconsole agent channel status|add|remove``: the channel that an agent is reached over."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import (
    add_change_arguments,
    ask,
    asking,
    chosen,
    longest_s,
    plan_and_change,
)
from vconsole.cli.read import listed
from vconsole.cli.report import DONE, USAGE, CliError, print_json, print_table
from vconsole.features.agent.model.channel import (
    AgentChannel,
    add_channel,
    agent_channel,
    remove_channel,
)
from vconsole.host.source import HostSource, View
from vconsole.model.agent_channels import AGENT
from vconsole.model.host_state import Domain
from vconsole.model.request import Configurations, ReadConfigurations
from vconsole.model.xml_edit import XmlEditError

_PLANNERS = {"add": add_channel, "remove": remove_channel}


def add_channel_parser(commands: Commands) -> None:
    """Add ``channel`` to the subcommands of ``agent``."""
    parser = commands.add_parser("channel", help="the channel that the agent is reached over")
    actions = parser.add_subparsers(dest="channel_act", required=True, metavar="status|add|remove")
    status = actions.add_parser("status", help="who has it, and whether the guest has it open")
    _add_domains(status)
    status.add_argument("--json", action="store_true", help="as JSON")
    status.set_defaults(run=_status, longest=_longest_s)
    for act, help_ in (
        ("add", "give it to domains: to those that run at once where that is possible"),
        ("remove", "take it from domains, those that are wrong too"),
    ):
        change = actions.add_parser(act, help=help_)
        _add_domains(change)
        add_change_arguments(change, target=True)
        change.set_defaults(run=_change, longest=_longest_s)


def _add_domains(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domains", nargs="*", metavar="DOMAIN", help="name, UUID or id")
    parser.add_argument("--all", action="store_true", help="every domain of the host")
    parser.add_argument(
        "--channel", default=AGENT, metavar="NAME", help="one with another name; not %(default)s"
    )


def _longest_s(options: argparse.Namespace) -> float:
    return 3600.0 if options.all else longest_s(len(options.domains), 30.0)


def _change(options: argparse.Namespace, source: HostSource) -> int:
    try:
        plan = _PLANNERS[options.channel_act](options.channel)
    except ValueError as error:
        raise CliError(str(error), USAGE) from error
    _settle(options, source)
    return plan_and_change(options, source, plan)


def _settle(options: argparse.Namespace, source: HostSource) -> None:
    """Make ``--all`` the domains that there are."""
    if options.all == bool(options.domains):
        raise CliError("name domains, or give --all", USAGE)
    if options.all:
        host_state = listed(source.read(View("domains")))
        options.domains = [domain.uuid for domain in host_state.domains]


def _status(options: argparse.Namespace, source: HostSource) -> int:
    _settle(options, source)
    domains, _ = chosen(options, source)
    with asking(options) as host:
        reply = ask(host, ReadConfigurations(tuple(domain.uuid for domain in domains)))
    found: Mapping[str, Configurations] = reply.value if isinstance(reply.value, dict) else {}
    known = [(d, _channel(d, found[d.uuid], options.channel)) for d in domains if d.uuid in found]
    if options.json:
        print_json([_as_json(domain, channel) for domain, channel in known])
    else:
        titles = ("domain", "channel", "next start", "problem", "private channels")
        print_table(titles, [_row(domain, channel) for domain, channel in known])
    if len(known) < len(domains):
        raise CliError(reply.message)
    return DONE


def _channel(domain: Domain, found: Configurations, name: str) -> AgentChannel:
    try:
        return agent_channel(found.live, found.config, name)
    except XmlEditError as error:
        raise CliError(f"{domain.name}: {error}") from error


def _row(domain: Domain, channel: AgentChannel) -> tuple[object, ...]:
    private = ", ".join(other.name for other in channel.private)
    return domain.name, channel.state, channel.next_start, channel.problem, private


def _as_json(domain: Domain, channel: AgentChannel) -> dict[str, object]:
    return {
        "uuid": domain.uuid,
        "name": domain.name,
        "channel": channel.name,
        "state": channel.state,
        "next_start": channel.next_start,
        "problem": channel.problem,
        "private": [
            {"name": other.name, "path": other.path, "connected": other.connected}
            for other in channel.private
        ],
    }

"""``vconsole metrics attach|detach``: the disk and the channel, as the console does it."""

from __future__ import annotations

import argparse

from vconsole.cli.changing import ask, asking, change, chosen, target_of
from vconsole.cli.report import CliError
from vconsole.features.metrics.model.provision import Wish
from vconsole.features.metrics.requests import PlanDevices
from vconsole.host.source import HostSource


def attach_or_detach(options: argparse.Namespace, source: HostSource) -> int:
    """Plan the changes of the domains that are named, and make them."""
    domains, connection = chosen(options, source)
    named = tuple((domain.uuid, domain.name) for domain in domains)
    wanted = PlanDevices(named, _wish(options), (target_of(options),))
    with asking(options) as host:
        reply = ask(host, wanted)
        if not isinstance(reply.value, tuple):
            raise CliError(reply.message)
        return change(options, connection, host, reply.value[0])


def _wish(options: argparse.Namespace) -> Wish:
    return Wish(
        "channel" if options.channel else "disk",
        options.action == "attach",
        str(options.disk),
        own=options.action == "attach" and options.own,
    )

"""``vconsole metrics attach|detach``: the disk and the channel, as the console does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from typing import Any

from vconsole.cli.read import find_domain
from vconsole.cli.report import DONE, FAILED, REFUSED, CliError
from vconsole.host.open import connect_link
from vconsole.host.requests import HostRequests
from vconsole.host.source import HostSource, View
from vconsole.metrics.console import DevicePlan, PlanDevices, handlers
from vconsole.metrics.provision import Wish
from vconsole.model.changes import Target
from vconsole.model.requests import ChangeDevice, ReadConfigurations, Reply
from vconsole.text import safe

_CODES = {"applied": DONE, "refused": REFUSED, "conflict": REFUSED}


def change(options: argparse.Namespace, source: HostSource) -> int:
    """Change one domain after the other, and say what became of each."""
    snapshot = source.read(View("domains"))
    domains = [find_domain(snapshot, word) for word in options.domains]
    connection = snapshot.connection
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    read_only = options.read_only or options.dry_run
    with closing(
        HostRequests(lambda: connect_link(options.connect, read_only, options.demo))
    ) as host:
        ask = host.handlers()
        named = tuple(dict.fromkeys((domain.uuid, domain.name) for domain in domains))
        plan = _plan(PlanDevices(named, _wish(options)), ask[ReadConfigurations])
        codes = [_refused(reason) for reason in plan.refused]
        for step in plan.changes:
            codes += [_would(step) if options.dry_run else _done(step, ask[ChangeDevice](step))]
    return FAILED if FAILED in codes else max(codes, default=DONE)


def _wish(options: argparse.Namespace) -> Wish:
    target: Target = "both"
    if options.live != options.config:
        target = "live" if options.live else "config"
    return Wish(
        "channel" if options.channel else "disk",
        options.action == "attach",
        str(options.disk),
        own=options.action == "attach" and options.own,
        target=target,
    )


def _plan(request: PlanDevices, read: Callable[[Any], Reply]) -> DevicePlan:
    reply = handlers(read)[PlanDevices](request)
    assert isinstance(reply.value, DevicePlan)
    return reply.value


def _refused(reason: str) -> int:
    print(safe(reason))
    return REFUSED


def _would(step: ChangeDevice) -> int:
    print(
        safe(f"{step.name}: would {step.what} ({_halves(step)}): {' '.join(step.device.split())}")
    )
    return DONE


def _done(step: ChangeDevice, reply: Reply) -> int:
    words = f": {reply.message}" if reply.message else f" ({_halves(step)})"
    print(safe(f"{step.name}: {step.what}: {reply.status}{words}"))
    return _CODES.get(reply.status, FAILED)


def _halves(step: ChangeDevice) -> str:
    if step.live and step.config:
        return "live and config"
    return "live" if step.live else "config, from its next start on"

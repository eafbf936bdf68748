"""``vconsole show pcpu N``: what a pCPU is, who may run there and who will."""

from __future__ import annotations

import argparse

from vconsole.cli.report import (
    FAILED,
    USAGE,
    CliError,
    plain,
    print_columns,
    print_facts,
    print_json,
)
from vconsole.features.hostmap.who import COLUMNS, Seen, about, floating_words, seen
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import HostState, PCpu
from vconsole.model.placement import occupants
from vconsole.model.topology import Topology, topology
from vconsole.text import percent


def show_pcpu(options: argparse.Namespace, host_state: HostState) -> None:
    """Print the inverse map of one pCPU."""
    if options.name is None or not options.name.isdecimal():
        raise CliError("show pcpu needs the number of a pCPU", USAGE)
    shape = topology(host_state)
    found = shape.pcpu.get(int(options.name))
    if found is None:
        raise CliError(f"this host has pCPUs {shape.everything or '-'}", FAILED)
    rows = seen(found.id, host_state)
    if options.json:
        print_json(_report(found, rows, shape, host_state))
        return
    print_facts(_facts(found, shape, host_state))
    print(about(found.id, rows, host_state))
    print(floating_words(occupants(host_state)))
    if rows:
        print()
        print_columns(COLUMNS, rows)


def _facts(pcpu: PCpu, shape: Topology, host_state: HostState) -> list[tuple[str, object]]:
    kinds = shape.kinds_of(CpuSet.of((pcpu.id,)))
    busy = host_state.busy.get(pcpu.id)
    return [
        ("pcpu", pcpu.id),
        ("cell", shape.cell_of[pcpu.id]),
        ("socket", pcpu.socket),
        ("die", pcpu.die),
        ("core", pcpu.core),
        ("L3 domain", shape.l3_of.get(pcpu.id)),
        ("kind", shape.kind_word(kinds[0]) if kinds else None),
        ("state", None if pcpu.online is None else "online" if pcpu.online else "offline"),
        ("busy", None if busy is None else f"{percent(busy)} %"),
        ("isolated", "yes" if pcpu.isolated else "no"),
    ]


def _report(
    pcpu: PCpu, rows: list[Seen], shape: Topology, host_state: HostState
) -> dict[str, object]:
    return {
        **plain(pcpu),
        "cell": shape.cell_of[pcpu.id],
        "l3_domain": plain(shape.l3_of.get(pcpu.id)),
        "busy": host_state.busy.get(pcpu.id),
        "threads": [{**row.thread._asdict(), "ran_here_last": row.ran} for row in rows],
        "floating": len(occupants(host_state).floating),
    }

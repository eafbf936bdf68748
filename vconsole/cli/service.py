"""``service`` of a feature whose daemon is a unit of systemd: on, off, start, stop, its state."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from vconsole.cli.arguments import Commands
from vconsole.cli.changing import add_change_arguments, ask, asking, change_here
from vconsole.cli.report import DONE, FAILED, CliError, print_facts, print_json
from vconsole.model.diagnosis import Check
from vconsole.model.unit import ChangeUnit, Daemon, ReadUnit, Unit, Verb, facts
from vconsole.text import safe


def add_service(actions: Commands, daemon: Daemon) -> None:
    """Add ``service`` to the actions of a feature."""
    parser = actions.add_parser("service", help=f"whether {daemon} runs, and starts by itself")
    parser.add_argument(
        "verb",
        nargs="?",
        default="status",
        choices=("status", *get_args(Verb)),
        help="on and off: now, and with the machine; default status",
    )
    add_change_arguments(parser)
    parser.set_defaults(run=_run, connects=False, daemon=daemon, waits_s=70.0)


def check_unit(daemon: Daemon, cure: str) -> Check:
    """What ``doctor`` says of it."""
    from vconsole.daemon.units import read_unit

    reply = read_unit(ReadUnit(daemon))
    if not isinstance(reply.value, Unit):
        return Check(daemon, "unknown", reply.message, f"vconsole {daemon}")
    unit = reply.value
    if not unit.found:
        words = "its unit is not installed"
        return Check(daemon, "warn", words, "install the package, or make install")
    if unit.active == "failed":
        return Check(
            daemon, "fail", f"{unit.name} failed: {unit.result}", f"journalctl -u {unit.name}"
        )
    verdict: Any = "ok" if unit.active == "active" else "warn"
    return Check(daemon, verdict, f"{unit.name}: {unit.state}", cure)


def _run(options: argparse.Namespace) -> int:
    with asking(options) as host:
        reply = ask(host, ReadUnit(options.daemon))
    if not isinstance(reply.value, Unit):
        raise CliError(reply.message)
    if options.verb == "status":
        return status(options, reply.value)
    return _change(options, reply.value)


def status(options: argparse.Namespace, unit: Unit) -> int:
    """Print it; 0 where it is active, as systemctl and the old ``service`` have it."""
    if options.json:
        print_json(unit)
    else:
        print_facts(facts(unit))
        for line in unit.journal[-10:]:
            print(safe(line))
        if unit.found and unit.journal_problem:
            print(safe(f"journal: {unit.journal_problem}"))
    return DONE if unit.active == "active" else FAILED


def _change(options: argparse.Namespace, unit: Unit) -> int:
    return change_here(options, ChangeUnit(unit.name, options.verb, unit.state))

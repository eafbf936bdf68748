"""``vconsole pin`` and ``vconsole plan apply``: same model, checks and words as the console."""

from __future__ import annotations

import argparse
from pathlib import Path

from vconsole.changes.activity import ActivityLog
from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import CODES, asking, carry_out, target_of
from vconsole.cli.given import given_bytes
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, FAILED, REFUSED, USAGE, CliError, plain, print_json
from vconsole.features.pins.model.one_to_one import one_to_one
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.plan_json import PlanFileError, plan_from_json
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.files.places import state_dir
from vconsole.host.source import HostSource, View
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.outcome import Outcome
from vconsole.model.set_pins import SetPins, outcome_of
from vconsole.model.topology import topology
from vconsole.model.words import row_label
from vconsole.text import safe


def add_parsers(commands: Commands) -> None:
    """Add ``pin`` and ``plan``."""
    pin = commands.add_parser("pin", help="say where the threads of a domain may run")
    pin.add_argument("domain", help="name, UUID or id")
    pin.add_argument("cpuset", help="such as 0-7,^3, r for all pCPUs, cell:N or l3:N (of pCPU N)")
    row = pin.add_mutually_exclusive_group()
    row.add_argument("--vcpu", type=int, metavar="N", help="one vCPU; default all of them")
    row.add_argument("--emulator", action="store_true", help="the emulator")
    row.add_argument("--iothread", type=int, metavar="N", help="one iothread")
    row.add_argument(
        "--one-to-one", action="store_true", help="spread the vCPUs over the set, a pCPU each"
    )
    add_target_arguments(pin)
    add_plan_arguments(pin, run_pin)
    plan = commands.add_parser("plan", help="apply a plan saved by the console")
    actions = plan.add_subparsers(dest="action", required=True, metavar="apply")
    apply = actions.add_parser("apply", help="compare with what the plan saw, apply, read back")
    apply.add_argument("file", type=Path, help="JSON, as the page Plan saves it")
    add_plan_arguments(apply, run_apply)


def add_target_arguments(parser: argparse.ArgumentParser, whom: str = "domain") -> None:
    """Add the options that choose live or config."""
    parser.add_argument("--live", action="store_true", help=f"change the running {whom}")
    parser.add_argument("--config", action="store_true", help="change what the next start uses")


def add_plan_arguments(parser: argparse.ArgumentParser, run: object) -> None:
    """Add what every plan of one domain takes."""
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("--dry-run", action="store_true", help="show what would change")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.set_defaults(run=run)


def run_pin(options: argparse.Namespace, source: HostSource) -> int:
    """Stage the rows and carry the plan out."""
    host_state = complete(source, View("pin"))
    domain = find_domain(host_state, options.domain)
    plan = PinPlan.of(domain, host_state)
    try:
        plan = aimed(plan, options)
        cpuset = _cpuset(options.cpuset, host_state)
        if options.one_to_one:
            plan = one_to_one(plan, domain, host_state, cpuset)
        for key in () if options.one_to_one else _rows(options, domain):
            plan = plan.stage(key, cpuset)
    except CpuSetError as error:
        raise CliError(str(error), USAGE) from error
    except ValueError as error:
        raise CliError(str(error), REFUSED) from error
    return show_and_set(plan, options, host_state)


def aimed(plan: PinPlan, options: argparse.Namespace) -> PinPlan:
    """The plan for the halves that are named; where none is, for those that the domain has.

    Raises:
        ValueError: The domain has no such half.
    """
    return plan.with_target(target_of(options)) if options.live or options.config else plan


def _cpuset(text: str, host_state: HostState) -> CpuSet:
    """A cpuset, or what ``cell:N`` and ``l3:N`` name.

    Raises:
        CpuSetError: The host has none of that name, or the text is no cpuset.
    """
    shape = topology(host_state)
    what, _, number = text.partition(":")
    if what not in ("cell", "l3") or not number.isdecimal():
        return CpuSet.parse(text, host_state.all_pcpus)
    found = (shape.cell_pcpus if what == "cell" else shape.l3_of).get(int(number))
    if not found:
        raise CpuSetError(f"{text}: the host names no pCPUs of it")
    return found & shape.online


def _rows(options: argparse.Namespace, domain: Domain) -> list[PinKey]:
    if options.emulator:
        return [("emulator", None)]
    if options.iothread is not None:
        return [("iothread", options.iothread)]
    if options.vcpu is not None:
        return [("vcpu", options.vcpu)]
    return [pin.key for pin in domain.pins if pin.kind == "vcpu"]


def run_apply(options: argparse.Namespace, source: HostSource) -> int:
    """Carry out a saved plan; what it saw must still be true."""
    try:
        plan = plan_from_json(given_bytes(options.file).decode())
    except UnicodeDecodeError as error:
        raise CliError(f"{options.file}: {error}") from error
    except PlanFileError as error:
        raise CliError(f"{options.file}: {error}", USAGE) from error
    host_state = complete(source, View("pin"))
    return show_and_set(plan.beside(host_state), options, host_state)


def show_and_set(plan: PinPlan, options: argparse.Namespace, host_state: HostState) -> int:
    """Show the plan; apply it unless that is refused or not asked for."""
    warnings = plan_warnings(plan, host_state)
    if not options.json:
        _print_plan(plan, host_state)
        for warning in warnings:
            print(f"{warning.severity}: {safe(warning.text)}")
    connection = host_state.connection
    if refused := [w for w in warnings if w.severity == "refuse"]:
        raise CliError(f"refused: {refused[0].text}", REFUSED)
    if connection.read_only and not options.dry_run:
        raise CliError(f"read-only: {connection.read_only_reason}", REFUSED)
    if options.dry_run or not plan.changes():
        if options.json:
            print_json(_report(plan, host_state, None))
        elif not plan.changes():
            print("nothing would change")
        return DONE
    log = ActivityLog(state_dir())
    wanted = SetPins.of(plan.to_change(), connection.split_pins)
    with asking(options) as host:
        replies = carry_out(host, [wanted], connection.uri, log)
    outcome = outcome_of(wanted, replies[wanted])
    if options.json:
        print_json(_report(plan, host_state, outcome))
    else:
        _print_outcome(outcome)
    if log.problem:
        raise CliError(f"not in the activity log: {log.problem}")
    return CODES.get(outcome.status, FAILED)


def _print_plan(plan: PinPlan, host_state: HostState) -> None:
    for row in plan.changes():
        for half, before, after in (
            ("live", row.live_before, row.live_after),
            ("config", row.config_before, row.config_after),
        ):
            if before != after:
                print(f"{row.label} {half}: {before} -> {after}")
        if row.repair:
            print(f"{row.label} live: {row.live_after} once more, where the kernel has another set")
    for command in plan.commands(host_state.connection.uri):
        print(f"  {command}")


def _print_outcome(outcome: Outcome) -> None:
    for step in outcome.steps:
        read = " ".join(
            f"{half} {value}"
            for half, value in (("live", step.live), ("config", step.config))
            if value is not None
        )
        drift = f" (the kernel holds it to {step.kernel})" if step.drift else ""
        note = f": {safe(step.message)}" if step.message else ""
        print(f"{row_label(step.step.key)}: {step.status}{note}   read back: {read}{drift}")
    took = f" in {outcome.took_ms:.0f} ms" if outcome.took_ms is not None else ""
    note = f": {safe(outcome.message)}" if outcome.message else ""
    print(f"{len(outcome.applied)} of {len(outcome.change.steps)} applied{took}{note}")


def _report(plan: PinPlan, host_state: HostState, outcome: Outcome | None) -> dict[str, object]:
    return {
        "uuid": plan.uuid,
        "name": plan.name,
        "target": plan.target,
        "rows": [plain(row) for row in plan.changes()],
        "warnings": [plain(w) for w in plan_warnings(plan, host_state)],
        "commands": plan.commands(host_state.connection.uri),
        "outcome": plain(outcome),
    }

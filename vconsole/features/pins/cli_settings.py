"""``vconsole tune``: memory and scheduling of a domain, as rows of a plan."""

from __future__ import annotations

import argparse

from vconsole.cli.arguments import Commands
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, REFUSED, USAGE, CliError, plain, print_json, print_table
from vconsole.features.pins.cli import (
    add_plan_arguments,
    add_target_arguments,
    aimed,
    show_and_set,
)
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingKey
from vconsole.host.source import HostSource, View
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import Domain
from vconsole.model.pin_json import is_numbered
from vconsole.model.setting import SETTING_KINDS, Setting, parse_setting
from vconsole.text import safe

EPILOG = """\
ROW is one of: vcpu (<vcpu cpuset>: 4-7, auto), numatune (strict 0-1, strict auto), memnode:N,
vcpusched:N, iothreadsched:N, emulatorsched (fifo 1, rr 1, batch, idle), shares, period, quota,
and period and quota of global, emulator, iothread: emulator_quota=50000. N may be a set of
numbers: vcpusched:0-3='fifo 1'. none takes a row away. Without rows they are shown."""


def add_parsers(commands: Commands) -> None:
    """Add ``tune``."""
    tune = commands.add_parser(
        "tune",
        help="show or set where memory goes and how threads are scheduled",
        epilog=EPILOG,
    )
    tune.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    tune.add_argument("rows", nargs="*", metavar="ROW=VALUE", help="such as numatune='strict 1'")
    add_target_arguments(tune)
    add_plan_arguments(tune, run_tune)


def run_tune(options: argparse.Namespace, source: HostSource) -> int:
    """Show the rows, or plan others and carry the plan out."""
    wanted = [row for text in options.rows for row in _rows(text)]
    host_state = complete(source, View("pin"))
    domain = find_domain(host_state, options.domain)
    plan = PinPlan.of(domain, host_state)
    if not wanted:
        return _show(plan, domain, options.json)
    try:
        plan = aimed(plan, options)
        for key, value in wanted:
            plan = plan.set(key, value)
    except ValueError as error:
        raise CliError(str(error), REFUSED) from error
    return show_and_set(plan, options, host_state)


def _rows(text: str) -> list[tuple[SettingKey, Setting]]:
    """What one argument says."""
    name, given, value = text.partition("=")
    word, _, numbers = name.partition(":")
    kind = next((k for k in SETTING_KINDS if k == ("vcpuset" if word == "vcpu" else word)), None)
    if kind is None or not given:
        raise CliError(f"{text}: no row and value; such as numatune='strict 1'", USAGE)
    if is_numbered(kind) != bool(numbers):
        example = f"{kind}:0" if is_numbered(kind) else word
        raise CliError(f"{text}: write {example}={value or 'none'}", USAGE)
    try:
        ids = list(CpuSet.parse(numbers)) if numbers else [None]
        return [((kind, number), parse_setting(kind, value)) for number in ids]
    except CpuSetError as error:
        raise CliError(f"{text}: {error}", USAGE) from error
    except ValueError as error:
        raise CliError(f"{text}: {error}", USAGE) from error


def _show(plan: PinPlan, domain: Domain, as_json: bool) -> int:
    if as_json:
        rows = [plain(row) for row in plan.settings]
        print_json({"uuid": domain.uuid, "name": domain.name, "rows": rows})
        return DONE
    table = [
        (row.label, _text(row.live_before), _text(row.config_before))
        for row in plan.setting_table()
        if row.id is None or any(v and v.text for v in (row.live_before, row.config_before))
    ]
    print_table((safe(domain.name), "live", "config"), table)
    return DONE


def _text(value: Setting | None) -> str:
    return "-" if value is None else str(value)

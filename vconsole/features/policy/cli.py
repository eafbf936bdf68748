"""``vconsole policy|clock|usb-filter``: what the console shows as clock, power and devices."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, ask, asking, chosen, plan_and_change
from vconsole.cli.report import DONE, CliError, print_json, print_table
from vconsole.features.policy.model import redirfilter, timers
from vconsole.features.policy.model.clock import set_clock
from vconsole.features.policy.model.draft import Draft, Edit, plan
from vconsole.features.policy.model.elements import DEFAULT
from vconsole.features.policy.model.features import SLEEPS, set_pmu, set_sleep
from vconsole.features.policy.model.rows import Row, rows_of
from vconsole.host.source import HostSource
from vconsole.model.request import Configurations, ReadConfigurations
from vconsole.model.xml_edit import Document
from vconsole.text import safe

_CLOCK: Final = ("offset", "adjustment", "basis", "timezone", "start")
_NUMBER: Final = re.compile(r"-\.?\d")
"""What is no option though it begins like one, as Python 3.14 has it: a rule may begin with -1."""
_GROUPS: Final = {"clock": ("Clock", "Timer"), "usb-filter": ("USB",)}
"""Subcommand -> the groups of settings it shows; others show all."""


def add_parsers(commands: Commands) -> None:
    """Add the three subcommands."""
    policy = _parser(commands, "policy", "show clock, power and USB policy; set PMU and sleep")
    policy.add_argument("--pmu", choices=("on", "off", DEFAULT), help="performance counters")
    for name in SLEEPS:
        choices = ("yes", "no", DEFAULT)
        policy.add_argument(f"--{name}", choices=choices, help="offer the sleep state")
    clock = _parser(commands, "clock", "show the clock and its timers, or set them")
    for name in _CLOCK:
        clock.add_argument(f"--{name}", metavar="VALUE", help=f"the clock's {name}")
    clock.add_argument(
        "--timer",
        action="append",
        default=[],
        metavar="NAME,SETTING=VALUE,...",
        help="add a timer or set it anew: rtc,tickpolicy=catchup,track=guest",
    )
    clock.add_argument(
        "--no-timer", action="append", default=[], metavar="NAME", help="delete a timer"
    )
    usb = _parser(commands, "usb-filter", "show which USB devices may be redirected, or set it")
    _add_usb_actions(usb)
    for parser in (policy, clock, usb):
        add_change_arguments(parser, defines=True)


def _parser(commands: Commands, word: str, explanation: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(word, help=explanation)
    parser.description = f"{explanation}. What is set takes effect at the domain's next start."
    add_connection_arguments(parser, argparse.SUPPRESS)
    parser.add_argument("domain", metavar="DOMAIN", help="name, UUID or id")
    parser.set_defaults(run=run, word=word)
    return parser


def _add_usb_actions(parser: argparse.ArgumentParser) -> None:
    parser._negative_number_matcher = _NUMBER
    parser.add_argument(
        "action", nargs="?", default="show", choices=("show", "add", "set", "delete", "move")
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="ARGUMENT",
        help=f"add RULE [BEFORE]; set N RULE; delete N; move N TO. A rule is {redirfilter.FORMAT}, "
        "-1 for any, several with | between them; numbers count from 1",
    )


def run(options: argparse.Namespace, source: HostSource) -> int:
    """Show what is set, or set it."""
    edits = {"policy": _policy_edits, "clock": _clock_edits, "usb-filter": _usb_edits}
    found = list(edits[options.word](options))
    if not found:
        return _show(options, source)
    return plan_and_change(options, source, partial(plan, partial(_all, found)))


def _all(edits: list[Edit], xml: str) -> str:
    for edit in edits:
        xml = edit(xml)
    return xml


def _policy_edits(options: argparse.Namespace) -> Iterator[Edit]:
    if options.pmu is not None:
        yield lambda xml: set_pmu(xml, options.pmu)
    for name in SLEEPS:
        value = getattr(options, name.replace("-", "_"))
        if value is not None:
            yield partial(_sleep, name, value)


def _sleep(name: str, value: str, xml: str) -> str:
    return set_sleep(xml, name, value)


def _clock_edits(options: argparse.Namespace) -> Iterator[Edit]:
    for name in _CLOCK:
        if (value := getattr(options, name)) is not None:
            yield partial(_clock, name, value)
    for name in options.no_timer:
        yield partial(_no_timer, name)
    for text in options.timer:
        yield partial(_timer, text)


def _clock(name: str, value: str, xml: str) -> str:
    return set_clock(xml, name, value)


def _timer(text: str, xml: str) -> str:
    timer = timers.parse_timer(text)
    number = _timer_number(timer.name, xml)
    if number is None:
        return timers.add_timer(xml, timer)
    return timers.set_timer(xml, number, timer)


def _no_timer(name: str, xml: str) -> str:
    number = _timer_number(name, xml)
    if number is None:
        raise ValueError(f"there is no timer {name}")
    return timers.remove_timer(xml, number)


def _timer_number(name: str, xml: str) -> int | None:
    known = timers.timers_of(Document(xml))
    return next((n for n, timer in enumerate(known) if timer.name == name), None)


# -- USB redirection -------------------------------------------------------------------------


def _usb_edits(options: argparse.Namespace) -> Iterator[Edit]:
    usage: dict[str, tuple[int, int, Callable[[str, tuple[str, ...]], str]]] = {
        "add": (1, 2, _add_rules),
        "set": (2, 2, _set_rule),
        "delete": (1, 1, _delete_rule),
        "move": (2, 2, _move_rule),
    }
    words = tuple(options.words)
    if options.action == "show":
        return
    least, most, edit = usage[options.action]
    if not least <= len(words) <= most:
        raise CliError("write add RULE [BEFORE], set N RULE, delete N or move N TO")
    yield lambda xml: edit(xml, words)


def _add_rules(xml: str, words: tuple[str, ...]) -> str:
    rules = redirfilter.parse_rules(words[0])
    before = _number(xml, words[1]) if len(words) > 1 else _count(xml)
    return redirfilter.add_rules(xml, before, rules)


def _set_rule(xml: str, words: tuple[str, ...]) -> str:
    rule = redirfilter.parse_rule(words[1])
    return redirfilter.set_rule(xml, _number(xml, words[0]), rule)


def _delete_rule(xml: str, words: tuple[str, ...]) -> str:
    return redirfilter.remove_rule(xml, _number(xml, words[0]))


def _move_rule(xml: str, words: tuple[str, ...]) -> str:
    number, to = (_number(xml, word) for word in words)
    return redirfilter.move_rule(xml, number, to)


def _count(xml: str) -> int:
    return len(redirfilter.rules_of(Document(xml)))


def _number(xml: str, word: str) -> int:
    count = _count(xml)
    if not word.isascii() or not word.isdecimal() or not 1 <= int(word) <= count:
        raise ValueError(f"rule {word!r}: it has {count or 'none'}, counted from 1")
    return int(word) - 1


# -- showing ---------------------------------------------------------------------------------


def _show(options: argparse.Namespace, source: HostSource) -> int:
    domains, _ = chosen(options, source)
    with asking(options) as host:
        reply = ask(host, ReadConfigurations((domains[0].uuid,)))
    found = reply.value.get(domains[0].uuid) if isinstance(reply.value, dict) else None
    if not isinstance(found, Configurations):
        raise CliError(reply.message or "it is gone")
    draft = Draft(found.config) if found.config is not None else None
    try:
        rows = rows_of(found.live, draft)
    except ValueError as error:
        raise CliError(f"its definition cannot be read: {error}") from error
    groups = _GROUPS.get(options.word)
    rows = tuple(row for row in rows if groups is None or row.setting.group in groups)
    remarks = _remarks(rows, (draft.xml if draft else found.live) or "")
    _report(options, rows, remarks)
    return DONE


def _remarks(rows: tuple[Row, ...], xml: str) -> list[str]:
    document = Document(xml)
    return list(dict.fromkeys(note for row in rows for note in row.setting.remarks(document)))


def _report(options: argparse.Namespace, rows: tuple[Row, ...], remarks: list[str]) -> None:
    if options.json:
        settings = [
            {"setting": r.setting.key, "live": r.live, "config": r.config, "note": r.note}
            for r in rows
        ]
        print_json({"settings": settings, "remarks": remarks})
        return
    table = [(r.setting.group, r.setting.title, *r.halves, r.note) for r in rows]
    print_table(("GROUP", "SETTING", "LIVE", "CONFIG", "NOTE"), table)
    for remark in remarks:
        print(safe(remark))

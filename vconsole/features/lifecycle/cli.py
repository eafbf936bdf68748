"""``vconsole start|shutdown|reboot|...``: actions on domains, as the console has them."""

from __future__ import annotations

import argparse
from typing import get_args

from vconsole.cli.arguments import Commands, add_connection_arguments
from vconsole.cli.changing import add_change_arguments, asking, change, longest_s
from vconsole.cli.read import complete, find_domain
from vconsole.cli.report import DONE, REFUSED
from vconsole.features.lifecycle.model import ACTIONS, Act, Mode
from vconsole.host.source import HostSource, View
from vconsole.model.proposal import Proposal

_SWITCHES = {
    "start": ("--paused", "start_paused"),
    "save": ("--remove", "save_remove"),
    "destroy": ("--graceful", "destroy_graceful"),
    "autostart": ("--off", "autostart_off"),
}
"""Subcommand -> the option that makes it another action."""
WORDS = (
    "start",
    "shutdown",
    "reboot",
    "reset",
    "suspend",
    "resume",
    "save",
    "destroy",
    "autostart",
)


def _phrase(sentence: str) -> str:
    """As the other subcommands say what they do."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def add_parsers(commands: Commands) -> None:
    """Add one subcommand for each word."""
    for word in WORDS:
        action = ACTIONS[word]
        parser = commands.add_parser(word, help=_phrase(action.help))
        add_connection_arguments(parser, argparse.SUPPRESS)
        parser.add_argument("domains", nargs="+", metavar="DOMAIN", help="name, UUID or id")
        if word in _SWITCHES:
            option, other = _SWITCHES[word]
            explanation = _phrase(ACTIONS[other].help)
            parser.add_argument(option, dest="other", action="store_true", help=explanation)
        if action.asks_guest:
            _add_modes(parser)
        add_change_arguments(parser)
        parser.set_defaults(
            run=run,
            longest=_longest_s,
            word=word,
            **({} if word in _SWITCHES else {"other": False}),
            **({} if action.asks_guest else {"mode": (), "timeout": 0.0}),
        )


def _add_modes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mode",
        type=_modes,
        default=get_args(Mode),
        metavar="MODE,...",
        help="how the guest is asked, one after the other; default agent,acpi",
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="S", help="seconds for each mode"
    )


def _modes(text: str) -> tuple[str, ...]:
    modes = tuple(dict.fromkeys(text.split(",")))
    if not set(modes) <= set(get_args(Mode)):
        raise argparse.ArgumentTypeError(f"{text!r} is not made of {', '.join(get_args(Mode))}")
    return modes


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 3600 seconds")
    return seconds


def _longest_s(options: argparse.Namespace) -> float:
    one = Act("", "", options.word, "", options.mode, options.timeout)
    return longest_s(len(options.domains), one.deadline_s)


def run(options: argparse.Namespace, source: HostSource) -> int:
    """Act on each domain that allows it, and say what became of every one."""
    action = ACTIONS[_SWITCHES[options.word][1] if options.other else options.word]
    host_state = complete(source, View("domains"))
    named = [find_domain(host_state, word) for word in options.domains]
    domains = list({domain.uuid: domain for domain in named}.values())
    refused = {d.uuid: reason for d in domains if (reason := action.why_not(d))}
    able = [d for d in domains if d.uuid not in refused]
    acts = tuple(action.act(d, options.mode, options.timeout) for d in able)
    notes = tuple(f"{d.name}: refused: it {refused[d.uuid]}" for d in domains if d.uuid in refused)
    with asking(options) as host:
        code = change(options, host_state.connection, host, Proposal(acts, notes))
    return code or (REFUSED if refused else DONE)

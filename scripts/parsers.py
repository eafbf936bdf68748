"""What the parsers of the program say of themselves, for the documents made from them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

COMMON = frozenset({"help", "connect", "read_only", "demo"})
"""What every subcommand has."""


class Leaf(NamedTuple):
    """A parser that does something."""

    name: str
    help: str
    parser: argparse.ArgumentParser


def leaves(parser: argparse.ArgumentParser, help_: str = "") -> Iterator[Leaf]:
    """The parsers that do something, of all that are below one."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield Leaf(parser.prog, help_, parser)
    for action in below:
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for word, sub in action.choices.items():
            yield from leaves(sub, helps.get(word, ""))


def own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its arguments, without those that every subcommand has."""
    return [a for a in parser._actions if a.dest not in COMMON and a.help is not argparse.SUPPRESS]


def argument_words(argument: argparse.Action) -> str:
    """How it is written: its options and the name of their value, or its own name."""
    name = argument.metavar or argument.dest
    value = name if isinstance(name, str) else " ".join(name)
    if argument.nargs in ("*", "+"):
        value += "..."
    if not argument.option_strings:
        return value.upper()
    return ", ".join(argument.option_strings) + ("" if argument.nargs == 0 else f" {value.upper()}")


def argument_help(action: argparse.Action) -> str:
    """What it means, and what can be chosen."""
    text = (action.help or "") % vars(action)
    choices = f"one of {', '.join(map(str, action.choices))}" if action.choices else ""
    return "; ".join(filter(None, (text, choices)))

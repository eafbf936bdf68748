"""The arguments of the program itself, and its help: all subcommands, by what they are about."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator

from vconsole import __version__
from vconsole.cli.arguments import Parser, add_connection_arguments, interval

WIDTH = 80
COLUMN = 16
"""Where the words on a command begin."""


class ConsoleParser(Parser):
    """Its help has the subcommands as well; they are looked at only for that."""

    def format_help(self) -> str:
        """Its own help, then the subcommands."""
        return super().format_help() + "\n" + overview()


def console_parser() -> ConsoleParser:
    """Parse ``vconsole [-c URI] [--read-only] [--demo] [--interval S]``."""
    parser = ConsoleParser(
        prog="vconsole",
        usage="%(prog)s [options]\n       %(prog)s [options] COMMAND ...",
        description="The terminal console of a virtualization host. Without a command it opens the "
        "screen; with one it answers and ends.",
    )
    add_connection_arguments(parser)
    parser.add_argument("--interval", type=interval, metavar="S", help="seconds between readings")
    parser.add_argument("--ascii", action="store_true", help="no glyphs beyond ASCII")
    parser.add_argument(
        "--theme", metavar="NAME", help="vconsole-dark, vconsole-light, ansi-dark or ansi-light"
    )
    parser.add_argument("--version", action="version", version=f"vconsole {__version__}")
    return parser


def overview() -> str:
    """Every subcommand and what it does, a group after the other."""
    from vconsole.registry import GROUPS

    words = dict(described())
    lines = ["commands, each with --help:"]
    for group, commands in GROUPS.items():
        lines += ["", f"  {group}"]
        for command in commands:
            left = f"    {command:<{COLUMN - 6}}  "
            lines += textwrap.wrap(
                words[command], WIDTH, initial_indent=left, subsequent_indent=" " * COLUMN
            )
    return "\n".join(lines) + "\n"


def described() -> Iterator[tuple[str, str]]:
    """(subcommand, what it does)."""
    from vconsole.cli.main import parser

    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from ((choice.dest, choice.help or "") for choice in action._choices_actions)

"""What parsers of the program share: the arguments of all, and a word for what was mistyped."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from vconsole.cli.output import terminal_size
from vconsole.override import override

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""To what a feature adds its subcommands: argparse has no public name for it."""
_CHOICE = re.compile(r"invalid choice: '([^']*)' \((?:choose from|maybe you meant:?) (.*)\)")
WITH_VALUE = ("-c", "--connect", "--interval", "--theme")
"""Options of the console that are followed by a value."""


class _Formatter(argparse.HelpFormatter):
    """As wide as the terminal.

    argparse makes a formatter for each argument that a parser is told of.
    """

    def __init__(self, prog: str, **named: Any) -> None:
        super().__init__(prog, **({"width": terminal_size()[0] - 2} | named))


class Parser(argparse.ArgumentParser):
    """A parser, and those of its subcommands, that says which word was probably meant."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**({"formatter_class": _Formatter} | named))

    def error(self, message: str) -> NoReturn:
        """Name it, and leave."""
        super().error(meant(message, self))

    @override
    def _match_arguments_partial(
        self, actions: Sequence[argparse.Action], arg_strings_pattern: str
    ) -> list[int]:
        """An argument that may be left out is not yet left out before an option: D --live SIZE.

        As Python 3.13 has it; older ones take it for empty there, and then know no SIZE.
        """
        counts = super()._match_arguments_partial(actions, arg_strings_pattern)
        if "A" in arg_strings_pattern[sum(counts) :]:
            while counts and counts[-1] == 0:
                counts.pop()
        return counts

    @override
    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Without help that nobody got being a success: argparse lets no error of writing out."""
        if message:
            (file or sys.stderr).write(message)


def meant(message: str, parser: argparse.ArgumentParser) -> str:
    """What argparse complains about, with the word that is nearest to the one it does not know."""
    from difflib import get_close_matches

    if found := _CHOICE.search(message):
        near = get_close_matches(found[1], re.findall(r"[\w-]+", found[2]), 1)
        said = f"invalid choice: {found[1]!r}: did you mean {near[0]}?" if near else found[0]
        return message[: found.start()] + said + message[found.end() :]
    if found := re.search(r"unrecognized arguments: (--[\w-]+)", message):
        near = get_close_matches(found[1], sorted(_options(parser)), 1)
        if found[1] in near:  # known, but not of this command
            return f"{message}: vconsole {found[1]} COMMAND, where it means something there"
        return f"{message}: did you mean {near[0]}?" if near else message
    return message


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser and of its subcommands."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(*map(_options, action.choices.values()))
    return found


def subcommand(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Find the first word that is no option and no value of one; answers it and the others."""
    words = iter(enumerate(arguments))
    for place, word in words:
        if word in WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word, [*arguments[:place], *arguments[place + 1 :]]
    return None, list(arguments)


def interval(text: str) -> float:
    """Seconds between readings."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.2 and 3600 seconds")
    return seconds


def add_connection_arguments(parser: argparse.ArgumentParser, default: object = None) -> None:
    """Add what every program of vconsole takes: the host, and how careful to be.

    A subcommand takes them too, with `default` SUPPRESS: what stood before it stays.
    """
    no = default if default is argparse.SUPPRESS else False
    parser.add_argument(
        "-c",
        "--connect",
        metavar="URI",
        default=default,
        help="libvirt URI; else VIRSH_DEFAULT_CONNECT_URI, LIBVIRT_DEFAULT_URI, libvirt's default",
    )
    parser.add_argument("-r", "--read-only", action="store_true", default=no, help="change nothing")
    parser.add_argument(
        "--demo", action="store_true", default=no, help="an embedded host to try things on"
    )

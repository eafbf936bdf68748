"""What a shell may offer behind ``vconsole``: by argcomplete, asked by its scripts in packaging/.

It is asked at each press of tab: only the parser of the command that is typed is made.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import argcomplete

from vconsole.cli.arguments import subcommand
from vconsole.cli.console import console_parser
from vconsole.registry import DAEMONS, SUBCOMMANDS

DEADLINE_S = 2.0
"""A person waits no longer for names of domains."""
DOMAINS = frozenset({"domain", "domains", "guest"})
"""The arguments that name domains."""
FILES = frozenset({"file", "path", "image", "other", "output", "directory", "backing"})
"""Those that name files and are no `Path`."""


def complete() -> None:
    """Answer the shell, and exit."""
    line = os.environ.get("COMP_LINE", "")
    point = int(os.environ.get("COMP_POINT", len(line)))  # in bytes, or in characters: zsh
    parser = parser_for(line[:point])
    for prog, action in _actions(parser):
        if completer := _completer(prog, action):
            vars(action)["completer"] = completer  # where argcomplete looks for it
    argcomplete.autocomplete(parser)


def _completer(prog: str, action: argparse.Action) -> Callable[..., list[str]] | None:
    """What offers values; None for argcomplete's own: choices, and files where they are wanted."""
    if action.dest in DOMAINS or (prog, action.dest) == ("vconsole show", "name"):
        return domain_names
    if action.choices or action.type is Path or action.dest in FILES:
        return None
    return lambda **_: []


def parser_for(line: str) -> argparse.ArgumentParser:
    """The parser of the command that was typed, else one that knows which there are."""
    words = line.split()[1:]
    word, _ = subcommand(words if line[-1:].isspace() else words[:-1])
    if word in SUBCOMMANDS or word in DAEMONS:
        from vconsole.cli.main import parser

        return parser(word)
    top = console_parser()
    commands = top.add_subparsers(metavar="COMMAND")
    for name in (*SUBCOMMANDS, *DAEMONS):
        commands.add_parser(name, add_help=False)
    return top


def _actions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """The actions of a parser and of its subcommands, with the command's words."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)
        else:
            yield parser.prog, action


def domain_names(parsed_args: argparse.Namespace, **_: Any) -> list[str]:
    """The domains of the host that the line asks for; none where it does not answer."""
    names: list[str] = []
    asking = Thread(target=lambda: names.extend(_names(parsed_args)), daemon=True)
    asking.start()
    asking.join(DEADLINE_S)
    return [name for name in names if name.isprintable()]


def _names(options: argparse.Namespace) -> list[str]:
    from vconsole.host.open import connect
    from vconsole.host.source import HostError, View

    uri, demo = getattr(options, "connect", None), getattr(options, "demo", False)
    try:
        source = connect(uri, read_only=not demo, demo=demo)
        return [domain.name for domain in source.read(View("domains")).domains]
    except HostError:
        return []

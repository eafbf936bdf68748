"""Man pages: the prose of packaging/man/*.in, and between it what parsers and tables say.

A line @OPTIONS:WORD@, @COMMANDS@, @SETTINGS@ or @KEYS@ there stands for what is made here.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from scripts.parsers import Leaf, argument_help, argument_words, leaves, own
from vconsole import __version__
from vconsole.cli.console import console_parser
from vconsole.cli.main import parser
from vconsole.features.hostinfo.model.statistics import STATISTICS
from vconsole.files.config import SETTINGS
from vconsole.registry import DAEMONS, GROUPS

SOURCES = Path(__file__).parent.parent / "packaging" / "man"


def pages() -> Iterator[tuple[str, str]]:
    """(file name, text) of every page."""
    for source in sorted(SOURCES.glob("*.in")):
        text = source.read_text("utf-8").replace("@VERSION@", __version__)
        yield source.stem, re.sub(r"(?m)^@(\w+):?(\w*)@$", _part, text)


def _part(found: re.Match[str]) -> str:
    what, word = found.groups()
    if what == "OPTIONS":
        made = console_parser() if word == "vconsole" else parser(word)
        return "\n".join(_items(_below(made, word)))
    return "\n".join({"COMMANDS": _commands, "SETTINGS": _settings, "KEYS": _keys}[what]())


def _below(made: argparse.ArgumentParser, word: str) -> Iterable[argparse.Action]:
    """The arguments of a program, or of the daemon that its subcommand is."""
    found = next((p for name, _, p in leaves(made) if name == f"vconsole {word}"), made)
    return (action for action in found._actions if action.help is not argparse.SUPPRESS)


def _commands() -> Iterator[str]:
    by_word: dict[str, list[Leaf]] = {}
    for leaf in leaves(parser()):
        by_word.setdefault(leaf.name.split()[1], []).append(leaf)
    for group, words in GROUPS.items():
        yield f".SS {roff(group)}"
        for leaf in (leaf for word in words for leaf in by_word[word]):
            yield f".TP\n\\fB{roff(leaf.name.removeprefix('vconsole '))}\\fR\n{roff(leaf.help)}"
            word = leaf.name.split()[-1]
            if word in DAEMONS:
                yield f"; see\n.BR vconsole\\-{word} (8)"
            else:
                yield from (".RS", *_items(own(leaf.parser)), ".RE")


def _items(actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        yield f".TP\n\\fB{roff(argument_words(action))}\\fR"
        yield roff(argument_help(action)) or "\\&"


def _settings() -> Iterator[str]:
    for setting in SETTINGS:
        yield f".TP\n\\fB{roff(setting.key)}\\fR ({roff(setting.shown_default)})"
        yield roff(setting.meaning)


def _keys() -> Iterator[str]:
    for statistic in STATISTICS.values():
        unit = f", in {statistic.unit}" if statistic.unit else ""
        yield f".TP\n\\fB{statistic.name}\\fR ({int(statistic.default)})"
        yield roff(f"{statistic.meaning}{unit}")


def roff(text: str) -> str:
    """Text as roff reads it: hyphens as they are typed, nothing taken for a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", escaped)

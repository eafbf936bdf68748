"""Writes docs/keys.md and the pictures from the program itself; ``--check`` only compares.

    python -m scripts.docs [--check]

The pictures show the scenes of tests/scenes.py: nothing in them is drawn by hand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

for _name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_FILTERS"):
    os.environ.pop(_name, None)
os.environ.update(TEXTUAL_ANIMATIONS="none", TZ="UTC")

from vconsole.cli.main import parser as cli_parser  # noqa: E402
from vconsole.model.command import Command  # noqa: E402 (after the environment)
from vconsole.model.keys import keys_of, shown_key, with_keys  # noqa: E402 (after the environment)
from vconsole.registry import COMMANDS, SCOPES  # noqa: E402 (after the environment)

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = {
    "domains": ((100, 26), ()),
    "host": ((100, 34), ("2",)),
    "pin": ((100, 26), ("slash", *"web-2", "enter", "p", "right_square_bracket", "x")),
    "plan": ((100, 22), ("slash", *"web-2", "enter", "p", "right_square_bracket", "x", "enter")),
}
"""Name -> (size, keys pressed)."""


def keys_page() -> str:
    """Write docs/keys.md from the table of commands."""
    lines = [
        "# Keys",
        "",
        "Made from the manifests in `vconsole/features/` by `make docs`. The id is what `[keys]`",
        'in `~/.config/vconsole/config.toml` takes: `"domains.pin" = "P"`.',
        "",
        "Movement everywhere: arrows or h j k l; g and G, home and end; ctrl+u and ctrl+d, page up",
        "and page down. In the matrix `[` and `]` go to the previous and next cell.",
    ]
    for scope, title in SCOPES.items():
        lines += ["", f"## {title}", "", "| key | what it does | virsh | id |", "|---|---|---|---|"]
        lines += [_row(c) for c in COMMANDS.values() if c.scope == scope]
    return "\n".join(lines) + "\n"


def _row(command: Command) -> str:
    keys = " ".join(f"`{key}`" for key in keys_of(command, {}))
    words = with_keys(command.help, lambda name: f"`{shown_key(COMMANDS[name], {})}`")
    virsh = f"`virsh {command.virsh.replace('{name}', 'DOMAIN')}`" if command.virsh else ""
    return f"| {keys} | {words} | {virsh} | `{command.id}` |"


def commands_page() -> str:
    """Write docs/commands.md from the parsers of the subcommands."""
    lines = ["# Subcommands", "", "Made from `vconsole/cli/` by `make docs`."]
    lines += ["What they have in common, exit codes and JSON: [cli.md](cli.md)."]
    for name, parser in _leaves(cli_parser()):
        lines += ["", f"## {name}", ""]
        lines += [f"- `{_words(argument)}` {_help(argument)}".rstrip() for argument in _own(parser)]
    return "\n".join(lines) + "\n"


def _leaves(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parsers that do something, each with its words."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield parser.prog, parser
    for action in below:
        for sub in action.choices.values():
            yield from _leaves(sub)


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Its arguments, without those that every subcommand has."""
    common = {"help", "connect", "read_only", "demo"}
    return [a for a in parser._actions if a.dest not in common and a.help is not argparse.SUPPRESS]


def _words(argument: argparse.Action) -> str:
    """How it is written: its options and the name of their value, or its own name."""
    name = argument.metavar or argument.dest
    value = name if isinstance(name, str) else " ".join(name)
    if argument.nargs in ("*", "+"):
        value += "..."
    if not argument.option_strings:
        return value.upper()
    return ", ".join(argument.option_strings) + ("" if argument.nargs == 0 else f" {value.upper()}")


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action)
    choices = f"one of {', '.join(map(str, action.choices))}" if action.choices else ""
    return "; ".join(filter(None, (text, choices)))


def pictures() -> Iterator[tuple[str, str]]:
    """Answer (file name, SVG) of each picture."""
    for name, (size, keys) in PICTURES.items():
        yield f"pictures/{name}.svg", asyncio.run(_picture(size, keys))


async def _picture(size: tuple[int, int], keys: tuple[str, ...]) -> str:
    from tests.feed import make_console
    from tests.scenes import kvm07

    app, _ = make_console(kvm07())
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await pilot.pause(0.4)  # screens settle in a few frames
        svg = app.export_screenshot()
    return re.sub(r"terminal-\d+", "terminal-vconsole", svg)


def main() -> int:
    """Write or compare; 1 where a document is not what the program would write."""
    check, wrong = "--check" in sys.argv[1:], 0
    for name, text in [("keys.md", keys_page()), ("commands.md", commands_page()), *pictures()]:
        path = DOCS / name
        if check and (not path.exists() or path.read_text("utf-8") != text):
            print(f"docs/{name} is out of date: run `make docs` and look at it", file=sys.stderr)
            wrong = 1
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main())

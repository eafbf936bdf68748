"""Writes what documents the program from the program itself; ``--check`` only compares.

    python -m scripts.docs [--check]

The pictures show the scenes of tests/scenes.py: nothing in them is drawn by hand.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

for _name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL_FILTERS"):
    os.environ.pop(_name, None)
os.environ.update(TEXTUAL_ANIMATIONS="none", TZ="UTC")

from scripts import man  # noqa: E402 (after the environment)
from scripts.demo_pages import PAGES, index, page_pictures  # noqa: E402 (after the environment)
from scripts.moving import moving_picture  # noqa: E402 (after the environment)
from scripts.parsers import argument_help, argument_words, leaves, own  # noqa: E402
from vconsole.cli.main import parser as cli_parser  # noqa: E402
from vconsole.files.config import EXAMPLE, SETTINGS  # noqa: E402 (after the environment)
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
    for name, words, parser in leaves(cli_parser()):
        lines += ["", f"## {name}", "", *filter(None, [words]), ""]
        lines += [
            f"- `{argument_words(argument)}` {argument_help(argument)}".rstrip()
            for argument in own(parser)
        ]
    return "\n".join(lines) + "\n"


def config_page() -> str:
    """Write docs/config.md from the table of settings."""
    lines = [
        "# Settings",
        "",
        "Made from `vconsole/files/config.py` by `make docs`. They lie in",
        "`$XDG_CONFIG_HOME/vconsole/config.toml`, or `~/.config/vconsole/config.toml` where",
        "that is not set, as [TOML](https://toml.io). A file with an unknown key, a wrong type or",
        "two commands on one key is refused with a line that says so. The command line",
        "overrides it.",
        "",
        "| key | default | values | what it is |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{s.key}` | `{s.shown_default}` | {s.values} | {s.meaning} |" for s in SETTINGS]
    lines += ["", "## Example", "", "```toml", EXAMPLE.strip(), "```"]
    return "\n".join(lines) + "\n"


def pictures() -> Iterator[tuple[str, str]]:
    """Answer (file name, SVG) of each picture."""
    for name, (size, keys) in PICTURES.items():
        yield f"pictures/{name}.svg", asyncio.run(_picture(size, keys))
    yield "pictures/demo.svg", asyncio.run(moving_picture())
    yield "pictures/README.md", index()
    yield from page_pictures()


async def _picture(size: tuple[int, int], keys: tuple[str, ...]) -> str:
    from tests.feed import make_console
    from tests.scenes import kvm07

    app, _ = make_console(kvm07())
    async with app.run_test(size=size) as pilot:
        await pilot.press(*keys)
        await pilot.pause(0.4)  # screens settle in a few frames
        svg = app.export_screenshot()
    return re.sub(r"terminal-\d+", "terminal-vconsole", svg)


def unseen() -> list[str]:
    """The pages that no picture shows."""
    return sorted(SCOPES.keys() - {"app"} - PICTURES.keys() - PAGES.keys())


def documents() -> Iterator[tuple[Path, str]]:
    """Every document that is made: where it lies, and what it should say."""
    yield DOCS / "keys.md", keys_page()
    yield DOCS / "commands.md", commands_page()
    yield DOCS / "config.md", config_page()
    for name, text in man.pages():
        yield man.SOURCES / name, text
    for name, text in pictures():
        yield DOCS / name, text


def main() -> int:
    """Write or compare; 1 where a document is not what the program would write."""
    check, wrong = "--check" in sys.argv[1:], 0
    for path, text in documents():
        if check and (not path.exists() or path.read_text("utf-8") != text):
            name = path.relative_to(DOCS.parent)
            print(f"{name} is out of date: run `make docs` and look at it", file=sys.stderr)
            wrong = 1
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for scope in unseen():
        print(
            f"no picture shows the page {scope}: add it to scripts/demo_pages.py", file=sys.stderr
        )
        wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())

"""Writes docs/keys.md and the pictures from the program itself; ``--check`` only compares.

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

from vconsole.commands import COMMANDS, Command, key_name  # noqa: E402 (after the environment)

DOCS = Path(__file__).parent.parent / "docs"
TITLES = {
    "app": "Everywhere",
    "domains": "Domains",
    "domain": "Domain",
    "host": "Host",
    "pin": "Pin",
    "plan": "Plan",
    "history": "History",
}
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
        "Made from `vconsole/commands.py` by `make docs`. The id is what `[keys]` in",
        '`~/.config/vconsole/config.toml` takes: `"domains.pin" = "P"`.',
        "",
        "Movement everywhere: arrows or h j k l; g and G, home and end; ctrl+u and ctrl+d, page up",
        "and page down. In the matrix `[` and `]` go to the previous and next cell.",
    ]
    for scope, title in TITLES.items():
        lines += ["", f"## {title}", "", "| key | what it does | virsh | id |", "|---|---|---|---|"]
        lines += [_row(c) for c in COMMANDS.values() if c.scope == scope]
    return "\n".join(lines) + "\n"


def _row(command: Command) -> str:
    keys = " ".join(f"`{key_name(key)}`" for key in command.keys.split(","))
    virsh = f"`virsh {command.virsh.replace('{name}', 'DOMAIN')}`" if command.virsh else ""
    return f"| {keys} | {command.help} | {virsh} | `{command.id}` |"


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
    for name, text in [("keys.md", keys_page()), *pictures()]:
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

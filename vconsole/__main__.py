"""Arguments -> the right program; what is not needed is not imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

WITH_VALUE = ("-c", "--connect", "--interval", "--theme")


def main() -> None:
    """Run the program that the arguments ask for, and exit with its code."""
    arguments = sys.argv[1:]
    word, others = subcommand(arguments)
    if word == "hostinfod":
        from vconsole.features.hostinfo.daemon.service import main as run_hostinfod

        sys.exit(run_hostinfod(others))
    if word == "vhostmd":
        from vconsole.features.metrics.daemon.service import main as run_vhostmd

        sys.exit(run_vhostmd(others))
    if word is not None:
        from vconsole.registry import SUBCOMMANDS

        if word in SUBCOMMANDS:
            from vconsole.cli.main import main as run_cli

            sys.exit(run_cli(arguments, word))
    sys.exit(console(arguments))


def subcommand(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Find the first word that is no option and no value of one; answers it and the others."""
    words = iter(enumerate(arguments))
    for place, word in words:
        if word in WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word, arguments[:place] + arguments[place + 1 :]
    return None, arguments


def console(arguments: list[str]) -> int:
    """Open the console; 2 for wrong usage, 1 where it cannot start."""
    from vconsole.cli.arguments import console_parser

    options = console_parser().parse_args(arguments)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("vconsole: not a terminal; try `vconsole show domains`", file=sys.stderr)
        return 2
    return run_console(options)


def run_console(options: Namespace) -> int:
    """Start the app on the terminal, errors of libraries going to the log."""
    from vconsole.files.config import ConfigError, load
    from vconsole.files.places import config_path

    try:
        config = load(config_path())
    except ConfigError as error:
        from vconsole.text import line

        print(f"vconsole: {line(error)}", file=sys.stderr)
        return 2
    from vconsole.console.start import run

    return run(config, options)


if __name__ == "__main__":
    main()

"""Arguments -> the right program; what is not needed is not imported."""

from __future__ import annotations

import errno
import os
import sys

from vconsole.cli.unused import unused

with unused("ast", "ipaddress"):  # for source code, and for addresses in a URL
    import inspect  # noqa: F401
    import pathlib  # noqa: F401
    import urllib.parse  # noqa: F401  which pathlib imports before Python 3.13

from vconsole.cli.output import INTERRUPTED, open_what_is_closed, unwritable, written
from vconsole.host.stderr import catch_the_rest


def main() -> None:
    """Run the program that the arguments ask for, and exit with its code."""
    open_what_is_closed()
    catch_the_rest()
    try:
        code = _run(sys.argv[1:])
    except SystemExit as ended:  # argparse, after help or wrong usage
        code = ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:  # typed before there is a screen
        code = INTERRUPTED
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EPIPE) or error.filename:
            raise
        code = unwritable(error, sys.stderr)
    sys.exit(written(code))


def _run(arguments: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        from vconsole.cli.complete import complete

        complete()
    from vconsole.cli.arguments import subcommand

    word, others = subcommand(arguments)
    if word is not None:
        from vconsole.registry import DAEMONS, SUBCOMMANDS

        if word in DAEMONS:
            from vconsole.model.manifest import imported

            return int(imported(f"{DAEMONS[word]}:main")(others))
        if word in SUBCOMMANDS:
            from vconsole.cli.main import main as run_cli

            return run_cli(arguments, word)
    return console(arguments)


def console(arguments: list[str]) -> int:
    """Open the console; 2 for wrong usage, 1 where it cannot start."""
    from vconsole.console.ending import note_signals

    note_signals()
    from vconsole.cli.console import console_parser

    parser = console_parser()
    options, others = parser.parse_known_args(arguments)
    if others:
        parser.error(_unknown(others))
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("vconsole: not a terminal; try `vconsole show domains`", file=sys.stderr)
        return 2
    if os.environ.get("TERM", "") in ("", "dumb"):
        words = "TERM names no terminal to draw on; try `vconsole show domains`"
        print(f"vconsole: {words}", file=sys.stderr)
        return 2
    import gc

    gc.disable()  # nothing that is imported is garbage; `console.early` looks again
    from vconsole.console.start import run

    return run(options)


def _unknown(others: list[str]) -> str:
    """Say what the first word is that nobody knows, and which one was probably meant."""
    word = others[0]
    if word.startswith("-"):
        return f"unrecognized arguments: {' '.join(others)}"
    from difflib import get_close_matches

    from vconsole.registry import DAEMONS, SUBCOMMANDS

    near = get_close_matches(word, (*SUBCOMMANDS, *DAEMONS), 1)
    return f"there is no command {word!r}" + (f": did you mean {near[0]}?" if near else "")


if __name__ == "__main__":
    main()

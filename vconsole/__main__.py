"""Arguments -> the right program; what is not needed is not imported."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the program that the arguments ask for, and exit with its code."""
    _open_what_is_closed()
    arguments = sys.argv[1:]
    if "_ARGCOMPLETE" in os.environ:
        from vconsole.cli.complete import complete

        complete()
    from vconsole.cli.arguments import subcommand

    word, others = subcommand(arguments)
    if word is not None:
        from vconsole.registry import DAEMONS, SUBCOMMANDS

        if word in DAEMONS:
            from vconsole.model.manifest import imported

            sys.exit(imported(f"{DAEMONS[word]}:main")(others))
        if word in SUBCOMMANDS:
            from vconsole.cli.main import main as run_cli

            sys.exit(run_cli(arguments, word))
    sys.exit(console(arguments))


def _open_what_is_closed() -> None:
    """Have descriptors 0 to 2: else the next file that is opened would be one of them.

    What is written to a closed output is lost, and that is an error, so it is the full device.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            full = "/dev/full" if name == "stdout" and os.path.exists("/dev/full") else os.devnull
            opened = open(full, mode, encoding="utf-8")  # noqa: SIM115  # open till the end
            os.dup2(opened.fileno(), number)
            setattr(sys, name, opened)


def console(arguments: list[str]) -> int:
    """Open the console; 2 for wrong usage, 1 where it cannot start."""
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

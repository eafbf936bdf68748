"""Commands in processes of their own, without the start of an interpreter for each.

Run as a program it imports what commands need, and forks for every one that is asked for.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import IO

LONGEST_S = 60


def command(*words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run ``vconsole`` with these words, here, in this environment and what is added to it."""
    with tempfile.TemporaryDirectory(prefix="vc-") as place:
        paths = [f"{place}/{name}" for name in ("in", "out", "err")]
        Path(paths[0]).write_text(stdin)
        order = {"words": words, "cwd": os.getcwd(), "env": {**os.environ, **env}, "paths": paths}
        orders, answers = _helper()
        orders.write(json.dumps(order) + "\n")
        orders.flush()
        code = int(answers.readline())
        out, errors = (Path(path).read_text() for path in paths[1:])
    return subprocess.CompletedProcess(words, code, out, errors)


@cache
def _helper() -> tuple[IO[str], IO[str]]:
    (taken, given), (told, asked) = os.pipe(), os.pipe()
    argv = [sys.executable, "-m", "tests.commands", str(taken), str(asked)]
    root, nothing = Path(__file__).parent.parent, subprocess.DEVNULL
    subprocess.Popen(argv, pass_fds=(taken, asked), stdin=nothing, stdout=nothing, cwd=root)
    os.close(taken)
    os.close(asked)
    return os.fdopen(given, "w"), os.fdopen(told)


def _serve(orders: IO[str], answers: IO[str]) -> None:
    """Fork until nobody is there to ask; only the children return."""
    while line := orders.readline():
        if (child := os.fork()) == 0:
            return _become(**json.loads(line))
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
    sys.exit()


def _become(words: list[str], cwd: str, env: dict[str, str], paths: list[str]) -> None:
    for number, path in enumerate(paths):
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    sys.argv[1:] = words
    signal.alarm(LONGEST_S)


if __name__ == "__main__":
    import libvirt  # noqa: F401

    from vconsole.__main__ import main
    from vconsole.cli.main import parser

    parser()  # all of them
    _serve(os.fdopen(int(sys.argv[1])), os.fdopen(int(sys.argv[2]), "w"))
    main()

"""vconsole without the screen: ``show``, ``pin``, ``plan``, ``hostinfo``, ``start`` and the like.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (read-only, conflict, a set the host lacks).
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic
from typing import TextIO

from vconsole.cli.arguments import Parser, add_connection_arguments
from vconsole.cli.output import CUT_OFF, INTERRUPTED, give_up_output, unwritable, written
from vconsole.cli.report import ASIDE, FAILED, FILES_S, CliError
from vconsole.host.source import HostError, HostSource
from vconsole.host.stderr import stderr_to
from vconsole.model.manifest import imported
from vconsole.registry import DAEMONS, SUBCOMMANDS
from vconsole.text import line

TRY_DEMO = "--demo shows an invented host"
DEADLINE_S = 60.0
"""The longest a command waits for libvirt, unless it knows better."""
CONNECT_S = DEADLINE_S
"""The longest any command waits for a connection; a far host takes some seconds."""
GIVE_UP_S = 10.0
"""How long ^C waits until what was half made is taken away; a second one leaves at once."""


def parser(word: str | None = None) -> argparse.ArgumentParser:
    """Parse the subcommands; only those of one feature where `word` is one of them.

    The daemons are among them for those who want to know of all: they parse by themselves.
    """
    top = Parser(prog="vconsole", description="vconsole without the screen.")
    add_connection_arguments(top)
    top.set_defaults(longest=lambda _: DEADLINE_S)
    top.set_defaults(connects=True)  # a command that needs no host overrules it
    top.set_defaults(waits_s=FILES_S)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in dict.fromkeys(name for w, name in SUBCOMMANDS.items() if word in (None, w)):
        imported(add)(commands)
    for name, module in DAEMONS.items():
        if word in (None, name):
            options = imported(f"{module}:parser")()
            help_ = options.description[:1].lower() + options.description[1:].rstrip(".")
            commands.add_parser(name, help=help_, parents=[options], add_help=False)
    return top


def main(arguments: Sequence[str], word: str | None = None) -> int:
    """Run one command and answer its exit code; `word` spares what other commands need."""
    options = parser(word).parse_args(arguments)
    with stderr_to(None) as errors, _demo_files(options):
        limit_s = options.longest(options) if options.connects else options.waits_s
        connected = Connected()
        try:
            work = partial(_run, options, errors, connected)
            code, stuck = _with_deadline(work, limit_s, connected)
        except KeyboardInterrupt:
            print("vconsole: interrupted", file=errors)
            return INTERRUPTED
        while ASIDE:
            print(f"vconsole: {line(ASIDE.pop(0))}", file=errors)
        if stuck:
            limit_s = limit_s if connected.is_set() else min(limit_s, CONNECT_S)
            whom = "libvirt or a file" if options.connects else "the file"
            print(f"vconsole: no answer from {whom} in {limit_s:.0f} s", file=errors)
    if stuck:
        code = written(code)
        os._exit(FAILED)  # a call that hangs would hold the exit as well
    return code


@contextmanager
def _demo_files(options: argparse.Namespace) -> Iterator[None]:
    """With ``--demo`` let every file that is not named be the demo's own."""
    if not options.demo:
        yield
        return
    from vconsole.files.config import HOSTINFO_CONF, METRICS_DISK
    from vconsole.files.demo import demo_files

    with demo_files() as files:
        for option, default, setting in (
            ("hostinfo_conf", HOSTINFO_CONF, "hostinfo_conf"),
            ("disk", METRICS_DISK, "metrics_disk"),
        ):
            if str(getattr(options, option, "")) == default:
                setattr(options, option, files[setting])
        yield


def _run(options: argparse.Namespace, errors: TextIO, connected: Connected) -> int:
    try:
        if options.connects:
            return _run_connected(options, connected)
        connected.set()
        return int(options.run(options))
    except HostError as error:
        words = "; ".join(filter(None, (f"{error.title}: {line(error.message)}", error.cure)))
        demo = f"; {TRY_DEMO}" if error.cure else ""
        print(f"vconsole: {words}{demo}", file=errors)
        return FAILED
    except BrokenPipeError:
        give_up_output()
        return CUT_OFF
    except UnicodeError as error:
        print(f"vconsole: not UTF-8: {line(error)}", file=errors)
        return FAILED
    except OSError as error:
        if not error.filename:
            return unwritable(error, errors)
        words = f"{error.filename}: {error.strerror or error}"
        print(f"vconsole: {line(words)}", file=errors)
        return FAILED
    except CliError as error:
        print(f"vconsole: {line(error)}", file=errors)
        return error.code


def _run_connected(options: argparse.Namespace, connected: Connected) -> int:
    from vconsole.host.open import connect

    source: HostSource = connect(options.connect, options.read_only, options.demo)
    connected.to(source)
    try:
        return int(options.run(options, source))
    finally:
        source.close()


class Connected(threading.Event):
    """Set once there is a connection, or none is needed any more."""

    _source: HostSource | None = None

    def to(self, source: HostSource) -> None:
        """Say that there is one."""
        self._source = source
        self.set()

    def moved_at(self, begun: float) -> float:
        """When the latest call began; `begun` where there was none since."""
        return max(begun, self._source.called_at) if self._source else begun


def _with_deadline(
    work: Callable[[], int], limit_s: float, connected: Connected | None = None
) -> tuple[int, bool]:
    """(exit code, whether it is still hanging).

    Args:
        work: What may hang.
        limit_s: How long it may take, or a call of it: a far host needs many that come back.
        connected: Is set once there is a connection: a change may take a day, but not to connect.
            A daemon that hangs later is noticed by the connection itself.
    """
    answers: list[int] = []
    failures: list[BaseException] = []

    ended = threading.Event()  # a join that was interrupted takes the thread for ended
    reached = connected or Connected()
    if connected is None:
        reached.set()

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # handed to the caller's thread
            failures.append(error)
        ended.set()
        reached.set()

    threading.Thread(target=run, daemon=True).start()
    while True:
        try:
            if reached.wait(min(limit_s, CONNECT_S)):
                begun = monotonic()
                while (left := reached.moved_at(begun) + limit_s - monotonic()) > 0:
                    if ended.wait(left):
                        break
            break
        except KeyboardInterrupt:
            if not _for_an_editor():
                _give_up(ended)
                raise
    if failures:
        raise failures[0]
    return (answers[0], False) if answers else (FAILED, True)


def _for_an_editor() -> bool:
    """The ^C was typed into an editor that was started here."""
    from vconsole.files.editor import in_front

    return in_front.is_set()


def _give_up(ended: threading.Event) -> None:
    """Give up what is under way; it may take a moment to take away what it has made."""
    from vconsole.cli.changing import give_up

    if give_up():
        ended.wait(GIVE_UP_S)

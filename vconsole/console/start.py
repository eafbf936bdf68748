"""Wires the console together and gives it the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vconsole.console.early import EarlyFeed, import_textual
from vconsole.console.ending import note_signals
from vconsole.files.demo import demo_files
from vconsole.files.places import config_path, state_dir
from vconsole.host.here import DEMO_NOTICE, demo_is_all_there_is
from vconsole.host.stderr import leave_trace, log_path, stderr_to
from vconsole.host.uri import DEMO_URI, expected
from vconsole.text import line

if TYPE_CHECKING:
    from argparse import Namespace

    from vconsole.changes.dispatcher import Dispatcher, Request
    from vconsole.changes.recorder import Records
    from vconsole.console.app import VConsole
    from vconsole.files.config import Config
    from vconsole.host.link import Link
    from vconsole.host.source import HostSource
    from vconsole.model.host_state import HostState
    from vconsole.model.request import Reply

CRASHED = 1
"""Textual's return code after an exception; the traceback goes to the log with all else."""


def run(options: Namespace) -> int:
    """Run the console until it is left; answers the exit code, 2 for settings of no use."""
    log = log_path(state_dir())
    options.notice = ""
    if not options.demo and demo_is_all_there_is(options.connect):
        options.demo, options.notice = True, DEMO_NOTICE
    with stderr_to(log), _own_files(options) as files:
        early = begin(options)
        problem, code = "", 2
        try:
            config = _settle(options)
        except ValueError as error:
            early.stop()
            problem = str(error)
        else:
            try:
                code = _run_on_host(config, options, early, files)
            except OSError:
                raise
            except Exception as error:  # where no app catches it
                leave_trace(error)
                code = CRASHED
    if problem:
        print(f"vconsole: {problem}", file=sys.stderr)
    if code == CRASHED:
        print(f"vconsole: stopped by an error of its own; see {log or 'no log'}", file=sys.stderr)
    return code


def _own_files(options: Namespace) -> AbstractContextManager[Mapping[str, Path]]:
    """The demo's own files, there before its host is; of another host none."""
    return demo_files() if options.demo else nullcontext({})


def begin(options: Namespace) -> EarlyFeed:
    """Begin to connect."""
    uri = DEMO_URI if options.demo else expected(options.connect)
    return EarlyFeed(lambda wake, first: _open_host(options, wake, first), uri)


def _run_on_host(
    config: Config, options: Namespace, early: EarlyFeed, files: Mapping[str, Path]
) -> int:
    """Run on the host that is meant; where that has no answer, on the demo if that is asked for.

    The demo is a console of its own, so that nothing is in it of the host and its user's files.
    """
    import_textual()
    if files:
        return _run(of_demo(config, files), options, state_dir(), early)
    from vconsole.console.app import TO_DEMO

    code = _run(config, options, state_dir(), early)
    if code != TO_DEMO:
        return code
    note_signals()  # that app took them, and gave them up at its end
    options.demo, options.notice = True, "demo: nothing real changes"
    with demo_files() as own:
        return _run(of_demo(config, own), options, state_dir(), begin(options))


def of_demo(config: Config, files: Mapping[str, Path]) -> Config:
    """The settings with the demo's files, which know what was done before."""
    from vconsole.changes.demo_past import write_past

    write_past(files["hostinfo_conf"].parent)
    return replace(
        config,
        hostinfo_conf=str(files["hostinfo_conf"]),
        metrics_disk=str(files["metrics_disk"]),
        vhostmd_conf=str(files["vhostmd_conf"]),
    )


def _run(config: Config, options: Namespace, directory: Path | None, early: EarlyFeed) -> int:
    app = console_of(config, options, directory, early)
    app.run(mouse=config.mouse)
    return app.return_code or 0


def console_of(
    config: Config, options: Namespace, directory: Path | None, early: EarlyFeed
) -> VConsole:
    """The console on the host that `early` reads; it remembers in the directory."""
    from vconsole.console.app import VConsole

    def open_feed(publish: Callable[[HostState], object]) -> EarlyFeed:
        return early.feed(publish, config.interval_s)

    def open_dispatcher(
        publish: Callable[[Request, Reply], object], records: Records
    ) -> Dispatcher:
        from vconsole.changes.dispatcher import Dispatcher
        from vconsole.changes.host_requests import HostRequests
        from vconsole.changes.run import AT_A_TIME

        def more_s() -> float:
            """A host far away is asked for so long as three readings of it take."""
            fresh = console.host_state.freshness
            return 3 * fresh.pace_s if fresh.seldom else 0.0

        host = HostRequests(lambda: _open_link(options), demo=options.demo, more_s=more_s)
        width = AT_A_TIME + 4
        return Dispatcher(host.handlers(), publish, width, recorder=records, more_s=more_s)

    console = VConsole(config, open_feed, open_dispatcher, state=directory)
    return console


def _open_host(options: Namespace, wake: Callable[[], None], list_first: bool) -> HostSource:
    """Connect, in the poller's thread; libvirt is imported there."""
    from vconsole.host.open import connect_console

    asked = options.connect, options.read_only, options.demo
    return connect_console(*asked, wake, options.notice, list_first)


def _open_link(options: Namespace) -> Link:
    """Connect once more, for requests that must not hold up the reading."""
    from vconsole.host.open import connect_link

    return connect_link(options.connect, options.read_only, options.demo)


def _settle(options: Namespace) -> Config:
    """Read the settings, and let the command line and the terminal overrule them.

    NO_COLOR with a true-colour theme would still send greys: only the ansi themes send none.

    Raises:
        ValueError: They are of no use; the message is a safe line.
    """
    from vconsole.files.config import THEMES, ConfigError, load

    try:
        config = load(config_path())
    except ConfigError as error:
        raise ValueError(line(error)) from error
    theme = options.theme if options.theme in THEMES else config.theme
    if os.environ.get("NO_COLOR") and not theme.startswith("ansi"):
        theme = "ansi-light" if theme.endswith("light") else "ansi-dark"
    ascii_only = config.ascii or options.ascii or not _speaks_unicode()
    return replace(
        config, theme=theme, ascii=ascii_only, interval_s=options.interval or config.interval_s
    )


def _speaks_unicode() -> bool:
    """Whether the terminal is likely to show more than ASCII.

    Python makes UTF-8 of the C locale and says so in LC_CTYPE (PEP 538); the terminal, tmux say,
    still goes by what the user set: where that is nothing, tmux and screen take it for C.
    """
    set_ = os.environ.get
    locale = set_("LC_ALL") or set_("LC_CTYPE") or ""
    if locale in ("", "C.UTF-8") and not set_("LC_ALL"):
        inside = set_("TMUX") or set_("STY")
        locale = set_("LANG") or ("C" if inside else locale)
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    plain = locale in ("C", "POSIX") or set_("TERM") == "linux"
    return encoding == "utf8" and not plain

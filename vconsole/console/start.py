"""Wires the console together and gives it the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vconsole.files.config import THEMES, Config
from vconsole.files.demo import demo_files
from vconsole.files.places import state_dir
from vconsole.host.here import DEMO_NOTICE, demo_is_all_there_is
from vconsole.host.stderr import log_path, stderr_to
from vconsole.host.uri import DEMO_URI, expected
from vconsole.model.host_state import Connection, HostState

if TYPE_CHECKING:
    from argparse import Namespace

    from vconsole.changes.dispatcher import Dispatcher, Request
    from vconsole.changes.recorder import Records
    from vconsole.host.link import Link
    from vconsole.host.source import HostSource
    from vconsole.model.request import Reply

CRASHED = 1
"""Textual's return code after an exception; the traceback goes to the log with all else."""


def run(config: Config, options: Namespace) -> int:
    """Run the console until it is left; answers the exit code."""
    log = log_path(state_dir())
    options.notice = ""
    if not options.demo and demo_is_all_there_is(options.connect):
        options.demo, options.notice = True, DEMO_NOTICE
    with stderr_to(log):
        code = _run_on_host(_settle(config, options), options)
    if code == CRASHED:
        print(f"vconsole: stopped by an error of its own; see {log or 'no log'}", file=sys.stderr)
    return code


def _run_on_host(config: Config, options: Namespace) -> int:
    """Run on the host that is meant; where that has no answer, on the demo if that is asked for.

    The demo is a console of its own, so that nothing is in it of the host and its user's files.
    """
    if not options.demo:
        from vconsole.console.app import TO_DEMO

        code = _run(config, options, state_dir())
        if code != TO_DEMO:
            return code
        options.demo, options.notice = True, "demo: nothing real changes"
    with demo_files() as files:
        own = replace(
            config,
            hostinfo_conf=str(files["hostinfo_conf"]),
            metrics_disk=str(files["metrics_disk"]),
            vhostmd_conf=str(files["vhostmd_conf"]),
        )
        return _run(own, options, state_dir())


def _run(config: Config, options: Namespace, directory: Path | None) -> int:
    from vconsole.console.app import VConsole
    from vconsole.host.poller import Poller

    uri = DEMO_URI if options.demo else expected(options.connect)

    def open_feed(publish: Callable[[HostState], object]) -> Poller:
        poller = Poller(
            lambda: _open_host(options, poller.wake),
            publish,
            interval_s=config.interval_s,
            initial=HostState(Connection(uri=uri)),
        )
        return poller

    def open_dispatcher(
        publish: Callable[[Request, Reply], object], records: Records
    ) -> Dispatcher:
        from vconsole.changes.dispatcher import Dispatcher
        from vconsole.changes.host_requests import HostRequests
        from vconsole.changes.run import AT_A_TIME

        host = HostRequests(lambda: _open_link(options))
        return Dispatcher(host.handlers(), publish, width=AT_A_TIME + 4, recorder=records)

    app = VConsole(config, open_feed, open_dispatcher, state=directory)
    app.run(mouse=config.mouse)
    return app.return_code or 0


def _open_host(options: Namespace, wake: Callable[[], None]) -> HostSource:
    """Connect, in the poller's thread; libvirt is imported there, after the first frame.

    Beginning earlier, beside the import of Textual, was measured: both want the interpreter, the
    first frame comes 60 ms later and the list no sooner.
    """
    from vconsole.host.open import connect

    return connect(options.connect, options.read_only, options.demo, wake, options.notice)


def _open_link(options: Namespace) -> Link:
    """Connect once more, for requests that must not hold up the reading."""
    from vconsole.host.open import connect_link

    return connect_link(options.connect, options.read_only, options.demo)


def _settle(config: Config, options: Namespace) -> Config:
    """Let the command line and the terminal overrule the settings.

    NO_COLOR with a true-colour theme would still send greys: only the ansi themes send none.
    """
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
    still goes by what the user set.
    """
    set_ = os.environ.get
    locale = set_("LC_ALL") or set_("LC_CTYPE") or ""
    if locale in ("", "C.UTF-8") and not set_("LC_ALL"):
        locale = set_("LANG") or locale
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    plain = locale in ("C", "POSIX") or set_("TERM") == "linux"
    return encoding == "utf8" and not plain

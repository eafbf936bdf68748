"""Wires the console together and gives it the terminal."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from vconsole.app import VConsole
from vconsole.config import THEMES, Config
from vconsole.history import History, state_dir
from vconsole.host.poller import Poller
from vconsole.host.source import HostSource
from vconsole.model.changes import Outcome
from vconsole.model.snapshot import HostSnapshot

CRASHED = 1
"""Textual's return code after an exception; the traceback goes to the log with all else."""


def run(config: Config, options: Namespace) -> int:
    """Run the console until it is left; answers the exit code."""
    config = _settle(config, options)

    def open_feed(
        publish: Callable[[HostSnapshot], object], report: Callable[[Outcome], object]
    ) -> Poller:
        poller = Poller(
            lambda: _open_host(options, wake=poller.wake),
            publish,
            report,
            interval_s=config.interval_s,
        )
        return poller

    log = _log_path()
    with _noise_to(log):
        app = VConsole(config, open_feed, History.load(state_dir()))
        app.run(mouse=config.mouse)
    if app.return_code == CRASHED:
        print(f"vconsole: stopped by an error of its own; see {log or 'no log'}", file=sys.stderr)
    return app.return_code or 0


def _open_host(options: Namespace, wake: Callable[[], None]) -> HostSource:
    """Connect, in the poller's thread; libvirt is imported there, after the first frame."""
    from vconsole.host.open import connect

    return connect(options.connect, options.read_only, options.demo, wake)


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
    encoding = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "")
    return encoding == "utf8" and os.environ.get("TERM") != "linux"


@contextmanager
def _noise_to(path: Path | None) -> Iterator[None]:
    """Send what libraries write to file descriptor 2 to the log; the screen is the terminal's.

    libxml2 and libvirt write there past every handler. Textual draws on ``sys.__stderr__``.
    """
    terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
    saved, sys.__stderr__ = sys.__stderr__, terminal  # type: ignore[misc]
    log = os.open(path or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 2)
    try:
        yield
    finally:
        os.dup2(terminal.fileno(), 2)
        sys.__stderr__ = saved  # type: ignore[misc]
        os.close(log)


def _log_path() -> Path | None:
    directory = state_dir()
    if directory is None:
        return None
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "vconsole.log"
        path.open("a").close()
    except OSError:
        return None
    return path

"""Where a daemon's log goes, made so that nobody outside can fill it or forge a line of it.

In the foreground warnings go to stderr and the rest to stdout; where systemd reads stderr every
line carries its priority; in the background it is syslog. Every message is foreign text.
"""

from __future__ import annotations

import logging
import os
import sys
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import SysLogHandler
from time import monotonic

from vconsole.host.stderr import traces_to
from vconsole.text import safe

NOTICE = 25
"""Worth knowing without --verbose, and nothing is wrong."""
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (NOTICE, 5), (logging.INFO, 6))
_BURST, _PERIOD_S = 5, 60.0
_TOTAL_BURST = 100
_MAX_KEYS = 4096


def open_log(ident: str, foreground: bool, verbose: bool) -> None:
    """Send what the package ``vconsole`` logs to where it belongs.

    Args:
        ident: The program's name in syslog.
        foreground: Write to the terminal or the journal.
        verbose: Also what is of interest only when something is looked for.
    """
    logging.addLevelName(NOTICE, "NOTICE")
    logging.raiseExceptions = False  # a full disk, a reader that went: a line is lost, no more
    logger = logging.getLogger("vconsole")
    logger.setLevel(logging.INFO if verbose else NOTICE)
    logger.propagate = False
    logger.handlers = _handlers(ident, foreground)
    loop = logging.getLogger("asyncio")  # it tells of tasks that failed and nobody waits for
    loop.propagate, loop.handlers = False, logger.handlers
    traces_to(lambda error: logger.error("unexpected", exc_info=error))


def _handlers(ident: str, foreground: bool) -> list[logging.Handler]:
    if not foreground:
        return _syslog(ident)
    bad = logging.StreamHandler(sys.stderr)
    bad.setFormatter(_Lines(priorities=_journal_reads()))
    if _journal_reads():
        return [bad]
    bad.setLevel(logging.WARNING)
    good = logging.StreamHandler(sys.stdout)
    good.setFormatter(_Lines())
    good.addFilter(lambda record: record.levelno < logging.WARNING)
    return [bad, good]


def _syslog(ident: str) -> list[logging.Handler]:
    with suppress(OSError):
        handler = _Syslog("/dev/log", SysLogHandler.LOG_DAEMON)
        handler.ident = f"{ident}[{os.getpid()}]: "
        handler.setFormatter(_Lines())
        return [handler]
    return [logging.NullHandler()]


class _Syslog(SysLogHandler):
    priority_map = {**SysLogHandler.priority_map, "NOTICE": "notice"}


def _journal_reads() -> bool:
    """Descriptor 2 is the one that systemd gave; see systemd.exec(5), JOURNAL_STREAM."""
    with suppress(OSError):
        status = os.fstat(2)
        return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False


class _Lines(logging.Formatter):
    """One harmless line a message, the lines of a traceback after it."""

    def __init__(self, priorities: bool = False) -> None:
        super().__init__()
        self._priorities = priorities

    def format(self, record: logging.LogRecord) -> str:
        """Render a record, each line behind its priority where that is read."""
        lines = [safe(record.getMessage())]
        if record.exc_info:
            lines += map(safe, self.formatException(record.exc_info).splitlines())
        number = next((n for level, n in _PRIORITIES if record.levelno >= level), 7)
        prefix = f"<{number}>" if self._priorities else ""
        return "\n".join(prefix + line for line in lines)


@dataclass(slots=True)
class _Count:
    """Lines of one kind in its present period."""

    began_at: float
    lines: int = 0


class Quiet:
    """A log for what a guest can cause: few lines of a kind a minute, and few of all kinds.

    The next line that is written says how many were left out.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._all = _Count(monotonic())
        self._left_out = 0

    def log(self, level: int, kind: str, message: str, *arguments: object) -> None:
        """Write a line, unless there were too many of this `kind`."""
        if not self._logger.isEnabledFor(level):
            return
        now = monotonic()
        count = self._counts.pop(kind, None) or _Count(now)
        self._counts[kind] = count
        if len(self._counts) > _MAX_KEYS:
            self._counts.popitem(last=False)
        if not (_may(count, now, _BURST) and _may(self._all, now, _TOTAL_BURST)):
            self._left_out += 1
            return
        if self._left_out:
            message += f" ({self._left_out} lines like this were left out before)"
            self._left_out = 0
        self._logger.log(level, message, *arguments)


def _may(count: _Count, now: float, burst: int) -> bool:
    if now - count.began_at >= _PERIOD_S:
        count.began_at, count.lines = now, 0
    count.lines += 1
    return count.lines <= burst

"""A daemon's log: where its lines go, and that nobody outside writes or floods it."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from collections.abc import Iterator
from io import StringIO

import pytest

from vconsole.daemon import journal
from vconsole.daemon.journal import NOTICE, Quiet, open_log


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    logger = logging.getLogger("vconsole")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def say() -> None:
    log = logging.getLogger("vconsole.test")
    log.info("info")
    log.log(NOTICE, "notice")
    log.warning("warning")
    log.error("error")


def test_in_the_foreground_what_is_wrong_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    open_log("x", foreground=True, verbose=True)
    say()
    assert capsys.readouterr() == ("info\nnotice\n", "warning\nerror\n")


class Full(StringIO):
    """An output on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_line_that_cannot_be_written_is_lost_and_no_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(sys, "stdout", Full())
    open_log("x", foreground=True, verbose=True)
    say()
    assert capsys.readouterr().err == "warning\nerror\n"


def test_without_verbose_there_is_less(capsys: pytest.CaptureFixture[str]) -> None:
    open_log("x", foreground=True, verbose=False)
    say()
    assert capsys.readouterr().out == "notice\n"


def test_the_journal_gets_priorities(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    open_log("x", foreground=True, verbose=True)
    say()
    assert capfd.readouterr() == ("", "<6>info\n<5>notice\n<4>warning\n<3>error\n")


def test_without_a_syslog_the_daemon_runs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_arguments: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(journal, "_Syslog", absent)
    open_log("x", foreground=False, verbose=True)
    say()


def test_foreign_text_cannot_make_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    open_log("x", foreground=True, verbose=False)
    logging.getLogger("vconsole.test").warning("%s: gone", "qemu-x\n<0>kernel: \x1b[2Jpanic")
    assert capsys.readouterr().err == "qemu-x\\x0a<0>kernel: \\x1b[2Jpanic: gone\n"


def test_a_traceback_is_kept_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    open_log("x", foreground=True, verbose=False)
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        logging.getLogger("vconsole.test").exception("what")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "what"
    assert lines[-1] == "ValueError: \\x1b[2J"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made = [100.0]
    monkeypatch.setattr(journal, "monotonic", lambda: made[0])
    return made


def test_one_kind_of_line_is_written_seldom(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    quiet = Quiet(logging.getLogger("vconsole.quiet"))
    for _ in range(1000):
        quiet.log(logging.WARNING, "qemu-a", "%s", "again")
    quiet.log(logging.WARNING, "qemu-b", "another")
    clock[0] += 60
    quiet.log(logging.WARNING, "qemu-a", "%s", "later")
    assert caplog.messages == [
        *["again"] * 5,
        "another (995 lines like this were left out before)",
        "later",
    ]


def test_all_kinds_together_are_limited_too(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    quiet = Quiet(logging.getLogger("vconsole.quiet"))
    for number in range(10_000):
        quiet.log(logging.WARNING, f"qemu-{number}", "%s", number)
    assert len(caplog.messages) == 100
    assert len(quiet._counts) <= 4096
    assert all(re.fullmatch(r"\d+", line) for line in caplog.messages)

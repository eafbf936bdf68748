"""What nobody foresaw, in each thread: it is in the log, is said, and the thread goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.drivers.linux_driver import LinuxDriver

from tests.integration.ground import wait_until
from tests.unit.test_dispatcher import Office, Wanted
from tests.unit.test_host_poller import Bench
from tests.unit.test_host_poller import bench as bench
from vconsole.changes.jobs import JobBoard
from vconsole.console.terminal import TerminalDriver
from vconsole.daemon.journal import open_log
from vconsole.features.hostinfo.daemon.watch import Watch
from vconsole.features.hostinfo.host import roster
from vconsole.features.hostinfo.host.roster import RosterReader
from vconsole.features.hostinfo.host.statistics import Sampler
from vconsole.features.metrics.daemon.sampling import Samples
from vconsole.features.metrics.model.sample import Needs
from vconsole.features.storage.model.image_plan import Conversion, plan_convert
from vconsole.host import locality, stderr
from vconsole.host.locality import LocalityReader
from vconsole.host.stderr import leave_trace, stderr_to
from vconsole.model.request import Reply


def fault(*_: object) -> Any:
    """What a test plants."""
    raise ZeroDivisionError("planted \x1b[2J")


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("vconsole", "asyncio")]
    before = [(log, log.handlers, log.level, log.propagate) for log in loggers]
    hooks = sys.excepthook, threading.excepthook
    monkeypatch.setattr(stderr, "_last_trace", "")
    yield
    sys.excepthook, threading.excepthook = hooks
    for log, handlers, level, propagate in before:
        log.handlers, log.level, log.propagate = handlers, level, propagate


def planted(text: str) -> bool:
    """The trace is there, harmless."""
    return "planted \\x1b[2J" in text and "Traceback" in text and "\x1b" not in text


Capture = pytest.CaptureFixture[str]


def test_of_who_takes_a_reading(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """In the worker's thread, but past the source: the poller does not wait for a dead thread."""
    bench.poller.start()
    bench.until(bench.fresh)
    with monkeypatch.context() as patch:
        patch.setattr(bench.poller, "_recalled", fault)
        bench.until(lambda: bench.last.freshness.stale)
        assert "ZeroDivisionError" in bench.last.freshness.reason
    bench.until(bench.fresh)
    assert planted(capsys.readouterr().err)


@pytest.mark.parametrize("when", ["begun", "ended"])
def test_of_a_record(when: str, capsys: Capture) -> None:
    class Recorder:
        def begun(self, request: object) -> None:
            if when == "begun":
                fault()

        def ended(self, entry: object, request: object, reply: Reply) -> Reply:
            return fault() if when == "ended" else reply

    made = []

    def handle(request: Wanted) -> Reply:
        made.append(request)
        return Reply()

    office = Office(handle, recorder=Recorder())
    office.dispatcher.ask(Wanted("a"))
    _, reply = office.next()
    assert (reply.status, len(made)) == (("failed", 0) if when == "begun" else ("applied", 1))
    assert planted(capsys.readouterr().err)


def test_of_the_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("vconsole.changes.jobs.WRITE_EVERY_S", 0.01)
    board = JobBoard(tmp_path / "jobs")
    (change,) = plan_convert(Conversion("/i/a", "raw", str(tmp_path / "out"), "qcow2")).changes
    looks = []

    def look() -> None:
        looks.append(1)
        fault()

    monkeypatch.setattr(board, "_look", look)
    board.begun(change, "qemu:///system")
    wait_until(lambda: len(looks) > 2, "it goes on")
    board.ended(change)
    wait_until(lambda: board._writer is None, "it ends")
    assert planted(capsys.readouterr().err)


def test_of_where_memory_lies(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """One domain's answer is lost; the others have theirs, also while it is the one in view."""

    class Guest:
        def __init__(self, cells: dict[int, int] | None) -> None:
            self.cells = cells

        def memory(self) -> dict[int, int]:
            return self.cells or fault()

    monkeypatch.setattr(locality, "_EVERY_S", 0.01)
    guests: dict[str, Any] = {"a": Guest(None), "b": Guest({0: 1}), "c": Guest({1: 2})}
    reader = LocalityReader()
    reader.update(guests, "a")
    wait_until(lambda: reader.results.keys() == {"b", "c"}, "the others are looked at")
    reader.close()
    assert planted(capsys.readouterr().err)


def test_of_the_daemons_samples(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr("vconsole.features.hostinfo.host.statistics.PERIOD_S", 0.01)
    asked = []

    def facts() -> dict[str, str]:
        asked.append(1)
        return fault() if len(asked) < 3 else {"guests": "7"}

    sampler = Sampler(facts)
    sampler.start()
    wait_until(lambda: sampler.sample.values.get("guests") == "7", "it goes on")
    sampler.stop()
    assert planted(capsys.readouterr().err)


def test_of_the_list_of_guests(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(roster, "open_link", fault)
    reader: RosterReader[int] = RosterReader("test:///default", len)
    reader.start()
    wait_until(lambda: "planted" in reader.roster.problem, "it is said")
    reader.stop()
    assert planted(capsys.readouterr().err)


def test_of_a_reading_for_metrics(capsys: Capture) -> None:
    class Broken:
        read = fault

        def without_libvirt(self, words: str) -> str:
            return words

        def close(self) -> None:
            pass

    async def take() -> None:
        broken: Any = Broken
        samples = Samples(broken)
        found = samples._ask(Needs())
        assert found is not None
        assert str(await found).startswith("ZeroDivisionError")
        samples.close()

    asyncio.run(take())
    assert planted(capsys.readouterr().err)


def test_of_a_daemons_loop_and_threads(capsys: Capture, tmp_path: Path) -> None:
    """A watch that fails, a task nobody waits for, a callback, and a thread: all in its log."""
    open_log("x", foreground=True, verbose=False)
    stderr.catch_the_rest()
    before = list[str]()

    async def run() -> None:
        watch = Watch((tmp_path,), fault)
        watching = asyncio.create_task(watch.run())
        task = asyncio.create_task(asyncio.sleep(0))
        task.add_done_callback(fault)
        while "not watching" not in "".join(before):  # the watch begins at some time
            (tmp_path / "new").write_text("again")
            await asyncio.sleep(0.2)
            before.append(capsys.readouterr().err)
        assert not watching.done()
        watch.stop()
        await watching

    asyncio.run(run())
    thread = threading.Thread(target=fault)
    thread.start()
    thread.join()
    said = "".join(before) + capsys.readouterr().err
    assert said.count("Traceback") == 3
    assert planted(said)
    assert "not watching" in said


def test_of_a_command_goes_where_its_errors_go(tmp_path: Path) -> None:
    """Descriptor 2 leads nowhere meanwhile, for the libraries."""
    words = (
        "from vconsole.host import stderr\n"
        "import threading\n"
        "stderr.catch_the_rest()\n"
        "with stderr.stderr_to(None):\n"
        "    thread = threading.Thread(target=lambda: 1 / int('0\\x1b'[0]))\n"
        "    thread.start(); thread.join()\n"
        "raise ValueError('\\x1b[2J')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.count("Traceback") == 2
    assert "division by zero" in done.stderr
    assert "ValueError: \\x1b[2J" in done.stderr
    assert done.returncode == 1


def test_after_a_command_traces_go_where_they_went(tmp_path: Path, capsys: Capture) -> None:
    with stderr_to(None):
        pass
    leave_trace(ValueError("after"))
    assert "after" in capsys.readouterr().err
    assert os.fstat(2)


def test_of_who_reads_the_keys_ends_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its error: whoever cannot be typed to any more must not end as if it was told to."""
    told: list[tuple[object, object]] = []
    app: Any = SimpleNamespace(
        _handle_exception="handle", call_later=lambda *called: told.append(called)
    )
    monkeypatch.setattr(TerminalDriver, "run_input_thread", fault)
    driver: Any = TerminalDriver.__new__(TerminalDriver)
    driver._app = app
    driver._run_input_thread()
    assert [(handle, type(error)) for handle, error in told] == [("handle", ZeroDivisionError)]


def test_of_the_terminal_half_taken_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread to be had, say."""
    driver: Any = TerminalDriver.__new__(TerminalDriver)
    driver._key_thread, given = object(), []
    monkeypatch.setattr(LinuxDriver, "start_application_mode", fault)
    monkeypatch.setattr(driver, "suspend_application_mode", lambda: given.append("back"))
    with pytest.raises(ZeroDivisionError):
        driver.start_application_mode()
    assert given == ["back"]


def test_of_the_consoles_start_is_in_its_log(tmp_path: Path) -> None:
    words = (
        "import sys\nsys.argv = ['vconsole', '--demo']\n"
        "import vconsole.__main__ as program, vconsole.console.start as start\n"
        "class Tty:\n    isatty = flush = lambda self: True\n"
        "sys.stdin = sys.stdout = Tty()\n"
        "def import_textual(): raise ZeroDivisionError('planted \\x1b[2J')\n"
        "start.import_textual = import_textual\n"
        "program.main()\n"
    )
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "TERM": "xterm"}
    done = subprocess.run([sys.executable, "-c", words], env=env, capture_output=True, text=True)
    log = tmp_path / "vconsole" / "vconsole.log"
    assert done.returncode == 1
    assert done.stderr == f"vconsole: stopped by an error of its own; see {log}\n"
    assert planted(log.read_text())

"""Measure one life of one program."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.idle import watch_idle, watch_memory
from bench.keys import key_bytes
from bench.plan import Case, Daemon, Plan, Size
from bench.press import measure_burst, measure_series
from bench.replay import Replay
from bench.replies import modes_left_on
from bench.screen import Screen
from bench.start import NeverReadyError, watch_start
from bench.stats import Figures
from bench.terminal import Program

_QUIT_LIMIT_S = 5.0
_COMMAND_LIMIT_S = 120.0
_BETWEEN_QUIT_KEYS_S = 0.15
_NOTICE_S = 1.5
_REST_S = 1.0
"""Between the last key and the time in which nothing is touched."""
_SAID_FIGURE = re.compile(rb"^(\w+)=([0-9.]+)\r?$", re.MULTILINE)


@dataclass
class Run:
    """What one life came to."""

    figures: Figures = field(default_factory=dict)
    error: str = ""
    """Why it could not be measured to the end."""
    modes_left_on: list[str] = field(default_factory=list)
    exit_code: int | None = None


def measure(case: Case, size: Size) -> Run:
    """Measure a full-screen program by its plan, or a command by running it.

    A command may add figures of its own by lines such as ``open_ms=2.5``.
    """
    line = case.plan.line_bytes_s if case.plan else 0.0
    program = Program(case.argv, size.columns, size.rows, case.env, line)
    try:
        if case.plan is None:
            return _command(program)
        return _screen_program(program, case.plan, size)
    finally:
        program.close()


def _command(program: Program) -> Run:
    ended = program.wait_exit(_COMMAND_LIMIT_S)
    program.wait_quiet(0.02, 0.5)
    if not ended or program.usage is None:
        return Run(error=f"still ran after {_COMMAND_LIMIT_S:g} s")
    figures = {
        "wall_ms": (program.exited_at - program.started_at) * 1000,
        "command_cpu_ms": (program.usage.ru_utime + program.usage.ru_stime) * 1000,
        "rss_mib": program.usage.ru_maxrss / 1024,
        "start_bytes": float(program.bytes_written),
    }
    for name, value in _SAID_FIGURE.findall(program.stream()):
        figures[name.decode()] = float(value)
    error = f"ended with {program.exit_code}" if program.exit_code else ""
    return Run(figures, error, exit_code=program.exit_code)


def _screen_program(program: Program, plan: Plan, size: Size) -> Run:
    run = Run()
    replay = Replay(program, Screen(size.columns, size.rows))
    try:
        run.figures |= watch_start(program, replay, plan)
    except NeverReadyError as error:
        run.error = str(error)
        return run
    program.listen(plan.rest_s)
    run.figures |= watch_memory(program)
    for series in plan.series:
        run.figures |= measure_series(program, replay, series)
    if plan.burst:
        run.figures |= measure_burst(program, replay, *plan.burst)
    program.listen(_REST_S)
    run.figures |= watch_idle(program, plan)
    with _frozen(program, plan.daemon):
        for series in plan.daemon.freeze if plan.daemon else ():
            run.figures |= measure_series(program, replay, series)
        _quit(program, plan, run)
    return run


@contextlib.contextmanager
def _frozen(program: Program, daemon: Daemon | None) -> Iterator[None]:
    """Stop the server, if the plan says so, until the program has noticed and ended."""
    if daemon is None or not daemon.freeze:
        yield
        return
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        program.listen(_NOTICE_S)
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def _quit(program: Program, plan: Plan, run: Run) -> None:
    """Press what ends it; the time counts from the last key."""
    if program.ended:
        program.wait_exit(0.5)
        run.error = f"ended by itself with {program.exit_code}"
        return
    for key in plan.quit[:-1]:
        program.write(key_bytes(key))
        program.listen(_BETWEEN_QUIT_KEYS_S)
    pressed_at = time.perf_counter()
    program.write(key_bytes(plan.quit[-1]))
    if not program.wait_exit(_QUIT_LIMIT_S):
        run.error = f"still ran {_QUIT_LIMIT_S:g} s after it was told to quit"
        return
    program.wait_quiet(0.05, 0.5)
    run.figures["quit_ms"] = (program.exited_at - pressed_at) * 1000
    run.exit_code = program.exit_code
    run.modes_left_on = modes_left_on(program.stream())
    run.figures["modes_left_on"] = float(len(run.modes_left_on))
    if program.exit_code:
        run.error = f"quit with {program.exit_code}"

"""What a key costs: time until it is seen, bytes, processor time."""

import random
import time
from typing import NamedTuple

from bench.keys import key_bytes
from bench.plan import Series
from bench.proc import cpu_s, process_cpu_s
from bench.replay import Replay
from bench.screen import Picture
from bench.stats import Figures, spread
from bench.terminal import Chunk, Program

QUIET_S = 0.06
"""A press has been dealt with when nothing is written for this long."""
_PAINT_LIMIT_S = 1.5
_MOST_JITTER_S = 0.05
_REFRESH_S = 0.02
"""How long a refresh may take: presses fall somewhere in this time after its beginning."""
_BETWEEN_S = 0.3
_BUSY_CPU_S = 0.001
_BUSY_WITHIN_S = 0.003
_BUSY_LIMIT_S = 2.5
_BURST_QUIET_S = 0.15


class Press(NamedTuple):
    """One measured press."""

    paint_ms: float
    """From the key to the end of the chunk after which the screen looks different."""
    bytes: int
    """Everything written until it was quiet again."""
    cpu_ms: float


def measure_series(program: Program, replay: Replay, series: Series) -> Figures:
    """Press the keys of a series; figures are named ``<series>.<what>_<p50, p95 or max>``."""
    _unmeasured(program, series.before)
    chance = random.Random(series.name)
    presses: list[Press] = []
    for key in series.keys:
        program.wait_quiet(QUIET_S, 1.0)
        if series.while_busy:
            _wait_busy(program)
        program.listen(chance.random() * (_REFRESH_S if series.while_busy else _MOST_JITTER_S))
        if program.ended:
            break
        replay.catch_up()
        if press := _press(program, replay, key, series.by_highlight):
            presses.append(press)
    _unmeasured(program, series.after)
    figures = {
        **spread("paint_ms", [press.paint_ms for press in presses]),
        **spread("bytes", [float(press.bytes) for press in presses]),
        **spread("cpu_ms", [press.cpu_ms for press in presses]),
        "unseen": float(len(series.keys) - len(presses)),
    }
    return {f"{series.name}.{name}": value for name, value in figures.items()}


def _press(program: Program, replay: Replay, key: str, by_highlight: bool) -> Press | None:
    """Press one key; None when nothing on the screen changed for it."""
    shown = replay.screen.picture()
    noted = len(program.chunks)
    cpu = cpu_s(program.pid)
    pressed_at = time.perf_counter()
    program.write(key_bytes(key))
    painted: Chunk | None = None
    left = _PAINT_LIMIT_S
    while painted is None and left > 0 and not program.ended:
        if program.read(left):
            program.wait_quiet(QUIET_S, _PAINT_LIMIT_S)
        painted = _painted(replay, shown, by_highlight)
        left = pressed_at + _PAINT_LIMIT_S - time.perf_counter()
    cpu = cpu_s(program.pid) - cpu
    if painted is None:
        return None
    size = sum(len(chunk.data) for chunk in program.chunks[noted:])
    return Press((painted.at - pressed_at) * 1000, size, cpu * 1000)


def _painted(replay: Replay, before: Picture, by_highlight: bool) -> Chunk | None:
    """Return the chunk that brought the change, or None; everything noted is drawn."""
    found: Chunk | None = None
    for chunk in replay.steps():
        now = replay.screen.picture()
        changed = now.highlight != before.highlight if by_highlight else now.cells != before.cells
        if changed and found is None:
            found = chunk
    return found


def _wait_busy(program: Program) -> None:
    """Wait until the program begins to work unasked, or a while if it never does."""
    end = time.perf_counter() + _BUSY_LIMIT_S
    since, used = time.perf_counter(), process_cpu_s(program.pid)
    while time.perf_counter() < end and not program.ended:
        program.read(0.0005)
        now, spent = time.perf_counter(), process_cpu_s(program.pid)
        if spent - used >= _BUSY_CPU_S:
            return
        if now - since > _BUSY_WITHIN_S:
            since, used = now, spent


def _unmeasured(program: Program, keys: tuple[str, ...]) -> None:
    for key in keys:
        program.write(key_bytes(key))
        program.listen(_BETWEEN_S)


def measure_burst(program: Program, replay: Replay, key: str, times: int) -> Figures:
    """Send a key many times at once; what counts is when the screen has caught up."""
    program.wait_quiet(QUIET_S, 1.0)
    replay.catch_up()
    noted = len(program.chunks)
    sent_at = time.perf_counter()
    program.write(key_bytes(key) * times)
    program.wait_quiet(_BURST_QUIET_S, 10.0)
    replay.catch_up()
    new = program.chunks[noted:]
    if not new:
        return {}
    return {
        "burst.caught_up_ms": (new[-1].at - sent_at) * 1000,
        "burst.bytes": float(sum(len(chunk.data) for chunk in new)),
    }

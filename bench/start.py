"""The start of a program: first byte, first frame, complete list, silence."""

import re
import time

from bench.plan import Plan
from bench.proc import cpu_s, queued_s
from bench.replay import Replay
from bench.stats import Figures
from bench.terminal import Chunk, Program

_LOOK_EVERY_S = 1.5


class NeverReadyError(Exception):
    """The screen did not become what it should; the words say what it was instead."""


def watch_start(program: Program, replay: Replay, plan: Plan) -> Figures:
    """Follow the start until the screen is complete and still; times in ms since the start.

    The screen is only drawn in silences (or after a while without one), so that the emulator
    does not hold up the notes; the times are those of the chunks, not of the drawing.
    """
    ready = re.compile(plan.ready)
    first_frame: Chunk | None = None
    deadline = program.started_at + plan.ready_limit_s
    while True:
        program.wait_quiet(plan.settle_s, _LOOK_EVERY_S)
        used = {
            "start_cpu_ms": cpu_s(program.pid) * 1000,
            "start_queued_ms": queued_s(program.pid) * 1000,
        }
        for chunk in replay.steps():
            first_frame = first_frame or (None if replay.screen.is_blank() else chunk)
            if replay.shows(ready) and first_frame:
                replay.catch_up()
                return _figures(program, first_frame, chunk) | used
        if program.ended or time.perf_counter() > deadline:
            raise NeverReadyError(_complaint(program, replay, plan))


def _figures(program: Program, first_frame: Chunk, ready: Chunk) -> Figures:
    def since_start(chunk: Chunk) -> float:
        return (chunk.at - program.started_at) * 1000

    return {
        "first_byte_ms": since_start(program.chunks[0]),
        "first_frame_ms": since_start(first_frame),
        "ready_ms": since_start(ready),
        "settled_ms": since_start(program.chunks[-1]),
        "start_bytes": float(program.bytes_written),
    }


def _complaint(program: Program, replay: Replay, plan: Plan) -> str:
    replay.catch_up()
    program.wait_exit(0.2)
    how = "did not show" if program.exit_code is None else f"ended with {program.exit_code} before"
    seen = " / ".join(" ".join(line.split()) for line in replay.screen.lines() if line)
    return f"{how} {plan.ready!r}; on the screen: {seen[:300] or 'nothing'}"

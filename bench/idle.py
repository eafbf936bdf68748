"""What a program does while nobody touches a key."""

import re
import statistics
import time
from pathlib import Path

from bench.plan import Plan
from bench.proc import cpu_s, memory, process_cpu_s, wakeups
from bench.stats import Figures
from bench.terminal import Program

_CALL_SENT = re.compile(
    r"^\S+ (\d+):(\d+):([\d.]+)\S* .*RPC_CLIENT_MSG_TX_QUEUE: .*\btype=0\b", re.MULTILINE
)
"""A call leaving the client; what keeps a connection alive has another type."""


def watch_idle(program: Program, plan: Plan) -> Figures:
    """Watch for ``plan.idle_s``: share of one core, bytes written, waking threads, memory."""
    if plan.idle_s <= 0:
        return {}
    before = _Counters(program, plan)
    program.listen(plan.idle_s)
    after = _Counters(program, plan)
    seconds = after.at - before.at
    ticks = seconds / plan.tick_s
    figures = {
        "idle_cpu_pct": (after.cpu - before.cpu) / seconds * 100,
        "tick_cpu_ms": (after.cpu - before.cpu) / ticks * 1000,
        "idle_bytes_s": (after.written - before.written) / seconds,
        "idle_wakeups_s": (after.wakeups - before.wakeups) / seconds,
    }
    if plan.daemon:
        figures["daemon_ms_tick"] = (after.daemon_cpu - before.daemon_cpu) / ticks * 1000
    if plan.rpc_log:
        figures |= _calls_a_tick(call_times(plan.rpc_log)[before.calls :], plan.tick_s)
    return figures


def watch_memory(program: Program) -> Figures:
    """Return the memory it takes now."""
    held = memory(program.pid)
    return {"rss_mib": held.rss_mib, "pss_mib": held.pss_mib, "threads": float(held.threads)}


class _Counters:
    """Everything that only grows, read at one moment."""

    def __init__(self, program: Program, plan: Plan) -> None:
        self.calls = len(call_times(plan.rpc_log)) if plan.rpc_log else 0
        self.daemon_cpu = process_cpu_s(plan.daemon.pid) if plan.daemon else 0.0
        self.cpu = cpu_s(program.pid)
        self.wakeups = wakeups(program.pid)
        self.written = program.bytes_written
        self.at = time.perf_counter()


def call_times(log: Path) -> list[float]:
    """Return when calls left the client, in seconds of the day, from its log (level "info")."""
    if not log.exists():
        return []
    sent = _CALL_SENT.findall(log.read_text(errors="replace"))
    return [int(hour) * 3600 + int(minute) * 60 + float(second) for hour, minute, second in sent]


def _calls_a_tick(times: list[float], tick_s: float) -> Figures:
    """Count calls that belong together: those of one tick come at once, then there is a pause."""
    bursts: list[int] = []
    for number, at in enumerate(times):
        if number == 0 or not 0 <= at - times[number - 1] < tick_s / 3:
            bursts.append(0)
        bursts[-1] += 1
    if not bursts:
        return {"rpc_tick": 0.0, "rpc_tick_max": 0.0}
    return {"rpc_tick": statistics.median(bursts), "rpc_tick_max": float(max(bursts))}

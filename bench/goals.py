"""The speed goals, as data, and whether they are met."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.cases import CALLS, DAEMON, HANG, STILL, console_name
from bench.hostinfo import NAME as HOSTINFO
from bench.placement import FIT
from bench.stats import Figures
from bench.storage import CONVERT_NAME as CONVERT
from bench.storage import VOLUMES_NAME as VOLUMES


@dataclass(frozen=True)
class Goal:
    """An upper limit for one figure of one case."""

    case: str
    figure: str
    limit: float
    unit: str
    meaning: str


@dataclass(frozen=True)
class Verdict:
    """A goal and what was measured."""

    goal: Goal
    value: float | None
    """None when the case was not measured."""

    @property
    def word(self) -> str:
        """``met``, ``missed`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        return "met" if self.value <= self.goal.limit else "missed"


def _console(case: str, list_ms: float, idle_pct: float, rss_mib: float) -> Iterator[Goal]:
    """Yield what is asked of the list whatever is behind it."""
    yield Goal(case, "first_frame_ms", 250, "ms", "first frame")
    yield Goal(case, "ready_ms", list_ms, "ms", "list complete")
    yield Goal(case, "move.paint_ms_p50", 5, "ms", "key to paint, median")
    yield Goal(case, "move.paint_ms_p95", 16.7, "ms", "key to paint, p95")
    yield Goal(case, "refresh.paint_ms_p95", 16.7, "ms", "key to paint during a refresh, p95")
    yield Goal(case, "move.unseen", 0, "keys", "moves that painted nothing")
    yield Goal(case, "move.bytes_p50", 600, "B", "bytes a cursor move")
    yield Goal(case, "idle_cpu_pct", idle_pct, "%", "idle CPU, of one core")
    yield Goal(case, "rss_mib", rss_mib, "MiB", "resident memory")
    yield Goal(case, "quit_ms", 500, "ms", "quit")
    yield Goal(case, "modes_left_on", 0, "modes", "terminal modes left on")


_THOUSAND, _MANY = console_name(1000), console_name(10000)

GOALS = (
    *_console(console_name(10), 350, 0.5, 60),
    Goal(STILL, "idle_bytes_s", 0, "B/s", "bytes/s when nothing changes"),
    *_console(_THOUSAND, 500, 1.5, 90),
    Goal(_THOUSAND, "idle_bytes_s", 2048, "B/s", "idle bytes/s"),
    Goal(_MANY, "list_after_open_ms", 3000, "ms", "list complete, without libvirt's own opening"),
    Goal(_MANY, "move.paint_ms_p95", 33, "ms", "key to paint, p95"),
    Goal(_MANY, "refresh.paint_ms_p95", 33, "ms", "key to paint during a refresh, p95"),
    Goal(HANG, "hang.paint_ms_max", 50, "ms", "slowest key while a call hangs"),
    Goal(HANG, "hang.unseen", 0, "keys", "keys that painted nothing while a call hangs"),
    Goal(HANG, "quit_ms", 500, "ms", "quit while a call hangs"),
    Goal(HANG, "modes_left_on", 0, "modes", "terminal modes left on"),
    *_console(DAEMON, 500, 1.5, 90),
    Goal(DAEMON, "idle_bytes_s", 2048, "B/s", "idle bytes/s"),
    Goal(DAEMON, "daemon_ms_tick", 5, "ms", "the daemon's CPU time a tick"),
    Goal(DAEMON, "frozen.paint_ms_max", 50, "ms", "slowest key while the daemon is stopped"),
    Goal(HOSTINFO, "answer_ms_p99", 10, "ms", "answer to one of 1000 guests, p99"),
    Goal(HOSTINFO, "service_cpu_pct", 10, "%", "hostinfod's CPU, of one core"),
    Goal(HOSTINFO, "service_rss_mib", 60, "MiB", "hostinfod's resident memory"),
    Goal(HOSTINFO, "refusals", 0, "replies", "refusals within the limit"),
    Goal(VOLUMES, "list_after_libvirt_ms", 1000, "ms", "10,000 volumes listed, without libvirt's"),
    Goal(VOLUMES, "move_paint_ms_p95", 16.7, "ms", "key to paint among 10,000 volumes, p95"),
    Goal(VOLUMES, "move_unseen", 0, "keys", "moves that painted nothing"),
    Goal(CONVERT, "slower_pct", 5, "%", "a conversion, above qemu-img's own time"),
    Goal(FIT, "fit_ms", 1000, "ms", "one plan for 50 domains on 256 pCPUs"),
    Goal(CALLS, "rpc_tick", 3, "calls", "remote calls a tick"),
)


def judge(measured: Mapping[str, Figures], wanted: set[str]) -> list[Verdict]:
    """Return the verdict on every goal of the cases that were asked for."""
    return [
        Verdict(goal, measured.get(goal.case, {}).get(goal.figure))
        for goal in GOALS
        if goal.case in wanted
    ]

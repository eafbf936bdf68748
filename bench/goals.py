"""The speed goals, as data, and whether they are met."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.cases import CALLS, DAEMON, HANG, STILL, THIN, console_name, floor_name
from bench.hostinfo import NAME as HOSTINFO
from bench.placement import FIT
from bench.stats import Figures
from bench.storage import CONVERT_NAME as CONVERT
from bench.storage import VOLUMES_NAME as VOLUMES
from bench.why import WHY

Figure = tuple[str, str]
"""(case, figure)."""
Measured = Mapping[str, Figures]


@dataclass(frozen=True)
class Beside:
    """A limit that others of the same run set: the largest of them, times, plus."""

    others: tuple[Figure, ...]
    times: float = 1.0
    plus: float = 0.0

    def limit(self, measured: Measured) -> float | None:
        """Return it; None where one of the others was not measured."""
        found = [measured.get(case, {}).get(figure) for case, figure in self.others]
        known = [value for value in found if value is not None]
        return max(known) * self.times + self.plus if len(known) == len(found) else None

    def __str__(self) -> str:
        names = [f"{case}'s" if case else "" for case, _ in self.others]
        whose = names[0] if len(names) == 1 else f"the larger of {' and '.join(names)}"
        times = "" if self.times == 1 else f"{self.times:g} x "
        return f"{times}{whose}" + (f" + {self.plus:g}" if self.plus else "")


@dataclass(frozen=True)
class Goal:
    """An upper limit for one figure of one case."""

    case: str
    figure: str
    limit: float | Beside
    unit: str
    meaning: str


@dataclass(frozen=True)
class Verdict:
    """A goal and what was measured."""

    goal: Goal
    value: float | None
    """None when the case was not measured."""
    limit: float | None
    """None when what it is compared with was not measured."""

    @property
    def word(self) -> str:
        """``met``, ``missed`` or ``not measured``."""
        if self.value is None or self.limit is None:
            return "not measured"
        return "met" if self.value <= self.limit else "missed"


def _console(case: str, floor: str, listed: Beside, idle: float | Beside) -> Iterator[Goal]:
    """Yield what is asked of the list whatever is behind it."""
    key_cpu = Beside(((floor, "move.cpu_ms_p50"),), 1.4)
    yield Goal(case, "ready_ms", listed, "ms", "list complete")
    yield Goal(case, "idle_cpu_pct", idle, "%", "idle CPU, of one core")
    yield Goal(case, "move.cpu_ms_p50", key_cpu, "ms", "CPU a key")
    yield Goal(case, "move.paint_ms_p50", 5, "ms", "key to paint, median")
    yield Goal(case, "move.paint_ms_p95", 16.7, "ms", "key to paint, p95")
    yield Goal(case, "refresh.paint_ms_p95", 16.7, "ms", "key to paint during a refresh, p95")
    yield Goal(case, "move.unseen", 0, "keys", "moves that painted nothing")
    yield Goal(case, "move.bytes_p50", 600, "B", "bytes a cursor move")
    yield Goal(case, "rss_mib", 75, "MiB", "resident memory")
    yield Goal(case, "quit_ms", 500, "ms", "quit")
    yield Goal(case, "modes_left_on", 0, "modes", "terminal modes left on")


_THOUSAND, _MANY = console_name(1000), console_name(10000)
_FLOOR_10, _FLOOR_100, _FLOOR_1000 = (floor_name(n) for n in (10, 100, 1000))
_OPEN_1000 = ("libvirt open n=1000", "open_ms")

GOALS = (
    *_console(
        console_name(10),
        _FLOOR_10,
        Beside(((_FLOOR_10, "ready_ms"),), 1.25),
        Beside(((_FLOOR_10, "idle_cpu_pct"),), 1.3),
    ),
    Goal(STILL, "idle_bytes_s", 0, "B/s", "bytes/s when nothing changes"),
    *_console(
        _THOUSAND,
        _FLOOR_1000,
        Beside(((_FLOOR_1000, "ready_ms"), _OPEN_1000), plus=120),
        Beside(((_FLOOR_1000, "idle_cpu_pct"),), 1.6),
    ),
    Goal(_THOUSAND, "idle_bytes_s", 2048, "B/s", "idle bytes/s"),
    Goal(_MANY, "list_after_open_ms", 3000, "ms", "list complete, without libvirt's own opening"),
    Goal(_MANY, "move.paint_ms_p95", 33, "ms", "key to paint, p95"),
    Goal(_MANY, "refresh.paint_ms_p95", 33, "ms", "key to paint during a refresh, p95"),
    Goal(
        THIN,
        "refresh.paint_ms_max",
        Beside(((THIN, "move.paint_ms_p50"),), plus=50),
        "ms",
        "slowest key during a refresh, at 256 kbit/s",
    ),
    Goal(HANG, "hang.paint_ms_max", 50, "ms", "slowest key while a call hangs"),
    Goal(HANG, "hang.unseen", 0, "keys", "keys that painted nothing while a call hangs"),
    Goal(HANG, "quit_ms", 500, "ms", "quit while a call hangs"),
    Goal(HANG, "modes_left_on", 0, "modes", "terminal modes left on"),
    *_console(DAEMON, _FLOOR_100, Beside(((_FLOOR_100, "ready_ms"),), 1.3), 1.0),
    Goal(DAEMON, "idle_bytes_s", 2048, "B/s", "idle bytes/s"),
    Goal(DAEMON, "daemon_ms_tick", 2, "ms", "the daemon's CPU time a tick"),
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
    Goal(WHY, "host_pct", 1, "%", "the page W open, of one core"),
    Goal(CALLS, "rpc_tick", 3, "calls", "remote calls a tick"),
)


def judge(measured: Measured, wanted: set[str]) -> list[Verdict]:
    """Return the verdict on every goal of the cases that were asked for."""
    return [
        Verdict(goal, measured.get(goal.case, {}).get(goal.figure), _limit(goal, measured))
        for goal in GOALS
        if goal.case in wanted
    ]


def _limit(goal: Goal, measured: Measured) -> float | None:
    return goal.limit.limit(measured) if isinstance(goal.limit, Beside) else goal.limit

"""A host far away: ``python -m bench.far`` holds up all that goes to and from a private libvirtd.

Beside the console stands ``virsh list --all --name`` over the same link. What one takes more at
20 ms than at none, divided by those 20 ms, are the round trips that it waits for. 3 when a goal is
missed.
"""

import contextlib
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.cases import Effort, list_series, vconsole_argv, vconsole_env
from bench.kept import MISSED, keep
from bench.keys import key_bytes
from bench.plan import Plan
from bench.press import measure_series
from bench.replay import Replay
from bench.screen import Screen
from bench.slow_link import SlowLink
from bench.start import watch_start
from bench.terminal import Program
from tests.integration.ground import find_program, obstacle
from tests.integration.lab import Libvirtd

GUESTS, IDLE_S = 20, 22.0
RTTS_S = (0.0, 0.02, 0.1, 0.4)
MORE_TRIPS, TICK_CALLS, KEY_MS = 3, 3, 16.7
_TRIES, _MISSED = 3, 3
_READING_S = 0.3
"""Calls of one reading are no further apart, beside their way; readings are."""


@dataclass(frozen=True)
class Seen:
    """What was seen over one link."""

    rtt_s: float
    virsh_ms: float
    list_ms: float
    tick_calls: int
    """The most calls of a reading; a far host is read more seldom than once a second."""
    key_ms: tuple[float, float]
    """p95 of a cursor move, and of one amid a reading."""

    def trips(self, near: "Seen") -> tuple[float, float]:
        """Round trips that virsh and the console waited for, given what was seen without a way."""
        ms = self.rtt_s * 1000
        return (self.virsh_ms - near.virsh_ms) / ms, (self.list_ms - near.list_ms) / ms


def main() -> int:
    """Measure and print."""
    if reason := obstacle():
        print(f"bench.far: {reason}")
        return 0
    with tempfile.TemporaryDirectory(prefix="vconsole-far-") as folder, Libvirtd() as host:
        names = sorted(re.escape(guest.name) for guest in host.start_fleet(GUESTS))
        shown = f"(?s){names[0]}.*{names[9]}"
        near, *far = [_look(host, Path(folder), shown, rtt_s) for rtt_s in RTTS_S]
    missed = list[bool]()
    keep("far", "\n".join(_table(near, far, missed)))
    return _MISSED if any(missed) else 0


def _look(host: Libvirtd, folder: Path, shown: str, rtt_s: float) -> Seen:
    socket = host.base / "run/libvirt-sock"
    with SlowLink(socket, folder / "far", rtt_s) as link:
        virsh_ms = min(_virsh_ms(link) for _ in range(_TRIES))
        list_ms = [_list_ms(link, folder, shown) for _ in range(_TRIES - 1)]
        with _console(link, folder) as program:
            replay = Replay(program, Screen(120, 40))
            list_ms.append(watch_start(program, replay, Plan(ready=shown))["ready_ms"])
            program.listen(3.0 + 8 * GUESTS * rtt_s)  # configurations, one call after the other
            before = len(link.calls)
            program.listen(IDLE_S)
            tick_calls = _most_a_reading([at for at, _ in link.calls[before:]], rtt_s)
            keys = [
                measure_series(program, replay, series)[f"{series.name}.paint_ms_p95"]
                for series in list_series(Effort(), GUESTS)[:2]
            ]
    return Seen(rtt_s, virsh_ms, min(list_ms), tick_calls, (keys[0], keys[1]))


def _most_a_reading(times: list[float], rtt_s: float) -> int:
    """What follows another call after no more than its way is of the same reading."""
    most = calls = 0
    for before, at in pairwise([-math.inf, *times]):
        calls = calls + 1 if at - before < rtt_s + _READING_S else 1
        most = max(most, calls)
    return most


def _virsh_ms(link: SlowLink) -> float:
    virsh = [find_program("virsh"), "-c", link.uri(), "list", "--all", "--name"]
    begun = time.perf_counter()
    subprocess.run(virsh, capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1000


def _list_ms(link: SlowLink, folder: Path, shown: str) -> float:
    with _console(link, folder) as program:
        start = watch_start(program, Replay(program, Screen(120, 40)), Plan(ready=shown))
    return start["ready_ms"]


@contextlib.contextmanager
def _console(link: SlowLink, folder: Path) -> Iterator[Program]:
    program = Program(vconsole_argv(link.uri()), 120, 40, vconsole_env(folder))
    try:
        yield program
        program.write(key_bytes("q"))
        program.wait_exit(5.0)
    finally:
        program.close()


def _table(near: Seen, far: list[Seen], missed: list[bool]) -> Iterator[str]:
    yield (
        "| round trip ms | virsh list ms | list ms | round trips: virsh | console | goal "
        "| calls a tick | goal | key ms p95 / amid a reading | goal |"
    )
    yield "|" + "---|" * 10

    def goal(value: float, limit: float) -> str:
        missed.append(value > limit)
        return f"<= {limit:.4g}: {MISSED if value > limit else 'met'}"

    for seen in (near, *far):
        trips = ["", "", ""]
        if seen.rtt_s:
            needed, taken = seen.trips(near)
            trips = [f"{needed:.1f}", f"{taken:.1f}", goal(taken, needed + MORE_TRIPS)]
        worst = max(seen.key_ms)
        yield (
            f"| {seen.rtt_s * 1000:.0f} | {seen.virsh_ms:.0f} | {seen.list_ms:.0f} | "
            f"{' | '.join(trips)} | {seen.tick_calls} | {goal(seen.tick_calls, TICK_CALLS)} | "
            f"{seen.key_ms[0]:.1f} / {seen.key_ms[1]:.1f} | {goal(worst, KEY_MS)} |"
        )


if __name__ == "__main__":
    sys.exit(main())

"""How cost grows: ``python -m bench.scale`` prints a table of processor times and exponents.

The exponent between N and 10 N is the power of N that the cost follows; n log n shows as about 1.1.
Costs of a few hundredths of a millisecond are noise and have none. 3 when a goal is missed.
"""

import argparse
import asyncio
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from textual import events

from bench.kept import MISSED, keep
from bench.load import write_node
from bench.stats import percentile
from vconsole.changes.activity import ActivityLog
from vconsole.changes.entry import Entry
from vconsole.changes.history import History, Record
from vconsole.console.app import VConsole
from vconsole.features.divergence.host import read_divergence
from vconsole.features.divergence.model.rows import ReadDivergence
from vconsole.features.domains.columns import TERMS, rows, sort_rows
from vconsole.features.domains.model import Query
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.files.config import Config
from vconsole.host.libvirt_source import LibvirtSource, connect
from vconsole.host.source import View
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Connection, Domain, Freshness, HostState, PCpu, Pin

T = TypeVar("T")
LOADS = (10, 100, 1000, 10000)
WORST = 1.25
"""The largest exponent between 1000 and 10 000 that n log n and noise explain."""
FLOOR = "sorted by name letter by letter"
"""What no order of rows can save. It stands beside the sorts, and has no goal of its own."""
_NOISE_MS, _RUNS = 0.2, 7
_LINE_BYTES = 64
_ELSE = bytes(range(256)) * (1 << 18)
"""64 MiB, more than the caches of a processor hold."""
_CELLS, _PCPUS = 8, 1024
KEY_MS = 16.7
_PRESSES, _ENTRIES = 40, 10000
_DOWN = ("down", "pagedown", "down")
_MISSED = 3
_UUID = "00000000-0000-0000-0000-000000000001"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--most", type=int, default=LOADS[-1], help="largest N (%(default)s)")
    options = parser.parse_args(arguments)
    loads = [n for n in LOADS if n <= options.most]
    with tempfile.TemporaryDirectory(prefix="vconsole-scale-") as folder:
        costs = {n: dict(_fleet(Path(folder), n)) for n in loads}
        growth = list(_growth(costs))
        keep("growth", "\n".join(_table(costs, growth)))
        keys = asyncio.run(_keys(Path(folder)))
    keep("large", "\n".join(["| a key | p50 | p95 | goal |", "|---|---|---|---|", *keys.lines]))
    missed = any(exponent > WORST for what, exponent in growth if what != FLOOR)
    return _MISSED if missed or keys.missed else 0


# -- the fleet -------------------------------------------------------------------------------------


def _fleet(folder: Path, domains: int) -> Iterator[tuple[str, float]]:
    """Yield (what, milliseconds of processor time) for a fleet of this size."""
    source = connect(write_node(folder, domains), wake=lambda: None)  # events, as for a screen
    try:
        state, list_ms = _timed(lambda: _read_all(source))
        yield "list", list_ms
        yield "tick", _best(lambda: source.read(View(now=True)))
        yield "tick between lists", _best(lambda: source.read(View()))
        yield from _list_page(state)
        uuids = tuple(domain.uuid for domain in state.domains)
        request = ReadDivergence(uuids, state.all_pcpus)
        yield "diff --all", _timed(lambda: read_divergence(source._link, request))[1]
    finally:
        source.close()


def _list_page(state: HostState) -> Iterator[tuple[str, float]]:
    wanted = Query.parse("m-00 state:running pinned:full", TERMS)
    yield "filter", _best(lambda: wanted.select(rows(state.domains, state)))
    found = rows(state.domains, state)
    random.Random(1).shuffle(found)  # what is in order already costs less than n log n
    yield FLOOR, _best(partial(sorted, found, key=attrgetter("domain.name")))
    for column in ("name", "cells"):
        yield f"sort by {column}", _best(partial(sort_rows, found, column))
    plan = PinPlan.of(state.domains[0], state)
    staged = plan.stage_all({pin.key: CpuSet.of([3]) for pin in state.domains[0].pins})
    fresh = (replace(state, domains=(*state.domains,)) for _ in range(_RUNS))
    yield "plan", _best(lambda: plan_warnings(staged, next(fresh)))


def _read_all(source: LibvirtSource) -> HostState:
    state = source.read(View())
    while source.unfinished:
        state = source.read(View())
    return state


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.process_time()
    found = work()
    return found, (time.process_time() - begun) * 1000


def _best(work: Callable[[], object]) -> float:
    return min(_cold(work) for _ in range(_RUNS))


def _cold(work: Callable[[], object]) -> float:
    """As a key or a tick finds it: between two of them the processor's caches saw much else."""
    sum(_ELSE[::_LINE_BYTES])
    return _timed(work)[1]


def _growth(costs: dict[int, dict[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield the exponent of each cost between the two largest loads."""
    *_, fewer, more = costs
    for what, cost in costs[more].items():
        if cost > _NOISE_MS and costs[fewer][what] > 0:
            ratio = math.log(cost / costs[fewer][what]) / math.log(more / fewer)
            yield what, round(ratio, 2)


def _table(costs: dict[int, dict[str, float]], growth: list[tuple[str, float]]) -> Iterator[str]:
    exponents = dict(growth)
    yield "| ms of processor time, N = | " + " | ".join(map(str, costs)) + " | exponent | goal |"
    yield "|---|" + "---|" * (len(costs) + 2)
    for what in next(iter(costs.values())):
        numbers = " | ".join(f"{each[what]:.2f}" for each in costs.values())
        exponent = exponents.get(what)
        shown = "-" if exponent is None else f"{exponent:.2f}"
        met = exponent is None or exponent <= WORST
        goal = "the floor" if what == FLOOR else f"{WORST}: {'met' if met else MISSED}"
        yield f"| {what} | {numbers} | {shown} | {goal} |"


# -- large hosts and long lists --------------------------------------------------------------------


@dataclass
class Keys:
    """Rows of the table of keys."""

    lines: list[str]
    missed: bool = False

    def add(self, what: str, costs: list[float]) -> None:
        """Add what one kind of keys costs."""
        p50, p95 = percentile(costs, 0.5), percentile(costs, 0.95)
        self.missed |= p95 > KEY_MS
        word = "met" if p95 <= KEY_MS else MISSED
        self.lines.append(f"| {what} | {p50:.1f} ms | {p95:.1f} ms | {KEY_MS} ms: {word} |")


class _Feed:
    """A host that stands still."""

    def __init__(self, state: HostState, publish: Callable[[HostState], object]) -> None:
        self._state, self._publish = state, publish

    def start(self) -> None:
        self._publish(self._state)

    def go_on(self) -> None:
        pass

    def look(self, view: View) -> None:
        pass

    def see(self, sight: frozenset[str] | None) -> None:
        pass

    def refresh(self, uuid: str = "") -> None:
        pass

    def stop(self) -> None:
        pass


class _Asked:
    """Answers nothing."""

    def ask(self, request: object) -> None:
        pass

    def stop(self) -> None:
        pass


async def _keys(folder: Path) -> Keys:
    """Press keys on pages that are large."""
    keys = Keys([])
    state = large_host()
    for what, opening, moves in (
        (f"Host, {_PCPUS} pCPUs", "2", ("right", "down", "pagedown", "left")),
        (f"Pin, {_PCPUS} pCPUs", "p", ("right", "down", "right", "space")),
    ):
        keys.add(what, await _press(VConsole(Config(), _feed(state), _ask), opening, moves))
    history = History(records=tuple(_records()))
    app = VConsole(Config(), _feed(state), _ask, history)
    keys.add(f"History, {_ENTRIES} changes", await _press(app, "H", _DOWN))
    _write_activity(folder)
    app = VConsole(Config(), _feed(state), _ask, state=folder)
    keys.add(f"Activity, {_ENTRIES} entries", await _press(app, "7", _DOWN))
    log = ActivityLog(folder)
    _, took = _timed(log.newest)
    keys.lines.append(f"| Activity, {_ENTRIES} entries read, on a thread | {took:.1f} ms | | |")
    return keys


def _feed(state: HostState) -> Callable[[Callable[[HostState], object]], _Feed]:
    return lambda publish: _Feed(state, publish)


def _ask(_publish: object, _records: object) -> _Asked:
    return _Asked()


async def _press(app: VConsole, opening: str, moves: tuple[str, ...]) -> list[float]:
    """Open a page and press keys there; what each costs, painted."""
    costs = []
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        await pilot.press(opening)
        await pilot.pause()
        for number in range(_PRESSES):
            event = events.Key(moves[number % len(moves)], None)
            _, cost = await _cost(app, event)
            costs.append(cost)
    return costs


async def _cost(app: VConsole, event: events.Key) -> tuple[None, float]:
    begun = time.process_time()
    app.post_message(event)
    for _ in range(20):
        await asyncio.sleep(0)
    app.screen._on_timer_update()
    return None, (time.process_time() - begun) * 1000


def large_host() -> HostState:
    """A host of many pCPUs in eight cells, and domains pinned all over it."""
    per_cell = _PCPUS // _CELLS
    pcpus = tuple(
        PCpu(n, n // per_cell, 0, None, n // 2, CpuSet.of((n & ~1, n | 1)), online=True)
        for n in range(_PCPUS)
    )
    cells = tuple(
        Cell(n, 1 << 40, 1 << 38, tuple(range(n * per_cell, (n + 1) * per_cell)))
        for n in range(_CELLS)
    )
    domains = tuple(_pinned(n) for n in range(64))
    busy = {pcpu.id: float(pcpu.id % 100) for pcpu in pcpus}
    fresh = Freshness(time.monotonic())
    connection = Connection("qemu:///system", driver="QEMU", capable=True)
    return HostState(connection, fresh, cells=cells, pcpus=pcpus, busy=busy, domains=domains)


def _pinned(number: int) -> Domain:
    pins = tuple(Pin("vcpu", n, CpuSet.of([number * 16 + n])) for n in range(16))
    uuid = f"{_UUID[:-4]}{number:04d}"
    return Domain(uuid, f"vm-{number:04d}", "running", number + 1, True, vcpus=16, pins=pins)


def _records() -> Iterator[Record]:
    for n in range(_ENTRIES):
        when = f"2026-01-01T00:{n // 60 % 60:02d}:{n % 60:02d}Z"
        yield Record(when, "root", "qemu:///system", _UUID, f"vm-{n}", "plan", (), "applied")


def _write_activity(folder: Path) -> None:
    log = ActivityLog(folder)
    path = log.path
    assert path is not None
    entry = Entry(
        "2026-01-01T00:00:00Z", "root", "qemu:///system", _UUID, "vm", "start", "", "", ""
    )
    line = entry.to_json()
    path.write_text(f"{line}\n" * _ENTRIES)


if __name__ == "__main__":
    sys.exit(main())

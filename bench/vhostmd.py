"""One update of the metrics daemon: its CPU time by number of domains, and what readers see of it.

``python -m bench.vhostmd`` prints a table; 3 when a goal is missed. Built-in metrics only: those
of SAP's configuration, which has the most for a domain, on the disk of all and on one for each.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.kept import MISSED, keep
from bench.load import write_node
from vconsole.features.metrics.daemon.actions import ActionPool
from vconsole.features.metrics.daemon.collect import Collector
from vconsole.features.metrics.daemon.publish import Publisher
from vconsole.features.metrics.host.sample import Sampler
from vconsole.features.metrics.model.config import parse, profile
from vconsole.features.metrics.model.disk import Header
from vconsole.features.metrics.model.spec import VhostmdConfig

GOALS_MS = {1: 20.0, 100: 60.0, 1000: 400.0}
"""CPU time of an update by number of domains."""
UPSTREAM_MS = 7950.0
"""What vhostmd 1.2 takes for an update of 112 metrics by commands on the machine of the goals."""
BUSY_PERCENT = 1.0
"""Of the readings, those that meet a writer at work and must be made again."""
_READS_S = 100
_COMMANDS_FOR, _PERIOD_S = 100, 5
_MISSED = 3


@dataclass(frozen=True)
class Cost:
    """One update."""

    cpu_ms: float
    wall_ms: float


class Processes:
    """Counts the processes that this one starts."""

    def __init__(self) -> None:
        self.started = 0
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _arguments: object) -> None:
        self.started += event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system")


def configuration(folder: Path, own_disks: bool, size_kib: int) -> VhostmdConfig:
    """Return SAP's configuration with its disks in `folder`."""
    text = profile("sap").decode().replace("/dev/shm/vhostmd0", str(folder / "vhostmd0"))
    text = text.replace('<size unit="k">256', f'<size unit="k">{size_kib}')
    if own_disks:
        text = text.replace("<vhostmd>", '<?vconsole domain-disks="yes"?><vhostmd>')
    return parse(text.encode())


def by_commands(folder: Path) -> VhostmdConfig:
    """Return a configuration as vhostmd's own: commands only, of which one runs for each domain."""
    host = (
        *5 * ("virsh CONNECT hostname | tr -d '[:space:]'",),
        *5 * ("virsh CONNECT nodeinfo | awk '/CPU.s./ {print $2}'",),
        "vmstat -s | awk '/paged in/ {print $1}'",
        "sleep 1; echo 5",
    )
    own = "virsh CONNECT dominfo NAME | sed 's/: */:/' | awk -F: '/CPU time/ {print $2;}'"
    metrics = [f'<metric type="string" context="host"><name>H{n}</name>' for n in range(len(host))]
    metrics.append('<metric type="string" context="vm"><name>TotalCPUTime</name>')
    body = "".join(
        f"{start}<action>{action}</action></metric>"
        for start, action in zip(metrics, (*host, own), strict=True)
    )
    return parse(
        f'<vhostmd><globals><disk><path>{folder}/vhostmd0</path><size unit="k">256</size></disk>'
        f"<update_period>{_PERIOD_S}</update_period><transport>vbd</transport></globals>"
        f"<metrics>{body}</metrics></vhostmd>".encode()
    )


def by_stock(folder: Path) -> VhostmdConfig:
    """Return commands that vhostmd came with, as many, with leave to do what they do in-process."""
    host = 4 * ("hostname -s", "virsh CONNECT hostname | tr -d '[:space:]'", "hostname -s")
    own = "virsh CONNECT dominfo NAME | sed 's/: */:/' | \\ gawk -F: '/CPU time/ {print $2;}'"
    metrics = [
        f'<metric type="string" context="host"><name>H{n}</name><action>{action}</action></metric>'
        for n, action in enumerate(host)
    ]
    metrics.append(
        '<metric type="string" context="vm"><name>TotalCPUTime</name>'
        f"<action>{own}</action></metric>"
    )
    return parse(
        '<?vconsole replace-stock-actions="yes"?>'
        f'<vhostmd><globals><disk><path>{folder}/vhostmd0</path><size unit="k">256</size></disk>'
        f"<update_period>{_PERIOD_S}</update_period><transport>vbd</transport></globals>"
        f"<metrics>{''.join(metrics)}</metrics></vhostmd>".encode()
    )


async def published(uri: str, config: VhostmdConfig, count: int) -> tuple[int, float]:
    """Return how many metrics the poorest of some updates has, and the age of the oldest value.

    The first updates, until every command has had its first turn, are not counted.
    """
    pool, sampler, least, oldest_s = ActionPool(4), Sampler(uri), sys.maxsize, 0.0
    collector = Collector(config, uri, pool)
    until, counted = time.monotonic(), 0
    while counted < count:
        until += config.period_s
        found = await collector.collect(sampler.read(collector.needs), until - 0.5)
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        if counted or not any(status.failing for status in collector.statuses):
            counted += 1
            least = min(least, len(found.everything))
            oldest_s = max(oldest_s, *(status.oldest_s for status in collector.statuses))
    collector.close()
    pool.stop()
    sampler.close()
    return least, oldest_s


async def updates(uri: str, config: VhostmdConfig, count: int, pause_s: float = 0) -> list[Cost]:
    """Make updates as the daemon makes them; the first, which connects, is not counted."""
    pool, sampler, costs = ActionPool(1), Sampler(uri), list[Cost]()
    collector, publisher = Collector(config, uri, pool), Publisher(pool)
    publisher.configure(config)
    for _ in range(count + 1):
        cpu_s, wall_s = _cpu_s(), time.perf_counter()
        sample = sampler.read(collector.needs)
        collection = await collector.collect(sample)
        ids = {domain.id: domain.uuid for domain in sample.domains or ()}
        errors = await publisher.publish(collection, ids, sample.defined)
        costs.append(Cost((_cpu_s() - cpu_s) * 1e3, (time.perf_counter() - wall_s) * 1e3))
        if errors or sample.error:
            raise SystemExit(f"bench.vhostmd: {errors or sample.error}")
        await asyncio.sleep(pause_s)
    publisher.close()
    pool.stop()
    sampler.close()
    return costs[1:]


def _cpu_s() -> float:
    """Return the CPU time of this process and of those it started."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def read_often(path: str, seconds: float) -> None:
    """Read a disk as a guest does, and print how many readings there were and how many in vain."""
    reads = vain = 0
    until = time.monotonic() + seconds
    with open(path, "rb", buffering=0) as disk:
        while time.monotonic() < until:
            reads += 1
            before = Header.unpack(os.pread(disk.fileno(), 16, 0))
            os.pread(disk.fileno(), before.length, 16)
            after = Header.unpack(os.pread(disk.fileno(), 16, 0))
            vain += bool(before.busy or after.busy or before.checksum != after.checksum)
            time.sleep(1 / _READS_S)
    print(reads, vain)


def busy_percent(uri: str, config: VhostmdConfig, seconds: float) -> float:
    """Return the share of readings in vain while the disk is written once a second."""
    asyncio.run(updates(uri, config, 1))
    argv = [sys.executable, "-m", "bench.vhostmd", "--read", config.disk_path]
    argv += ["--seconds", str(seconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as reader:
        asyncio.run(updates(uri, config, int(seconds), pause_s=1))
        reads, vain = map(int, reader.communicate()[0].split())
    return 100.0 * vain / reads


def measure(folder: Path, rounds: int, seconds: float) -> Iterator[tuple[str, float, float | None]]:
    """Yield (what, figure, goal)."""
    processes = Processes()
    for own_disks in (False, True):
        for domains, goal_ms in GOALS_MS.items():
            uri, config = write_node(folder, domains), configuration(folder, own_disks, 1024)
            costs = asyncio.run(updates(uri, config, rounds))
            what = f"{domains} domains, {'a disk each' if own_disks else 'one disk'}"
            yield f"{what}: CPU ms", statistics.median(c.cpu_ms for c in costs), goal_ms
            yield f"{what}: wall ms", statistics.median(c.wall_ms for c in costs), None
    yield "processes started", processes.started, 0
    uri = write_node(folder, _COMMANDS_FOR)
    least, oldest_s = asyncio.run(published(uri, by_commands(folder), 3))
    yield f"{_COMMANDS_FOR} domains, by commands: metrics missing", _COMMANDS_FOR + 12 - least, 0
    yield f"{_COMMANDS_FOR} domains, by commands: oldest value s", oldest_s, None
    least, _ = asyncio.run(published(uri, by_stock(folder), 2))
    what = f"{_COMMANDS_FOR} domains, stock commands replaced"
    yield f"{what}: metrics missing", _COMMANDS_FOR + 12 - least, 0
    costs = asyncio.run(updates(uri, by_stock(folder), rounds))
    yield f"{what}: CPU ms", statistics.median(c.cpu_ms for c in costs), UPSTREAM_MS / 4
    uri, config = write_node(folder, 1000), configuration(folder, False, 1024)
    yield "readings in vain %", busy_percent(uri, config, seconds), BUSY_PERCENT


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 3 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.vhostmd", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="updates for each figure")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to read the disk")
    parser.add_argument("--read", metavar="DISK", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.read:
        read_often(options.read, options.seconds)
        return 0
    missed = False
    with tempfile.TemporaryDirectory(prefix="vconsole-bench-", dir="/dev/shm") as folder:
        lines = ["| figure | measured | goal |", "|---|---|---|"]
        for what, figure, goal in measure(Path(folder), options.rounds, options.seconds):
            missed |= goal is not None and figure > goal
            word = "" if goal is None else f"<= {goal:g}: {'met' if figure <= goal else MISSED}"
            shown = f"{figure:.0f}" if figure >= 100 else f"{figure:.3g}"
            lines.append(f"| {what} | {shown} | {word} |")
    keep("vhostmd", "\n".join(lines))
    return _MISSED if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""hostinfod under load: a thousand guests, each asking as often as it may.

``python -m bench.hostinfo [GUESTS]`` starts the daemon on sockets of its own, asks, and writes one
figure a line. A guest asks again one interval after its last answer, at its own phase.
"""

import heapq
import random
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.plan import Case
from bench.proc import memory, process_cpu_s, queued_s
from bench.stats import Figures, percentile

NAME = "hostinfod n=1000"
GUESTS = 1000
_INTERVAL_S = 1.0
_WARM_S, _WINDOW_S = 3.0, 8.0
_READY_S = 20.0
_REQUEST = b"load\n"
_DAEMON = (
    "import sys; from vconsole.features.hostinfo.daemon.service import main;"
    " sys.exit(main(sys.argv[1:]))"
)
_NO_LIBVIRT = "qemu+unix:///system?socket=/nonexistent"


def hostinfo_case() -> Case:
    """Return the daemon at its load as a command to measure."""
    return Case(
        NAME, (sys.executable, "-m", "bench.hostinfo", str(GUESTS)), group="vconsole", rounds=1
    )


def measure_load(guests: int, folder: Path) -> Figures:
    """Start the daemon, ask for some seconds, and return its figures."""
    sockets = folder / "sockets"
    sockets.mkdir(mode=0o755)
    listeners = [_listen(sockets / f"qemu-vm{number:05}") for number in range(guests)]
    argv = [
        *(sys.executable, "-c", _DAEMON, "-d", "-c", _NO_LIBVIRT),
        *("--directory", str(sockets), "--hostinfo-conf", str(folder / "hostinfo.conf")),
        *("--status-socket", str(folder / "status.sock")),
    ]
    daemon = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
    try:
        load = _Load([_accept(listener) for listener in listeners])
        load.run(_WARM_S)
        waited_s, cpu_s = queued_s(daemon.pid), process_cpu_s(daemon.pid)
        began_at = time.perf_counter()
        load.run(_WINDOW_S)
        elapsed_s = time.perf_counter() - began_at
        return {
            "answer_ms_p50": percentile(load.waits_s, 0.5) * 1000,
            "answer_ms_p99": percentile(load.waits_s, 0.99) * 1000,
            "answer_ms_max": max(load.waits_s) * 1000,
            "answers_s": len(load.waits_s) / elapsed_s,
            "refusals": float(load.refusals),
            "service_cpu_pct": (process_cpu_s(daemon.pid) - cpu_s) / elapsed_s * 100,
            "service_queued_ms": (queued_s(daemon.pid) - waited_s) * 1000,
            "service_rss_mib": memory(daemon.pid).rss_mib,
        }
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(10)


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    listener.settimeout(_READY_S)
    return listener


def _accept(listener: socket.socket) -> socket.socket:
    connection = listener.accept()[0]
    connection.setblocking(False)
    return connection


class _Load:
    """The guests' side."""

    def __init__(self, guests: Sequence[socket.socket]) -> None:
        self._guests = guests
        self._asked_at = [0.0] * len(guests)
        draw, now = random.Random(len(guests)), time.perf_counter()
        self._due = [(now + _INTERVAL_S * draw.random(), n) for n in range(len(guests))]
        heapq.heapify(self._due)
        self._selector = selectors.DefaultSelector()
        for number, guest in enumerate(guests):
            self._selector.register(guest, selectors.EVENT_READ, number)
        self.waits_s: list[float] = []
        """How long each answer of the latest run took."""
        self.refusals = 0

    def run(self, seconds: float) -> None:
        """Ask and listen for so long."""
        self.waits_s, self.refusals = [], 0
        until = time.perf_counter() + seconds
        while (now := time.perf_counter()) < until:
            while self._due and self._due[0][0] <= now:
                number = heapq.heappop(self._due)[1]
                self._asked_at[number] = time.perf_counter()
                self._guests[number].send(_REQUEST)
            pause_s = (self._due[0][0] if self._due else until) - time.perf_counter()
            for key, _ in self._selector.select(max(0.0, pause_s)):
                self._hear(key.data)

    def _hear(self, number: int) -> None:
        answer, heard_at = self._guests[number].recv(4096), time.perf_counter()
        self.waits_s.append(heard_at - self._asked_at[number])
        self.refusals += not answer.startswith(b"210 ")
        heapq.heappush(self._due, (heard_at + _INTERVAL_S, number))


def main() -> None:
    """Print the figures of one run."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="hostinfod-", dir="/tmp") as folder:
        for name, value in measure_load(int(sys.argv[1]), Path(folder)).items():
            print(f"{name}={value:.3f}")


if __name__ == "__main__":
    main()

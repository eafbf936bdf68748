"""CPU time and steal of many guests by their QEMU processes, at a cost that has a limit.

Each reading takes up where the last one ended: of few guests every value is of this second, of a
thousand it is some seconds old.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from vconsole.host.proc import PROC, Guest, parse_stat, parse_uuid, read_bytes
from vconsole.model import rates

READS = 512
"""Processes and threads looked at in one reading: about 10 ms."""

Met = Callable[[str, int, str], None]
"""Takes a socket's name, the process behind it and the UUID of the domain that it runs."""


@dataclass(slots=True)
class _Known:
    """A process, and what was read of it last."""

    guest: Guest
    is_domain: bool
    """It is QEMU, as libvirt starts it."""
    waited: tuple[float, int, int] | None = None
    """Monotonic seconds, nanoseconds and number of vCPUs."""
    steal: float | None = None
    values: Mapping[str, str] | None = None


def domain_of(pid: int, root: Path = PROC) -> str | None:
    """The UUID of the domain that a process runs; None where it does not say so."""
    return parse_uuid(read_bytes(f"{root}/{pid}/cmdline"))


class GuestTimes:
    """The times of the processes behind some sockets.

    Args:
        met: Told once of each process.
        root: Where the kernel shows its processes.
    """

    def __init__(self, met: Met, root: Path = PROC) -> None:
        self._met, self._root = met, root
        self._known: dict[str, _Known] = {}
        self._turns: list[str] = []

    def meet(self, processes: Mapping[str, int]) -> None:
        """Find out which domains new processes run; forget those that are not named."""
        for name, known in list(self._known.items()):
            if processes.get(name) != known.guest.pid:
                del self._known[name]
        for name, pid in processes.items():
            if name not in self._known and (stat := parse_stat(self._file(pid, "stat"))):
                uuid = parse_uuid(self._file(pid, "cmdline"))
                self._known[name] = _Known(Guest(self._root, pid, stat.start), uuid is not None)
                if uuid is not None:
                    self._met(name, pid, uuid)

    def read(self, processes: Mapping[str, int]) -> Mapping[str, Mapping[str, str]]:
        """``vmcputime`` and ``vmsteal`` by socket's name, as far as they are known."""
        self.meet(processes)
        domains = {name for name, known in self._known.items() if known.is_domain}
        order = [name for name in self._turns if name in domains]
        order += domains - set(order)
        left = READS
        while order and left > 0:
            left -= self._read(order.pop(0))
        self._turns = order
        return {name: k.values for name, k in self._known.items() if k.values}

    def _read(self, name: str) -> int:
        """Read one guest; answers what that cost."""
        known = self._known[name]
        stat = known.guest.stat()
        if stat is None:
            del self._known[name]
            return 1
        threads = [t for t in known.guest.threads() if t.key[0] == "vcpu"]
        values = {"vmcputime": f"{stat.cpu_ns / 1e9:.2f}"}
        waits = [t.wait_ns for t in threads if t.wait_ns is not None]
        now = monotonic(), sum(waits), len(waits)
        if known.waited is None or not rates.too_soon(now[0] - known.waited[0]):
            known.waited, known.steal = now, _share(known.waited, now)
        if known.steal is not None:
            values["vmsteal"] = f"{known.steal:.1f}"
        known.values = values
        return 1 + len(threads)

    def _file(self, pid: int, name: str) -> bytes | None:
        return read_bytes(f"{self._root}/{pid}/{name}")


def _share(before: tuple[float, int, int] | None, now: tuple[float, int, int]) -> float | None:
    """Percent of the time that a vCPU waited, on average; None where that cannot be said."""
    vcpus = now[2]
    if before is None or before[2] != vcpus or not vcpus:
        return None
    wait = rates.percent(before[1], now[1], now[0] - before[0], 100.0 * vcpus)
    return None if wait is None else wait / vcpus

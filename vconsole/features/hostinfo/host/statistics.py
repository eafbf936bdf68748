"""What guests may be told about their host: one sample a second for all of them.

A thread of its own reads the kernel's counters, so that a question never causes work and a file
of /proc that does not answer delays nobody. What libvirt says is added from elsewhere (`facts`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from time import monotonic, time
from typing import Final

from vconsole.features.hostinfo.host.guest_times import GuestTimes, Met
from vconsole.host.proc import PROC
from vconsole.host.stderr import leave_trace
from vconsole.model import rates

PERIOD_S: Final = 1.0
MAX_AGE_S: Final = 5.0
"""An older sample says nothing any more."""
_CPUS = Path("/sys/devices/system/cpu")
_SHAPE_EVERY_S = 60.0
_CPUINFO_BYTES = 4096
"""The first entry; to make the whole file takes a big host milliseconds."""

Values = Mapping[str, str]
"""Name of a statistic -> its value as text, without the unit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known at one moment; a statistic that could not be read is missing."""

    at_s: float = -MAX_AGE_S
    """Monotonic."""
    values: Values = field(default_factory=dict)
    own: Mapping[str, Values] = field(default_factory=dict)
    """Socket's name -> what only that guest may know."""

    def value(self, guest: str, name: str, now: float) -> str | None:
        """One statistic for one guest; None where it was not read, or too long ago."""
        if now - self.at_s > MAX_AGE_S:
            return None
        return self.values.get(name) or self.own.get(guest, {}).get(name)


class Sampler:
    """Takes a sample a second.

    Args:
        facts: What others know, asked for at every sample; must not wait.
        met: Told which domain a followed process runs; from another thread.
        proc: Where the kernel shows its processes.
    """

    def __init__(
        self,
        facts: Callable[[], Values] = dict,
        met: Met = lambda _name, _pid, _uuid: None,
        proc: Path = PROC,
    ) -> None:
        self._facts, self._host, self._guests = facts, _Host(proc), GuestTimes(met, proc)
        self._processes: Mapping[str, int] = {}
        self._wake, self._ending, self._first = Event(), Event(), Event()
        self._thread = Thread(target=self._run, name="vconsole-statistics", daemon=True)
        self.sample = Sample()
        """The latest; replaced as a whole."""

    def start(self) -> None:
        """Begin; returns once there is a first sample, or after a second without."""
        self._thread.start()
        self._first.wait(PERIOD_S)

    def stop(self) -> None:
        """End soon; does not wait."""
        self._ending.set()
        self._wake.set()

    def follow(self, processes: Mapping[str, int]) -> None:
        """Read these QEMU processes, too: socket's name -> process. Others are forgotten."""
        self._processes = dict(processes)
        self._wake.set()

    def take(self) -> Sample:
        """Read everything once, in the thread of the caller."""
        values = {**self._host.read(), **self._facts()}
        return Sample(monotonic(), values, self._guests.read(self._processes))

    def _run(self) -> None:
        due = monotonic()
        while not self._ending.is_set():
            self._guarded_take()
            self._first.set()
            due = max(due + PERIOD_S, monotonic())
            while (left_s := due - monotonic()) > 0 and not self._ending.is_set():
                if self._wake.wait(left_s):
                    self._wake.clear()
                    self._guarded_meet()

    def _guarded_take(self) -> None:
        """Take a sample; a fault of this program is in the log, and what was known grows old."""
        try:
            self.sample = self.take()
        except Exception:
            leave_trace()

    def _guarded_meet(self) -> None:
        try:
            self._guests.meet(self._processes)
        except Exception:
            leave_trace()


class _Host:
    """The host's own counters."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._shape: dict[str, str] = {}
        self._shape_at = -_SHAPE_EVERY_S
        self._times: Mapping[str, float] = {}

    def read(self) -> dict[str, str]:
        """All that this machine says; what fails is left out."""
        values: dict[str, str] = {}
        for part in (self._seldom, _load, self._busy, _memory, _clock):
            with suppress(OSError, ValueError, RuntimeError):
                values |= part()
        return values

    def _seldom(self) -> dict[str, str]:
        now = monotonic()
        if now - self._shape_at >= _SHAPE_EVERY_S:
            self._shape_at = now
            self._shape = {**_topology(_CPUS), **_cpuinfo(self._proc)}
            self._shape["hostname"] = socket.gethostname()
        return {**self._shape, "physcpus": str(os.sysconf("SC_NPROCESSORS_ONLN"))}

    def _busy(self) -> dict[str, str]:
        import psutil

        times = psutil.cpu_times()._asdict()
        now = {kind: value for kind, value in times.items() if not kind.startswith("guest")}
        busy = rates.busy(self._times, now) if self._times else None
        self._times = now
        return {} if busy is None else {"cpubusy": f"{busy:.1f}"}


def _load() -> dict[str, str]:
    names = ("load", "load5", "load15")
    return {name: f"{value:.2f}" for name, value in zip(names, os.getloadavg(), strict=True)}


def _memory() -> dict[str, str]:
    import psutil

    memory = psutil.virtual_memory()
    return {"memtotal": str(memory.total >> 20), "memfree": str(memory.free >> 20)}


def _clock() -> dict[str, str]:
    import psutil

    now = time()
    return {"time": str(int(now)), "uptime": str(max(0, int(now - psutil.boot_time())))}


def _topology(cpus: Path) -> dict[str, str]:
    """Sockets, cores of a socket and threads of a core; the most where they differ."""
    cores: dict[str, set[str]] = {}
    threads: dict[tuple[str, str], int] = {}
    for folder in cpus.glob("cpu[0-9]*/topology"):
        package, core = ((folder / n).read_text() for n in ("physical_package_id", "core_id"))
        cores.setdefault(package, set()).add(core)
        threads[package, core] = threads.get((package, core), 0) + 1
    if not cores:
        return {}
    return {
        "sockets": str(len(cores)),
        "cores": str(max(map(len, cores.values()))),
        "threads": str(max(threads.values())),
    }


def _cpuinfo(proc: Path) -> dict[str, str]:
    """Model and clock of the first pCPU; architectures other than x86 have neither here."""
    with (proc / "cpuinfo").open("rb", buffering=0) as file:
        text = file.read(_CPUINFO_BYTES).decode("ascii", "replace")
    lines = (line.partition(":") for line in text.splitlines())
    found: dict[str, str] = {}
    for key, _, value in lines:
        found.setdefault(key.strip(), value.strip())
    values: dict[str, str] = {}
    if model := found.get("model name"):
        values["cpumodel"] = model
    with suppress(KeyError, ValueError):
        values["cpumhz"] = str(round(float(found["cpu MHz"])))
    return values

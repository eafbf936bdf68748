"""What the running domains use, from the cheapest source that the host has.

- QEMU on this machine: /proc; no call to libvirt at all (`local_usage.LocalUsage`).
- The test driver: virDomainGetInfo, which is a function call there (`InfoUsage`).
- Elsewhere: the bulk statistics, which cost the daemon about a millisecond for each running domain
  and group, so that they are asked for only now and then (`BulkUsage`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from time import monotonic
from typing import Any, Final, Protocol

from vconsole.host.fleet import Fleet
from vconsole.host.link import Link
from vconsole.host.source import View
from vconsole.model import rates
from vconsole.model.host_state import Domain, PinKind, Usage
from vconsole.model.value import dataclass

GROUPS: Final = 2 | 8
"""VIR_DOMAIN_STATS_CPU_TOTAL and VIR_DOMAIN_STATS_VCPU."""
NOWAIT: Final = 1 << 29
"""VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT: a domain that is busy is passed over."""
LastRan = Mapping[int, tuple[tuple[str, PinKind, int | None], ...]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of a domain at one moment."""

    at: float
    """Monotonic seconds."""
    cpu_ns: float | None = None
    rss_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """How its vCPUs fared in the queues of their pCPUs since the look before."""

    wait: float | None = None
    switches_s: float | None = None


NOT_QUEUED: Final = Queued()


class Meter:
    """Turns samples into usage, and keeps what it needs of each domain for the next time."""

    def __init__(self) -> None:
        self._samples: dict[str, Sample] = {}
        self._usage: dict[str, Usage] = {}

    def measure(self, domain: Domain, sample: Sample, queued: Queued = NOT_QUEUED) -> Usage:
        """The usage since the previous sample; the same object where nothing changed."""
        uuid, before = domain.uuid, self._samples.get(domain.uuid)
        known = self._usage.get(uuid) or Usage()
        cpu, history = known.cpu_percent, known.history
        if before is None or sample.cpu_ns is None or not rates.too_soon(sample.at - before.at):
            self._samples[uuid] = sample
            cpu = _cpu(before, sample, domain)
            history = rates.extend(history, cpu)
        usage = Usage(cpu, history, queued.wait, sample.rss_bytes, queued.switches_s)
        self._usage[uuid] = usage = known if usage == known else usage
        return usage

    def keep(self, uuids: Iterable[str]) -> None:
        """Forget all other domains."""
        for uuid in self._samples.keys() - set(uuids):
            del self._samples[uuid]
            self._usage.pop(uuid, None)


def _cpu(before: Sample | None, sample: Sample, domain: Domain) -> float | None:
    if before is None:
        return None
    limit = 100.0 * (domain.vcpus or domain.max_vcpus or 4096)
    cpu = rates.percent(before.cpu_ns, sample.cpu_ns, sample.at - before.at, limit)
    return None if cpu is None else round(cpu, 1)


class UsageReader(Protocol):
    """One of the sources."""

    @property
    def groups(self) -> int:
        """Statistics that the next bulk call should hold for it, 0 for none."""

    def read(self, domains: tuple[Domain, ...], view: View) -> Mapping[str, Usage]:
        """The usage of the active domains by UUID."""

    def last_ran(self) -> LastRan:
        """The threads that ran on each pCPU last, where that is known."""


class InfoUsage:
    """By virDomainGetInfo of each domain: for drivers in this process.

    A large fleet takes turns: each reading lasts no longer than a small slice of time.
    """

    groups = 0
    _SLICE_S = 0.001
    _OUT_OF_SIGHT = 16

    def __init__(self, link: Link, fleet: Fleet) -> None:
        self._link, self._fleet, self._meter = link, fleet, Meter()
        self._usage: dict[str, Usage] = {}
        self._domains: tuple[Domain, ...] = ()
        self._running: dict[str, Domain] = {}
        self._turns: deque[str] = deque()

    def read(self, domains: tuple[Domain, ...], view: View) -> Mapping[str, Usage]:
        """The usage of the running domains."""
        if domains is not self._domains:
            self._domains = domains
            self._running = {d.uuid: d for d in domains if d.state == "running"}
            self._meter.keep(self._running)
            self._usage = {u: use for u, use in self._usage.items() if u in self._running}
            self._turns = deque(self._running)
        usage, until = dict(self._usage), monotonic() + self._SLICE_S
        turns = self._turns
        if view.sight is not None:
            turns = deque(islice(self._turns, self._OUT_OF_SIGHT))
        for uuid in dict.fromkeys((view.uuid or "", *sorted(view.sight or ()), *turns)):
            if uuid in self._running:
                usage[uuid] = self._one(self._running[uuid])
            if self._turns and self._turns[0] == uuid:
                self._turns.rotate(-1)
            if monotonic() >= until:
                break
        self._usage = usage
        return usage

    def _one(self, domain: Domain) -> Usage:
        import libvirt

        handle = self._fleet.handle(domain.uuid)
        now = monotonic()  # before: coming back from a call can wait for the interpreter's lock
        try:
            info = self._link.call(handle.info) if handle else None
        except libvirt.libvirtError:
            info = None
        return self._meter.measure(domain, Sample(now, info[4] if info else None))

    def last_ran(self) -> LastRan:
        """Not known."""
        return {}


class BulkUsage:
    """By the bulk statistics, at most a tenth of the time."""

    _EVERY_S, _SHARE = 5.0, 10

    def __init__(self, fleet: Fleet) -> None:
        self._fleet, self._meter = fleet, Meter()
        self._due = 0.0
        self._asked = False
        self._usage: Mapping[str, Usage] = {}
        self._waits: dict[str, tuple[float, float, int]] = {}
        """UUID -> when, the sum of its vCPUs' waits, and of how many."""

    @property
    def groups(self) -> int:
        """CPU time and vCPU waits when they are due."""
        self._asked = monotonic() >= self._due
        return GROUPS if self._asked else 0

    def read(self, domains: tuple[Domain, ...], view: View) -> Mapping[str, Usage]:
        """The usage as of the latest bulk call that held it."""
        if self._asked:
            self._asked, now = False, monotonic()
            self._due = now + max(self._EVERY_S, self._SHARE * self._fleet.list_took_s)
            self._usage = self._measured({d.uuid: d for d in domains if d.active}, now)
        return self._usage

    def _measured(self, active: Mapping[str, Domain], now: float) -> Mapping[str, Usage]:
        usage: dict[str, Usage] = {}
        for handle, values in self._fleet.records:
            domain = active.get(handle.UUIDString())
            if domain is not None:
                sample = Sample(now, values.get("cpu.time"))
                queued = Queued(self._wait(domain, values))
                usage[domain.uuid] = self._meter.measure(domain, sample, queued)
        self._meter.keep(usage)
        for uuid in self._waits.keys() - usage.keys():
            del self._waits[uuid]
        return usage

    def _wait(self, domain: Domain, values: Mapping[str, Any]) -> float | None:
        """By the time its vCPUs were queued for a pCPU; ``wait`` is what they waited for I/O."""
        waits = [v for k, v in values.items() if k.startswith("vcpu.") and k.endswith(".delay")]
        if not waits:
            return None
        now, total = monotonic(), float(sum(waits))
        before = self._waits.get(domain.uuid)
        self._waits[domain.uuid] = now, total, len(waits)
        if before is None or before[2] != len(waits):  # one that came brings all it ever waited
            return None
        return waited_percent(before[:2], now, total, domain)

    def last_ran(self) -> LastRan:
        """Not known from afar."""
        return {}


def waited_percent(
    before: tuple[float, float] | None, now: float, total: float | None, domain: Domain
) -> float | None:
    """The share of the time since `before` that a domain's vCPUs waited for a pCPU.

    Args:
        before: Monotonic seconds, and the nanoseconds they had waited by then.
        now: Monotonic seconds.
        total: The nanoseconds they have waited by now.
        domain: Whose vCPUs bound it: 100 % for each.
    """
    if before is None or total is None:
        return None
    limit = 100.0 * (domain.vcpus or 4096)
    return rates.percent(before[1], total, now - before[0], limit)

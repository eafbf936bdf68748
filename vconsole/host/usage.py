"""What the running domains use, from the cheapest source that the host has.

- QEMU on this machine: /proc; no call to libvirt at all (`LocalUsage`).
- The test driver: virDomainGetInfo, which is a function call there (`InfoUsage`).
- Elsewhere: the bulk statistics, which cost the daemon about a millisecond for each running domain
  and group, so that they are asked for only now and then (`BulkUsage`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from time import monotonic
from typing import Any, Final, Protocol

from vconsole.host.fleet import Fleet
from vconsole.host.link import Link
from vconsole.host.proc import Guest, Thread, find_guests
from vconsole.host.source import View
from vconsole.model import rates
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, PinKey, PinKind, Usage
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
        return _share(before[:2], now, total, domain)

    def last_ran(self) -> LastRan:
        """Not known from afar."""
        return {}


class LocalUsage:
    """By /proc of this machine.

    The process of each domain is read every time; its threads, which tell run-queue wait and the
    pCPU they ran on, only for the domain in view and by turns for the others.
    """

    groups = 0
    _THREADS, _THREADS_ON_HOST = 16, 512
    _SLOWER = 5
    _RESCAN_S, _LONGEST_RESCAN_S = 1.0, 30.0

    def __init__(self, find: Callable[[], dict[str, Guest]] = find_guests) -> None:
        self._find_guests, self._meter = find, Meter()
        self.guests: dict[str, Guest] = {}
        self.threads: dict[str, tuple[float, tuple[Thread, ...]]] = {}
        """UUID -> (monotonic seconds, threads) of the latest look at them."""
        self._allowed: dict[str, tuple[tuple[Pin, ...], Mapping[PinKey, CpuSet]]] = {}
        """UUID -> its pins at the latest look at its threads, and the kernel's sets; the same
        objects while both are equal."""
        self._holds: tuple[tuple[Domain, ...], Mapping[str, Mapping[PinKey, CpuSet]]] | None = None
        """What `allowed` answered last, and of which domains; None once it may be another."""
        self._ran: LastRan | None = None
        """What `last_ran` answered last; None once a thread has moved."""
        self._since: dict[str, tuple[float, tuple[Thread, ...]]] = {}
        """UUID -> what its wait is counted from: an earlier look at its threads."""
        self._queued: dict[str, Queued] = {}
        self._turns: list[str] = []
        self._usage: dict[str, Usage] = {}
        self._pace = 0
        self._next_scan, self._scan_pause = 0.0, self._RESCAN_S
        self.blind = False
        """Domains run, but not one of their processes can be seen here."""

    def read(self, domains: tuple[Domain, ...], view: View) -> Mapping[str, Usage]:
        """The usage of the active domains whose processes can be seen."""
        active = {d.uuid: d for d in domains if d.active}
        self._find(active)
        self._look_at_threads(active, view)
        usage, due = {}, self._due(active, view)
        for uuid, domain in active.items():
            if uuid not in due and uuid in self._usage:
                usage[uuid] = self._usage[uuid]
                continue
            guest = self.guests.get(uuid)
            now = monotonic()
            stat = guest.stat() if guest else None
            if stat is None:
                self.guests.pop(uuid, None)
                continue
            cpu = stat.cpu_ns if domain.state != "paused" else None
            sample = Sample(now, cpu, stat.rss_bytes)
            usage[uuid] = self._meter.measure(domain, sample, self._queued.get(uuid, NOT_QUEUED))
        self._meter.keep(usage)
        self._usage = usage
        return usage

    def _due(self, active: Mapping[str, Domain], view: View) -> Collection[str]:
        """The domains to read now: those in sight, and in turn one part in so many of the rest."""
        if view.sight is None:
            return active.keys()
        self._pace = (self._pace + 1) % self._SLOWER
        others = (u for n, u in enumerate(active) if n % self._SLOWER == self._pace)
        return {*view.sight, view.uuid or "", *others}

    def _find(self, active: Mapping[str, Domain]) -> None:
        """Search the processes anew while one is missing, ever more seldom if in vain."""
        for uuid in self.guests.keys() - active.keys():
            del self.guests[uuid]
        missing, now = active.keys() - self.guests.keys(), monotonic()
        if not missing or now < self._next_scan:
            return
        found = self._find_guests()
        self.guests |= {uuid: found[uuid] for uuid in missing & found.keys()}
        self.blind = bool(active) and not self.guests
        vain = not missing & found.keys()
        self._scan_pause = min(self._LONGEST_RESCAN_S, self._scan_pause * 2) if vain else 1.0
        self._next_scan = now + self._scan_pause

    def _look_at_threads(self, active: Mapping[str, Domain], view: View) -> None:
        for uuid in self.threads.keys() - active.keys():
            del self.threads[uuid]
            self._since.pop(uuid, None)
            self._queued.pop(uuid, None)
            self._allowed.pop(uuid, None)
            self._ran = self._holds = None
        in_view = active.get(view.uuid or "")
        if in_view is not None:
            self._threads_of(in_view)
        budget = self._THREADS_ON_HOST if view.page in ("host", "pin") else self._THREADS
        for uuid in self._round(active):
            if budget <= 0:
                break
            if uuid != view.uuid:
                budget -= self._threads_of(active[uuid])

    def _round(self, active: Mapping[str, Domain]) -> Iterable[str]:
        """Every domain once, those that waited longest first; takes up where it was left."""
        order = [u for u in self._turns if u in active]
        order += sorted(active.keys() - set(order))
        for place, uuid in enumerate(order):
            self._turns = order[place + 1 :] + order[: place + 1]
            yield uuid

    def _threads_of(self, domain: Domain) -> int:
        """Look at the threads of one domain; answers what that cost."""
        guest = self.guests.get(domain.uuid)
        if guest is None:
            return 0
        threads, now = tuple(guest.threads()), monotonic()
        seen = self.threads.get(domain.uuid)
        if seen is None or _places(seen[1]) != _places(threads):
            self._ran = None
        self.threads[domain.uuid] = now, threads
        held = domain.pins, {t.key: t.allowed for t in threads if t.allowed is not None}
        if self._allowed.get(domain.uuid) != held:
            self._allowed[domain.uuid], self._holds = held, None
        before = self._since.get(domain.uuid)
        if before is None or not rates.too_soon(now - before[0]):
            self._since[domain.uuid] = now, threads
            self._queued[domain.uuid] = _fared(before, (now, threads), domain)
        return len(threads) + 1

    def allowed(self, domains: tuple[Domain, ...]) -> Mapping[str, Mapping[PinKey, CpuSet]]:
        """Where the kernel lets the threads run, by UUID; not of pins that have changed since."""
        if self._holds is None or self._holds[0] is not domains:
            known = ((d, self._allowed.get(d.uuid)) for d in domains)
            held = {d.uuid: found[1] for d, found in known if found and found[0] == d.pins}
            self._holds = domains, held
        return self._holds[1]

    def last_ran(self) -> LastRan:
        """The threads by the pCPU they were last seen on."""
        if self._ran is None:
            ran: dict[int, list[tuple[str, PinKind, int | None]]] = {}
            for uuid, (_, threads) in self.threads.items():
                for thread in threads:
                    ran.setdefault(thread.processor, []).append((uuid, *thread.key))
            self._ran = {pcpu: tuple(rows) for pcpu, rows in ran.items()}
        return self._ran


def _places(threads: Iterable[Thread]) -> list[tuple[PinKey, int]]:
    return [(thread.key, thread.processor) for thread in threads]


Look = tuple[float, tuple[Thread, ...]]
"""Monotonic seconds, and the threads then."""


def _fared(before: Look | None, now: Look, domain: Domain) -> Queued:
    """Nothing is known where the threads were others before."""
    if before is None or _tids(before[1]) != _tids(now[1]):
        return NOT_QUEUED
    waits, switches = (
        (_total(map(count, _vcpus(before[1]))), _total(map(count, _vcpus(now[1]))))
        for count in (_wait_ns, _switches)
    )
    wait = None if waits[0] is None else _share((before[0], waits[0]), now[0], waits[1], domain)
    per_s = rates.per_second(*switches, now[0] - before[0])
    return Queued(_tenths(wait), _tenths(per_s))


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _vcpus(threads: Iterable[Thread]) -> list[Thread]:
    return [thread for thread in threads if thread.key[0] == "vcpu"]


def _wait_ns(thread: Thread) -> int | None:
    return thread.wait_ns


def _switches(thread: Thread) -> int | None:
    return thread.switches


def _total(counts: Iterable[int | None]) -> float | None:
    """The sum; None where one is not known, or there is none."""
    found = list(counts)
    known = [count for count in found if count is not None]
    return float(sum(known)) if known and len(known) == len(found) else None


def _tids(threads: Iterable[Thread]) -> list[tuple[int, PinKey]]:
    return sorted((thread.tid, thread.key) for thread in _vcpus(threads))


def _share(
    before: tuple[float, float] | None, now: float, total: float | None, domain: Domain
) -> float | None:
    if before is None or total is None:
        return None
    limit = 100.0 * (domain.vcpus or 4096)
    return rates.percent(before[1], total, now - before[0], limit)

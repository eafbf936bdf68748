"""What the running domains use, by /proc of this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from time import monotonic

from vconsole.host.proc import Guest, Thread, find_guests
from vconsole.host.source import View
from vconsole.host.usage import NOT_QUEUED, LastRan, Meter, Queued, Sample, waited_percent
from vconsole.model import rates
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, PinKey, PinKind, Usage


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
    wait = (
        None
        if waits[0] is None
        else waited_percent((before[0], waits[0]), now[0], waits[1], domain)
    )
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

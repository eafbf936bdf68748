"""The one demo host of this process: an instance of the test driver, and what is invented of it.

Every connection to it shares it, and it lives as long as the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from threading import RLock
from time import monotonic
from typing import Any, Final

from vconsole.host.demo import kernel, shape
from vconsole.host.demo.fleet import BY_UUID, FLEET, DemoDomain, domain_xml
from vconsole.host.demo.guest import DemoGuest
from vconsole.host.demo.memory import Placement, ends_s, spread
from vconsole.host.domain_xml import DomainXml, read_domain
from vconsole.host.proc import Guest
from vconsole.host.simulation import HostIrq, HostTask, Memory
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Check, Node, PinKey

_ACTIVE: Final = 1
"""VIR_CONNECT_LIST_DOMAINS_ACTIVE."""
_TOUCHED: Final = 0.94
"""So much of its memory a guest has used at some time."""
EVERYTHING: Final = CpuSet.of(range(shape.PCPUS))


class World:
    """The demo host.

    Attributes:
        real: The test driver's connection.
        lock: Held while what is invented is changed.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.real = _open()
        self.lock: AbstractContextManager[Any] = RLock()
        self._clock, self._began = clock, clock() - 600.0
        self._lies: dict[str, Placement] = {
            uuid: Placement.at_rest(wanted.lies) for uuid, wanted in BY_UUID.items() if wanted.lies
        }
        self._live: dict[str, DomainXml] = {}
        self._guests: dict[str, DemoGuest] = {}
        self._times, self._counted_s = dict.fromkeys(("user", "kernel", "iowait", "idle"), 0.0), 0.0
        self._made: set[str] = set()
        self.devices: dict[str, str] = {}
        """UUID -> the devices of a running domain, where they were changed while it ran."""
        self.sizes: dict[tuple[str, str], int] = {}
        """(UUID, target) -> the capacity of a disk that was resized while it was used."""
        self.copies: dict[tuple[str, str], tuple[str, float]] = {}
        """(UUID, target) of a disk that is copied -> the copy's XML, and when it was begun."""
        self.units: dict[str, Any] = {}
        """Daemon -> its service, since somebody looked at it."""
        self.met: set[str] = set()
        """UUIDs of the domains that somebody has looked up."""
        self.frozen: set[str] = set()
        self.synced: set[str] = set()
        """UUIDs of guests whose file systems are frozen, and whose clocks were set."""
        _populate(self.real)

    @property
    def now_s(self) -> float:
        """Seconds since the host was started."""
        return self._clock() - self._began

    def once(self, what: str) -> bool:
        """True the first time: what is made late is made once."""
        with self.lock:
            new = what not in self._made
            self._made.add(what)
            return new

    def need_storage(self) -> None:
        """Pools and volumes are there from now on."""
        with self.lock:
            if self.once("storage"):
                from vconsole.host.demo.storage import make_storage

                make_storage(self.real)

    def need_networks(self) -> None:
        """Networks are there from now on."""
        with self.lock:
            if self.once("networks"):
                from vconsole.host.demo.storage import make_networks

                make_networks(self.real)

    def need_snapshots(self, domain: Any) -> None:
        """The snapshots of a domain are there from now on."""
        with self.lock:
            if self.once(f"snapshots of {domain.UUIDString()}"):
                from vconsole.host.demo.snapshots import make_snapshots

                make_snapshots(domain)

    # -- domains -------------------------------------------------------------------------------

    def live(self, domain: Any) -> DomainXml:
        """What a running domain has now."""
        uuid = domain.UUIDString()
        with self.lock:
            if uuid not in self._live:
                self._live[uuid] = read_domain(domain.XMLDesc(0))
            return self._live[uuid]

    def changed(self, domain: Any) -> None:
        """Its definition, its state or its pins may be others now."""
        with self.lock:
            self._live.pop(domain.UUIDString(), None)
            if not domain.isActive():
                self._lies.pop(domain.UUIDString(), None)
                self._guests.pop(domain.UUIDString(), None)
                self.devices.pop(domain.UUIDString(), None)
                self.frozen.discard(domain.UUIDString())

    def pinned(self, domain: Any) -> None:
        """Its vCPUs were pinned: its memory begins to follow them."""
        with self.lock:
            before = self._placement(domain)
            self.changed(domain)
            if not (numatune := self.live(domain).numatune) or not numatune.bound:
                self._lies[domain.UUIDString()] = before.follow(self._home(domain), self.now_s)

    def allowed(self, domain: Any, key: PinKey) -> CpuSet:
        """Where a thread may run."""
        return self.live(domain).allowed(key, EVERYTHING) or EVERYTHING

    def memory(self, domain: Any) -> dict[int, int]:
        """Cell -> bytes of a running domain's memory."""
        size = self.live(domain).memory_bytes or 0
        shares = self._placement(domain).shares(self.now_s)
        return {cell: int(size * _TOUCHED * share) for cell, share in shares.items()}

    def _placement(self, domain: Any) -> Placement:
        uuid = domain.UUIDString()
        with self.lock:
            if uuid not in self._lies:
                tune = self.live(domain).numatune
                bound = tune.nodeset if tune else None
                self._lies[uuid] = spread(bound or self._home(domain))
            return self._lies[uuid]

    def _home(self, domain: Any) -> list[int]:
        """The cells where its vCPUs may run."""
        keys = (key for key in self.live(domain).pins if key[0] == "vcpu")
        cpus = {pcpu for key in keys for pcpu in self.allowed(domain, key)}
        return sorted({shape.cell_of(pcpu) for pcpu in cpus}) or list(shape.CELLS)

    def active(self) -> list[Any]:
        """The running domains."""
        return list(self.real.listAllDomains(_ACTIVE))

    def volume_of(self, path: str) -> Any | None:
        """The volume of a disk's image; None where no pool has it."""
        import libvirt

        self.need_storage()
        try:
            return self.real.storageVolLookupByPath(path)
        except libvirt.libvirtError:
            return None

    # -- what the kernel would tell (host.simulation.Simulation) -------------------------------

    def find_guests(self) -> dict[str, Guest]:
        """UUID -> the process of each running domain."""
        with self.lock:
            for domain in self.active():
                self.guest(domain)
            return dict(self._guests)

    def guest(self, domain: Any) -> DemoGuest | None:
        """The process of a domain; None where it does not run."""
        with self.lock:
            uuid = domain.UUIDString()
            if uuid not in self._guests and domain.isActive():
                self._guests[uuid] = DemoGuest.of(self, domain)
            return self._guests.get(uuid)

    def busy(self) -> Mapping[int, float]:
        """PCPU -> how busy it is now, in percent."""
        found = {pcpu: 0.4 + pcpu % 3 * 0.3 for pcpu in range(shape.PCPUS)}
        taken = self._taken()
        for pcpu, share in taken.items():
            found[pcpu] += 100 * share
        for task in kernel.tasks(self.now_s, taken):
            found[task.pcpu] += 100 * task.share
        return {pcpu: round(min(100.0, percent), 1) for pcpu, percent in found.items()}

    def _taken(self) -> dict[int, float]:
        """PCPU -> what the guests take of it."""
        taken: dict[int, float] = {}
        for guest in list(self._guests.values()):
            for pcpu, share in guest.shares():
                taken[pcpu] = taken.get(pcpu, 0.0) + share
        return taken

    def tasks(self) -> tuple[HostTask, ...]:
        """What of the host itself runs now."""
        return kernel.tasks(self.now_s, self._taken())

    def irqs(self) -> tuple[HostIrq, ...]:
        """How often each device has asked for a pCPU so far."""
        return kernel.irqs(self.now_s)

    def clock(self, pcpu: int, busy: Mapping[int, float]) -> tuple[str, int, int]:
        """Governor, kHz now and at most."""
        return kernel.clock(pcpu, busy)

    def cpu_times(self) -> dict[str, int]:
        """Nanoseconds of all pCPUs since the start, by what they did."""
        with self.lock:
            now, whole = self.now_s, shape.PCPUS * 1e9
            spent = (now - self._counted_s) * whole
            busy = spent * sum(self.busy().values()) / 100 / shape.PCPUS
            shares = {"user": 0.86 * busy, "kernel": 0.12 * busy, "iowait": 0.02 * busy}
            for kind, ns in {**shares, "idle": spent - busy}.items():
                self._times[kind] += ns
            self._counted_s = now
            return {kind: int(ns) for kind, ns in self._times.items()}

    def facts(self, node: Node) -> Node:
        """The node with what the kernel knows of it."""
        checks = (
            Check("CPU", "ok", "AMD-V is on: flag svm (simulated)"),
            Check("KVM modules", "ok", "kvm and kvm_amd in the kernel (simulated)"),
            Check("IOMMU", "ok", "in use with 84 groups (simulated)"),
            Check(
                "nested",
                "warn",
                "guests cannot be hosts of guests (simulated)",
                "options kvm_amd nested=1 in /etc/modprobe.d, if guests are to have guests",
            ),
        )
        gib = shape.GIB
        return replace(
            node,
            governor=kernel.GOVERNOR,
            swap_total_bytes=8 * gib,
            swap_used_bytes=0,
            hugepage_kib=2048,
            checks=checks,
        )

    # -- where memory lies ---------------------------------------------------------------------

    def memory_of(self, uuid: str) -> Memory | None:
        """Of a running domain what only its kernel knows."""
        with self.lock:
            domain = self._running(uuid)
            if domain is None:
                return None
            live = self.live(domain)
            bound = live.numatune.nodeset if live.numatune else None
            cells = bound or CpuSet.of(shape.CELLS)
            return Memory(self.memory(domain), live.hugepages_kib, cells)

    def _running(self, uuid: str) -> Any | None:
        return next((domain for domain in self.active() if domain.UUIDString() == uuid), None)

    def move(self, uuid: str, cells: Iterable[int]) -> float:
        """Begin to move its memory to these cells; answers when that ends."""
        with self.lock:
            if (domain := self._running(uuid)) is not None:
                self._lies[uuid] = self._placement(domain).follow(cells, self.now_s)
            return ends_s(self.now_s)

    def stop_moving(self, uuid: str) -> None:
        """Its memory stays where it has come to."""
        with self.lock:
            if uuid in self._lies:
                self._lies[uuid] = Placement.at_rest(self._lies[uuid].shares(self.now_s))

    # -- the cells -----------------------------------------------------------------------------

    def free_bytes(self) -> list[int]:
        """Free memory by cell."""
        free = [
            shape.CELL_BYTES - shape.HOST_BYTES - (shape.HUGE_PAGES[cell] << 21)
            for cell in shape.CELLS
        ]
        for domain in self.active():
            if self.live(domain).hugepages_kib is None:
                _take(free, self.memory(domain))
        return [max(0, count) for count in free]

    def free_pages(self) -> list[int]:
        """Free pages of 2 MiB by cell."""
        free = [shape.HUGE_PAGES[cell] << 21 for cell in shape.CELLS]
        for domain in self.active():
            live = self.live(domain)
            if live.hugepages_kib is not None:
                shares = self._placement(domain).shares(self.now_s)
                whole = {c: int((live.max_memory_bytes or 0) * s) for c, s in shares.items()}
                _take(free, whole)
        return [max(0, count) >> 21 for count in free]


def _take(free: list[int], taken: Mapping[int, int]) -> None:
    for cell, count in taken.items():
        if cell < len(free):
            free[cell] -= count


def _open() -> Any:
    """An instance of the test driver with this machine; its description is in no file."""
    import libvirt

    descriptor = os.memfd_create("vconsole-demo")
    try:
        os.write(descriptor, shape.node_xml().encode())
        return libvirt.open(f"test:///proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _populate(conn: Any, fleet: Iterable[DemoDomain] = FLEET) -> None:
    """Define the fleet and bring each domain into its state."""
    for wanted in fleet:
        domain = conn.defineXML(domain_xml(wanted))
        if wanted.autostart:
            domain.setAutostart(1)
        if wanted.state != "shut off":
            domain.create()
        if wanted.state == "paused":
            domain.suspend()
        if wanted.redefined:
            conn.defineXML(_redefined(wanted))


def _redefined(wanted: DemoDomain) -> str:
    """The definition as it was changed after the start."""
    text = domain_xml(wanted)
    for before, after in wanted.redefined:
        text = text.replace(before, after)
    return text


_lock = RLock()
_worlds: list[World] = []


def the_world() -> World:
    """The demo host of this process, made at first."""
    with _lock:
        if not _worlds:
            _worlds.append(World())
        return _worlds[0]


def forget() -> None:
    """The next connection finds a new demo host: for tests."""
    import libvirt

    with _lock:
        for world in _worlds:
            with suppress(libvirt.libvirtError):
                world.real.close()
        _worlds.clear()

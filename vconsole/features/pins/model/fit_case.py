"""The question that best fit answers: which vCPUs want to be together, and what the host has free.

Offline pCPUs and those that another domain holds exclusively are no candidates. What a domain that
is shut off claims is taken last, above all where it starts with the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, GuestCell, HostState, NumaTune, Pin, PinKey
from vconsole.model.memory import MemoryFit, guest_fit, home_cells, memory_fit
from vconsole.model.placement import Occupancy, claims, occupants, pinned_set, share
from vconsole.model.topology import Topology, topology

Core = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """vCPUs that want to be together: a guest cell, or the whole domain."""

    rows: tuple[PinKey, ...]
    """Its vCPUs that are plugged in."""
    later: tuple[PinKey, ...]
    """Those up to the maximum that are not."""
    tune: NumaTune | None
    guest: GuestCell | None = None

    @property
    def name(self) -> str:
        """What it is called beside others; empty for the whole domain."""
        return f"guest cell {self.guest.id}" if self.guest else ""

    @property
    def bound(self) -> CpuSet | None:
        """The cells that its memory is bound to."""
        return self.tune.bound if self.tune else None


@dataclass(frozen=True, slots=True)
class Case:
    """A domain on a host."""

    domain: Domain
    host_state: HostState
    shape: Topology
    parts: tuple[Part, ...]
    others: tuple[PinKey, ...]
    """Emulator and iothreads."""
    usable: CpuSet
    """Online, and not held by another domain."""
    held: CpuSet
    """Held exclusively by other domains that run."""
    beside: CpuSet
    """The siblings of pCPUs where vCPUs of others are pinned, and not they themselves."""
    claimed: CpuSet
    """Held by pins of domains that are shut off, or of vCPUs not plugged in."""
    starting: CpuSet
    """Those among them whose domain starts with the host."""
    company: Mapping[int, int]
    """pCPU id -> pinned vCPUs of other domains that may run there."""
    now: CpuSet
    """Where its vCPUs are pinned; empty where they float."""
    host_core: CpuSet
    """The core of the lowest pCPU: left to the host while others are free."""

    @property
    def vcpus(self) -> int:
        """How many have to be placed."""
        return sum(len(part.rows) for part in self.parts)

    @property
    def threads(self) -> int:
        """Threads of a core as the guest sees them."""
        return self.domain.topology[2] if self.domain.topology else 1

    def free(self, cell: int) -> CpuSet:
        """The usable pCPUs of a cell."""
        return self.shape.cell_pcpus.get(cell, CpuSet()) & self.usable

    def cores(self, cell: int, taken: CpuSet) -> list[Core]:
        """The free threads of each core of a cell that has any, the isolated ones first."""
        free = self.free(cell) - taken
        group = next(g for g in self.shape.groups if g.cell == cell)
        threads = (tuple(p for p in core if p in free) for core in group.cores)
        isolated = self.shape.isolated
        return [tuple(sorted(core, key=lambda p: p not in isolated)) for core in threads if core]

    def home(self, part: Part) -> CpuSet | None:
        """The cells with pCPUs at its bound memory; None where it is bound to nothing."""
        return home_cells(part.bound, self.host_state) if part.bound else None

    def there(self, cells: Iterable[int]) -> float:
        """Percent of its measured memory on `cells`; 0 when not measured."""
        found = self.host_state.locality.get(self.domain.uuid) if self.domain.active else None
        return (share(found.bytes_by_cell, CpuSet.of(cells)) or 0.0) if found else 0.0

    def fit(self, part: Part, cells: CpuSet) -> MemoryFit:
        """The memory of a part with its vCPUs on `cells`."""
        where = part.bound or cells
        if part.guest is None:
            return memory_fit(self.domain, self.host_state, where)
        return guest_fit(part.guest, self.domain, self.host_state, where)


def case_of(domain: Domain, host_state: HostState) -> Case:
    """Gather what the answer depends on."""
    shape, occupancy, waiting = topology(host_state), occupants(host_state), claims(host_state)
    held = occupancy.held_by_others(domain.uuid)
    claimed = waiting.held_by_others(domain.uuid)
    first = shape.online.first
    return Case(
        domain=domain,
        host_state=host_state,
        shape=shape,
        parts=tuple(_parts(domain)),
        others=tuple(pin.key for pin in domain.pins if pin.kind != "vcpu"),
        usable=shape.online - held,
        held=held,
        beside=_beside(occupancy, domain.uuid),
        claimed=claimed,
        starting=claimed & _starting(waiting, domain.uuid),
        company=_company(occupancy, domain.uuid),
        now=pinned_set(domain, shape),
        host_core=shape.core_of[first] if first is not None else CpuSet(),
    )


def _parts(domain: Domain) -> Iterable[Part]:
    """Guest cell by guest cell; a vCPU that none names belongs to the first, as in QEMU."""
    pins = [pin for pin in domain.pins if pin.kind == "vcpu"]
    guests = [guest for guest in domain.guest_cells if guest.vcpus]
    named = CpuSet.of(number for guest in guests for number in guest.vcpus)
    if not guests:
        yield Part(_keys(pins, True), _keys(pins, False), domain.numatune)
    for place, guest in enumerate(guests):
        mine = [p for p in pins if p.id in guest.vcpus or (not place and p.id not in named)]
        tune = guest.tune or domain.numatune
        yield Part(_keys(mine, True), _keys(mine, False), tune, guest)


def _keys(pins: Iterable[Pin], plugged: bool) -> tuple[PinKey, ...]:
    return tuple(p.key for p in pins if p.plugged == plugged)


def _beside(occupancy: Occupancy, uuid: str) -> CpuSet:
    bits = 0
    for cpuset, threads in occupancy.groups.items():
        if any(t.kind == "vcpu" and t.uuid != uuid for t in threads):
            there = cpuset & occupancy.shape.online
            bits |= (occupancy.shape.cores_of(there) - there).bits
    return CpuSet(bits)


def _starting(waiting: Occupancy, uuid: str) -> CpuSet:
    bits = 0
    for cpuset, threads in waiting.groups.items():
        if any(t.exclusive and t.claim != "shut off" and t.uuid != uuid for t in threads):
            bits |= cpuset.bits
    return CpuSet(bits)


def _company(occupancy: Occupancy, uuid: str) -> Mapping[int, int]:
    counts = dict(occupancy.vcpus)
    for cpuset, threads in occupancy.groups.items():
        own = sum(t.kind == "vcpu" and t.uuid == uuid for t in threads)
        for pcpu in cpuset if own else ():
            counts[pcpu] = counts.get(pcpu, own) - own
    return counts

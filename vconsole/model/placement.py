"""Who may run where: the pins of all domains seen from the pCPUs, and locality of memory.

Only what runs holds a pCPU. A domain that is shut off and a vCPU that is not plugged in hold
nothing yet, but their pins are claims: see `claims`. "Pinned" means a set that leaves
out at least one online pCPU; every other thread floats, and floating threads are listed once and
not for each pCPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Literal, NamedTuple

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKind
from vconsole.model.topology import CellGroup, Topology, core_of, layout, topology
from vconsole.model.value import dataclass

__all__ = [
    "CellGroup",
    "Occupancy",
    "Occupant",
    "cells_allowed",
    "claims",
    "core_of",
    "differs",
    "exclusive_pcpus",
    "layout",
    "locality_percent",
    "occupants",
    "pin_badge",
    "vcpus_allowed",
]

Badge = Literal["none", "part", "full"]
Claim = Literal["starts with the host", "shut off", "not plugged"]
"""Why a pinned thread does not run yet; of a domain that is shut off and stays so, that alone."""


class Occupant(NamedTuple):
    """A thread of a domain and the pCPUs it may run on."""

    uuid: str
    name: str
    kind: PinKind
    id: int | None
    pinned: bool
    exclusive: bool
    """A vCPU held to one pCPU or to one core."""
    cpuset: CpuSet
    claim: Claim | None = None
    """Why it does not run yet; None for one that does."""


class _Keeping:
    """Has room, a `__dict__`, for what is made once and when it is asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Occupancy(_Keeping, Mapping[int, tuple[Occupant, ...]]):
    """pCPU id -> the pinned threads that may run there; made on demand from equal sets."""

    threads: Callable[[], Iterator[Occupant]]
    """Makes every thread, pinned or not. A list of domains wants no thread, so none is kept."""
    shape: Topology
    vcpus: Mapping[int, int]
    """pCPU id -> how many pinned vCPUs may run there; every pCPU of the host is a key."""
    exclusive: Mapping[str, CpuSet]
    """Domain UUID -> the pCPUs its vCPUs hold exclusively."""
    held: CpuSet
    """The pCPUs that some domain holds exclusively."""
    contested: CpuSet
    """Those that two domains or more hold."""
    holders: Mapping[int, tuple[str, ...]]
    """pCPU id -> the UUIDs of the domains that hold it exclusively."""
    names: Mapping[str, str]
    """UUID -> name of the domains in `exclusive`."""

    @cached_property
    def groups(self) -> Mapping[CpuSet, tuple[Occupant, ...]]:
        """The pinned threads by their set."""
        groups: dict[int, list[Occupant]] = {}
        for thread in self.threads():
            if thread.pinned:
                groups.setdefault(thread.cpuset.bits, []).append(thread)
        return {CpuSet(bits): tuple(threads) for bits, threads in groups.items()}

    @cached_property
    def floating(self) -> tuple[Occupant, ...]:
        """The threads that may run everywhere."""
        return tuple(thread for thread in self.threads() if not thread.pinned)

    def __getitem__(self, pcpu: int) -> tuple[Occupant, ...]:
        if pcpu not in self.vcpus:
            raise KeyError(pcpu)
        return tuple(o for cpuset, group in self.groups.items() if pcpu in cpuset for o in group)

    def __iter__(self) -> Iterator[int]:
        return iter(self.vcpus)

    def __len__(self) -> int:
        return len(self.vcpus)

    def held_by_others(self, uuid: str) -> CpuSet:
        """The pCPUs held exclusively by a domain other than `uuid`."""
        return self.contested | (self.held - self.exclusive.get(uuid, CpuSet()))

    def holder_names(self, pcpus: CpuSet, but_uuid: str | None = None) -> tuple[str, ...]:
        """The names of the other domains that hold any of `pcpus` exclusively, once each."""
        groups = dict.fromkeys(self.holders.get(pcpu, ()) for pcpu in pcpus)  # seldom differ
        uuids = dict.fromkeys(uuid for group in groups for uuid in group)
        return tuple(self.names[uuid] for uuid in uuids if uuid != but_uuid)


Made = tuple[Occupancy, Occupancy]
"""What runs, and what only claims."""
_latest: tuple[tuple[Domain, ...], Topology, Made] | None = None
"""What was made last, with what it was made from; replaced as a whole."""


def occupants(host_state: HostState) -> Occupancy:
    """Which threads may run on each pCPU; the same object while domains and host are the same."""
    return _made(host_state)[0]


def claims(host_state: HostState) -> Occupancy:
    """Which pinned threads will want each pCPU that do not run yet, by their definitions.

    Those of domains that are shut off, and of vCPUs up to the maximum that are not plugged in.
    """
    return _made(host_state)[1]


def _made(host_state: HostState) -> Made:
    global _latest
    shape, known = topology(host_state), _latest
    if known and known[0] is host_state.domains and known[1] is shape:
        return known[2]
    domains = host_state.domains
    if known and known[1] is shape and known[0] == domains:
        made = known[2]
    else:
        made = (
            _occupancy(partial(_threads, domains, shape), shape),
            _occupancy(partial(_waiting, domains, shape), shape),
        )
    _latest = (domains, shape, made)
    return made


def _occupancy(threads: Callable[[], Iterator[Occupant]], shape: Topology) -> Occupancy:
    vcpus: dict[int, int] = {}
    exclusive: dict[str, int] = {}
    names: dict[str, str] = {}
    for thread in threads():
        bits = thread.cpuset.bits
        if thread.pinned:
            vcpus[bits] = vcpus.get(bits, 0) + (thread.kind == "vcpu")
        if thread.exclusive:
            exclusive[thread.uuid] = exclusive.get(thread.uuid, 0) | bits
            names[thread.uuid] = thread.name
    held = contested = 0
    holders: dict[int, list[str]] = {}
    for uuid, bits in exclusive.items():
        contested |= held & bits
        held |= bits
        for pcpu in CpuSet(bits):
            holders.setdefault(pcpu, []).append(uuid)
    return Occupancy(
        threads=threads,
        shape=shape,
        vcpus=_by_pcpu(vcpus, shape),
        exclusive={uuid: CpuSet(bits) for uuid, bits in exclusive.items()},
        held=CpuSet(held),
        contested=CpuSet(contested),
        holders={pcpu: tuple(uuids) for pcpu, uuids in holders.items()},
        names=names,
    )


def _threads(domains: tuple[Domain, ...], shape: Topology) -> Iterator[Occupant]:
    """Every thread of the active domains. A hot path: one look-up for each distinct set."""
    traits: dict[int, tuple[bool, bool]] = {}
    for domain in domains:
        if not domain.active:
            continue
        for pin in domain.pins:
            cpuset = pin.now
            if cpuset is None or not pin.plugged:
                continue
            known = traits.get(cpuset.bits)
            if known is None:
                pinned = not shape.floats(cpuset)
                known = traits[cpuset.bits] = (pinned, pinned and shape.within_core(cpuset))
            yield Occupant(
                domain.uuid,
                domain.name,
                pin.kind,
                pin.id,
                known[0],
                known[1] and pin.kind == "vcpu",
                cpuset,
            )


def _waiting(domains: tuple[Domain, ...], shape: Topology) -> Iterator[Occupant]:
    """The pinned threads that do not run yet."""
    for domain in domains:
        off: Claim = "starts with the host" if domain.autostart else "shut off"
        for pin in domain.pins:
            cpuset = pin.now
            if cpuset is None or (domain.active and pin.plugged) or shape.floats(cpuset):
                continue
            alone = pin.kind == "vcpu" and shape.within_core(cpuset)
            sure = domain.active or domain.autostart
            claim: Claim = "not plugged" if sure and not pin.plugged else off
            yield Occupant(domain.uuid, domain.name, *pin.key, True, alone, cpuset, claim)


def _by_pcpu(vcpus: Mapping[int, int], shape: Topology) -> dict[int, int]:
    counts = dict.fromkeys(shape.pcpu, 0)
    for bits, number in vcpus.items():
        for pcpu in CpuSet(bits) & shape.everything:
            counts[pcpu] += number
    return counts


def vcpus_allowed(host_state: HostState) -> Mapping[int, int]:
    """Count the pinned vCPUs that may run on each pCPU; 0 where none, floating ones left out."""
    return occupants(host_state).vcpus


def exclusive_pcpus(host_state: HostState, but_uuid: str | None = None) -> Mapping[int, str]:
    """Name the domain whose vCPU holds each pCPU exclusively, leaving out `but_uuid`.

    Exclusive is a vCPU whose set is one pCPU or lies within one core. Where several domains hold
    the same pCPU, the first in the list of domains is named.
    """
    occupancy = occupants(host_state)
    others = (
        (pcpu, next((uuid for uuid in uuids if uuid != but_uuid), None))
        for pcpu, uuids in occupancy.holders.items()
    )
    return {pcpu: occupancy.names[uuid] for pcpu, uuid in others if uuid is not None}


def vcpu_set(domain: Domain) -> CpuSet | None:
    """All pCPUs that any of its vCPUs may run on; None while its pins are not known."""
    bits, known = 0, False
    for pin in domain.pins:
        if pin.kind == "vcpu" and pin.plugged and (cpuset := pin.now) is not None:
            bits, known = bits | cpuset.bits, True
    return CpuSet(bits) if known else None


def pinned_set(domain: Domain, shape: Topology) -> CpuSet:
    """The pCPUs of those of its vCPUs that are pinned; empty where all float or none is known."""
    sets = (pin.now for pin in domain.pins if pin.kind == "vcpu" and pin.plugged)
    pinned = (cpuset for cpuset in sets if cpuset is not None and not shape.floats(cpuset))
    return CpuSet.of(pcpu for cpuset in pinned for pcpu in cpuset)


def cells_allowed(domain: Domain, host_state: HostState) -> CpuSet | None:
    """The cells its vCPUs may run on; None while its pins or the host's cells are not known."""
    cpuset, shape = vcpu_set(domain), topology(host_state)
    return shape.cells_of(cpuset) if cpuset is not None and shape.cell_pcpus else None


def pin_badge(domain: Domain, host_state: HostState) -> Badge | None:
    """``full`` when every vCPU is pinned, ``part`` when some row is; None while not known."""
    shape = topology(host_state)
    sets = ((pin.kind, pin.now) for pin in domain.pins if pin.plugged)
    pinned = [(kind, not shape.floats(s)) for kind, s in sets if s is not None]
    if not pinned:
        return None
    vcpus = [is_pinned for kind, is_pinned in pinned if kind == "vcpu"]
    if vcpus and all(vcpus):
        return "full"
    return "part" if any(is_pinned for _, is_pinned in pinned) else "none"


def differs(domain: Domain) -> bool:
    """Some row has another set in config than live: its pins change at the next start."""
    return any(
        pin.live is not None and pin.config is not None and pin.live != pin.config
        for pin in domain.pins
    )


def locality_percent(domain: Domain, host_state: HostState) -> float | None:
    """Share of its measured memory on the cells its vCPUs may run on, 0 to 100.

    None when it was not measured, has no memory yet, or its cells are not known.
    """
    measured = host_state.locality.get(domain.uuid)
    cells = cells_allowed(domain, host_state) if measured else None
    return share(measured.bytes_by_cell, cells) if measured and cells is not None else None


def share(bytes_by_cell: Mapping[int, int], cells: CpuSet) -> float | None:
    """Percent of the bytes that lie on `cells`; None for no bytes."""
    total = sum(bytes_by_cell.values())
    here = sum(count for cell, count in bytes_by_cell.items() if cell in cells)
    return 100.0 * here / total if total > 0 else None

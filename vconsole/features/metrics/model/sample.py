"""One reading of the host and of its running domains, as metrics are made of it."""

from __future__ import annotations

from dataclasses import dataclass

_STATE, _CPU_TOTAL, _BALLOON, _VCPU = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class HostSample:
    """The host at one moment; None is what could not be had."""

    at_s: float
    """Seconds since the epoch."""
    hostname: str | None = None
    """As libvirt says."""
    system_name: str = ""
    """As the kernel says."""
    vendor: str | None = None
    api: str | None = None
    """libvirt's driver and version, as ``QEMU 9.0.0``."""
    hypervisor: str | None = None
    """The hypervisor and its version, as ``QEMU 8.2.0``."""
    pcpus: int | None = None
    memory_bytes: int | None = None
    used_bytes: int = 0
    available_bytes: int = 0
    free_bytes: int = 0
    swap_used_bytes: int = 0
    swap_free_bytes: int = 0
    swapped_in_bytes: int = 0
    swapped_out_bytes: int = 0
    paged_in_kib: int | None = None
    paged_out_kib: int | None = None
    cpu_s: float = 0.0
    """What all pCPUs spent in user and kernel mode since the start."""


@dataclass(frozen=True, slots=True)
class DomainSample:
    """A running domain at one moment."""

    id: int
    uuid: str
    name: str
    cpu_ns: int | None = None
    vcpus: int | None = None
    max_memory_kib: int | None = None
    memory_kib: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading."""

    host: HostSample
    domains: tuple[DomainSample, ...] | None = ()
    """The running ones by id; None if libvirt could not be asked."""
    defined: frozenset[str] | None = None
    """The UUIDs of all domains, running or not, if they were asked for."""
    error: str = ""
    """Why libvirt could not be asked."""
    domains_age_s: float = 0.0
    """How long ago it said what the domains are, where it does not say it now."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a reading is to hold besides the list of running domains."""

    cpu: bool = False
    memory: bool = False
    vcpus: bool = False
    defined: bool = False

    @property
    def groups(self) -> int:
        """Statistics for the bulk call (VIR_DOMAIN_STATS_*)."""
        wanted = ((self.cpu, _CPU_TOTAL), (self.memory, _BALLOON), (self.vcpus, _VCPU))
        return _STATE | sum(group for needed, group in wanted if needed)

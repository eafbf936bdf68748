"""The metrics that the daemon collects itself: names, and how each is made from a sample.

An action ``builtin:NAME`` asks for one. Values are those that vhostmd's own configurations get by
a shell command each; whole numbers are written as such, where vhostmd puts ``12.000000``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vconsole.features.metrics.model.sample import DomainSample, HostSample, Needs

_MIB: Final = 1 << 20
HostValue = Callable[["HostSample", "HostSample | None"], str | None]
"""(this sample, the one before) -> value; None if there is none."""
DomainValue = Callable[["DomainSample"], str | None]


def _whole(value: float | None) -> str | None:
    return None if value is None else str(int(value))


def _mib(size_bytes: float | None) -> str | None:
    return None if size_bytes is None else str(int(size_bytes / _MIB))


def _kib_as_mib(size_kib: int | None) -> str | None:
    return None if size_kib is None else str(size_kib >> 10)


def _rate(name: str) -> HostValue:
    """KiB a second since the sample before; None at first, and after a step of the clock."""

    def value(now: HostSample, before: HostSample | None) -> str | None:
        new, old = getattr(now, name), getattr(before, name, None)
        if before is None or new is None or old is None:
            return None
        seconds = now.at_s - before.at_s
        return _whole((new - old) / seconds) if seconds > 0 and new >= old else None

    return value


def _page_rates(now: HostSample, before: HostSample | None) -> str | None:
    rates = [_rate(name)(now, before) for name in ("paged_in_kib", "paged_out_kib")]
    known = [rate for rate in rates if rate is not None]
    return ",".join(known) if len(known) == len(rates) else None


def _host(value: Callable[[HostSample], str | None]) -> HostValue:
    return lambda now, _before: value(now)


HOST: Final[Mapping[str, HostValue]] = {
    # vhostmd's own configuration; KiB where paged, MiB where memory
    "HostName": _host(lambda h: h.hostname or h.system_name or None),
    "VirtualizationVendor": _host(lambda h: h.vendor),
    "VirtualizationProductInfo": _host(lambda h: h.hypervisor),
    "TotalPhyCPUs": _host(lambda h: _whole(h.pcpus)),
    "NumCPUs": _host(lambda h: _whole(h.pcpus)),
    "TotalPhyMem": _host(lambda h: _mib(h.memory_bytes)),
    "UsedMem": _host(lambda h: _mib(h.used_bytes)),
    "FreeMem": _host(lambda h: _mib(h.available_bytes)),
    "PagedInMemory": _host(lambda h: _whole(h.paged_in_kib)),
    "PagedOutMemory": _host(lambda h: _whole(h.paged_out_kib)),
    "PageInRate": _rate("paged_in_kib"),
    "PageFaultRate": _rate("paged_out_kib"),  # named so by vhostmd, which counts what goes out
    "PageRates": _page_rates,
    "TotalCPUTime": _host(lambda h: f"{h.cpu_s:f}"),
    # SAP's set; everything in MiB
    "Time": _host(lambda h: _whole(h.at_s)),
    "VirtProductInfo": _host(lambda h: h.api),
    "HostSystemInfo": _host(lambda h: h.system_name.partition(".")[0] or None),
    "NumberOfPhysicalCPUs": _host(lambda h: _whole(h.pcpus)),
    "MemoryAllocatedToVirtualServers": _host(lambda h: _mib(h.used_bytes)),
    "FreePhysicalMemory": _host(lambda h: _mib(h.free_bytes)),
    "FreeVirtualMemory": _host(lambda h: _mib(h.free_bytes + h.swap_free_bytes)),
    "UsedVirtualMemory": _host(lambda h: _mib(h.used_bytes + h.swap_used_bytes)),
    "SwappedInMemory": _host(lambda h: _mib(h.swapped_in_bytes)),
    "SwappedOutMemory": _host(lambda h: _mib(h.swapped_out_bytes)),
}

DOMAIN: Final[Mapping[str, DomainValue]] = {
    "TotalCPUTime": lambda d: None if d.cpu_ns is None else f"{d.cpu_ns / 1e9:f}",
    "ResourceProcessorLimit": lambda d: _whole(d.vcpus),
    "ResourceMemoryLimit": lambda d: _kib_as_mib(d.max_memory_kib),
    "PhysicalMemoryAllocatedToVirtualSystem": lambda d: _kib_as_mib(d.memory_kib),
}

RATES: Final = frozenset(("PageInRate", "PageFaultRate", "PageRates"))
"""What needs two samples."""
NAMES: Final[Mapping[str, tuple[str, ...]]] = {"host": tuple(HOST), "vm": tuple(DOMAIN)}
"""What there is, by context."""


def needs(domain_metrics: Iterable[str], defined: bool) -> Needs:
    """What has to be read for these metrics of domains.

    Args:
        domain_metrics: Names in `DOMAIN`.
        defined: Whether domains that are not running count.
    """
    from vconsole.features.metrics.model.sample import Needs

    names = set(domain_metrics)
    memory = {"ResourceMemoryLimit", "PhysicalMemoryAllocatedToVirtualSystem"}
    return Needs(
        cpu="TotalCPUTime" in names,
        memory=bool(memory & names),
        vcpus="ResourceProcessorLimit" in names,
        defined=defined,
    )

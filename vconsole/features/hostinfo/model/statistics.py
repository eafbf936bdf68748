"""The statistics that a guest can ask for: one name, one unit, one default each.

The 2009 page names only ``physcpus`` and, in prose, the host's load. What could tell a guest about
its neighbours or the host's identity is refused until a rule permits it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a guest may ask under one name."""

    name: str
    """The word in a request, in a reply and in hostinfo.conf."""
    unit: str
    """Behind the value in a reply; empty for text and plain numbers."""
    default: bool
    """Whether a guest may see it when no rule says otherwise."""
    meaning: str


STATISTICS: Final[dict[str, Statistic]] = {
    name: Statistic(name, unit, default, meaning)
    for name, unit, default, meaning in (
        ("physcpus", "", True, "pCPUs of the host that are online"),
        ("cpumodel", "", True, "model of the host's CPUs"),
        ("cpumhz", "MHz", True, "clock of the host's CPUs"),
        ("sockets", "", True, "CPU sockets of the host"),
        ("cores", "", True, "cores of a socket"),
        ("threads", "", True, "threads of a core"),
        ("load", "", True, "load average of the host over 1 minute"),
        ("load5", "", True, "load average of the host over 5 minutes"),
        ("load15", "", True, "load average of the host over 15 minutes"),
        ("cpubusy", "%", True, "share of the host's CPU time in use since the last sample"),
        ("memtotal", "MiB", True, "memory of the host"),
        ("memfree", "MiB", True, "memory of the host that is free"),
        ("uptime", "s", True, "time since the host was started"),
        ("time", "s", True, "the host's clock, since 1970-01-01 UTC"),
        ("guests", "", False, "domains that run on the host"),
        ("hostname", "", False, "name of the host"),
        ("hypervisor", "", False, "hypervisor and its version"),
        ("libvirt", "", False, "version of libvirt"),
        ("vmcputime", "s", True, "CPU time that the guest itself has used"),
        ("vmsteal", "%", True, "share of time that the guest's vCPUs waited for a pCPU"),
    )
}

"""Where the kernel holds the threads of a domain to other pCPUs than libvirt names.

It comes about behind libvirt's back: somebody writes cpuset.cpus, a slice gets AllowedCPUs=, a
pCPU goes and comes back. To pin once more what libvirt names repairs it.
"""

from __future__ import annotations

from collections.abc import Mapping

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.topology import Topology, topology
from vconsole.model.words import row_label, rows_label


def drifting(domain: Domain, host_state: HostState) -> Mapping[PinKey, CpuSet]:
    """The rows that the kernel holds to something else -> the kernel's set."""
    held = host_state.allowed.get(domain.uuid)
    if not held or not domain.active:
        return {}
    shape = topology(host_state)
    rows = ((pin.key, pin.live, held.get(pin.key)) for pin in domain.pins)
    return {key: now for key, said, now in rows if said and now and differ(said, now, shape)}


def differ(said: CpuSet, now: CpuSet, shape: Topology) -> bool:
    """Whether the sets mean other pCPUs; what is offline is left aside.

    A thread that is not pinned is kept off isolated pCPUs, by libvirt itself.
    """
    online = shape.online or said | now
    if said & online == now & online:
        return False
    return not (online <= said and now & online == online - shape.isolated)


def drift_line(domain: Domain, host_state: HostState) -> str | None:
    """One line about it; None where the two agree."""
    found = drifting(domain, host_state)
    if not found:
        return None
    said = {pin.key: pin.live for pin in domain.pins}
    if len(found) == 1:
        ((key, now),) = found.items()
        return f"{row_label(key)}: libvirt says {said[key]}, the kernel runs it on {now}"
    return f"the kernel runs {rows_label(found)} on other pCPUs than libvirt says"

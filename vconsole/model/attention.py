"""The one thing worth saying about a domain in a list."""

from __future__ import annotations

from typing import Final

from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import drift_line
from vconsole.model.host_state import Domain, HostState
from vconsole.model.memory import away_label, away_percent, cells_label, missing_cells
from vconsole.model.placement import cells_allowed, differs, occupants
from vconsole.model.topology import topology
from vconsole.model.words import names_label, pcpus_label, plural

LOCALITY_LIMIT: Final = 80.0
"""Locality below this percentage is worth a mark."""


def attention(domain: Domain, host_state: HostState) -> str | None:
    """The gravest thing to say about a domain, as one line; None when all is well.

    In this order: it could not be read, its pins name pCPUs that are offline or missing, its memory
    cells that are not there, the kernel holds it to others than libvirt says, they overlap another
    domain's exclusive pin, its memory is elsewhere, its hostinfo port is wrong, it runs otherwise
    than it is defined.
    """
    return (
        _problem(domain)
        or _unusable(domain, host_state)
        or _homeless(domain, host_state)
        or drift_line(domain, host_state)
        or _overlap(domain, host_state)
        or _memory_away(domain, host_state)
        or _hostinfo(domain)
        or differing(domain)
    )


def _problem(domain: Domain) -> str | None:
    return " ".join(domain.problem.split()) or None if domain.problem else None


def _hostinfo(domain: Domain) -> str | None:
    return f"hostinfo: {domain.hostinfo_problem}" if domain.hostinfo_problem else None


def _pinned_set(domain: Domain, host_state: HostState, *, telling: bool = False) -> CpuSet:
    """All pCPUs that its pinned rows name.

    With `telling`, an emulator or iothread counts only when it is held to one core: that it may
    also run where another domain is pinned is no news of a wide set. A vCPU that is not plugged in
    does not count then, for it does not run.
    """
    shape, bits = topology(host_state), 0
    for pin in domain.pins:
        cpuset = pin.now
        if cpuset is None or not cpuset.bits & ~bits or shape.floats(cpuset):
            continue
        if telling and not pin.plugged:
            continue
        if not telling or pin.kind == "vcpu" or shape.within_core(cpuset):
            bits |= cpuset.bits
    return CpuSet(bits)


def _unusable(domain: Domain, host_state: HostState) -> str | None:
    shape = topology(host_state)
    dead = _pinned_set(domain, host_state) - shape.online if shape.everything else None
    if not dead:
        return None
    word = "offline" if dead <= shape.everything else "offline or not of this host"
    effect = "" if domain.active else ": it will not start"
    return f"pinned to {pcpus_label(dead)}, {word}{effect}"


def _homeless(domain: Domain, host_state: HostState) -> str | None:
    missing = CpuSet() if domain.active else missing_cells(domain, host_state)
    if not missing:
        return None
    return f"its memory is to lie on {cells_label(missing)}, not of this host: it will not start"


def _overlap(domain: Domain, host_state: HostState) -> str | None:
    if not domain.active:
        return None
    occupancy = occupants(host_state)
    common = _pinned_set(domain, host_state, telling=True) & occupancy.held_by_others(domain.uuid)
    if not common:
        return None
    names = names_label(occupancy.holder_names(common, domain.uuid))
    return f"shares {pcpus_label(common)} with {names}, pinned there exclusively"


def _memory_away(domain: Domain, host_state: HostState) -> str | None:
    cells = cells_allowed(domain, host_state)
    away = away_percent(domain, host_state, cells) if cells is not None else None
    if cells is None or away is None or away <= 100.0 - LOCALITY_LIMIT:
        return None
    where = away_label(domain, host_state, cells)
    return f"{away:.0f} % of its memory on cells its vCPUs may not use: {where}"


def differing(domain: Domain) -> str | None:
    """That it runs otherwise than it is defined."""
    if domain.diverged:
        return f"runs otherwise than it is defined in {plural(domain.diverged, 'thing')}"
    return "live and config pins differ: they change at its next start" if differs(domain) else None

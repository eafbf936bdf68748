"""One pCPU for each vCPU of a set of pCPUs: siblings of the guest on siblings of the host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vconsole.features.pins.model.fit_pcpus import Unit, units_of
from vconsole.features.pins.model.plan import PinPlan
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.placement import claims, occupants
from vconsole.model.topology import one_per_core, topology


def one_to_one(plan: PinPlan, domain: Domain, host_state: HostState, pcpus: CpuSet) -> PinPlan:
    """Spread the vCPUs over `pcpus`, those first that no other domain holds or claims.

    vCPUs that the guest takes for threads of one core get threads of one core; others a core each
    while there are any. vCPUs that are not plugged in have a place where there is room for them.

    Raises:
        ValueError: There are fewer online pCPUs than vCPUs.
    """
    shape = topology(host_state)
    usable = pcpus & shape.online
    whole = (core for group in shape.groups for core in group.cores)
    held = occupants(host_state).held_by_others(domain.uuid)
    waiting = claims(host_state).held_by_others(domain.uuid)

    def taken(pcpu: int) -> tuple[bool, bool]:
        return pcpu in held, pcpu in waiting

    found = (sorted((p for p in core if p in usable), key=taken) for core in whole)
    cores = [tuple(threads) for threads in found if threads]
    rows = _rows(plan, len(usable))
    units = units_of(rows, domain.topology[2] if domain.topology else 1)
    if all(len(unit) == 1 for unit in units):
        near = shape.cores_of(held)
        order = sorted(one_per_core(cores), key=lambda pcpu: (*taken(pcpu), pcpu in near))
    else:
        order = _by_core(sorted(cores, key=lambda core: max(map(taken, core))), units)
    return plan.spread(rows, order)


def _rows(plan: PinPlan, room: int) -> list[PinKey]:
    rows = [key for key in plan.rows if key[0] == "vcpu"]
    return rows if len(rows) <= room else [key for key in rows if plan.rows[key].plugged]


def _by_core(cores: Sequence[tuple[int, ...]], units: Sequence[Unit]) -> list[int]:
    """The pCPUs in the order of the vCPUs: a core for each unit, parts of several at the end."""
    left = [list(core) for core in cores]
    order: list[int] = []
    for unit in units:
        core = next((core for core in left if len(core) >= len(unit)), None)
        order += _taken([core] if core else left, len(unit))
    return order


def _taken(cores: Iterable[list[int]], count: int) -> list[int]:
    """Take so many pCPUs out of the cores, or as many as there are."""
    taken: list[int] = []
    for core in cores:
        while core and len(taken) < count:
            taken.append(core.pop(0))
    return taken

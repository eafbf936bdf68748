"""Placement: one plan for fifty domains on a host of 256 pCPUs, two of them a core.

``python -m bench.placement`` measures it and writes one figure a line.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from bench.plan import Case
from vconsole.features.pins.model.fit_many import fit_many
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState, PCpu, Pin

FIT = "placement 50 domains"
_DOMAINS, _CELLS, _CORES, _L3 = 50, 8, 16, 8
_ROUNDS = 5


def placement_cases() -> list[Case]:
    """Return it as a command to measure."""
    return [Case(FIT, (sys.executable, "-m", "bench.placement"), group="vconsole", rounds=1)]


def host(sizes: Sequence[int]) -> HostState:
    """Two sockets of four cells, each of two L3 domains of eight cores; domains that float."""
    half = _CELLS * _CORES
    pcpus = tuple(
        PCpu(
            number,
            cell=number % half // _CORES,
            socket=number % half // (half // 2),
            die=0,
            core=number % half,
            siblings=CpuSet.of((number % half, number % half + half)),
            online=True,
            l3=number % half // _L3 * _L3,
        )
        for number in range(2 * half)
    )
    cells = tuple(
        Cell(
            number,
            256 << 30,
            128 << 30,
            tuple(p.id for p in pcpus if p.cell == number),
            {n: 10 if n == number else 12 if n // 4 == number // 4 else 32 for n in range(_CELLS)},
        )
        for number in range(_CELLS)
    )
    everything = CpuSet.of(p.id for p in pcpus)
    domains = tuple(
        _domain(number, sizes[number % len(sizes)], everything) for number in range(_DOMAINS)
    )
    return HostState(cells=cells, pcpus=pcpus, domains=domains)


def _domain(number: int, vcpus: int, everything: CpuSet) -> Domain:
    pins = [Pin("vcpu", n, everything, everything) for n in range(vcpus)]
    emulator = Pin("emulator", None, everything, everything)
    return Domain(
        f"00000000-0000-0000-0000-{number:012}",
        f"guest-{number:02}",
        "running",
        detailed=True,
        persistent=True,
        vcpus=vcpus,
        memory_bytes=4 << 30,
        max_memory_bytes=4 << 30,
        pins=(*pins, emulator),
    )


def fit_ms(host_state: HostState) -> float:
    """How long the plan takes; nobody may be left out."""
    # another value each time: nothing of the round before may help
    host_state = replace(host_state, domains=tuple(replace(d) for d in host_state.domains))
    began = time.perf_counter()
    many = fit_many([domain.uuid for domain in host_state.domains], host_state)
    took = time.perf_counter() - began
    assert len(many.changes) == _DOMAINS, "each has a place"
    return took * 1000


if __name__ == "__main__":
    made = host((2, 4, 8))
    print(f"fit_ms={statistics.median(fit_ms(made) for _ in range(_ROUNDS)):.0f}")

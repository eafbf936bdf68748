"""Hosts and domains of the placement cases in tests/data/placement, as the model has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from vconsole.features.pins.model.bestfit import Suggestion, suggest
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import PlanWarning, plan_warnings
from vconsole.host import domain_xml
from vconsole.host.domain_settings import merge_settings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Connection, Domain, HostState, Pages, PCpu
from vconsole.model.words import row_label

DATA = Path(__file__).parents[1] / "data/placement"
MIB = 1 << 20
LOCAL = Connection("qemu:///system", "h", "QEMU", local=True, capable=True)


def case(name: str) -> tuple[HostState, Domain]:
    """The host of a case, and the domain that looks for a place there."""
    (path,) = DATA.glob(f"{name}-*.json")
    found = json.loads(path.read_text())
    host_state = _case_host(found["host"])
    domains = tuple(domain(d["xml"], host_state, d.get("state")) for d in found["domains"])
    asked = next(d for d in domains if d.name == found["ask"])
    return replace(host_state, domains=domains), asked


def machine(name: str) -> HostState:
    """A real machine: cells, cores, L3 domains, kinds of cores, isolated and offline pCPUs."""
    found = json.loads((DATA / f"host-{name}.json").read_text())
    isolated = CpuSet.parse(found["isolated"]) if found.get("isolated") else CpuSet()
    online = [row for row in found["cpus"] if row[6]]
    first = {row[5]: row[0] for row in reversed(online)}
    strengths = sorted({row[8] for row in online}, reverse=True)
    pcpus = tuple(
        PCpu(
            number,
            cell,
            socket,
            die,
            core,
            CpuSet.of(r[0] for r in online if r[1:5] == [cell, socket, die, core]),
            bool(on),
            number in isolated,
            l3=first.get(l3) if on else None,
            kind=strengths.index(strong) if len(strengths) > 1 else None,
        )
        for number, cell, socket, die, core, l3, on, _, strong in found["cpus"]
    )
    ids = sorted(map(int, found["nodes"]))
    cells = tuple(_cell(n, found["nodes"][str(n)], ids, pcpus) for n in ids)
    return HostState(LOCAL, cells=cells, pcpus=pcpus)


def _cell(number: int, node: dict[str, Any], ids: list[int], pcpus: tuple[PCpu, ...]) -> Cell:
    return Cell(
        number,
        node["total"] * MIB,
        node["free"] * MIB,
        tuple(p.id for p in pcpus if p.cell == number),
        dict(zip(ids, node["dist"], strict=True)),
        tuple(Pages(int(kib), *counts) for kib, counts in node.get("huge", {}).items()),
    )


def _case_host(host: dict[str, Any]) -> HostState:
    isolated = CpuSet.parse(host["isolated"]) if host.get("isolated") else CpuSet()
    pcpus = tuple(
        PCpu(n, cell["id"], cell.get("socket", 0), 0, place, CpuSet.of(core), True, n in isolated)
        for cell in host["cells"]
        for place, core in enumerate(cell["cores"])
        for n in core
    )
    ids = [cell["id"] for cell in host["cells"]]
    nodes = ({**cell, "huge": cell.get("pages", {})} for cell in host["cells"])
    cells = tuple(_cell(node["id"], node, ids, pcpus) for node in nodes)
    return HostState(LOCAL, cells=cells, pcpus=tuple(sorted(pcpus, key=lambda p: p.id)))


def domain(xml: str, host_state: HostState, state: str | None = None) -> Domain:
    """A domain as its XML makes it; shut off where nothing else is said."""
    found = domain_xml.read_domain(xml)
    live = found if state == "running" else None
    name = xml.split("<name>")[1].split("<")[0]
    return Domain(
        name,
        name,
        state or "shut off",
        detailed=True,
        vcpus=found.vcpus,
        max_vcpus=found.max_vcpus,
        memory_bytes=found.memory_bytes,
        max_memory_bytes=found.max_memory_bytes,
        persistent=True,
        pins=domain_xml.merge(live, found, host_state.all_pcpus),
        settings=merge_settings(live.settings if live else None, found.settings),
        numatune=found.numatune,
        hugepages_kib=found.hugepages_kib,
        guest_cells=found.guest_cells,
        topology=found.topology,
    )


def guest(
    host_state: HostState, vcpus: int, gib: float = 2, threads: int = 1, more: str = ""
) -> Domain:
    """A plain domain for a machine."""
    cpu = f"<cpu><topology sockets='1' cores='{vcpus // threads}' threads='{threads}'/></cpu>"
    return domain(
        f"<domain><name>g</name><memory unit='MiB'>{int(gib * 1024)}</memory>"
        f"<vcpu>{vcpus}</vcpu>{cpu if threads > 1 else ''}{more}</domain>",
        host_state,
    )


def fit(host_state: HostState, asked: Domain) -> Suggestion:
    """The suggestion for a domain on a host that may not have it yet."""
    if host_state.domain(asked.uuid) is None:
        host_state = replace(host_state, domains=(*host_state.domains, asked))
    return suggest(asked, host_state)


def rows(found: Suggestion) -> dict[str, str]:
    """Its rows in words."""
    return {row_label(key): str(cpuset) for key, cpuset in found.rows.items()}


def vcpus(found: Suggestion) -> str:
    """The pCPUs of its vCPUs in their order: ``4,20,5,21``."""
    return ",".join(str(c) for (kind, _), c in found.rows.items() if kind == "vcpu")


def warned(host_state: HostState, asked: Domain, found: Suggestion) -> tuple[PlanWarning, ...]:
    """What a plan of the suggestion is warned of."""
    if host_state.domain(asked.uuid) is None:
        host_state = replace(host_state, domains=(*host_state.domains, asked))
    return plan_warnings(found.fill(PinPlan.of(asked, host_state)), host_state)

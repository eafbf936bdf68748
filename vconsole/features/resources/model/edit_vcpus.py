"""Edits of a definition's maximum of vCPUs and of the topology the guest sees, kept consistent.

What libvirt demands: the topology has exactly as many vCPUs as the maximum, the NUMA cells of the
guest have them all, and nothing names a vCPU that is not there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vconsole.features.resources.model.numbers import Topology, resources
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.words import numbers_label, plural
from vconsole.model.xml_edit import Document, element

MOST_VCPUS: Final = 4096
_EXAMPLES: Final = 4


def with_maximum(xml: str, maximum: int) -> tuple[str, tuple[str, ...]]:
    """The definition with another maximum, and what else changes with it.

    Raises:
        ValueError: It cannot have this maximum; the reason and the cure.
    """
    before = resources(xml)
    if before.cells:
        raise ValueError(
            f"its vCPUs are spread over {plural(before.cells, 'NUMA cell')} of the guest:"
            " change <cpu><numa> in its definition"
        )
    notes = []
    if before.topology:
        topology = fitted(before.topology, maximum)
        notes.append(f"the guest sees {topology.words}")
        xml = with_topology(xml, topology)
    if gone := range(maximum, before.maximum_vcpus):
        xml, pinned = _without(xml, CpuSet.of(gone))
        if pinned:
            notes.append(f"the pins of vCPU {numbers_label(pinned)} go with them")
    xml, current = _with_counts(xml, min(before.vcpus, maximum), maximum)
    if current < min(before.vcpus, maximum):
        notes.append(f"of those that stay {current} are enabled")
    return xml, tuple(notes)


def fitted(topology: Topology, maximum: int) -> Topology:
    """The topology with other sockets, or cores where there is one socket, for so many vCPUs.

    Raises:
        ValueError: Neither makes as many; says which counts nearby are possible.
    """
    order = ("cores", "sockets") if topology.sockets == 1 else ("sockets", "cores")
    units = {level: replace(topology, **{level: 1}).count for level in order}
    for level, unit in units.items():
        if maximum % unit == 0:
            return replace(topology, **{level: maximum // unit})
    span = range(1, maximum + _EXAMPLES * min(units.values()) + 1)
    able = [n for n in span if any(n % unit == 0 for unit in units.values())]
    near = sorted(sorted(able, key=lambda n: abs(n - maximum))[:_EXAMPLES])
    counts = ", ".join(map(str, near))
    raise ValueError(f"the guest sees {topology.words}: possible are {counts} and the like")


def with_topology(xml: str, topology: Topology) -> str:
    """The definition with this topology; only what differs is written."""
    document = Document(xml)
    node = document.find("cpu/topology")
    if node is None:
        names = ("sockets", "cores", "threads")
        wanted = element("topology", {name: str(getattr(topology, name)) for name in names})
        model = document.find("cpu/model")
        if model is not None:  # libvirt writes it right behind
            parent = document.find("cpu")
            assert parent is not None
            return document.insert(parent, wanted, after=model)
        return document.insert("cpu", wanted, create=True)
    now = resources(xml).topology
    for name in ("sockets", "cores", "threads"):
        if node is not None and getattr(now, name) != getattr(topology, name):
            document = Document(document.set_attribute(node, name, str(getattr(topology, name))))
            node = document.find("cpu/topology")
    return document.text


def _without(xml: str, gone: CpuSet) -> tuple[str, CpuSet]:
    """The definition without what it says of these vCPUs, and which of them had pins."""
    pinned: list[int] = []
    while True:
        document = Document(xml)
        entries = (*document.findall("cputune/vcpupin"), *document.findall("vcpus/vcpu"))
        of = {e: int(e.get("vcpu") or e.get("id") or 0) for e in entries}
        entry = next((e for e in entries if of[e] in gone), None)
        if entry is None:
            return _reduced(xml, gone), CpuSet.of(pinned)
        pinned += [of[entry]] if entry.tag == "vcpupin" else []
        xml = document.remove(entry)


def _reduced(xml: str, gone: CpuSet) -> str:
    """Schedulers without these vCPUs; one without any is removed."""
    while True:
        document = Document(xml)
        for node in document.findall("cputune/vcpusched"):
            try:
                named = CpuSet.parse(node.get("vcpus") or "")
            except CpuSetError as error:
                raise ValueError(f"<vcpusched>: {error}") from error
            if named & gone:
                left = named - gone
                xml = (
                    document.set_attribute(node, "vcpus", str(left))
                    if left
                    else document.remove(node)
                )
                break
        else:
            return xml


def _with_counts(xml: str, current: int, maximum: int) -> tuple[str, int]:
    """The definition with both counts; single states of vCPUs say how many are enabled."""
    document = Document(xml)
    states = document.findall("vcpus/vcpu")
    if states:
        current = sum(state.get("enabled") == "yes" for state in states)
    node = document.find("vcpu")
    if node is None:
        wanted = {"current": str(current)} if current < maximum else {}
        return document.insert(document.root, element("vcpu", wanted, str(maximum))), current
    xml = document.set_text(node, str(maximum))
    document = Document(xml)
    node = document.find("vcpu")
    assert node is not None
    if current == maximum:
        return document.remove_attribute(node, "current"), current
    return document.set_attribute(node, "current", str(current)), current

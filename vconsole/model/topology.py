"""The host's pCPUs as cells and cores, for any shape of host.

Trusts nothing to be complete: pCPUs without a cell or core, cells without pCPUs, gaps in every
numbering and siblings that are not known (an offline pCPU) all have their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, HostState, PCpu
from vconsole.model.value import dataclass

_LAST = 1 << 30
"""Sorts a number that is not known behind all others."""


@dataclass(frozen=True, slots=True)
class CellGroup:
    """A cell in display order. `cell` is None for the pCPUs that belong to none."""

    cell: int | None
    cores: tuple[tuple[int, ...], ...] = ()
    """Its cores by socket, die, L3 domain and core number; SMT siblings stand together."""
    sockets: tuple[int | None, ...] = ()
    """The socket of each core."""

    @property
    def pcpus(self) -> tuple[int, ...]:
        """Its pCPUs as displayed, siblings adjacent."""
        return tuple(pcpu for core in self.cores for pcpu in core)


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """The host's shape, made once for a set of pCPUs."""

    groups: tuple[CellGroup, ...]
    """Cells by id, then the pCPUs without a cell."""
    pcpu: Mapping[int, PCpu]
    cell_of: Mapping[int, int | None]
    """pCPU id -> cell id."""
    core_of: Mapping[int, CpuSet]
    """pCPU id -> all pCPUs of its core, itself included."""
    cell_pcpus: Mapping[int, CpuSet]
    """Cell id -> its pCPUs; empty for a CPU-less cell."""
    everything: CpuSet
    online: CpuSet
    """Not known to be offline."""
    isolated: CpuSet
    l3_of: Mapping[int, CpuSet] = field(default_factory=dict)
    """pCPU id -> the pCPUs that share its level 3 cache, where that is known."""
    several_l3: bool = False
    """There are several L3 domains, and not one for each core: they are shown apart."""
    kinds: tuple[CpuSet, ...] = ()
    """The pCPUs of each kind of cores, the strongest first; empty where all are alike."""

    def cells_of(self, cpuset: CpuSet) -> CpuSet:
        """The ids of the cells that `cpuset` touches."""
        return CpuSet.of(cell for cell, pcpus in self.cell_pcpus.items() if pcpus & cpuset)

    def cores_of(self, cpuset: CpuSet) -> CpuSet:
        """`cpuset` with the SMT siblings of all its pCPUs."""
        bits = cpuset.bits
        for pcpu in cpuset & self.everything:
            bits |= self.core_of[pcpu].bits
        return CpuSet(bits)

    def l3_domains(self, cpuset: CpuSet) -> tuple[CpuSet, ...]:
        """The L3 domains, each whole, that `cpuset` touches; in the order of their pCPUs."""
        whole = (self.l3_of[p] for p in cpuset if p in self.l3_of)
        return tuple(dict.fromkeys(whole))

    @property
    def several_dies(self) -> bool:
        """Some socket has more than one die."""
        dies = {(pcpu.socket, pcpu.die) for pcpu in self.pcpu.values()}
        return len(dies) > len({socket for socket, _ in dies})

    def kinds_of(self, cpuset: CpuSet) -> tuple[int, ...]:
        """Which kinds of cores `cpuset` touches, as places in `kinds`."""
        return tuple(n for n, members in enumerate(self.kinds) if members & cpuset)

    def kind_word(self, kind: int) -> str:
        """What a kind of cores is called beside the others of this host."""
        if kind == 0:
            return "performance"
        return "efficiency" if kind == len(self.kinds) - 1 else f"middle {kind}"

    def kind_letter(self, kind: int) -> str:
        """A letter for a kind of cores: P the strongest, E the weakest, M what lies between."""
        return self.kind_word(kind)[0].upper()

    def within_core(self, cpuset: CpuSet) -> bool:
        """One pCPU, or several threads of one core."""
        first = cpuset.first
        return first is not None and cpuset <= self.core_of.get(first, CpuSet.of((first,)))

    def floats(self, cpuset: CpuSet) -> bool:
        """May run on every online pCPU: not pinned."""
        return bool(self.online) and self.online <= cpuset


def places(shape: Topology, pcpus: CpuSet, threads: int) -> int:
    """How many vCPUs have a place there: a core each, or the threads of a core for siblings."""
    awake = pcpus & shape.online
    return len(awake) if threads > 1 else len({shape.core_of[p] for p in awake})


_latest: tuple[tuple[PCpu, ...], tuple[Cell, ...], Topology] | None = None
"""The shape made last, with what it was made from; replaced as a whole."""


def topology(host_state: HostState) -> Topology:
    """The shape of the host; the same object while it keeps that shape."""
    global _latest
    known, pcpus, cells = _latest, host_state.pcpus, host_state.cells
    if known and known[0] is pcpus and known[1] is cells:
        return known[2]
    same = known and known[0] == pcpus and _membership(known[1]) == _membership(cells)
    made = known[2] if known and same else _build(pcpus, cells)
    _latest = (pcpus, cells, made)
    return made


def _membership(cells: tuple[Cell, ...]) -> list[tuple[int, tuple[int, ...]]]:
    return [(cell.id, cell.pcpus) for cell in cells]


def layout(host_state: HostState) -> tuple[CellGroup, ...]:
    """The pCPUs grouped cell > socket > core with SMT siblings adjacent, in display order."""
    return topology(host_state).groups


def core_of(pcpu: int, host_state: HostState) -> CpuSet:
    """The pCPUs of the core that `pcpu` belongs to; itself alone where that is not known."""
    return topology(host_state).core_of.get(pcpu, CpuSet.of((pcpu,)))


def one_per_core(cores: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The first thread of each core, then the second of each, and so on."""
    ranked = ((rank, pcpu) for core in cores for rank, pcpu in enumerate(core))
    return tuple(pcpu for _, pcpu in sorted(ranked, key=lambda item: item[0]))


def _build(pcpus: tuple[PCpu, ...], cells: tuple[Cell, ...]) -> Topology:
    by_id = {p.id: p for p in sorted(pcpus, key=lambda p: p.id)}
    listed = {number: cell.id for cell in cells for number in cell.pcpus}
    cell_of = {p.id: p.cell if p.cell is not None else listed.get(p.id) for p in by_id.values()}
    members: dict[int | None, list[PCpu]] = {cell.id: [] for cell in cells}
    for pcpu in by_id.values():
        members.setdefault(cell_of[pcpu.id], []).append(pcpu)
    groups = tuple(_group(cell, members[cell]) for cell in sorted(members, key=_none_last))
    core_of = {n: CpuSet.of(core) for g in groups for core in g.cores for n in core}
    l3_of, online = (
        _l3_of(by_id.values()),
        CpuSet.of(p for p in by_id if by_id[p].online is not False),
    )
    return Topology(
        groups=groups,
        pcpu=by_id,
        cell_of=cell_of,
        core_of=core_of,
        cell_pcpus={g.cell: CpuSet.of(g.pcpus) for g in groups if g.cell is not None},
        everything=CpuSet.of(by_id),
        online=online,
        isolated=CpuSet.of(p.id for p in by_id.values() if p.isolated),
        l3_of=l3_of,
        several_l3=len(set(l3_of.values())) > 1
        and any(not l3_of[p] & online <= core_of[p] for p in online if p in l3_of),
        kinds=_kinds(by_id.values()),
    )


def _l3_of(pcpus: Iterable[PCpu]) -> dict[int, CpuSet]:
    bits: dict[int, int] = {}
    known = [(p.id, p.l3) for p in pcpus if p.l3 is not None]
    for pcpu, name in known:
        bits[name] = bits.get(name, 0) | 1 << pcpu
    whole = {name: CpuSet(found) for name, found in bits.items()}
    return {pcpu: whole[name] for pcpu, name in known}


def _kinds(pcpus: Iterable[PCpu]) -> tuple[CpuSet, ...]:
    members: dict[int, list[int]] = {}
    for pcpu in pcpus:
        if pcpu.kind is not None:
            members.setdefault(pcpu.kind, []).append(pcpu.id)
    return tuple(CpuSet.of(members[kind]) for kind in sorted(members)) if len(members) > 1 else ()


def _group(cell: int | None, pcpus: list[PCpu]) -> CellGroup:
    """The cores of one cell, in order."""
    by_core: dict[tuple[int | None, ...], list[int]] = {}
    for pcpu in pcpus:
        by_core.setdefault((pcpu.socket, pcpu.die, pcpu.core), []).append(pcpu.id)
    cores: list[tuple[PCpu, ...]] = []
    left = {p.id: p for p in pcpus}
    for pcpu in pcpus:
        if left.pop(pcpu.id, None):
            alike = by_core[pcpu.socket, pcpu.die, pcpu.core] if pcpu.core is not None else ()
            others = [n for n in pcpu.siblings or alike if n in left and _agrees(left[n], pcpu)]
            cores.append((pcpu, *(left.pop(n) for n in others)))
    cores.sort(key=lambda core: _core_order(core[0]))
    return CellGroup(
        cell, tuple(tuple(p.id for p in core) for core in cores), tuple(c[0].socket for c in cores)
    )


def _agrees(other: PCpu, pcpu: PCpu) -> bool:
    """`other` names `pcpu` its sibling, or names none."""
    return not other.siblings or pcpu.id in other.siblings


def _core_order(pcpu: PCpu) -> tuple[int, ...]:
    named = (pcpu.socket, pcpu.die, pcpu.l3, pcpu.core)
    return (*map(_none_last, named), pcpu.id)


def _none_last(number: int | None) -> int:
    return _LAST if number is None else number

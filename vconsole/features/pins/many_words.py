"""What is said of a plan for several domains: a line for each, and the host before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_letters
from typing import Final

from vconsole.features.pins.model.many import ManyPlan, Placed
from vconsole.model.column import Column
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState
from vconsole.model.placement import pinned_set, vcpu_set
from vconsole.model.topology import Topology, topology
from vconsole.text import safe

FREE, OTHERS, SEVERAL, OFFLINE = ".", "#", "+", "-"
LEGEND: Final = f"{FREE} nobody pinned  {OTHERS} others  {SEVERAL} several  {OFFLINE} offline"


def letters(many: ManyPlan) -> Mapping[str, str]:
    """UUID -> what stands for the domain in the picture; of very many the same again."""
    order = [placed.domain.uuid for placed in many.placed]
    return {uuid: ascii_letters[n % len(ascii_letters)] for n, uuid in enumerate(order)}


@dataclass(frozen=True, slots=True)
class Row:
    """A domain of the plan."""

    placed: Placed
    letter: str
    after: Domain
    host_state: HostState

    @property
    def trouble(self) -> str:
        """The gravest of what is said against it."""
        warnings = [w.text for w in self.placed.warnings if w.severity != "info"]
        return warnings[0] if warnings else ""

    @property
    def memory(self) -> str:
        """What becomes of its memory's policy; empty where that stays as it is."""
        plan = self.placed.plan
        rows = (row for row in plan.setting_table() if row.changed)
        return "; ".join(f"{row.label} -> {plan.wanted.get(row.key)}" for row in rows)

    @property
    def moves(self) -> int:
        """How many of its rows get another set."""
        return len(self.placed.plan.changes())


def rows(many: ManyPlan) -> list[Row]:
    """The domains in their order."""
    names, after = letters(many), {domain.uuid: domain for domain in many.after.domains}
    return [
        Row(placed, names[placed.domain.uuid], after[placed.domain.uuid], many.before)
        for placed in many.placed
    ]


def place(domain: Domain, host_state: HostState) -> str:
    """Where its vCPUs may run: ``cell 0: 4-7``, or that they may run anywhere."""
    shape, pcpus = topology(host_state), vcpu_set(domain)
    if pcpus is None:
        return "-"
    if shape.floats(pcpus) and pinned_set(domain, shape) != pcpus:
        return "anywhere"
    cells = shape.cells_of(pcpus)
    return f"{cells}: {pcpus}" if cells else str(pcpus)


def stay_words(many: ManyPlan) -> Iterator[str]:
    """Who stays and why, a line for each reason: on a full host it is one for many."""
    names: dict[str, list[str]] = {}
    for name, reason in many.left_out:
        names.setdefault(reason, []).append(name)
    for reason, who in names.items():
        stay = "stays as it is" if len(who) == 1 else "stay as they are"
        yield f"{', '.join(who)} {stay}: {reason}"


def _remark(row: Row) -> tuple[str, str]:
    if row.trouble:
        return safe("; ".join(filter(None, (f"! {row.trouble}", row.memory)))), "warn"
    return safe("; ".join(filter(None, (row.memory, *row.placed.reasons[:1])))), "dim"


COLUMNS: Final[tuple[Column[Row], ...]] = (
    Column("letter", "", 1, cell=lambda row: (row.letter, "accent"), printed="as"),
    Column(
        *("name", "Domain", 14),
        cut="middle",
        cell=lambda row: (safe(row.placed.domain.name), ""),
        printed="domain",
    ),
    Column(
        *("rows", "Rows", 4, "right"),
        cell=lambda row: (str(row.moves) if row.moves else "-", ""),
        printed="rows",
    ),
    Column(
        *("before", "Cell: pCPUs now", 18),
        cell=lambda row: (place(row.placed.domain, row.host_state), "dim"),
        printed="cell: pCPUs now",
    ),
    Column(
        *("after", "Cell: pCPUs then", 18),
        cell=lambda row: (place(row.after, row.host_state), "accent"),
        printed="cell: pCPUs then",
    ),
    Column("remark", "", 16, flex=True, cell=_remark, printed="remark"),
)


# ---- the picture


@dataclass(frozen=True, slots=True)
class PictureLine:
    """Some pCPUs of one cell, a character each, L3 domains set apart."""

    label: str
    before: str
    after: str


def picture(many: ManyPlan, width: int) -> list[PictureLine]:
    """The host before and after, each in `width` columns; siblings stand beside each other."""
    names = letters(many)
    before, after = (_Marks(state, names) for state in (many.before, many.after))
    return [
        PictureLine(label, before.of(part), after.of(part))
        for label, part in packed(topology(many.before), width)
    ]


Areas = list[Sequence[int]]
"""The pCPUs of L3 domains of one cell, or parts of them."""


def packed(shape: Topology, width: int) -> Iterator[tuple[str, Areas]]:
    """The pCPUs in lines of `width`: (cell, its L3 domains), the cell named once."""
    for group in shape.groups:
        label = "no cell" if group.cell is None else f"cell {group.cell}"
        line: Areas = []
        for part in _areas(shape, group.pcpus, max(1, width)):
            if line and sum(map(len, line)) + len(line) + len(part) > width:
                yield label, line
                label, line = "", []
            line.append(part)
        if line:
            yield label, line


def _areas(shape: Topology, pcpus: Iterable[int], width: int) -> Iterator[Sequence[int]]:
    """One L3 domain after another, one that is too long in parts; all where none is known."""
    by_l3: dict[CpuSet | None, list[int]] = {}
    for pcpu in pcpus:
        by_l3.setdefault(shape.l3_of.get(pcpu), []).append(pcpu)
    for members in by_l3.values():
        for start in range(0, len(members), width):
            yield members[start : start + width]


class _Marks:
    """Who is pinned where, as characters."""

    def __init__(self, host_state: HostState, names: Mapping[str, str]) -> None:
        shape = topology(host_state)
        self._offline = shape.everything - shape.online
        self._marks: dict[int, set[str]] = {}
        for domain in host_state.domains:
            if not (domain.active or domain.uuid in names):
                continue
            for pcpu in pinned_set(domain, shape):
                self._marks.setdefault(pcpu, set()).add(names.get(domain.uuid, OTHERS))

    def of(self, areas: Iterable[Iterable[int]]) -> str:
        """A character for each pCPU."""
        return " ".join("".join(map(self._mark, pcpus)) for pcpus in areas)

    def _mark(self, pcpu: int) -> str:
        if pcpu in self._offline:
            return OFFLINE
        found = self._marks.get(pcpu, {FREE})
        return next(iter(found)) if len(found) == 1 else SEVERAL

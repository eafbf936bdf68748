"""A plan with what it is judged by, and how its warnings are worded and gathered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_warnings import memory_as_planned
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey, RowKey
from vconsole.model.placement import Occupancy, occupants
from vconsole.model.topology import Topology, topology
from vconsole.model.words import rows_label

Severity = Literal["refuse", "warn", "info"]


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """One line about a plan; `rows` is empty when it is about the domain as a whole.

    `text` may hold foreign names and has no markup.
    """

    severity: Severity
    rows: tuple[RowKey, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row with the set it would have."""

    key: PinKey
    cpuset: CpuSet
    staged: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A plan and what it is judged by."""

    plan: PinPlan
    host_state: HostState
    shape: Topology
    occupancy: Occupancy
    rows: tuple[Row, ...]
    domain: Domain | None

    @property
    def narrow(self) -> dict[int, Row]:
        """The vCPUs that are held to one core, by number."""
        within = self.shape.within_core
        return {row.key[1] or 0: row for row in self.vcpus if row.pinned and within(row.cpuset)}

    @property
    def threads(self) -> int:
        """Threads of a core as the guest sees them."""
        return self.domain.topology[2] if self.domain and self.domain.topology else 1

    @property
    def pinned(self) -> tuple[Row, ...]:
        """The rows that are held to less than the host."""
        return tuple(row for row in self.rows if row.pinned)

    @property
    def vcpus(self) -> tuple[Row, ...]:
        """The rows of vCPUs."""
        return tuple(row for row in self.rows if row.key[0] == "vcpu")


def case_of(plan: PinPlan, host_state: HostState) -> Case:
    """Work out what the warnings have in common."""
    shape = topology(host_state)
    rows = tuple(
        Row(key, cpuset, key in plan.staged, not shape.floats(cpuset))
        for key in plan.rows
        if (cpuset := plan.effective(key)) is not None
    )
    domain = host_state.domain(plan.uuid)
    planned = memory_as_planned(domain, plan) if domain else None
    return Case(plan, host_state, shape, occupants(host_state), rows, planned)


def gather(
    found: Iterable[tuple[Row, str, str]], severity: Severity = "warn"
) -> Iterator[PlanWarning]:
    """One line for each trouble, given as (row, verb of one row, the rest of the line).

    Rows that the plan leaves alone get a line of their own, as information.
    """
    lines: dict[tuple[str, str, bool], list[PinKey]] = {}
    for row, verb, rest in found:
        lines.setdefault((verb, rest, row.staged), []).append(row.key)
    for (verb, rest, staged), keys in lines.items():
        shown = verb if len(keys) == 1 else _PLURAL[verb]
        still = "" if staged else "still "
        text = f"{rows_label(keys)} {still}{shown} {rest}"
        yield PlanWarning(severity if staged else "info", tuple(keys), text)


_PLURAL: Final = {"names": "name", "shares": "share", "crosses": "cross"}

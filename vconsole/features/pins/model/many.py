"""Plans for several domains as one: the host as it is and as it would be, and what a failure means.

Who would be placed where a domain still is that failed is not tried: two would hold one pCPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_warnings import memory_as_planned
from vconsole.features.pins.model.warnings import PlanWarning, plan_warnings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Cell, Domain, HostState
from vconsole.model.outcome import Outcome, PinChange, Target
from vconsole.model.placement import occupants
from vconsole.model.request import Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.words import pcpus_label


@dataclass(frozen=True, slots=True)
class Placed:
    """A domain that has a place in the plan."""

    domain: Domain
    """As it is."""
    plan: PinPlan
    reasons: tuple[str, ...] = ()
    """What there is to say of its place, beside the warnings."""
    warnings: tuple[PlanWarning, ...] = ()
    """What the plan is warned of, where all others are as planned too."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A plan with what it is judged by."""

    plan: PinPlan
    reasons: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()
    """With the memory that those before it leave; empty for that which is free now."""


@dataclass(frozen=True, slots=True)
class ManyPlan:
    """The plan for all of them, and the host as it is and as it would be."""

    before: HostState
    after: HostState
    placed: tuple[Placed, ...] = ()
    """In the order in which they are applied."""
    left_out: tuple[tuple[str, str], ...] = ()
    """The names of those that stay as they are, with the reason."""

    @property
    def changes(self) -> tuple[PinChange, ...]:
        """One change a domain; those that are where they should be have none."""
        made = (placed.plan.to_change() for placed in self.placed)
        return tuple(change for change in made if change.steps)

    @property
    def refused(self) -> tuple[Placed, ...]:
        """Those whose plan may not be applied."""
        return tuple(p for p in self.placed if any(w.severity == "refuse" for w in p.warnings))

    def in_the_way(self, failed: str) -> Mapping[str, str]:
        """Who is not to be tried after one domain failed, by UUID, with the reason."""
        order = [placed.domain.uuid for placed in self.placed]
        names = {p.domain.uuid: p.domain.name for p in self.placed}
        here, wants = occupants(self.before).exclusive, occupants(self.after).exclusive
        blocked: dict[str, str] = {}
        stay = [failed]
        for uuid in stay:
            for other in order[order.index(failed) + 1 :]:
                met = wants.get(other, _NONE) & here.get(uuid, _NONE)
                if met and other not in blocked:
                    blocked[other] = f"{names[uuid]} is still on {pcpus_label(met)}"
                    stay.append(other)
        return blocked


_NONE: Final = CpuSet()


def missing_half(
    domains: Iterable[Domain], host_state: HostState, target: Target
) -> dict[str, str]:
    """Whose live or config alone is asked for and not there, by UUID, with the reason."""
    wanted = ((d.uuid, PinPlan.of(d, host_state)) for d in domains if target != "both")
    return {uuid: reason for uuid, plan in wanted if (reason := plan.lacks(target))}


def many_plan(
    plans: Iterable[Judged], host_state: HostState, left_out: Iterable[tuple[str, str]] = ()
) -> ManyPlan:
    """Put plans together; each is judged beside all others as planned."""
    made = {judged.plan.uuid: judged for judged in plans}
    after = with_plans(host_state, {uuid: judged.plan for uuid, judged in made.items()})
    known = {domain.uuid: domain for domain in host_state.domains}
    placed = tuple(_placed(known[uuid], judged, after) for uuid, judged in made.items())
    return ManyPlan(host_state, after, _in_order(placed, host_state, after), tuple(left_out))


def _placed(domain: Domain, judged: Judged, after: HostState) -> Placed:
    """Judge it with all others as planned, and itself as it is: its memory lies where it ran."""
    domains = (domain if other.uuid == domain.uuid else other for other in after.domains)
    beside = replace(after, domains=tuple(domains), cells=judged.cells or after.cells)
    warnings = plan_warnings(judged.plan, beside)
    return Placed(domain, judged.plan, judged.reasons, warnings)


def _in_order(placed: Iterable[Placed], before: HostState, after: HostState) -> tuple[Placed, ...]:
    """Those first whose place is free by then, so that a failure leaves nobody on another's pCPUs.

    Where all wait for each other, the first of them.
    """
    here, wants = occupants(before).exclusive, occupants(after).exclusive
    left = {placed.domain.uuid: placed for placed in placed}
    ordered: list[Placed] = []
    while left:
        free = (
            uuid
            for uuid in left
            if not any(wants.get(uuid, _NONE) & here.get(o, _NONE) for o in left if o != uuid)
        )
        ordered.append(left.pop(next(free, next(iter(left)))))
    return tuple(ordered)


def with_plans(host_state: HostState, plans: Mapping[str, PinPlan]) -> HostState:
    """The host as it would be with the plans of these UUIDs applied."""
    domains = (
        _as_planned(domain, plans[domain.uuid]) if domain.uuid in plans else domain
        for domain in host_state.domains
    )
    return replace(host_state, domains=tuple(domains))


def _as_planned(domain: Domain, plan: PinPlan) -> Domain:
    rows = {row.key: row for row in plan.table()}
    pins = (
        replace(pin, live=rows[pin.key].live_after, config=rows[pin.key].config_after)
        for pin in domain.pins
    )
    return memory_as_planned(replace(domain, pins=tuple(pins)), plan)


# ---- carrying it out


def requests(many: ManyPlan) -> tuple[SetPins, ...]:
    """The changes in their order, each of one domain."""
    split = many.before.connection.split_pins
    return tuple(SetPins.of(change, split) for change in many.changes)


def put_back(many: ManyPlan, change: SetPins, reply: Reply) -> tuple[list[SetPins], dict[str, str]]:
    """After a failure: the rows of that domain go back; answers who is not to be tried, too."""
    blocked = dict(many.in_the_way(change.uuid))
    return rolled_back(change, reply), blocked


def rolled_back(change: SetPins, reply: Reply) -> list[SetPins]:
    """The change that puts back the rows that were changed; none where none was."""
    outcome = reply.value
    if change.change.origin == "roll-back" or not isinstance(outcome, Outcome):
        return []
    if not outcome.applied or reply.status == "unknown":
        return []
    done = PinChange(change.uuid, change.name, outcome.applied)
    return [SetPins.of(done.reversed("roll-back"), change.split_pins)]


def undone(replies: Mapping[SetPins, Reply]) -> tuple[SetPins, ...]:
    """The changes that put back all that was applied and is not put back yet, the last first."""
    back = {c.uuid for c, r in replies.items() if c.change.origin != "plan"}
    done = [c for c, r in replies.items() if r.status == "applied" and c.uuid not in back]
    return tuple(SetPins.of(c.change.reversed(), c.split_pins) for c in reversed(done))

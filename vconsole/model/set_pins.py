"""A change of pins as a change like all others: of a plan, undone, persisted, reverted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar

from vconsole.model.outcome import Outcome, PinChange, Status, StepOutcome
from vconsole.model.pin_json import step_to_json
from vconsole.model.proposal import AT_NEXT_START, Grade
from vconsole.model.request import Reply
from vconsole.model.virsh import change_commands
from vconsole.model.words import row_label


@dataclass(frozen=True, slots=True)
class SetPins:
    """Set rows of pins; answers the outcome of the change."""

    change: PinChange
    what: str
    """What it does, in a few words."""
    split_pins: bool = True
    """Whether the driver keeps live and config pins apart."""
    grade: ClassVar[Grade] = "harmless"

    @classmethod
    def of(cls, change: PinChange, split_pins: bool) -> SetPins:
        """The request that makes a change of the plan page or of ``vconsole pin``."""
        return cls(change, f"pin ({change.origin})", split_pins)

    @property
    def trace(self) -> str:
        """The rows with what was seen and what is wanted."""
        return json.dumps([step_to_json(step) for step in self.change.steps])

    @property
    def deadline_s(self) -> float:
        """A big change may take longer; opening the connection counts as well."""
        return 20.0 + 0.05 * len(self.change.steps)

    @property
    def uuid(self) -> str:
        """Of the domain."""
        return self.change.uuid

    @property
    def name(self) -> str:
        """Of the domain."""
        return self.change.name

    @property
    def when(self) -> str:
        """When it takes effect."""
        live = any(step.live_after is not None for step in self.change.steps)
        return "now" if live else AT_NEXT_START

    def lines(self) -> tuple[str, ...]:
        """Each row before and after."""
        rows = [
            (row_label(step.key), half, before, after)
            for step in self.change.steps
            for half, before, after in (
                ("live", step.live_before, step.live_after),
                ("config", step.config_before, step.config_after),
            )
            if after is not None
        ]
        return tuple(
            line
            for label, half, before, after in rows
            for line in (f"- {label} {half} {before}", f"+ {label} {half} {after}")
        )

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One line a row."""
        return change_commands(self.change, uri or None, split_pins=self.split_pins)


def outcome_of(request: SetPins, reply: Reply) -> Outcome:
    """Row by row where the host answered so; else what is said of the whole stands for each."""
    if isinstance(reply.value, Outcome):
        took = reply.value.took_ms if reply.took_s is None else 1000 * reply.took_s
        return replace(reply.value, took_ms=took)
    status: Status = "unknown" if reply.status == "unknown" else "not tried"
    steps = tuple(StepOutcome(step, status) for step in request.change.steps)
    return Outcome(request.change, reply.status, steps, reply.message)

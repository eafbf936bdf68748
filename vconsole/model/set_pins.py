"""A change of pins as one of several changes of a domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vconsole.model.outcome import PinChange
from vconsole.model.proposal import AT_NEXT_START, Grade
from vconsole.model.virsh import change_commands
from vconsole.model.words import row_label


@dataclass(frozen=True, slots=True)
class SetPins:
    """Set rows of pins; answers the outcome of the change."""

    change: PinChange
    what: str
    """What it does, in a few words."""
    deadline_s: ClassVar[float] = 30.0
    grade: ClassVar[Grade] = "harmless"

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
        return change_commands(self.change, uri or None)

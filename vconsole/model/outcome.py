"""What a person asks to be changed, and what became of it.

A change carries what its author saw, so that an edit made by somebody else in between is a conflict
and never a lost update.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import RowKey, RowKind, Value
from vconsole.model.value import dataclass

Target = Literal["both", "live", "config"]
Status = Literal["applied", "refused", "conflict", "failed", "unknown", "not tried", "rolled back"]


@dataclass(frozen=True, slots=True)
class PinStep:
    """One row of a change: what was seen and what is wanted; None where it is not touched."""

    kind: RowKind
    id: int | None
    live_before: Value | None = None
    live_after: Value | None = None
    config_before: Value | None = None
    config_after: Value | None = None
    bare_before: bool = False
    """The definition has no element for the row: `config_before` is what that means."""
    bare_after: bool = False
    """It is to have none."""
    unlisted_before: bool = False
    """The definition has no ``<iothreadids>``; libvirt writes one when it pins an iothread."""
    unlisted_after: bool = False
    """It is to have none."""

    @property
    def key(self) -> RowKey:
        """What identifies the row: kind and id."""
        return self.kind, self.id

    def reversed(self) -> PinStep:
        """The step that undoes this one."""
        return PinStep(
            self.kind,
            self.id,
            live_before=self.live_after,
            live_after=self.live_before if self.live_after is not None else None,
            config_before=self.config_after,
            config_after=self.config_before if self.config_after is not None else None,
            bare_before=self.bare_after,
            bare_after=self.bare_before,
            unlisted_before=self.unlisted_after,
            unlisted_after=self.unlisted_before,
        )


def halves(step: PinStep) -> tuple[PinStep, PinStep]:
    """What a step does live, and what it does to the definition."""
    live = PinStep(step.kind, step.id, step.live_before, step.live_after)
    return live, replace(step, live_before=None, live_after=None)


@dataclass(frozen=True, slots=True)
class PinChange:
    """Set pins and settings of one domain, row by row."""

    uuid: str
    name: str
    steps: tuple[PinStep, ...]
    origin: Literal["plan", "undo", "redo", "roll-back"] = "plan"

    def reversed(self, origin: Literal["undo", "roll-back"] = "undo") -> PinChange:
        """The change that puts back what was before, last row first."""
        return PinChange(
            self.uuid, self.name, tuple(s.reversed() for s in reversed(self.steps)), origin
        )


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one row; `live` and `config` are what libvirt answered when read back."""

    step: PinStep
    status: Status
    message: str = ""
    live: Value | None = None
    config: Value | None = None
    kernel: CpuSet | None = None
    """``Cpus_allowed_list`` of the thread, where the host is local."""

    @property
    def drift(self) -> bool:
        """The kernel holds the thread to another set than libvirt says."""
        return self.kernel is not None and self.live is not None and self.kernel != self.live


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report on a whole change."""

    change: PinChange
    status: Status
    steps: tuple[StepOutcome, ...] = ()
    message: str = ""
    took_ms: float | None = None
    """From the key, or the command, to what was read back."""

    @property
    def applied(self) -> tuple[PinStep, ...]:
        """The steps that took effect, in order."""
        return tuple(s.step for s in self.steps if s.status == "applied")

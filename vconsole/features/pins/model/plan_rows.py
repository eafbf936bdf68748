"""The rows of a plan: old beside new, and what happened below them meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Pin, PinKind, RowKey, RowKind, Value
from vconsole.model.outcome import PinStep
from vconsole.model.setting import SettingRow
from vconsole.model.words import row_label

K = TypeVar("K", bound=RowKind)
V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class RowChange(Generic[K, V]):
    """One row of the table old -> new. A half that stays as it is has `after` equal to `before`.

    None is a half that does not exist: nothing live while shut off, no config when transient.
    """

    kind: K
    id: int | None
    live_before: V | None = None
    live_after: V | None = None
    config_before: V | None = None
    config_after: V | None = None
    repair: bool = False
    """The live set stays, and the kernel is told it once more: it holds the thread elsewhere."""
    not_live: str = ""
    """Why the running domain keeps what it has, though the plan is about it too."""

    @property
    def key(self) -> tuple[K, int | None]:
        """What identifies the row: kind and id."""
        return self.kind, self.id

    @property
    def label(self) -> str:
        """The row in words: ``vCPU 2``."""
        return row_label(self.key)

    @property
    def changed(self) -> bool:
        """One half at least gets another value, or is repaired."""
        return (
            self.repair
            or self.live_before != self.live_after
            or self.config_before != self.config_after
        )

    def step(self) -> PinStep:
        """The row as a step of a change, without the halves that stay."""
        live = self.repair or self.live_before != self.live_after
        config = self.config_before != self.config_after
        return PinStep(
            self.kind,
            self.id,
            live_before=self.live_before if live else None,
            live_after=self.live_after if live else None,
            config_before=self.config_before if config else None,
            config_after=self.config_after if config else None,
        )


PlanRow = RowChange[PinKind, CpuSet]
"""Of a pin. A name for the type: made are `RowChange`s, as frozen slots take no __orig_class__."""


@dataclass(frozen=True, slots=True)
class RowConflict:
    """A staged row whose set was changed by somebody else; `now` is None when the row is gone."""

    seen: Pin | SettingRow
    now: Pin | SettingRow | None

    @property
    def key(self) -> RowKey:
        """What identifies the row: kind and id."""
        return self.seen.key

    @property
    def text(self) -> str:
        """One line: ``vCPU 2 was 0-63 and is now 9``."""
        if self.now is None:
            return f"{row_label(self.key)} is gone"
        label, seen, now = row_label(self.key), self.seen, self.now
        if seen.live != now.live:
            return f"{label} {_turn(seen.live, now.live, 'live')}"
        return f"{label} {_turn(seen.config, now.config, 'config')}"


_HALVES = {"live": ("did not run", "does not run"), "config": ("was not defined", "is not defined")}


def _turn(before: Value | None, after: Value | None, half: str) -> str:
    """From one set to another, or to a half that does not exist."""
    was_not, is_not = _HALVES[half]
    word = " in config" if half == "config" else ""
    was = was_not if before is None else f"was {before}{word}"
    return f"{was} and {is_not if after is None else f'is now {after}'}"

"""What of a change can be undone now: its rows are compared with what the host says.

A row that somebody changed since is a conflict and left alone. One that is back already, whose
half is gone because the domain was shut off, or that was but set once more, needs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vconsole.features.pins.model.compare import PCpus
from vconsole.features.pins.model.setting_rows import setting_rows
from vconsole.model.host_state import Domain, PCpu, Pin, RowKey, Value
from vconsole.model.outcome import PinChange, PinStep, halves
from vconsole.model.setting import Setting, SettingRow, why_not_live
from vconsole.model.words import row_label


@dataclass(frozen=True, slots=True)
class Undo:
    """The change that goes back as far as possible, and why it goes no further."""

    change: PinChange
    conflicts: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The conflicts in a line, behind the domain's name."""
        return f"{self.change.name}: {'; '.join(self.conflicts)}"


def undo_now(change: PinChange, domain: Domain | None, pcpus: PCpus) -> Undo:
    """Undo `change`, a row and half at a time, as far as it is still in force."""
    back = change.reversed("undo")
    if domain is None:
        nothing = PinChange(change.uuid, change.name, (), "undo")
        return Undo(nothing, ("the domain is gone",))
    rows: dict[RowKey, Pin | SettingRow] = {pin.key: pin for pin in domain.pins}
    rows |= {row.key: row for row in setting_rows(domain)}
    steps: list[PinStep] = []
    conflicts: list[str] = []
    for step in back.steps:
        kept, against = _step_now(step, rows.get(step.key), pcpus)
        conflicts += against
        steps += [kept] if kept is not None else []
    return Undo(PinChange(back.uuid, back.name, tuple(steps), back.origin), tuple(conflicts))


def _step_now(
    step: PinStep, pin: Pin | SettingRow | None, pcpus: PCpus
) -> tuple[PinStep | None, tuple[str, ...]]:
    """What is left of a step, and what stands against the rest."""
    if pin is None:
        return None, (f"{row_label(step.key)} is gone",)
    live, config = halves(step)
    parts = (
        (live, "live", step.live_before, step.live_after, pin.live),
        (config, "config", step.config_before, step.config_after, pin.config),
    )
    kept: list[PinStep] = []
    against: list[str] = []
    for part, half, before, after, now in parts:
        if after is None or now is None or before == after:
            continue
        if half == "live" and (reason := _stays(now, after)):
            against.append(f"{row_label(step.key)}: {reason}")
        elif pcpus.same(before, now):
            kept.append(part)
        elif not pcpus.same(after, now):
            against.append(f"{row_label(step.key)} {half} is {now} by now, not {before}")
    if len(kept) == 2:
        return step, tuple(against)
    return (kept[0] if kept else None), tuple(against)


def _stays(now: Value, wanted: Value) -> str:
    """Why a running domain cannot go back to it, though it came from there."""
    if not isinstance(now, Setting) or not isinstance(wanted, Setting) or wanted.same(now):
        return ""
    return why_not_live(now, wanted)


def undo_last(
    changes: Iterable[PinChange], domain: Callable[[str], Domain | None], pcpus: Iterable[PCpu]
) -> tuple[Undo | None, tuple[str, ...]]:
    """The last change that can go back whole, and what was passed over for conflicts.

    Args:
        changes: The last first.
        domain: Finds a domain by its UUID.
        pcpus: Those of the host.
    """
    shape, passed = PCpus.of(pcpus), []
    for change in changes:
        found = undo_now(change, domain(change.uuid), shape)
        if found.conflicts:
            passed.append(found.words)
        elif found.change.steps:
            return found, tuple(dict.fromkeys(passed))
    return None, tuple(dict.fromkeys(passed))

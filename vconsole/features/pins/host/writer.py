"""Carries out a change of pins: compare, change row by row, read back.

Nothing is changed unless every row is still as its author saw it and every set makes sense. Then
rows are set one after another; the first failure ends it and the rest is not tried. Going back is
another change, and a person's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any, Final

from vconsole.features.pins.host.bare import remove_pin
from vconsole.features.pins.host.read_back import ReadBack, pin_kind
from vconsole.features.pins.host.rows import Rows, read_rows
from vconsole.features.pins.host.settings import set_settings
from vconsole.features.pins.model.compare import PCpus
from vconsole.host import errors, masks
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.host.source import HostError
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, PinKey
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status, StepOutcome, halves
from vconsole.model.setting import Setting, SettingRow
from vconsole.model.words import row_label
from vconsole.model.xml_edit import XmlEditError
from vconsole.model.xml_read import XmlError

_LIVE: Final = 1
_CONFIG: Final = 2
Call = Callable[[], None]


class RefusedError(Exception):
    """The change is not begun; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class PinWriter:
    """Applies changes over one connection."""

    def __init__(self, link: Link, machine: Machine, split_pins: bool) -> None:
        self._link, self._machine, self._split_pins = link, machine, split_pins
        self._pcpus = PCpus.of(machine.pcpus)

    def apply(self, change: PinChange) -> Outcome:
        """Carry out `change`; what became of it is in the outcome, never an exception of libvirt.

        Raises:
            HostError: The connection was lost before anything was changed.
        """
        try:
            handle, domain, rows = self._current(change)
            self._check(change, domain, rows)
        except RefusedError as refusal:
            return refusal.outcome
        change = replace(change, steps=tuple(_with_bare(s, rows) for s in change.steps))
        outcomes, lost = self._set_all(handle, change)
        if lost is None:
            outcomes = self._read_back(handle, domain, outcomes)
        return _summary(change, outcomes, lost)

    def look(self, change: PinChange) -> Outcome:
        """Change nothing; a step is "applied" where the rows are as it wants them.

        Raises:
            HostError: The connection was lost.
            RefusedError: The domain cannot be read.
        """
        handle, domain, rows = self._current(change)
        outcomes = [
            StepOutcome(s, "applied" if self._is_done(s, rows) else "failed") for s in change.steps
        ]
        done = all(o.status == "applied" for o in outcomes)
        outcomes = self._read_back(handle, domain, outcomes)
        return Outcome(change, "applied" if done else "failed", tuple(outcomes))

    def _is_done(self, step: PinStep, rows: Rows) -> bool:
        pin = rows.pins.get(step.key)
        halves = ((step.live_after, pin.live), (step.config_after, pin.config)) if pin else ()
        kept = all(want is None or self._pcpus.same(want, now) for want, now in halves)
        return pin is not None and kept and (not step.bare_after or step.key in rows.bare)

    def _read_back(
        self, handle: Any, domain: Domain, outcomes: list[StepOutcome]
    ) -> list[StepOutcome]:
        reading = ReadBack(self._link, self._machine, self._pcpus)
        return reading.answers(handle, domain, outcomes, self._rows)

    # -- before --------------------------------------------------------------------------------

    def _current(self, change: PinChange) -> tuple[Any, Domain, Rows]:
        """The domain as it is now, read anew."""
        import libvirt

        try:
            handle = self._link.call(self._link.conn.lookupByUUIDString, change.uuid)
            active = bool(self._link.call(handle.isActive))
            persistent = bool(self._link.call(handle.isPersistent))
            state = "running" if active else "shut off"
            domain = Domain(change.uuid, change.name, state, persistent=persistent)
            return handle, domain, self._rows(handle, domain)
        except libvirt.libvirtError as error:
            if errors.gone(error):
                raise _refusal(change, "changed: the domain is gone") from error
            raise _refusal(change, errors.message(error)) from error
        except (XmlError, UnicodeError) as error:
            raise _refusal(change, errors.one_line(error)) from error

    def _rows(self, handle: Any, domain: Domain) -> Rows:
        everything = self._pcpus.everything
        return read_rows(self._link, handle, domain, everything, self._split_pins)

    def _check(self, change: PinChange, domain: Domain, rows: Rows) -> None:
        for step in change.steps:
            if reason := self._why_not(step, domain, rows):
                raise _refusal(change, f"{row_label(step.key)}: {reason}")
        conflicts = [s.key for s in change.steps if self._pcpus.conflicts(s, rows.pins[s.key])]
        if conflicts:
            steps = tuple(_as_read(s, rows.pins[s.key], s.key in conflicts) for s in change.steps)
            names = ", ".join(row_label(key) for key in conflicts[:6])
            raise RefusedError(
                Outcome(change, "conflict", steps, f"somebody else changed {names} meanwhile")
            )

    def _why_not(self, step: PinStep, domain: Domain, rows: Rows) -> str | None:
        pin = rows.pins.get(step.key)
        if pin is None:
            return "changed: the domain has no such row any more"
        if step.live_after is not None and not domain.active:
            return "changed: the domain does not run any more"
        if step.config_after is not None and pin.config is None:
            return "changed: it is not in the persistent configuration"
        for wanted in (step.live_after, step.config_after):
            if isinstance(wanted, CpuSet) and (reason := self._pcpus.unfit(wanted)):
                return reason
            if isinstance(wanted, Setting) and (reason := self._no_such(wanted)):
                return reason
        return None

    def _no_such(self, wanted: Setting) -> str | None:
        """Why no memory can be on these cells."""
        cells = CpuSet.of(cell.id for cell in self._machine.cells)
        missing = (wanted.nodeset or CpuSet()) - cells
        if cells and missing:
            return f"this host has no cell {missing}"
        if wanted.kind == "vcpuset" and wanted.text and not wanted.auto:
            return self._pcpus.unfit(CpuSet.parse(wanted.text))
        return None

    # -- the change ----------------------------------------------------------------------------

    def _set_all(
        self, handle: Any, change: PinChange
    ) -> tuple[list[StepOutcome], HostError | None]:
        """Set row after row up to the first failure; answers also how the connection was lost.

        Rows of memory and scheduling go together.
        """
        outcomes: list[StepOutcome] = []
        lost: HostError | None = None
        for settings, group in groupby(change.steps, lambda step: pin_kind(step) is None):
            steps = list(group)
            parts = [steps] if settings else [[step] for step in steps]
            for part in parts:
                if any(o.status != "applied" for o in outcomes):
                    outcomes += [StepOutcome(step, "not tried") for step in part]
                    continue
                setting = partial(set_settings, self._link, handle, part)
                made, lost = setting() if settings else self._set(handle, part[0])
                outcomes += made
        return outcomes, lost

    def _set(self, handle: Any, step: PinStep) -> tuple[list[StepOutcome], HostError | None]:
        """Set one row; one that took effect by half is reported as two, so that it can go back."""
        import libvirt

        calls = list(self._calls(handle, step))
        done: list[StepOutcome] = []
        lost: HostError | None = None
        for call, part in calls:
            try:
                call()
            except HostError as error:
                lost = error
                done.append(StepOutcome(part, "unknown", error.message))
                break
            except (libvirt.libvirtError, XmlEditError) as error:
                done.append(StepOutcome(part, "failed", errors.message(error)))
                break
            done.append(StepOutcome(part, "applied"))
        else:
            return [StepOutcome(step, "applied")], None
        if len(done) == 1:  # nothing of it took effect
            return [replace(done[0], step=step)], lost
        return done, lost

    def _calls(self, handle: Any, step: PinStep) -> Iterator[tuple[Call, PinStep]]:
        """(call, the part of the step that it does); one call where both sets are equal."""
        live, config = step.live_after, step.config_after
        kind = pin_kind(step)
        assert kind is not None
        assert not isinstance(live, Setting)
        assert not isinstance(config, Setting)
        pin = partial(self._pin, handle, (kind, step.id))
        if not self._split_pins:
            one = live if live is not None else config
            if one is not None:
                yield partial(pin, one, 0), step
            return
        if live is not None and live == config and not step.bare_after:
            yield partial(pin, live, _LIVE | _CONFIG), step
            return
        if live is not None:
            yield partial(pin, live, _LIVE), halves(step)[0]
        if config is not None:
            key = (kind, step.id)
            bare = partial(remove_pin, self._link, handle, key, unlist=step.unlisted_after)
            yield (bare if step.bare_after else partial(pin, config, _CONFIG)), halves(step)[1]

    def _pin(self, handle: Any, key: PinKey, cpuset: CpuSet, flags: int) -> None:
        self._link.call(masks.pin, handle, key, cpuset, self._machine.map_width, flags)


def _with_bare(step: PinStep, rows: Rows) -> PinStep:
    """The step with what undoing it must know: whether the definition says anything of the row."""
    bare = step.config_after is not None and step.key in rows.bare
    unlisted = bare and step.kind == "iothread" and rows.unlisted
    return replace(step, bare_before=bare, unlisted_before=unlisted)


def _refusal(change: PinChange, reason: str) -> RefusedError:
    steps = tuple(StepOutcome(step, "not tried") for step in change.steps)
    return RefusedError(Outcome(change, "refused", steps, reason))


def _as_read(step: PinStep, pin: Pin | SettingRow, conflict: bool) -> StepOutcome:
    status: Status = "conflict" if conflict else "not tried"
    message = "is not what was shown" if conflict else ""
    return StepOutcome(step, status, message, live=pin.live, config=pin.config)


def _summary(change: PinChange, outcomes: list[StepOutcome], lost: HostError | None) -> Outcome:
    bad = next((o for o in outcomes if o.status not in ("applied", "not tried")), None)
    if bad is None:
        return Outcome(change, "applied", tuple(outcomes))
    status: Status = "failed" if lost is None else "unknown"
    message = f"{row_label(bad.step.key)}: {bad.message}"
    return Outcome(change, status, tuple(outcomes), message)

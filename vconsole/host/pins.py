"""Carries out a change of pins: compare, change row by row, read back.

Nothing is changed unless every row is still as its author saw it and every set makes sense. Then
rows are set one after another; the first failure ends it and the rest is not tried. Going back is
another change, and a person's decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from vconsole.host import errors, masks
from vconsole.host.domain_xml import merge
from vconsole.host.fleet import Fleet
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.host.source import HostError
from vconsole.host.usage import LocalUsage
from vconsole.host.xml import XmlError
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, PinKey, PinKind
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status, StepOutcome
from vconsole.model.words import row_label

_LIVE: Final = 1
_CONFIG: Final = 2
Rows = Mapping[PinKey, Pin]
Answers = Mapping[tuple[PinKey, int], CpuSet]
"""Row and flag -> the set that libvirt answered."""


class RefusedError(Exception):
    """The change is not begun; `outcome` says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class PinWriter:
    """Applies changes over one connection."""

    def __init__(
        self, link: Link, fleet: Fleet, machine: Machine, local: LocalUsage | None
    ) -> None:
        self._link, self._fleet, self._machine, self._local = link, fleet, machine, local

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
        outcomes, lost = self._set_all(handle, change)
        if lost is None:
            outcomes = self._read_back(handle, domain, outcomes)
        return _summary(change, outcomes, lost)

    # -- before --------------------------------------------------------------------------------

    def _current(self, change: PinChange) -> tuple[Any, Domain, Rows]:
        """The domain as it is now, read anew."""
        import libvirt

        connection = self._link.connection
        if connection.read_only:
            raise _refusal(change, f"the connection is read-only: {connection.read_only_reason}")
        try:
            handle = self._link.call(self._link.conn.lookupByUUIDString, change.uuid)
            active = bool(self._link.call(handle.isActive))
            persistent = bool(self._link.call(handle.isPersistent))
            state = "running" if active else "shut off"
            domain = Domain(change.uuid, change.name, state, persistent=persistent)
            return handle, domain, self._rows(domain, handle)
        except libvirt.libvirtError as error:
            if errors.gone(error):
                raise _refusal(change, "changed: the domain is gone") from error
            raise _refusal(change, errors.message(error)) from error
        except (XmlError, UnicodeError) as error:
            raise _refusal(change, errors.one_line(error)) from error

    def _rows(self, domain: Domain, handle: Any) -> Rows:
        parts = self._fleet.parsed(*self._fleet.texts(domain, handle))
        return {pin.key: pin for pin in merge(*parts, self._machine.everything)}

    def _check(self, change: PinChange, domain: Domain, rows: Rows) -> None:
        for step in change.steps:
            if reason := self._why_not(step, domain, rows):
                raise _refusal(change, f"{row_label(step.key)}: {reason}")
        conflicts = [s.key for s in change.steps if self._conflicts(s, rows[s.key])]
        if conflicts:
            steps = tuple(_as_read(s, rows[s.key], s.key in conflicts) for s in change.steps)
            names = ", ".join(row_label(key) for key in conflicts[:6])
            raise RefusedError(
                Outcome(change, "conflict", steps, f"somebody else changed {names} meanwhile")
            )

    def _why_not(self, step: PinStep, domain: Domain, rows: Rows) -> str | None:
        pin = rows.get(step.key)
        if pin is None:
            return "changed: the domain has no such row any more"
        if step.live_after is not None and not domain.active:
            return "changed: the domain does not run any more"
        if step.config_after is not None and pin.config is None:
            return "changed: it is not in the persistent configuration"
        for wanted in (step.live_after, step.config_after):
            if wanted is not None and (reason := self._unfit(wanted)):
                return reason
        return None

    def _unfit(self, wanted: CpuSet) -> str | None:
        """Why no thread can be pinned to this set."""
        if not wanted:
            return "the set is empty"
        missing = wanted - self._machine.everything
        if missing:
            return f"this host has no pCPU {missing}"
        offline = CpuSet.of(p.id for p in self._machine.pcpus if p.online is False)
        if wanted & offline and wanted != self._machine.everything:
            return f"pCPU {wanted & offline} is offline"
        return None

    def _conflicts(self, step: PinStep, pin: Pin) -> bool:
        pairs = (
            (step.live_before, pin.live, step.live_after),
            (step.config_before, pin.config, step.config_after),
        )
        return any(
            seen is not None and wanted is not None and not self._same(seen, now)
            for seen, now, wanted in pairs
        )

    def _same(self, one: CpuSet | None, other: CpuSet | None) -> bool:
        """Equal as far as online pCPUs go: "everything" is written in more than one way."""
        if one is None or other is None:
            return one is other
        online = CpuSet.of(p.id for p in self._machine.pcpus if p.online is not False)
        return one == other or (online <= one and online <= other)

    # -- the change ----------------------------------------------------------------------------

    def _set_all(
        self, handle: Any, change: PinChange
    ) -> tuple[list[StepOutcome], HostError | None]:
        """Set row after row up to the first failure; answers also how the connection was lost."""
        outcomes: list[StepOutcome] = []
        lost: HostError | None = None
        stopped = False
        for step in change.steps:
            if stopped:
                outcomes.append(StepOutcome(step, "not tried"))
                continue
            made, lost = self._set(handle, step)
            outcomes += made
            stopped = made[-1].status != "applied"
        return outcomes, lost

    def _set(self, handle: Any, step: PinStep) -> tuple[list[StepOutcome], HostError | None]:
        """Set one row; one that took effect by half is reported as two, so that it can go back."""
        import libvirt

        calls = list(self._calls(step))
        done: list[StepOutcome] = []
        lost: HostError | None = None
        for flags, cpuset, part in calls:
            try:
                self._link.call(masks.pin, handle, step.key, cpuset, self._machine.map_width, flags)
            except HostError as error:
                lost = error
                done.append(StepOutcome(part, "unknown", error.message))
                break
            except libvirt.libvirtError as error:
                done.append(StepOutcome(part, "failed", errors.message(error)))
                break
            done.append(StepOutcome(part, "applied"))
        else:
            return [StepOutcome(step, "applied")], None
        if len(done) == 1:  # nothing of it took effect
            return [replace(done[0], step=step)], lost
        return done, lost

    def _calls(self, step: PinStep) -> Iterator[tuple[int, CpuSet, PinStep]]:
        """(flags, set, the part of the step that it does); one call where both sets are equal."""
        live, config = step.live_after, step.config_after
        if not self._link.connection.split_pins:
            one = live if live is not None else config
            if one is not None:
                yield 0, one, step
            return
        if live is not None and live == config:
            yield _LIVE | _CONFIG, live, step
            return
        if live is not None:
            yield _LIVE, live, replace(step, config_before=None, config_after=None)
        if config is not None:
            yield _CONFIG, config, replace(step, live_before=None, live_after=None)

    # -- after ---------------------------------------------------------------------------------

    def _read_back(
        self, handle: Any, domain: Domain, outcomes: list[StepOutcome]
    ) -> list[StepOutcome]:
        """The outcomes with what libvirt and the kernel say now."""
        import libvirt

        try:
            rows = self._rows(domain, handle)
            pinned = self._pin_info(handle, domain, {o.step.kind for o in outcomes})
        except (libvirt.libvirtError, HostError, XmlError, UnicodeError) as error:
            note = f"set, but not read back: {errors.message(error)}"
            return [replace(o, message=o.message or note) for o in outcomes]
        return [self._with_answer(o, domain, rows.get(o.step.key), pinned) for o in outcomes]

    def _pin_info(self, handle: Any, domain: Domain, kinds: set[PinKind]) -> Answers:
        """The answers of the calls that ask for pins, where libvirt-python can hold them."""
        if self._machine.map_width <= max(self._machine.everything, default=0):
            return {}
        flags = [_LIVE] if domain.active else []
        flags += [_CONFIG] if domain.persistent else []
        asked = {"vcpu": self._vcpus, "emulator": self._emulator, "iothread": self._iothreads}
        return {
            ((kind, number), flag): CpuSet.from_map(row)
            for kind in kinds
            for flag in flags
            for number, row in asked[kind](handle, flag)
        }

    def _vcpus(self, handle: Any, flag: int) -> Iterable[tuple[int | None, Iterable[bool]]]:
        return enumerate(self._link.call(handle.vcpuPinInfo, flag))

    def _emulator(self, handle: Any, flag: int) -> Iterable[tuple[int | None, Iterable[bool]]]:
        return [(None, self._link.call(handle.emulatorPinInfo, flag))]

    def _iothreads(self, handle: Any, flag: int) -> Iterable[tuple[int | None, Iterable[bool]]]:
        """Asking for live iothreads goes to the monitor, and may not be had."""
        return self._link.attempt("iothreadinfo", handle.ioThreadInfo, flag) or []

    def _with_answer(
        self, outcome: StepOutcome, domain: Domain, pin: Pin | None, pinned: Answers
    ) -> StepOutcome:
        if pin is None:
            return outcome
        step = outcome.step
        live = pinned.get((step.key, _LIVE), pin.live) if pin.live is not None else None
        config = pinned.get((step.key, _CONFIG), pin.config) if pin.config is not None else None
        message = outcome.message
        if outcome.status == "applied":
            kept = self._kept(step.live_after, live) and self._kept(step.config_after, config)
            message = message if kept else "libvirt accepted it, but answers another set"
        kernel = self._kernel(domain.uuid, step.key, live)
        return replace(outcome, message=message, live=live, config=config, kernel=kernel)

    def _kept(self, wanted: CpuSet | None, now: CpuSet | None) -> bool:
        return wanted is None or self._same(wanted, now)

    def _kernel(self, uuid: str, key: PinKey, live: CpuSet | None) -> CpuSet | None:
        """Where the kernel lets the thread run, written like `live` if that means the same."""
        guest = self._local.guests.get(uuid) if self._local else None
        if guest is None or live is None or (tid := guest.tid(key)) is None:
            return None
        allowed = guest.allowed(tid)
        return live if self._same(allowed, live) else allowed


def _refusal(change: PinChange, reason: str) -> RefusedError:
    steps = tuple(StepOutcome(step, "not tried") for step in change.steps)
    return RefusedError(Outcome(change, "refused", steps, reason))


def _as_read(step: PinStep, pin: Pin, conflict: bool) -> StepOutcome:
    status: Status = "conflict" if conflict else "not tried"
    message = "is not what was shown" if conflict else ""
    return StepOutcome(step, status, message, live=pin.live, config=pin.config)


def _summary(change: PinChange, outcomes: list[StepOutcome], lost: HostError | None) -> Outcome:
    bad = next((o for o in outcomes if o.status not in ("applied", "not tried")), None)
    if bad is None:
        status: Status = "rolled back" if change.origin == "roll-back" else "applied"
        return Outcome(change, status, tuple(outcomes))
    status = "failed" if lost is None else "unknown"
    message = f"{row_label(bad.step.key)}: {bad.message}"
    return Outcome(change, status, tuple(outcomes), message)

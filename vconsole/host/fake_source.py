"""A host that does what a test says, behind the same interface as the real one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Event

from vconsole.host.source import HostError, View
from vconsole.model.host_state import EMPTY, Domain, HostState, Pin, PinKey
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status, StepOutcome


class FakeSource:
    """Answers with the given snapshots, one a reading and the last one for ever.

    Attributes:
        views: What was asked for.
        changes: What was to be changed.
        error: Raised by the next calls, while it is set.
        unfinished: What the source says of itself.
        closed: It was closed.
        abandoned: It was given up.
    """

    def __init__(self, *snapshots: HostState) -> None:
        self._snapshots = list(snapshots) or [EMPTY]
        self._changed: dict[str, Domain] = {}
        self._free = Event()
        self._free.set()
        self.views: list[View] = []
        self.changes: list[PinChange] = []
        self.error: Exception | None = None
        self.unfinished = False
        self.closed = self.abandoned = False

    def hang(self) -> None:
        """Let every call hang, as one to a stopped daemon does."""
        self._free.clear()

    def release(self) -> None:
        """Let the calls that hang come back."""
        self._free.set()

    def read(self, view: View) -> HostState:
        """The next state, with the changes that were applied.

        Raises:
            HostError: The test says so.
        """
        self.views.append(view)
        self._pass()
        host_state = self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]
        domains = tuple(self._changed.get(d.uuid, d) for d in host_state.domains)
        return replace(host_state, domains=domains)

    def apply(self, change: PinChange) -> Outcome:
        """Compare and change the domain in memory, as the real host does."""
        self.changes.append(change)
        self._pass()
        domain = self._changed.get(change.uuid) or self._snapshots[0].domain(change.uuid)
        if domain is None:
            return _none_done(change, "refused", "changed: the domain is gone")
        pins = {pin.key: pin for pin in domain.pins}
        if any(step.key not in pins for step in change.steps):
            return _none_done(change, "refused", "changed: a row is gone")
        conflicts = {step.key for step in change.steps if _conflicts(step, pins[step.key])}
        if conflicts:
            steps = tuple(_as_read(s, pins[s.key], s.key in conflicts) for s in change.steps)
            return Outcome(change, "conflict", steps, "somebody else changed it meanwhile")
        return self._done(change, domain, pins)

    def _done(self, change: PinChange, domain: Domain, pins: Mapping[PinKey, Pin]) -> Outcome:
        wanted = {step.key: step for step in change.steps}
        made = tuple(_set(p, wanted[p.key]) if p.key in wanted else p for p in domain.pins)
        self._changed[domain.uuid] = replace(domain, pins=made)
        now = {pin.key: pin for pin in made}
        steps = tuple(
            StepOutcome(s, "applied", live=now[s.key].live, config=now[s.key].config)
            for s in change.steps
        )
        return Outcome(change, "applied", steps)

    def abandon(self) -> None:
        """Note it."""
        self.abandoned = True

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def _pass(self) -> None:
        self._free.wait()
        if self.abandoned:
            raise HostError("abandoned", "the call was given up")
        if self.error is not None:
            raise self.error


def _conflicts(step: PinStep, pin: Pin) -> bool:
    live = step.live_after is not None and step.live_before not in (None, pin.live)
    return live or (step.config_after is not None and step.config_before not in (None, pin.config))


def _set(pin: Pin, step: PinStep) -> Pin:
    live = pin.live if step.live_after is None else step.live_after
    return replace(pin, live=live, config=step.config_after or pin.config)


def _as_read(step: PinStep, pin: Pin, conflict: bool) -> StepOutcome:
    status: Status = "conflict" if conflict else "not tried"
    return StepOutcome(step, status, live=pin.live, config=pin.config)


def _none_done(change: PinChange, status: Status, message: str) -> Outcome:
    steps = tuple(StepOutcome(step, "not tried") for step in change.steps)
    return Outcome(change, status, steps, message)

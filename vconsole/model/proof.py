"""Whether a change of pins helped: what the domain used over a window before and one after it.

A reading is of the time since the one before it, so it counts as much as that time is long. Only
what the console reads anyway is kept, of the domains in sight and of those just changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from vconsole.model.host_state import Domain, HostState, Locality, Usage
from vconsole.model.placement import cells_allowed, share
from vconsole.model.value import dataclass

WINDOW_S: Final = 30.0
SETTLE_S: Final = 5.0
"""What is read so soon after a change is partly of the time before it: the statistics of a remote
host are up to 5 s old. Only where memory lies is true at once."""
_MOST: Final = 1024
"""Readings of a window, however fast they come."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A window in numbers; what was not known in it is None."""

    seconds: float = 0.0
    """How long it is: less than `WINDOW_S` where it could not fill."""
    wait_percent: float | None = None
    cpu_percent: float | None = None
    locality_percent: float | None = None
    """At its end: memory that moves arrives bit by bit."""
    switches_s: float | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """Both windows of a change."""

    id: str
    """Of its record in the history."""
    before: Mean = Mean()
    after: Mean = Mean()
    filling: bool = False
    """The one after goes on."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of a domain."""

    at: float
    """Monotonic seconds."""
    span_s: float
    """How long since the reading before."""
    domain: Domain
    usage: Usage | None
    """None where it is partly of another time."""
    measured: Locality | None


def mean_of(samples: Sequence[Sample], host_state: HostState) -> Mean:
    """A window in numbers: means of what is a rate, and where its memory lay at the end."""
    return Mean(
        round(sum(sample.span_s for sample in samples), 1),
        _mean((s, s.usage.wait_percent if s.usage else None) for s in samples),
        _mean((s, s.usage.cpu_percent if s.usage else None) for s in samples),
        next(filter(_known, (_locality(s, host_state) for s in reversed(samples))), None),
        _mean((s, s.usage.switches_s if s.usage else None) for s in samples),
    )


def _known(value: float | None) -> bool:
    return value is not None


def _locality(sample: Sample, host_state: HostState) -> float | None:
    measured = sample.measured
    cells = cells_allowed(sample.domain, host_state) if measured else None
    if measured is None or cells is None:
        return None
    percent = share(measured.bytes_by_cell, cells)
    return None if percent is None else round(percent, 1)


def _mean(values: Iterable[tuple[Sample, float | None]]) -> float | None:
    known = [(max(s.span_s, 0.001), value) for s, value in values if value is not None]
    total = sum(weight for weight, _ in known)
    return round(sum(w * value for w, value in known) / total, 1) if known else None


class _After:
    """The window after a change, as it fills."""

    def __init__(self, id: str, before: Mean, at: float) -> None:
        self.id, self.before, self.at = id, before, at
        self.samples: deque[Sample] = deque(maxlen=_MOST)

    def take(self, sample: Sample) -> None:
        """Add a reading; the first is partly of the time before."""
        early = not self.samples or sample.at - self.at < SETTLE_S
        usage = None if early else sample.usage
        self.samples.append(Sample(sample.at, sample.span_s, sample.domain, usage, sample.measured))

    @property
    def full(self) -> bool:
        """It is long enough, however slowly readings come."""
        return len(self.samples) > 1 and self.samples[-1].at - self.at >= WINDOW_S

    def proof(self, host_state: HostState, filling: bool) -> Proof:
        """What is known by now."""
        return Proof(self.id, self.before, mean_of(self.samples, host_state), filling)


class Watch:
    """Takes every reading; knows the windows of what was changed lately."""

    def __init__(self) -> None:
        self._rings: dict[str, deque[Sample]] = {}
        self._before: dict[str, Mean] = {}
        """Of changes under way: what is read meanwhile is of neither window."""
        self._after: dict[str, _After] = {}
        self._at: float | None = None
        self._span_s = 0.0
        """Between the last two readings."""
        self._host_state = HostState()
        self._domains: dict[str, Domain] = {}

    def read(self, host_state: HostState, followed: Collection[str]) -> list[Proof]:
        """Take a reading, of the domains `followed`; answers the windows that ended with it."""
        at, before = host_state.freshness.read_at, self._at
        if at is None or host_state.freshness.stale or (before is not None and at <= before):
            return []
        if host_state.domains is not self._host_state.domains:
            self._domains = {domain.uuid: domain for domain in host_state.domains}
        self._at, self._host_state = at, host_state
        self._span_s = 0.0 if before is None else at - before
        for uuid in {*followed, *self._after} - self._before.keys():
            self._take(uuid)
        self._forget(at)
        return list(self._ended())

    def _sample(self, domain: Domain) -> Sample:
        uuid, state = domain.uuid, self._host_state
        usage, measured = state.usage.get(uuid), state.locality.get(uuid)
        return Sample(self._at or 0.0, self._span_s, domain, usage, measured)

    def _take(self, uuid: str) -> None:
        domain = self._domains.get(uuid)
        if domain is None or not domain.active:
            self._rings.pop(uuid, None)
            return
        sample = self._sample(domain)
        if (after := self._after.get(uuid)) is not None:
            after.take(sample)
            sample = after.samples[-1]
        self._rings.setdefault(uuid, deque(maxlen=_MOST)).append(sample)

    def _forget(self, at: float) -> None:
        """Drop what is older than a window, with the domains that left the screen."""
        for uuid, ring in list(self._rings.items()):
            while ring and ring[0].at <= at - WINDOW_S:
                ring.popleft()
            if not ring:
                del self._rings[uuid]

    def _ended(self) -> Iterator[Proof]:
        for uuid, after in list(self._after.items()):
            domain = self._domains.get(uuid)
            if after.full or domain is None or not domain.active:
                yield self._end(uuid)

    def _end(self, uuid: str) -> Proof:
        return self._after.pop(uuid).proof(self._host_state, filling=False)

    @property
    def open(self) -> frozenset[str]:
        """The domains whose window after a change goes on."""
        return frozenset(self._after)

    def begun(self, uuid: str) -> None:
        """A change of the domain begins: the window before it ends."""
        self._before[uuid] = self._until_now(uuid)

    def _until_now(self, uuid: str) -> Mean:
        """The window before; of a domain that was out of sight only the last reading is known."""
        domain, ring = self._domains.get(uuid), self._rings.get(uuid)
        if ring is None and domain is not None and domain.active and uuid not in self._after:
            return mean_of((self._sample(domain),), self._host_state)
        return mean_of(ring or (), self._host_state)

    def ended(self, uuid: str, id: str = "") -> list[Proof]:
        """It was applied and recorded as `id`, or else it was not.

        Answers the window that begins, after one of an earlier change that it cuts off.
        """
        before = self._before.pop(uuid, None)
        if not id or self._at is None:
            return []
        if before is None:
            before = self._until_now(uuid)
        cut = [self._end(uuid)] if uuid in self._after else []
        self._rings.pop(uuid, None)  # a later change is compared with what this one brought
        self._after[uuid] = begins = _After(id, before, self._at)
        return [*cut, begins.proof(self._host_state, filling=False)]

    def close(self) -> list[Proof]:
        """The console is left: the windows end as they are."""
        return [self._end(uuid) for uuid in list(self._after)]

    def proof(self, id: str) -> Proof | None:
        """The windows of a change while the one after goes on."""
        found = next((after for after in self._after.values() if after.id == id), None)
        return found.proof(self._host_state, filling=True) if found else None

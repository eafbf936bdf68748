"""What the daemon tells of itself: each metric, the last update, the configuration in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

_VALUE_CHARS: Final = 255
_PROBLEM_CHARS: Final = 400


@dataclass(slots=True)
class MetricStatus:
    """A metric that is collected. Value and problem are foreign text."""

    name: str
    context: str
    type: str
    builtin: str | None = None
    """The built-in metric it is; None for a shell command."""
    value: str = ""
    """The latest; of a metric of domains that of one of them."""
    at_s: float | None = None
    """When it was last got, in seconds since the epoch."""
    took_s: float = 0.0
    """How long that took; of a metric of domains the longest."""
    runs: int = 0
    failures: int = 0
    """Since the configuration is in force."""
    failing: int = 0
    """For how many domains it failed in the last update; 1 or 0 for the host."""
    problem: str = ""
    """What was wrong the last time, "" if nothing."""
    kept: int = 0
    """For how many domains an earlier value is published; 1 or 0 for the host."""
    oldest_s: float = 0.0
    """How old the oldest of these is."""
    keep_s: float = 0.0
    """How old it may be: what is older is not published. 0 if that is not known."""


@dataclass(slots=True)
class UpdateStatus:
    """The updates of what is published."""

    count: int = 0
    last_s: float | None = None
    """When the last one ended, in seconds since the epoch."""
    next_s: float | None = None
    took_s: float = 0.0
    domains: int = 0
    bytes: int = 0
    """Length of the document on the common disk."""
    errors: tuple[str, ...] = ()
    """What went wrong with the last one. Foreign text."""


@dataclass(slots=True)
class DaemonStatus:
    """The whole answer to the question how it goes."""

    pid: int
    config: str
    """Where the configuration came from."""
    in_force_since_s: float
    config_error: str = ""
    """Why a newer configuration is not in force. Foreign text."""
    warnings: tuple[str, ...] = ()
    period_s: int = 0
    disk: str = ""
    disk_bytes: int = 0
    transports: tuple[str, ...] = ()
    channels: int = 0
    """Domains that are connected over virtio."""
    update: UpdateStatus = field(default_factory=UpdateStatus)
    metrics: tuple[MetricStatus, ...] = ()

    @property
    def kept(self) -> tuple[int, float]:
        """How many values of earlier updates are published, and how old the oldest is."""
        return sum(m.kept for m in self.metrics), max((m.oldest_s for m in self.metrics), default=0)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> DaemonStatus:
        """Read what `to_json` wrote, perhaps by another version.

        Raises:
            ValueError: It is something else.
        """
        try:
            found = json.loads(text)
            found["update"] = _known(UpdateStatus, found["update"])
            found["metrics"] = tuple(_known(MetricStatus, m) for m in found["metrics"])
            for name in ("warnings", "transports"):
                found[name] = tuple(found[name])
            found["update"].errors = tuple(found["update"].errors)
            status: DaemonStatus = _known(cls, found)
        except (TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"no status of the daemon: {error}") from error
        return status


def _known(kind: Any, values: Mapping[str, Any]) -> Any:
    """An instance from the values that it has a field for."""
    return kind(**{k: v for k, v in values.items() if k in kind.__dataclass_fields__})


@dataclass(slots=True)
class Tally:
    """What came of a metric in one update, for the host or for all domains together."""

    value: str = ""
    took_s: float = 0.0
    runs: int = 0
    failures: int = 0
    problem: str = ""
    missed: int = 0
    """There was no run, and so no value."""
    kept: int = 0
    oldest_s: float = 0.0

    def miss(self, problem: str) -> None:
        """Note that it had no run that counts."""
        self.missed += 1
        self.problem = problem or self.problem

    def keep(self, age_s: float) -> None:
        """Note that what is published is from an earlier update."""
        self.kept += 1
        self.oldest_s = max(self.oldest_s, age_s)

    def add(self, value: str, took_s: float = 0.0, problem: str = "", failed: bool = False) -> None:
        """Count one run."""
        self.runs += 1
        self.failures += failed
        self.value = value or self.value
        self.took_s = max(self.took_s, took_s)
        self.problem = problem or self.problem

    def enter(self, status: MetricStatus, at_s: float) -> None:
        """Add it to what is known of the metric."""
        status.runs += self.runs
        status.failures += self.failures
        status.failing = self.failures + self.missed
        status.kept, status.oldest_s = self.kept, round(self.oldest_s, 1)
        status.problem = self.problem[:_PROBLEM_CHARS]
        if self.runs:
            status.took_s = round(self.took_s, 4)
        if self.runs > self.failures:
            status.value, status.at_s = self.value[:_VALUE_CHARS], round(at_s, 3)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a metric that was got just now. Foreign text."""

    values: tuple[tuple[str, str], ...] = ()
    """(name, value); several for groups and XML."""
    problem: str = ""

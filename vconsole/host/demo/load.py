"""How busy an invented domain is: the same curve for the same name, at whatever time it is read."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin
from zlib import crc32

_PROFILES = {
    "db": (0.55, 0.25),
    "web": (0.30, 0.22),
    "build": (0.55, 0.25),
    "batch": (0.50, 0.20),
    "cache": (0.25, 0.10),
    "queue": (0.20, 0.12),
    "monitoring": (0.35, 0.15),
}
"""First word of a name -> (share of a pCPU that a vCPU takes on average, how far that swings)."""
_IDLE = 0.04, 0.03


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one thread: a wave around its average."""

    average: float
    swing: float
    period_s: float
    phase: float

    def busy_s(self, ran_s: float) -> float:
        """Seconds on a pCPU in the first `ran_s` seconds: the integral of `share`."""
        turn = 2 * pi / self.period_s
        return self.average * ran_s + self.swing / turn * (
            cos(self.phase) - cos(turn * ran_s + self.phase)
        )

    def share(self, ran_s: float) -> float:
        """The share of a pCPU that it takes at that moment."""
        return self.average + self.swing * sin(2 * pi * ran_s / self.period_s + self.phase)


def load_of(name: str, vcpu: int | None) -> Load:
    """The load of a vCPU, or of the emulator and the iothreads for None."""
    seed = crc32(f"{name} {vcpu}".encode())
    average, swing = _PROFILES.get(name.partition("-")[0], _IDLE)
    uneven = 0.75 + (seed % 50) / 100
    if vcpu is None:
        average, swing = 0.04, 0.02
    average = min(0.95, average * uneven)
    period_s = 18.0 + seed % 37
    return Load(average, min(swing, average, 0.98 - average), period_s, (seed >> 8) % 628 / 100)

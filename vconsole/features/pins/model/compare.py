"""What stands against a step of a pin change, by what the host says now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PCpu, Pin, Value
from vconsole.model.outcome import PinStep
from vconsole.model.setting import Setting, SettingRow


@dataclass(frozen=True, slots=True)
class PCpus:
    """The pCPUs of a host; those of `offline` no thread can be pinned to."""

    everything: CpuSet
    offline: CpuSet = CpuSet()

    @classmethod
    def of(cls, pcpus: Iterable[PCpu]) -> PCpus:
        """Those of a host; what is not known to be offline is online."""
        known = tuple(pcpus)
        offline = CpuSet.of(p.id for p in known if p.online is False)
        return cls(CpuSet.of(p.id for p in known), offline)

    def same(self, one: Value | None, other: Value | None) -> bool:
        """Equal as far as online pCPUs go: "everything" is written in more than one way."""
        if one is None or other is None:
            return one is other
        if isinstance(one, Setting) or isinstance(other, Setting):
            return isinstance(one, Setting) and isinstance(other, Setting) and one.same(other)
        online = self.everything - self.offline
        return one == other or (online <= one and online <= other)

    def conflicts(self, step: PinStep, pin: Pin | SettingRow) -> bool:
        """Whether a half that the step changes is not as its author saw it.

        Any other set is a conflict, a narrower one too: somebody else wanted it so.
        """
        halves = (
            (step.live_before, pin.live, step.live_after),
            (step.config_before, pin.config, step.config_after),
        )
        return any(
            seen is not None and wanted is not None and not self.same(seen, now)
            for seen, now, wanted in halves
        )

    def unfit(self, wanted: CpuSet) -> str | None:
        """Why no thread can be pinned to this set."""
        if not wanted:
            return "the set is empty"
        if missing := wanted - self.everything:
            return f"this host has no pCPU {missing}"
        if wanted & self.offline and wanted != self.everything:
            return f"pCPU {wanted & self.offline} is offline"
        return None

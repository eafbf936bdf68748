"""A plan: the pins a person wants for one domain, beside those that were seen.

A `PinPlan` is a value. Every edit returns another plan, so that the screen's undo of a keystroke is
to keep the previous one. What cannot be planned raises ValueError with one line for the reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from vconsole.features.pins.model.plan_rows import PlanRow, RowChange, RowConflict
from vconsole.features.pins.model.setting_rows import (
    SettingChange,
    SettingKey,
    changed,
    follow,
    setting_rows,
    stage,
)
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import drifting
from vconsole.model.host_state import Domain, HostState, Pin, PinKey, Value
from vconsole.model.outcome import PinChange, Target
from vconsole.model.setting import Setting, SettingRow
from vconsole.model.virsh import change_commands, shell_script
from vconsole.model.words import row_label, row_order

__all__ = ["PinPlan", "PlanRow", "Rebased", "RowConflict"]

_NOTHING: Final[Mapping[PinKey, CpuSet]] = MappingProxyType({})
_NO_SETTINGS: Final[Mapping[SettingKey, Setting]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rebased:
    """A plan carried over to a newer reading, and the staged rows that moved below it."""

    plan: PinPlan
    conflicts: tuple[RowConflict, ...] = ()


@dataclass(frozen=True, slots=True)
class PinPlan:
    """Staged sets over the pins that were seen.

    Where the driver keeps one set of pins (`split_pins` is False), the plan touches the live half
    of an active domain and the config half of another, and its commands carry no flags.
    """

    uuid: str
    name: str
    base: tuple[Pin, ...] = ()
    """The pins as last seen; they go into the change, so that an edit in between is a conflict."""
    active: bool = True
    persistent: bool = True
    split_pins: bool = True
    staged: Mapping[PinKey, CpuSet] = field(default_factory=dict)
    """The wanted set of each edited row, in row order."""
    target: Target = "both"
    """What to change; one that the domain does not have falls back to the first of `targets`."""
    everything: CpuSet = CpuSet()
    """All pCPUs of the host; a row that may run on all of them counts as not pinned."""
    drifting: Mapping[PinKey, CpuSet] = field(default_factory=dict)
    """Rows that the kernel holds elsewhere, and where: staging what libvirt names is a repair."""
    settings: tuple[SettingRow, ...] = ()
    """Memory and scheduling as last seen: every row there could be."""
    wanted: Mapping[SettingKey, Setting] = field(default_factory=dict)
    """The value that each edited one of them is to have."""
    rows: Mapping[PinKey, Pin] = field(init=False, repr=False, compare=False, default_factory=dict)
    """`base` by key, in row order."""

    def __post_init__(self) -> None:
        ordered = sorted(self.base, key=lambda pin: row_order(pin.key))
        rows = MappingProxyType({pin.key: pin for pin in ordered})
        staged = MappingProxyType({k: self.staged[k] for k in sorted(self.staged, key=row_order)})
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "staged", staged)
        object.__setattr__(self, "wanted", MappingProxyType(dict(self.wanted)))
        if self.target not in self.targets:
            object.__setattr__(self, "target", self.targets[0])

    @classmethod
    def of(cls, domain: Domain, host_state: HostState) -> PinPlan:
        """An empty plan over what is known of `domain`."""
        return cls(
            uuid=domain.uuid,
            name=domain.name,
            base=domain.pins,
            active=domain.active,
            persistent=domain.persistent is not False,
            split_pins=host_state.connection.split_pins,
            everything=host_state.all_pcpus,
            drifting=drifting(domain, host_state),
            settings=setting_rows(domain),
        )

    def beside(self, host_state: HostState) -> PinPlan:
        """The plan with what "every pCPU" means and the kernel does now: both change."""
        found = host_state.domain(self.uuid)
        return replace(
            self,
            everything=host_state.all_pcpus,
            split_pins=host_state.connection.split_pins,
            drifting=drifting(found, host_state) if found else {},
        )

    @property
    def targets(self) -> tuple[Target, ...]:
        """The targets this domain has, the default first."""
        if not self.active:
            return ("config",)
        return ("both", "live", "config") if self.persistent and self.split_pins else ("live",)

    def with_target(self, target: Target) -> PinPlan:
        """The plan for another target; staged rows stay.

        Raises:
            ValueError: The domain has no such half; the text says why.
        """
        if reason := self.lacks(target):
            raise ValueError(f"{self.name}: cannot apply to {_TARGET_WORDS[target]}: {reason}")
        return replace(self, target=target)

    def lacks(self, target: Target) -> str:
        """Why it has no such target; empty where it has."""
        if target in self.targets:
            return ""
        if not self.active:
            return "it does not run, only its config can change"
        if not self.split_pins:
            return "this driver keeps one set of pins for both"
        return "it is transient and has no config"

    @property
    def begun(self) -> bool:
        """Something is planned."""
        return bool(self.staged or self.wanted)

    # ---- reading

    def seen(self, key: PinKey) -> CpuSet | None:
        """The set that was seen in the half which the target is about: live, else config."""
        pin = self.rows.get(key)
        if pin is None:
            return None
        return pin.config if self.target == "config" and pin.config is not None else pin.now

    def effective(self, key: PinKey) -> CpuSet | None:
        """The set the row would have: the staged one, else the one seen."""
        return self.staged[key] if key in self.staged else self.seen(key)

    def unpinned(self, cpuset: CpuSet | None) -> bool:
        """Names every pCPU of the host, which is no pin at all."""
        return cpuset is not None and bool(self.everything) and self.everything <= cpuset

    def table(self) -> tuple[PlanRow, ...]:
        """Every row, changed or not."""
        return tuple(self._plan_row(pin) for pin in self.rows.values())

    def changes(self) -> tuple[PlanRow | SettingChange, ...]:
        """The rows that get another set or value under the target."""
        rows = (self._plan_row(self.rows[key]) for key in self.staged if key in self.rows)
        pins = (row for row in rows if row.changed)
        return (*pins, *(row for row in self.setting_table() if row.changed))

    def setting_table(self) -> tuple[SettingChange, ...]:
        """Memory and scheduling, every row, changed or not."""
        wanted = self.wanted
        return tuple(
            changed(row, wanted.get(row.key), self.target, self.split_pins) for row in self.settings
        )

    def _plan_row(self, pin: Pin) -> PlanRow:
        live, config = self._after(pin)
        repair = self._drifts(pin) and self.staged.get(pin.key) == pin.live
        return RowChange(pin.kind, pin.id, pin.live, live, pin.config, config, repair)

    def _drifts(self, pin: Pin) -> bool:
        return pin.key in self.drifting and self._has_live(pin)

    def _lacks(self, key: PinKey, cpus: CpuSet) -> bool:
        """The kernel keeps the thread off all of `cpus`."""
        return self._drifts(self.rows[key]) and not cpus & self.drifting[key]

    def _after(self, pin: Pin) -> tuple[CpuSet | None, CpuSet | None]:
        wanted = self.staged.get(pin.key)
        live = wanted if wanted and self._has_live(pin) else pin.live
        config = wanted if wanted and self._has_config(pin) else pin.config
        return live, config

    def _has_live(self, pin: Pin) -> bool:
        return pin.live is not None and self.target != "config"

    def _has_config(self, pin: Pin) -> bool:
        return pin.config is not None and self.target != "live"

    # ---- editing

    def stage(self, key: PinKey, cpuset: CpuSet) -> PinPlan:
        """Want `cpuset` for a row; a set that is in force already takes the row out of the plan.

        Raises:
            ValueError: The set is empty, or the domain has no such row to change.
        """
        return self.stage_all({key: cpuset})

    def stage_all(self, rows: Mapping[PinKey, CpuSet]) -> PinPlan:
        """Want a set for each of many rows at once; see `stage`.

        Raises:
            ValueError: One of the sets is empty, or there is no such row to change.
        """
        staged = dict(self.staged)
        for key, cpuset in rows.items():
            if self._in_force(self._changeable(key, cpuset), cpuset):
                staged.pop(key, None)
            else:
                staged[key] = cpuset
        return replace(self, staged=staged)

    def _changeable(self, key: PinKey, cpuset: CpuSet) -> Pin:
        pin = self.rows.get(key)
        if pin is None:
            raise ValueError(f"{row_label(key)} is no row of {self.name!r}")
        if not cpuset:
            raise ValueError(f"{row_label(key)} needs at least one pCPU")
        if not self._has_live(pin) and not self._has_config(pin):
            raise ValueError(f"{row_label(key)} has no set in {_TARGET_WORDS[self.target]}")
        return pin

    def _in_force(self, pin: Pin, cpuset: CpuSet) -> bool:
        """All halves the target touches have this set, and the kernel keeps to it."""
        if self._drifts(pin):
            return False
        return (not self._has_live(pin) or pin.live == cpuset) and (
            not self._has_config(pin) or pin.config == cpuset
        )

    def set(self, key: SettingKey, setting: Setting) -> PinPlan:
        """Want a value for a row of memory or scheduling; one in force takes it out of the plan.

        Raises:
            ValueError: There is no such row, or it cannot be changed so.
        """
        rows = {row.key: row for row in self.settings}
        wanted = stage(rows, self.wanted, (key, setting), self.target, self.split_pins)
        return replace(self, wanted=follow(rows, wanted))

    def set_all(self, values: Mapping[SettingKey, Setting]) -> PinPlan:
        """Want several values; rows that the target cannot change are left out."""
        able = {
            row.key: values[row.key]
            for row in self.settings
            if row.key in values
            and changed(row, values[row.key], self.target, self.split_pins).changed
        }
        return replace(self, wanted={**self.wanted, **able}) if able else self

    def unset(self, key: SettingKey) -> PinPlan:
        """Forget what is wanted for a row of memory or scheduling."""
        return replace(self, wanted={k: v for k, v in self.wanted.items() if k != key})

    def toggle(self, key: PinKey, pcpu: int) -> PinPlan:
        """Take one pCPU into a row's set or out of it; see `toggle_many`."""
        return self.toggle_many(key, CpuSet.of((pcpu,)))

    def toggle_many(self, key: PinKey, cpus: CpuSet) -> PinPlan:
        """Take `cpus` out if the row has all of them, else add them.

        A row that is not pinned has nothing picked yet: the first pick narrows it to `cpus`, and
        taking the last pick away makes it unpinned again. Where libvirt names `cpus` and the
        kernel lacks them, to pick them is to want them back: what libvirt names is staged.

        Raises:
            ValueError: Nothing would be left, or there is no such row.
        """
        now = self.effective(key) or CpuSet()
        if self.unpinned(now):
            return self.stage(key, cpus)
        wanted = now - cpus if cpus <= now else now | cpus
        if key not in self.staged and cpus <= now and self._lacks(key, cpus):
            wanted = now
        elif (
            not wanted
            and key in self.staged
            and (self.unpinned(self.seen(key)) or key in self.drifting)
        ):
            return self.clear(key)
        return self.stage(key, wanted)

    def copy_row(self, source: PinKey, keys: Iterable[PinKey]) -> PinPlan:
        """Want the set of row `source` for each of `keys`.

        Raises:
            ValueError: A row does not exist or its set is unknown.
        """
        cpuset = self.effective(source)
        if cpuset is None:
            raise ValueError(f"the set of {row_label(source)} is not known")
        plan = self
        for key in keys:
            plan = plan.stage(key, cpuset)
        return plan

    def spread(self, keys: Sequence[PinKey], pcpus: Sequence[int]) -> PinPlan:
        """One pCPU for each row: the first key gets the first pCPU, and so on.

        Raises:
            ValueError: There are fewer different pCPUs than rows, or a row does not exist.
        """
        distinct = tuple(dict.fromkeys(pcpus))
        if len(distinct) < len(keys):
            raise ValueError(f"{len(keys)} rows need {len(keys)} pCPUs, only {len(distinct)} given")
        plan = self
        for key, pcpu in zip(keys, distinct, strict=False):
            plan = plan.stage(key, CpuSet.of((pcpu,)))
        return plan

    def clear(self, key: PinKey | None = None) -> PinPlan:
        """Forget what is staged for a row, or for all of them."""
        if key is None:
            return replace(self, staged=_NOTHING, wanted=_NO_SETTINGS)
        return replace(self, staged={k: v for k, v in self.staged.items() if k != key})

    def rebase(
        self,
        base: Iterable[Pin],
        active: bool | None = None,
        persistent: bool | None = None,
        settings: Iterable[SettingRow] | None = None,
    ) -> Rebased:
        """Carry the staged rows over to a newer reading.

        A row that vanished leaves the plan; one whose set in force was changed meanwhile stays in
        it: both are reported. A half that came or went because the domain started or stopped is no
        conflict, and neither is a row that somebody else already gave the wanted set.
        """
        plan = replace(
            self,
            base=tuple(base),
            active=self.active if active is None else active,
            persistent=self.persistent if persistent is None else persistent,
            staged=_NOTHING,
            settings=self.settings if settings is None else tuple(settings),
            wanted=_NO_SETTINGS,
        )
        kept: dict[PinKey, CpuSet] = {}
        conflicts: list[RowConflict] = []
        for key, wanted in self.staged.items():
            seen, now = self.rows[key], plan.rows.get(key)
            if now is not None and plan._in_force(now, wanted):
                continue
            if now is None or _moved(seen.live, now.live) or _moved(seen.config, now.config):
                conflicts.append(RowConflict(seen, now))
            if now is not None:
                kept[key] = wanted
        values, moved = plan._rebase_settings(self)
        return Rebased(replace(plan, staged=kept, wanted=values), (*conflicts, *moved))

    def _rebase_settings(
        self, earlier: PinPlan
    ) -> tuple[dict[SettingKey, Setting], list[RowConflict]]:
        """The same for memory and scheduling."""
        seen = {row.key: row for row in earlier.settings}
        rows = {row.key: row for row in self.settings}
        kept: dict[SettingKey, Setting] = {}
        conflicts: list[RowConflict] = []
        for key, value in earlier.wanted.items():
            then, now = seen[key], rows.get(key)
            if now is not None and not changed(now, value, self.target, self.split_pins).changed:
                continue
            if now is None or _moved(then.live, now.live) or _moved(then.config, now.config):
                conflicts.append(RowConflict(then, now))
            if now is not None:
                kept[key] = value
        return kept, conflicts

    # ---- what comes of it

    def to_change(self) -> PinChange:
        """The change that applies the plan, with what was seen."""
        return PinChange(self.uuid, self.name, tuple(row.step() for row in self.changes()))

    def commands(self, uri: str | None = None) -> tuple[str, ...]:
        """The virsh lines that do the same, safe to paste into a shell."""
        return change_commands(self.to_change(), uri, split_pins=self.split_pins)

    def undo_commands(self, uri: str | None = None) -> tuple[str, ...]:
        """The virsh lines that put back what was seen, last row first."""
        return change_commands(self.to_change().reversed(), uri, split_pins=self.split_pins)

    def script(self, uri: str | None = None, notes: Iterable[str] = ()) -> str:
        """The plan as a POSIX shell script; how to undo it stands in its comments.

        `notes` are lines for the header, such as who made it and when.
        """
        about = f"Pins of domain {self.name} ({self.uuid})" + (f" on {uri}" if uri else "")
        undo = ("", "To put back what was there before, run:", *self.undo_commands(uri))
        return shell_script(self.commands(uri), header=(about, *notes), footer=undo)


_TARGET_WORDS: Final[Mapping[Target, str]] = {
    "both": "live and config",
    "live": "live",
    "config": "config",
}


def _moved(before: Value | None, now: Value | None) -> bool:
    return before is not None and now is not None and before != now

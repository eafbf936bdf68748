"""What libvirt and the kernel say after a change of pins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from vconsole.features.pins.host.rows import Rows
from vconsole.features.pins.model.compare import PCpus
from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.machine import Machine
from vconsole.host.proc import Guest
from vconsole.host.source import HostError
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import differ
from vconsole.model.host_state import Domain, HostState, Pin, PinKind, RowKey, Value
from vconsole.model.outcome import PinStep, StepOutcome
from vconsole.model.setting import SettingRow
from vconsole.model.topology import topology
from vconsole.model.xml_read import XmlError

_LIVE: Final = 1
_CONFIG: Final = 2
ANOTHER: Final = "libvirt accepted it, but answers another set"
Answers = Mapping[tuple[RowKey, int], CpuSet]
"""Row and flag -> the set that libvirt answered."""


class ReadBack:
    """Asks over one connection."""

    def __init__(self, link: Link, machine: Machine, pcpus: PCpus) -> None:
        self._link, self._machine, self._pcpus = link, machine, pcpus

    def answers(
        self,
        handle: Any,
        domain: Domain,
        outcomes: list[StepOutcome],
        read: Callable[[Any, Domain], Rows],
    ) -> list[StepOutcome]:
        """The outcomes with what libvirt and the kernel say now."""
        import libvirt

        try:
            rows = read(handle, domain)
            pinned = self._pin_info(
                handle, domain, {k for o in outcomes if (k := pin_kind(o.step))}
            )
        except (libvirt.libvirtError, HostError, XmlError, UnicodeError) as error:
            note = f"set, but not read back: {errors.message(error)}"
            return [replace(o, message=o.message or note) for o in outcomes]
        guest = self._link.find_guests().get(domain.uuid) if domain.active else None
        return [self._with_answer(o, guest, rows.pins.get(o.step.key), pinned) for o in outcomes]

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
        self,
        outcome: StepOutcome,
        guest: Guest | None,
        pin: Pin | SettingRow | None,
        pinned: Answers,
    ) -> StepOutcome:
        if pin is None:
            return outcome
        step = outcome.step
        live: Value | None = pin.live
        config: Value | None = pin.config
        live = pinned.get((step.key, _LIVE), live) if live is not None else None
        config = pinned.get((step.key, _CONFIG), config) if config is not None else None
        kernel = self._kernel(guest, pin, live) if isinstance(live, CpuSet) else None
        outcome = replace(outcome, live=live, config=config, kernel=kernel)
        kept = self._kept(step.live_after, live) and self._kept(step.config_after, config)
        if outcome.status != "applied" or kept:
            return outcome
        return replace(outcome, status="failed", message=ANOTHER)

    def _kept(self, wanted: Value | None, now: Value | None) -> bool:
        return wanted is None or self._pcpus.same(wanted, now)

    def _kernel(self, guest: Guest | None, pin: Pin | SettingRow, live: CpuSet) -> CpuSet | None:
        """Where the kernel lets the thread run, written like `live` if that means the same."""
        if guest is None or not isinstance(pin, Pin) or (tid := guest.tid(pin.key)) is None:
            return None
        allowed = guest.allowed(tid)
        shape = topology(HostState(cells=self._machine.cells, pcpus=self._machine.pcpus))
        return live if allowed is not None and not differ(live, allowed, shape) else allowed


def pin_kind(step: PinStep) -> PinKind | None:
    """The kind of thread that a step pins; None for one of memory or scheduling."""
    kind = step.kind
    return kind if kind == "vcpu" or kind == "emulator" or kind == "iothread" else None

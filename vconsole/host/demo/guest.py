"""The process of an invented domain, as /proc would show it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

from vconsole.host.demo import shape
from vconsole.host.demo.load import Load, load_of
from vconsole.host.domain_xml import DomainXml
from vconsole.host.proc import Guest, Stat, Thread
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey

_NOWHERE = Path("/nonexistent")
_STAYS_S = 9.0
"""How long a thread stays on a pCPU, where it may run on others."""
_RUNNING = 1
SLICES_S = 1500
"""Times in a second of waiting that a thread is taken off its pCPU."""


class Ground(Protocol):
    """The host that a guest runs on."""

    lock: AbstractContextManager[Any]

    @property
    def now_s(self) -> float:
        """Seconds since the host was started."""

    def live(self, domain: Any) -> DomainXml:
        """What a running domain has now."""

    def allowed(self, domain: Any, key: PinKey) -> CpuSet:
        """Where a thread may run."""

    def memory(self, domain: Any) -> dict[int, int]:
        """Cell -> bytes of a running domain's memory."""


@dataclass(slots=True)
class DemoGuest(Guest):
    """A running domain: what its threads did is computed from the time it ran."""

    world: Ground = field(kw_only=True)
    domain: Any = field(kw_only=True)
    _ran_s: float = 0.0
    _read_s: float = 0.0

    @classmethod
    def of(cls, world: Ground, domain: Any) -> DemoGuest:
        """The process of a domain, which may have run for long."""
        seed = crc32(domain.UUID())
        guest = cls(_NOWHERE, 2000 + seed % 30000, 1, world=world, domain=domain)
        guest._ran_s, guest._read_s = 600.0 + seed % 3600, world.now_s
        return guest

    def ran_s(self) -> float:
        """How long it has run; not while it is paused."""
        with self.world.lock:
            now, running = self.world.now_s, self.domain.state(0)[0] == _RUNNING
            self._ran_s += now - self._read_s if running else 0.0
            self._read_s = now
            return self._ran_s

    def stat(self) -> Stat | None:
        """The process as a whole; None once the domain does not run any more."""
        import libvirt

        try:
            if not self.domain.isActive():
                return None
            ran = self.ran_s()
            cpu_s = sum(load.busy_s(ran) for _, load in self._loads())
            resident = sum(self.world.memory(self.domain).values())
        except libvirt.libvirtError:
            return None
        return Stat(int(cpu_s * 1e9), self.start, resident, 0)

    def threads(self) -> Iterator[Thread]:
        """Its vCPUs, emulator and iothreads."""
        ran = self.ran_s()
        for number, (key, load) in enumerate(self._loads()):
            ns = int(load.busy_s(ran) * 1e9)
            allowed = self.world.allowed(self.domain, key)
            place = self._place(key, number, allowed, ran)
            wait = int(ns * 0.006)
            switches = int(wait / 1e9 * SLICES_S)
            yield Thread(key, self.pid + number, place, ns, wait, allowed, switches)

    def shares(self) -> Iterator[tuple[int, float]]:
        """(pCPU, share of it) that each thread takes now; nothing while it is paused."""
        if self.domain.state(0)[0] != _RUNNING:
            return
        ran = self.ran_s()
        for number, (key, load) in enumerate(self._loads()):
            allowed = self.world.allowed(self.domain, key)
            yield self._place(key, number, allowed, ran), load.share(ran)

    def _loads(self) -> list[tuple[PinKey, Load]]:
        live, name = self.world.live(self.domain), self.domain.name()
        keys = (key for key in live.pins if key not in live.unplugged)
        return [(key, load_of(name, key[1] if key[0] == "vcpu" else None)) for key in keys]

    def _place(self, key: PinKey, number: int, allowed: CpuSet, ran: float) -> int:
        """The pCPU where a thread is: with its memory, if it may run there."""
        mine = list(allowed)
        lies = self.world.memory(self.domain)
        home = max(lies, key=lambda cell: lies[cell]) if lies else 0
        near = [pcpu for pcpu in mine if shape.cell_of(pcpu) == home]
        seed = crc32(f"{self.domain.name()} {key}".encode())
        turn = int(ran / _STAYS_S + seed % 7)
        pool = near if near and turn % 4 else mine
        return pool[(number * 2 + turn * 5 + seed) % len(pool)]

    def tid(self, key: PinKey) -> int | None:
        """The thread of this row."""
        keys = [row for row, _ in self._loads()]
        return self.pid + keys.index(key) if key in keys else None

    def allowed(self, tid: int) -> CpuSet | None:
        """Where the kernel lets the thread run: where libvirt says."""
        keys = [row for row, _ in self._loads()]
        number = tid - self.pid
        return self.world.allowed(self.domain, keys[number]) if number < len(keys) else None

    def memory(self) -> dict[int, int] | None:
        """Bytes of its memory by cell."""
        return self.world.memory(self.domain)

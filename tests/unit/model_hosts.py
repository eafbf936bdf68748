"""Small hosts and domains built by hand, and strategies that build many of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import NAMESPACE_DNS, uuid5

from hypothesis import strategies as st

from tests.feed import moved
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import (
    Cell,
    Domain,
    HostState,
    Locality,
    NumaTune,
    Pages,
    PCpu,
    Pin,
    PinKey,
    RowKey,
)
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status, StepOutcome
from vconsole.model.setting import SettingRow

GIB = 1 << 30


def c(text: str) -> CpuSet:
    return CpuSet.parse(text)


def vcpu(number: int) -> PinKey:
    return "vcpu", number


EMULATOR: PinKey = ("emulator", None)


def uuid_of(name: str) -> str:
    return str(uuid5(NAMESPACE_DNS, name.encode("utf-8", "backslashreplace").decode()))


def smt_pcpus(cells: int = 2, cores: int = 4) -> tuple[PCpu, ...]:
    """Two threads a core: cell 0 has cores 0-3 with siblings 8-11, cell 1 cores 4-7 and 12-15."""
    half = cells * cores
    return tuple(
        PCpu(
            n,
            cell=n % half // cores,
            socket=n % half // cores,
            die=0,
            core=n % half,
            siblings=CpuSet.of((n % half, n % half + half)),
            online=True,
        )
        for n in range(2 * half)
    )


def host(
    *domains: Domain,
    pcpus: tuple[PCpu, ...] | None = None,
    free_gib: tuple[float | None, ...] = (16.0, 16.0),
    pages: tuple[Pages, ...] = (),
    lies: dict[str, dict[int, int]] | None = None,
) -> HostState:
    """By default 2 cells of 4 cores with 2 threads, 16 GiB free each; `lies` is in GiB."""
    made = smt_pcpus(len(free_gib)) if pcpus is None else pcpus
    cells = tuple(
        Cell(
            n,
            total_bytes=32 * GIB,
            free_bytes=None if free is None else int(free * GIB),
            pcpus=tuple(p.id for p in made if p.cell == n),
            distances={m: 10 if m == n else 20 + abs(m - n) for m in range(len(free_gib))},
            pages=pages,
        )
        for n, free in enumerate(free_gib)
    )
    locality = {
        uuid_of(name): Locality({cell: gib * GIB for cell, gib in where.items()}, 0.0)
        for name, where in (lies or {}).items()
    }
    return HostState(cells=cells, pcpus=made, domains=domains, locality=locality)


def domain(
    name: str,
    vcpus: Iterable[str] = (),
    *,
    emulator: str | None = None,
    iothreads: Iterable[str] = (),
    state: str = "running",
    gib: float | None = 4.0,
    nodeset: str | None = None,
    mode: str = "strict",
    hugepages_kib: int | None = None,
    threads: int = 0,
    everything: str = "0-15",
) -> Domain:
    """A domain with a set for each vCPU, ``-`` for all pCPUs; live and config alike."""
    texts: list[tuple[PinKey, str]] = [(vcpu(n), text) for n, text in enumerate(vcpus)]
    texts += [(EMULATOR, emulator)] if emulator else []
    texts += [(("iothread", n), text) for n, text in enumerate(iothreads, 1)]
    active = state == "running"
    sets = [(key, c(everything if text == "-" else text)) for key, text in texts]
    return Domain(
        uuid_of(name),
        name,
        state,
        pins=tuple(Pin(kind, n, s if active else None, s) for (kind, n), s in sets),
        memory_bytes=None if gib is None else int(gib * GIB),
        numatune=NumaTune(mode, c(nodeset)) if nodeset else None,
        hugepages_kib=hugepages_kib,
        topology=(1, 2, threads) if threads else None,
        autostart=True,
        persistent=True,
    )


@dataclass
class MemoryHost:
    """A libvirt that keeps its rows in a dictionary and refuses what was changed meanwhile."""

    rows: dict[RowKey, Pin | SettingRow] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Pin | SettingRow]) -> MemoryHost:
        return cls({row.key: row for row in rows})

    @property
    def base(self) -> tuple[Pin, ...]:
        return tuple(row for row in self.rows.values() if isinstance(row, Pin))

    @property
    def settings(self) -> tuple[SettingRow, ...]:
        return tuple(row for row in self.rows.values() if isinstance(row, SettingRow))

    def apply(self, change: PinChange, fails_at: int | None = None) -> Outcome:
        """Set row by row; from step `fails_at` on nothing works."""
        steps = tuple(
            self._step(step) if fails_at is None or n < fails_at else StepOutcome(step, "failed")
            for n, step in enumerate(change.steps)
        )
        statuses: list[Status] = [s.status for s in steps if s.status != "applied"]
        return Outcome(change, statuses[0] if statuses else "applied", steps)

    def _step(self, step: PinStep) -> StepOutcome:
        pin = self.rows[step.key]
        for seen, now in ((step.live_before, pin.live), (step.config_before, pin.config)):
            if seen is not None and seen != now:
                return StepOutcome(step, "conflict")
        self.rows[step.key] = moved(pin, step)
        return StepOutcome(step, "applied")


# ---- strategies

cpusets = st.sets(st.integers(0, 20), min_size=1, max_size=12).map(CpuSet.of)
any_cpusets = st.sets(st.integers(0, 300), max_size=40).map(CpuSet.of)


@st.composite
def pin_bases(draw: st.DrawFn) -> tuple[Pin, ...]:
    """Pins of a domain that is running, shut off or transient, live and config as they come."""
    live, config = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    keys: list[PinKey] = [vcpu(n) for n in range(draw(st.integers(1, 5)))]
    keys += draw(st.sampled_from([[], [EMULATOR], [EMULATOR, ("iothread", 1)]]))
    return tuple(
        Pin(kind, n, draw(cpusets) if live else None, draw(cpusets) if config else None)
        for kind, n in keys
    )


@st.composite
def _shapes(draw: st.DrawFn, n_cells: int) -> tuple[PCpu, ...]:
    """Cells of a few cores, with two L3 domains a cell or one, and two kinds of cores or one."""
    cores = draw(st.integers(1, 4))
    split, kinds = draw(st.booleans()), draw(st.booleans())
    pcpus = smt_pcpus(n_cells, cores)
    place = {p.id: (p.core or 0) % cores for p in pcpus}
    low = {p.id: split and 2 * place[p.id] >= cores for p in pcpus}
    first = {(p.cell, low[p.id]): p.id for p in reversed(pcpus)}
    return tuple(
        replace(
            p,
            l3=first[p.cell, low[p.id]] if draw(st.sampled_from([True] * 9 + [False])) else None,
            kind=place[p.id] % 2 if kinds else None,
        )
        for p in pcpus
    )


@st.composite
def hosts(draw: st.DrawFn) -> tuple[HostState, Domain]:
    """Any small host, crippled in any way, and a domain that looks for a place on it."""
    n_cells = draw(st.integers(1, 4))
    pcpus = tuple(
        replace(
            pcpu,
            online=draw(st.sampled_from([True, True, True, False, None])),
            isolated=draw(st.sampled_from([False, False, False, True])),
        )
        for pcpu in draw(_shapes(n_cells))
    )
    everything = str(CpuSet.of(p.id for p in pcpus))
    sets = st.sets(st.sampled_from(pcpus), min_size=1, max_size=3)
    pins = sets.map(lambda chosen: str(CpuSet.of(p.id for p in chosen))) | st.just("-")
    others = [
        domain(
            f"other-{n}",
            draw(st.lists(pins, max_size=3)),
            everything=everything,
            state=draw(st.sampled_from(["running", "running", "shut off"])),
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    seeker = domain(
        "seeker",
        draw(st.lists(pins, min_size=1, max_size=8)),
        emulator="-",
        iothreads=draw(st.sampled_from([(), ("-",)])),
        state=draw(st.sampled_from(["running", "shut off"])),
        gib=draw(st.sampled_from([0.5, 4.0, 12.0, 30.0])),
        nodeset=draw(st.sampled_from([None, None, "0"])),
        hugepages_kib=draw(st.sampled_from([None, None, 2048])),
        threads=draw(st.sampled_from([0, 1, 2])),
        everything=everything,
    )
    free = tuple(draw(st.sampled_from([None, 0.0, 3.0, 8.0, 16.0, 64.0])) for _ in range(n_cells))
    pages = draw(st.sampled_from([(), (Pages(2048, 8192, 4096),)]))
    lies = draw(st.dictionaries(st.integers(0, n_cells - 1), st.integers(0, 12)))
    host_state = host(
        *others, seeker, pcpus=pcpus, free_gib=free, pages=pages, lies={"seeker": lies}
    )
    return host_state, seeker

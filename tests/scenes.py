"""Believable hosts as snapshots, always the same: for tests and for the pictures in the docs.

Clocks stand still at `NOW`. Every scene is a function, so that a test cannot spoil it for others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import NAMESPACE_DNS, uuid5
from xml.sax.saxutils import escape, quoteattr

from tests.fleet import HOSTILE_NAMES, KVM07_FLEET, Spec
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import (
    EMPTY,
    Cell,
    Check,
    Connection,
    Detail,
    Device,
    Domain,
    Freshness,
    HostState,
    Locality,
    Node,
    NumaTune,
    Pages,
    PCpu,
    Pin,
    PinKind,
    ThreadUsage,
    Usage,
)

NOW: Final = 5_000.0
"""The monotonic second at which every scene was read."""
GIB: Final = 1 << 30
MIB: Final = 1 << 20
LastRan = tuple[tuple[str, PinKind, int | None], ...]


def uuid_of(name: str) -> str:
    """The UUID that a domain of this name has in every scene."""
    return str(uuid5(NAMESPACE_DNS, name.encode("utf-8", "backslashreplace").decode()))


def kvm07() -> HostState:
    """4 cells of 8 cores with SMT, 22 domains in all states, usage and locality measured."""
    pcpus = _smt_pcpus(cells=4, cores=8, isolated=CpuSet.parse("28-31,60-63"))
    free = (6.4, 12.8, 21.5, 40.3)
    huge = ((Pages(2048, 12288, 64), Pages(1048576, 0, 0)), (Pages(2048, 40960, 8192),) * 1)
    cells = tuple(
        Cell(
            id=number,
            total_bytes=96 * GIB,
            free_bytes=int(free[number] * GIB),
            pcpus=tuple(p.id for p in pcpus if p.cell == number),
            distances={n: (10, 12, 21, 21)[abs(n - number)] for n in range(4)},
            pages=huge[number % 2],
        )
        for number in range(4)
    )
    connection = Connection("qemu:///system", "kvm07", "QEMU", local=True, capable=True)
    return _scene(connection, cells, pcpus, KVM07_FLEET)


def one_cell(n_domains: int = 10) -> HostState:
    """A small host without NUMA: one cell, 8 pCPUs without SMT, `n_domains` domains."""
    pcpus = tuple(
        PCpu(n, cell=0, socket=0, die=0, core=n, siblings=CpuSet.of([n]), online=True)
        for n in range(8)
    )
    cells = (Cell(0, 32 * GIB, 11 * GIB, tuple(range(8)), {0: 10}, (Pages(2048, 0, 0),)),)
    states = ("running", "running", "running", "shut off", "paused")
    specs = tuple(
        Spec(
            f"guest-{number:05d}",
            states[number % 5],
            vcpus=1 + number % 4,
            gib=1 + number % 3,
            pins=("", "0-3", str(number % 8))[number % 3],
            cpu=float(number * 7 % 100),
            autostart=number % 2 == 0,
        )
        for number in range(n_domains)
    )
    connection = Connection("qemu:///system", "small", "QEMU", local=True, capable=True)
    return _scene(connection, cells, pcpus, specs)


def sixteen_cells() -> HostState:
    """1024 pCPUs in 16 cells with gaps in the ids; two cells without CPUs, one without memory."""
    ids = (0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 32, 33)
    widths = (128, 128, *(64,) * 12, 0, 0)
    pcpus: list[PCpu] = []
    for cell, width in zip(ids, widths, strict=True):
        pcpus += _block(len(pcpus), cell, width)
    cells = tuple(
        Cell(
            id=number,
            total_bytes=0 if number == 25 else 256 * GIB,
            free_bytes=0 if number == 25 else (17 + 9 * place) * GIB,
            pcpus=tuple(p.id for p in pcpus if p.cell == number),
            distances={n: 10 if n == number else 20 + abs(n - number) for n in ids},
            pages=() if number == 25 else (Pages(2048, 1024, 1024 - 64 * place),),
        )
        for place, number in enumerate(ids)
    )
    fleet = (
        Spec("giant", vcpus=512, gib=1024, pins="256-767", nodeset="2-3,8-11", cpu=41200.0),
        Spec("far", vcpus=4, gib=8, pins="1020/1021/1022/1023", nodeset="33", cpu=20.0),
        Spec("idle", "shut off", vcpus=2, gib=2),
    )
    connection = Connection("qemu+ssh://big/system", "big", "QEMU", capable=True)
    return _scene(connection, cells, tuple(pcpus), fleet)


def eight_l3() -> HostState:
    """One cell of 64 cores with SMT in eight L3 domains; ten domains that run anywhere."""
    pcpus = tuple(replace(pcpu, l3=pcpu.id % 64 // 8 * 8) for pcpu in _smt_pcpus(1, 64, CpuSet()))
    cells = (Cell(0, 512 * GIB, 400 * GIB, tuple(range(128)), {0: 10}),)
    sizes = (8, 8, 8, 8, 6, 4, 4, 4, 2, 2)
    fleet = tuple(Spec(f"ten-{n}", vcpus=vcpus, gib=8) for n, vcpus in enumerate(sizes))
    connection = Connection("qemu:///system", "epyc", "QEMU", local=True, capable=True)
    return _scene(connection, cells, pcpus, fleet)


def hostile() -> HostState:
    """kvm07 with names and titles that try to take over the terminal."""
    base = kvm07()
    specs = tuple(
        Spec(name, gib=1, cpu=float(n), title=HOSTILE_NAMES[-1 - n], lies={0: 0.9})
        for n, name in enumerate(HOSTILE_NAMES)
    )
    connection = replace(base.connection, hostname="kvm\x9b31m07", uri="test:///\x1b[2J")
    return _scene(connection, base.cells, base.pcpus, specs)


def empty() -> HostState:
    """kvm07 without a single domain."""
    base = kvm07()
    return _scene(base.connection, base.cells, base.pcpus, ())


def never_connected(reason: str = "qemu:///system: connection refused") -> HostState:
    """What is shown when there never was a connection."""
    return replace(EMPTY, freshness=Freshness(None, NOW - 3, reason))


def stale(host_state: HostState, reason: str = "libvirt does not answer") -> HostState:
    """The same data, seven seconds after libvirt stopped to answer."""
    return replace(host_state, freshness=Freshness(NOW - 7, NOW - 7, reason))


def read_only(host_state: HostState, reason: str = "--read-only was given") -> HostState:
    """The same over a connection that refuses every change."""
    return replace(
        host_state,
        connection=replace(host_state.connection, read_only=True, read_only_reason=reason),
    )


def one_set(host_state: HostState) -> HostState:
    """The same as the demo host shows it: a driver that keeps live and config pins as one."""
    connection = replace(
        host_state.connection, uri="test:///default", driver="Test", demo=True, split_pins=False
    )
    domains = (
        replace(d, pins=tuple(replace(p, config=p.now) for p in d.pins)) for d in host_state.domains
    )
    return replace(host_state, connection=connection, domains=tuple(domains))


def in_view(host_state: HostState, name: str) -> HostState:
    """The same with the details of the domain of this name."""
    domain = next(d for d in host_state.domains if d.name == name)
    threads = tuple(_thread(n, pin) for n, pin in enumerate(domain.pins)) if domain.active else ()
    detail = Detail(
        uuid=domain.uuid,
        threads=threads,
        xml_live=_xml(domain, config=False) if domain.active else None,
        xml_config=_xml(domain, config=True) if domain.persistent else None,
        devices=(
            Device("disk", "vda", "/var/lib/libvirt/images/system.qcow2, virtio, qcow2"),
            Device("interface", "vnet3", "bridge br0, virtio, 52:54:00:1c:7a:02"),
            Device("graphics", "vnc", "127.0.0.1:5903"),
            Device("channel", "org.qemu.guest_agent.0", "unix, connected"),
        ),
        facts=(
            ("Display", "vnc at 127.0.0.1, port 5903"),
            ("OS type", "hvm"),
            ("Persistent", "yes"),
            ("Autostart", "enable" if domain.autostart else "disable"),
            ("Managed save", "no"),
            ("Security model", "apparmor"),
            ("balloon actual", "8.0 GiB"),
        ),
    )
    return replace(host_state, detail=detail)


def _thread(number: int, pin: Pin) -> ThreadUsage:
    sets = pin.live or CpuSet.of([0])
    ids = list(sets)
    return ThreadUsage(
        kind=pin.kind,
        id=pin.id,
        state="running" if pin.kind == "vcpu" else None,
        pcpu=ids[number % len(ids)],
        cpu_time_ns=(number + 1) * 1_234_567_890,
        cpu_percent=float(90 - 7 * number % 90),
        wait_percent=float(number % 5),
        tid=40_000 + number,
        allowed=sets,
    )


def _scene(
    connection: Connection, cells: tuple[Cell, ...], pcpus: tuple[PCpu, ...], fleet: Iterable[Spec]
) -> HostState:
    specs = tuple(fleet)
    everything = CpuSet.of(p.id for p in pcpus)
    domains = tuple(_domain(n, spec, everything) for n, spec in enumerate(specs, 1))
    pairs = list(zip(domains, specs, strict=True))
    return HostState(
        connection=connection,
        freshness=Freshness(read_at=NOW),
        node=_node(cells),
        cells=cells,
        pcpus=pcpus,
        busy={p.id: float(p.id * 37 % 101) for p in pcpus if p.online},
        domains=domains,
        usage={d.uuid: _usage(spec) for d, spec in pairs if d.active},
        locality={d.uuid: _locality(spec) for d, spec in pairs if d.active and spec.lies},
        last_ran=_last_ran(domains),
    )


def _domain(number: int, spec: Spec, everything: CpuSet) -> Domain:
    live = spec.state not in ("shut off", "crashed")
    now = _rows(spec.pins, spec.vcpus, everything)
    later = now if spec.config is None else _rows(spec.config, spec.vcpus, everything)
    others: list[tuple[PinKind, int | None, str]] = [("emulator", None, spec.emulator)]
    others += [("iothread", n, text) for n, text in enumerate(spec.iothreads, 1)]
    pins = [Pin("vcpu", n, now[n] if live else None, later[n]) for n in range(spec.vcpus)]
    for kind, row, text in others:
        cpuset = CpuSet.parse(text) if text else everything
        pins.append(Pin(kind, row, cpuset if live else None, cpuset))
    return Domain(
        uuid=uuid_of(spec.name),
        name=spec.name,
        state=spec.state,
        id=number if live else None,
        detailed=True,
        title=spec.title,
        vcpus=spec.vcpus,
        max_vcpus=spec.max_vcpus or spec.vcpus,
        memory_bytes=int(spec.gib * GIB),
        max_memory_bytes=int((spec.max_gib or spec.gib) * GIB),
        autostart=spec.autostart,
        persistent=True,
        pins=tuple(pins),
        numatune=NumaTune("strict", CpuSet.parse(spec.nodeset)) if spec.nodeset else None,
        hugepages_kib=spec.hugepages_kib,
        topology=(1, spec.vcpus // 2, 2) if spec.vcpus >= 8 else None,
    )


def _rows(text: str, count: int, everything: CpuSet) -> tuple[CpuSet, ...]:
    parts = (text or "-").split("/")
    sets = [everything if part == "-" else CpuSet.parse(part) for part in parts]
    return tuple(sets[n if len(sets) > 1 else 0] for n in range(count))


def _usage(spec: Spec) -> Usage:
    running = spec.state == "running"
    history = [max(0.0, spec.cpu * (1 + 0.3 * math.sin(step))) for step in range(9)]
    return Usage(
        cpu_percent=spec.cpu if running else None,
        history=(*(round(value, 1) for value in history), spec.cpu) if running else (),
        wait_percent=spec.wait if running else None,
        rss_bytes=int(sum(spec.lies.values()) * GIB) or None,
    )


def _locality(spec: Spec) -> Locality:
    return Locality({cell: int(gib * GIB) for cell, gib in spec.lies.items()}, NOW - 4)


def _last_ran(domains: Iterable[Domain]) -> dict[int, LastRan]:
    ran: dict[int, LastRan] = {}
    for domain in domains:
        for number, pin in enumerate(domain.pins if domain.active else ()):
            ids = list(pin.live or ())
            pcpu = ids[number % len(ids)]
            ran[pcpu] = (*ran.get(pcpu, ()), (domain.uuid, pin.kind, pin.id))
    return ran


def _smt_pcpus(cells: int, cores: int, isolated: CpuSet) -> tuple[PCpu, ...]:
    """Two threads a core, numbered as Linux does: all first threads before all second ones."""
    half = cells * cores
    return tuple(
        PCpu(
            id=number,
            cell=number % half // cores,
            socket=number % half // cores // 2,
            die=0,
            core=number % half,
            siblings=CpuSet.of([number % half, number % half + half]),
            online=True,
            isolated=number in isolated,
            nohz_full=number in isolated,
        )
        for number in range(2 * half)
    )


def _block(first: int, cell: int, width: int) -> list[PCpu]:
    """A cell whose siblings are neighbours; its last core is offline."""
    made: list[PCpu] = []
    for number in range(first, first + width):
        base, online = number - number % 2, number < first + width - 2
        siblings = CpuSet.of([base, base + 1]) if online else CpuSet()
        made.append(PCpu(number, cell, cell // 8, cell % 8, base // 2, siblings, online))
    return made


def _node(cells: tuple[Cell, ...]) -> Node:
    total = sum(c.total_bytes or 0 for c in cells)
    free = sum(c.free_bytes or 0 for c in cells)
    return Node(
        model="x86_64",
        mhz=2650,
        memory_bytes=total,
        memory_stats={"total": total, "free": free, "buffers": 600 * MIB, "cached": 9 * GIB},
        cpu_percent={"user": 31.4, "system": 4.2, "idle": 63.9, "iowait": 0.5},
        swap_total_bytes=8 * GIB,
        swap_used_bytes=0,
        governor="performance",
        checks=(
            Check("CPU", "ok", "svm is among the CPU's flags"),
            Check("KVM modules", "ok", "kvm and kvm_amd are loaded"),
            Check("/dev/kvm", "ok", "opens for reading and writing"),
            Check("IOMMU", "warn", "not in use", "boot with amd_iommu=on iommu=pt"),
            Check("Nested", "ok", "kvm_amd nested=1"),
        ),
    )


def _xml(domain: Domain, config: bool) -> str:
    pins = "".join(
        f"    <vcpupin vcpu='{pin.id}' cpuset='{pin.config if config else pin.live}'/>\n"
        for pin in domain.pins
        if pin.kind == "vcpu"
    )
    number = "" if config else f" id={quoteattr(str(domain.id))}"
    return (
        f"<domain type='kvm'{number}>\n  <name>{escape(domain.name)}</name>\n"
        f"  <uuid>{domain.uuid}</uuid>\n  <vcpu placement='static'>{domain.vcpus}</vcpu>\n"
        f"  <cputune>\n{pins}  </cputune>\n</domain>\n"
    )

"""Everything the screen may know about a host at one instant, as frozen values.

Missing is None and shown ``-``, never 0. Units are in the names. Identity is a domain's UUID and
the number of a pCPU, cell or vCPU. The parts that change every tick (`HostState.usage`, `.busy`)
are kept apart from those that seldom do (`Domain`), so that an unchanged domain is the same object
in the next state and costs nothing to compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Final, Literal

from vconsole.model.cpuset import CpuSet
from vconsole.model.setting import Setting, SettingKind, SettingRow
from vconsole.model.value import dataclass

PinKind = Literal["vcpu", "emulator", "iothread"]
RowKind = PinKind | SettingKind
Active: Final = frozenset({"running", "idle", "paused", "in shutdown", "pmsuspended"})
"""The states, in virsh's words, in which a domain has a live configuration."""


@dataclass(frozen=True, slots=True)
class Pages:
    """One size of huge pages of a cell (``virsh freepages``)."""

    size_kib: int
    total: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A NUMA cell of the host; `pcpus` may be empty (CPU-less) and memory 0 (memory-less)."""

    id: int
    total_bytes: int | None = None
    free_bytes: int | None = None
    pcpus: tuple[int, ...] = ()
    distances: Mapping[int, int] = field(default_factory=dict)
    """Cell id -> distance, 10 for itself, as in the capabilities' ``<distances>``."""
    pages: tuple[Pages, ...] = ()
    invented: bool = False
    """The host's capabilities name no cells: this one stands for the whole host."""


@dataclass(frozen=True, slots=True)
class PCpu:
    """A logical CPU of the host; `id` is the number the operating system gives it."""

    id: int
    cell: int | None = None
    socket: int | None = None
    die: int | None = None
    core: int | None = None
    siblings: CpuSet = CpuSet()
    """The SMT threads of its core, itself among them."""
    online: bool | None = None
    isolated: bool = False
    """Named by isolcpus=: the scheduler does not balance over it."""
    nohz_full: bool = False
    rcu_nocbs: bool = False
    """Its RCU callbacks run elsewhere (kernel parameter of that name)."""
    l3: int | None = None
    """The lowest pCPU that shares its level 3 cache: what names an L3 domain (CCX, tile)."""
    kind: int | None = None
    """0 for the strongest kind of cores, 1 for the next; None where the host has one kind."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Where one thread of a domain may run; `id` is None for the emulator.

    `live` is None while the domain is not active, `config` when it is transient. A set that names
    every pCPU means "not pinned".
    """

    kind: PinKind
    id: int | None
    live: CpuSet | None = None
    config: CpuSet | None = None
    plugged: bool = field(default=True, kw_only=True)
    """False for a vCPU below the maximum that is not there yet: its set waits for it."""

    @property
    def key(self) -> PinKey:
        """What identifies the row: kind and id."""
        return self.kind, self.id

    @property
    def now(self) -> CpuSet | None:
        """The set in force: the live one, else the one of the next start."""
        return self.live if self.live is not None else self.config


PinKey = tuple[PinKind, int | None]
RowKey = tuple[RowKind, int | None]
Value = CpuSet | Setting
"""What a row of a plan has: a set of pCPUs, or a setting."""


@dataclass(frozen=True, slots=True)
class NumaTune:
    """``<numatune><memory>``: how memory is bound to cells."""

    mode: str
    nodeset: CpuSet | None = None

    @property
    def bound(self) -> CpuSet | None:
        """The cells that it binds memory to; None for a mere preference."""
        return self.nodeset if self.mode in ("strict", "restrictive") and self.nodeset else None


@dataclass(frozen=True, slots=True)
class GuestCell:
    """A cell that the guest sees (``<cpu><numa><cell>``)."""

    id: int
    vcpus: CpuSet = CpuSet()
    memory_bytes: int | None = None
    tune: NumaTune | None = None
    """Its ``<numatune><memnode>``: stands before that of the domain."""
    page_kib: int | None = None
    """Size of the huge pages that back it, 0 for the host's default size; None for none."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain and its configuration, as far as it has been read (`detailed`)."""

    uuid: str
    name: str
    state: str = "no state"
    """In virsh's words: running, idle, paused, in shutdown, shut off, crashed, pmsuspended."""
    id: int | None = None
    detailed: bool = False
    """False until its XML was read: then only uuid, name, state and id are known."""
    title: str | None = None
    vcpus: int | None = None
    max_vcpus: int | None = None
    memory_bytes: int | None = None
    """The current allocation (balloon target)."""
    max_memory_bytes: int | None = None
    autostart: bool | None = None
    persistent: bool | None = None
    pins: tuple[Pin, ...] = ()
    """vCPUs by number, then the emulator, then the iothreads by id."""
    settings: tuple[SettingRow, ...] = ()
    """What its XML says of memory and scheduling; rows without a word in either half are left
    out."""
    numatune: NumaTune | None = None
    hugepages_kib: int | None = None
    """Size of the pages backing its memory, where ``<hugepages>`` asks for them; 0 where it names
    none, which is the host's default size (see `model.memory.page_kib`)."""
    guest_cells: tuple[GuestCell, ...] = ()
    """The cells that the guest sees, where its XML names any."""
    topology: tuple[int, int, int] | None = None
    """Sockets, cores, threads that the guest sees, where the XML says so."""
    problem: str | None = None
    """Why something of it could not be read, for the status line."""
    hostinfo_problem: str | None = None
    """What is wrong with its hostinfo port, and the cure."""
    diverged: int | None = None
    """In how many things it runs otherwise than it is defined; None where it does not run, has no
    definition, or one of the two is not known."""

    @property
    def active(self) -> bool:
        """Has a live configuration: running, paused and what lies between."""
        return self.state in Active


@dataclass(frozen=True, slots=True)
class Confined:
    """The pCPUs that control groups leave to a domain, where those are not all."""

    cpuset: CpuSet
    where: str
    """The uppermost group that leaves no more, such as ``machine.slice``; foreign. Empty where
    partitions of other groups have taken the rest."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a domain uses now; each value is None until two readings exist."""

    cpu_percent: float | None = None
    """Of one pCPU: a domain of 4 busy vCPUs shows 400."""
    history: tuple[float, ...] = ()
    """The latest `cpu_percent` values, oldest first."""
    wait_percent: float | None = None
    """Time its vCPUs were runnable but not running, of one pCPU."""
    rss_bytes: int | None = None
    switches_s: float | None = None
    """So often a second its vCPUs were taken from their pCPUs though they wanted to go on."""


@dataclass(frozen=True, slots=True)
class Locality:
    """Where a running domain's memory lies: bytes on each cell (``/proc/PID/numa_maps``)."""

    bytes_by_cell: Mapping[int, int]
    read_at: float
    """Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class ThreadUsage:
    """One thread of the domain in view: a vCPU, the emulator or an iothread."""

    kind: PinKind
    id: int | None
    state: str | None = None
    """A vCPU's state in virsh's words: offline, running, blocked."""
    pcpu: int | None = None
    """The pCPU it last ran on."""
    cpu_time_ns: int | None = None
    cpu_percent: float | None = None
    wait_percent: float | None = None
    tid: int | None = None
    allowed: CpuSet | None = None
    """The kernel's answer (``Cpus_allowed_list``), local hosts only."""


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a domain in a line: class, target, and what it is."""

    kind: str
    target: str
    description: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What is read only for the domain in view."""

    uuid: str
    threads: tuple[ThreadUsage, ...] = ()
    xml_live: str | None = None
    xml_config: str | None = None
    devices: tuple[Device, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """The rest of ``virsh dominfo`` and ``dommemstat`` as (label, text)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the virtualization check: what was looked at, the verdict and the cure."""

    name: str
    verdict: Literal["ok", "warn", "fail", "unknown"]
    reason: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """The host as a whole (``virsh nodeinfo``, ``nodecpustats``, ``nodememstats``)."""

    model: str | None = None
    mhz: int | None = None
    memory_bytes: int | None = None
    memory_stats: Mapping[str, int] = field(default_factory=dict)
    """``nodememstats`` in bytes: total, free, buffers, cached."""
    cpu_percent: Mapping[str, float] = field(default_factory=dict)
    """``nodecpustats`` as shares of the interval: user, system, idle, iowait."""
    swap_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    governor: str | None = None
    hugepage_kib: int | None = None
    """The default size of huge pages (``Hugepagesize`` of /proc/meminfo); local hosts only."""
    numad: bool | None = None
    """Whether numad can be asked where memory is free; None where that is not known."""
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection and what it can do."""

    uri: str = ""
    hostname: str = ""
    driver: str = ""
    """libvirt's name of the driver: QEMU, Test, LXC."""
    local: bool = False
    """True where /proc and /sys of this machine are those of the host."""
    demo: bool = False
    read_only: bool = False
    read_only_reason: str = ""
    split_pins: bool = True
    """False where the driver keeps one set of pins for live and config (libvirt's test driver)."""
    capable: bool = False
    """A connection was made at least once."""
    notice: str = ""
    """A sentence on it that stays on every page."""
    guide: str = ""
    """Name of the domain that the demo begins with: what is wrong with it can be cured."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the data is. `read_at` and `stale_since` are monotonic seconds."""

    read_at: float | None = None
    stale_since: float | None = None
    reason: str = ""
    """Why it is stale, or what is being waited for; one line."""
    cure: str = ""
    """What would help; one line."""
    connecting_since: float | None = None
    """When the attempt to connect began that has no answer yet; monotonic seconds."""
    pace_s: float = 0.0
    """The most from one reading to the next, where the host is too slow or far for the interval."""

    @property
    def stale(self) -> bool:
        """True from the first failed reading to the next good one."""
        return self.stale_since is not None

    @property
    def seldom(self) -> bool:
        """It is read so seldom that its age matters: the host is far away, or very slow."""
        return self.pace_s >= 10.0


_NOTHING: Final[Mapping[str, Usage]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class HostState:
    """The whole world of the screens. Compared by identity: a new reading is a new value."""

    connection: Connection = Connection()
    freshness: Freshness = Freshness()
    node: Node = Node()
    cells: tuple[Cell, ...] = ()
    pcpus: tuple[PCpu, ...] = ()
    busy: Mapping[int, float] = field(default_factory=dict)
    """pCPU id -> busy percent of the last interval."""
    domains: tuple[Domain, ...] = ()
    unlisted: str = ""
    """Why this user may not list domains; then that there are none means nothing."""
    usage: Mapping[str, Usage] = field(default_factory=lambda: _NOTHING)
    """Domain UUID -> what it uses."""
    locality: Mapping[str, Locality] = field(default_factory=dict)
    last_ran: Mapping[int, tuple[tuple[str, PinKind, int | None], ...]] = field(
        default_factory=dict
    )
    """pCPU id -> (domain UUID, kind, id) of the threads that ran there last; local hosts only."""
    allowed: Mapping[str, Mapping[PinKey, CpuSet]] = field(default_factory=dict)
    """Domain UUID -> row -> the kernel's answer (``Cpus_allowed_list``); local hosts only."""
    confined: Mapping[str, Confined] = field(default_factory=dict)
    """Domain UUID -> what control groups leave to it, "" for those that do not run yet; only where
    that is not all. Local hosts only."""
    detail: Detail | None = None

    def domain(self, uuid: str | None) -> Domain | None:
        """The domain of this UUID, or None when it is gone."""
        return next((d for d in self.domains if d.uuid == uuid), None)

    @property
    def all_pcpus(self) -> CpuSet:
        """Every pCPU that exists, online or not: what virsh writes for ``r``."""
        return CpuSet.of(p.id for p in self.pcpus)

    @property
    def online_pcpus(self) -> CpuSet:
        """The pCPUs not known to be offline."""
        return CpuSet.of(p.id for p in self.pcpus if p.online is not False)

    def cell(self, number: int) -> Cell | None:
        """The cell of this id."""
        return next((c for c in self.cells if c.id == number), None)


EMPTY: Final = HostState()
"""What is known before the first reading."""

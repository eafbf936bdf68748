"""The words of the domain page, made from the state of the host: facts, memory, threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from vconsole.model.attention import attention
from vconsole.model.column import Column
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import differ
from vconsole.model.host_state import (
    Detail,
    Device,
    Domain,
    HostState,
    NumaTune,
    Pin,
    PinKey,
    ThreadUsage,
    Usage,
)
from vconsole.model.keys import Keys
from vconsole.model.memory import cells_label
from vconsole.model.placement import cells_allowed, differs, locality_percent, pin_badge
from vconsole.model.topology import Topology, topology
from vconsole.model.words import page_name, plural, row_label, rows_label
from vconsole.text import Cell, Line, bar, percent, safe, size, sizes

KEY = Keys("domain")
LABEL = 16
_NONE = Usage()
YES = {True: "yes", False: "no", None: "-"}
_MEMORY_FACTS = frozenset(
    [
        "actual",
        "swap_in",
        "swap_out",
        "major_fault",
        "minor_fault",
        "unused",
        "available",
        "usable",
        "last_update",
        "rss",
        "disk_caches",
        "hugetlb_pgalloc",
        "hugetlb_pgfail",
    ]
)


def fact(label: str, words: str, style: str = "") -> Line:
    """A line of a label and what there is to say."""
    return (f"  {safe(label):<{LABEL - 1}} ", "dim"), (safe(words), style)


def is_memory_fact(label: str) -> bool:
    """Belongs to ``virsh dommemstat``."""
    return label in _MEMORY_FACTS or label.startswith("balloon")


# -- overview ------------------------------------------------------------------------------------


def overview(domain: Domain, host_state: HostState, detail: Detail | None) -> list[Line]:
    """What ``virsh dominfo`` says, where it may run, and what is wrong with it."""
    facts = [*_identity(domain), *_size(domain, host_state), *_place(domain, host_state)]
    mine = {label.casefold() for label, _ in facts}
    lines = [fact(label, words) for label, words in facts if words]
    if words := domain.problem or attention(domain, host_state):
        lines.insert(0, fact("! look", words, "warn"))
    known = detail.facts if detail else ()
    lines += [
        fact(label, words)
        for label, words in known
        if label.casefold() not in mine and not is_memory_fact(label)
    ]
    return lines


def _identity(domain: Domain) -> Iterator[tuple[str, str]]:
    yield "Name", domain.name
    yield "Title", domain.title or ""
    yield "UUID", domain.uuid
    yield "Id", "-" if domain.id is None else str(domain.id)
    yield "State", domain.state
    yield "Persistent", YES[domain.persistent]
    yield "Autostart", YES[domain.autostart]
    yield "Divergence", _diverged(domain)


def _diverged(domain: Domain) -> str:
    found = domain.diverged
    return (
        f"{plural(found, 'difference')} of live and config; {KEY.divergence} lists them"
        if found
        else ""
    )


def _size(domain: Domain, host_state: HostState) -> Iterator[tuple[str, str]]:
    usage = host_state.usage.get(domain.uuid, _NONE)
    count = "-" if domain.vcpus is None else str(domain.vcpus)
    if domain.max_vcpus not in (None, domain.vcpus):
        count += f" of {domain.max_vcpus}"
    yield "vCPUs", count
    if domain.topology:
        words = zip(domain.topology, ("socket", "core", "thread"), strict=True)
        yield "Topology", " x ".join(plural(n, word) for n, word in words) + " seen by the guest"
    if domain.active:
        yield "CPU", f"{percent(usage.cpu_percent)} %, waiting {percent(usage.wait_percent)} %"
    yield "Memory", sizes(domain.memory_bytes, domain.max_memory_bytes)
    yield "Resident", size(usage.rss_bytes)
    yield "Huge pages", pages_words(domain)


def _place(domain: Domain, host_state: HostState) -> Iterator[tuple[str, str]]:
    cells = cells_allowed(domain, host_state)
    yield "numatune", tune_words(domain)
    yield "Pins", _pins_words(domain, host_state)
    yield "May run on", cells_label(cells) if cells else "-"
    yield "Locality", locality_words(domain, host_state)


def _pins_words(domain: Domain, host_state: HostState) -> str:
    words = {
        None: "-",
        "none": "none: every thread may run everywhere",
        "part": "some threads",
        "full": "every vCPU",
    }[pin_badge(domain, host_state)]
    return f"{words}; live and config differ" if differs(domain) else words


def pages_words(domain: Domain) -> str:
    """The size of its huge pages, or that it asks for none."""
    if not domain.detailed:
        return "-"
    kib = domain.hugepages_kib
    if kib == 0:
        return "pages of the host's default size"
    return "none asked for" if kib is None else f"{page_name(kib)} pages"


def tune_words(domain: Domain) -> str:
    """Its memory policy."""
    if not domain.detailed:
        return "-"
    tunes = [("", domain.numatune)] if domain.numatune else []
    tunes += [(f"guest cell {g.id}: ", g.tune) for g in domain.guest_cells if g.tune]
    return "; ".join(who + _tune_words(tune) for who, tune in tunes if tune) or "none"


def _tune_words(tune: NumaTune) -> str:
    return f"{tune.mode}, {cells_label(tune.nodeset) if tune.nodeset else 'no cells named'}"


def locality_words(domain: Domain, host_state: HostState) -> str:
    """Share of its memory on the cells its vCPUs may run on."""
    local = locality_percent(domain, host_state)
    return "-" if local is None else f"{local:.0f} % of its memory is on cells its vCPUs may run on"


# -- memory --------------------------------------------------------------------------------------


def memory(
    domain: Domain, host_state: HostState, detail: Detail | None, width: int, ascii_only: bool
) -> list[Line]:
    """Amounts, policy, and where its memory lies."""
    usage = host_state.usage.get(domain.uuid, _NONE)
    lines = [
        fact("Current", size(domain.memory_bytes)),
        fact("Maximum", size(domain.max_memory_bytes)),
        fact("Resident", size(usage.rss_bytes)),
        fact("numatune", tune_words(domain)),
        fact("Huge pages", pages_words(domain)),
        fact("Locality", locality_words(domain, host_state)),
        *_by_cell(domain, host_state, width, ascii_only),
    ]
    known = detail.facts if detail else ()
    return lines + [fact(label, words) for label, words in known if is_memory_fact(label)]


def _by_cell(domain: Domain, host_state: HostState, width: int, ascii_only: bool) -> Iterator[Line]:
    """A bar for each cell of the host."""
    measured = host_state.locality.get(domain.uuid)
    if measured is None:
        why = "not measured yet" if host_state.connection.local else "only known on a local host"
        yield fact("", f"where it lies: {why if domain.active else 'it does not run'}", "dim")
        return
    allowed = cells_allowed(domain, host_state)
    total = sum(measured.bytes_by_cell.values())
    ids = {cell.id for cell in host_state.cells} | set(measured.bytes_by_cell)
    for cell in sorted(ids):
        count = measured.bytes_by_cell.get(cell, 0)
        share = count / total if total else 0.0
        drawn = bar(share, 30 if width >= 100 else 16, ascii_only)
        words = f"{_amount(count):>9} {share * 100:4.0f} %  [{drawn}]  "
        yield (*fact(f"  cell {cell}", words), _note(cell, count, allowed))


def _amount(count: int) -> str:
    return size(count) if count else "0"


def _note(cell: int, count: int, allowed: CpuSet | None) -> tuple[str, str]:
    if allowed is None:
        return "", ""
    if cell in allowed:
        return "vCPUs may run here", "dim"
    return ("! no vCPU may run here", "warn") if count else ("", "")


# -- threads -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Thread:
    """A row of the CPU tab: its pins, and what it does."""

    key: PinKey
    pin: Pin | None
    usage: ThreadUsage | None
    shape: Topology

    @property
    def label(self) -> str:
        """Its name; in brackets while it is not plugged in, as on the page of pins."""
        label = row_label(self.key)
        return label if self.pin is None or self.pin.plugged else f"({label})"

    @property
    def drifts(self) -> bool:
        """The kernel holds it to another set than libvirt says: see `differ`."""
        if self.pin is None or self.usage is None:
            return False
        live, kernel = self.pin.live, self.usage.allowed
        return live is not None and kernel is not None and differ(live, kernel, self.shape)

    @property
    def anywhere(self) -> bool:
        """Its set, when it gets one, names every online pCPU."""
        now = self.pin.now if self.pin else None
        online = self.shape.online
        return now is not None and bool(online) and online <= now

    @property
    def changes_later(self) -> bool:
        """Its next start gives it another set."""
        pin = self.pin
        return pin is not None and None not in (pin.live, pin.config) and pin.live != pin.config

    @property
    def remark(self) -> str:
        """What is odd about it, in words."""
        if self.drifts and self.usage and self.pin:
            return f"the kernel allows {self.usage.allowed}, libvirt says {self.pin.live}"
        if self.pin and not self.pin.plugged:
            where = "anywhere" if self.anywhere else f"on {self.pin.now}"
            return f"not plugged in: will run {where}"
        if self.changes_later and self.pin:
            return f"runs on {self.pin.live} now, on {self.pin.config} from the next start"
        return ""

    @property
    def use(self) -> ThreadUsage:
        """What it does, as far as that is known."""
        return self.usage or ThreadUsage(*self.key)


def _set(cpuset: CpuSet | None) -> str:
    return "-" if cpuset is None else str(cpuset) or "none"


def _mark(row: Thread) -> Cell:
    return "!" if row.drifts else "~" if row.changes_later else "", "warn"


def _config(row: Thread) -> Cell:
    config = row.pin.config if row.pin else None
    return _set(config), "warn" if row.changes_later else ""


THREAD_COLUMNS: Final[tuple[Column[Thread], ...]] = (
    Column("mark", "", 1, cell=_mark),
    Column("row", "Thread", 11, cell=lambda row: (row.label, "")),
    Column(
        *("state", "State", 7),
        cell=lambda row: (safe(row.use.state or "-"), "" if row.use.state else "dim"),
    ),
    Column(
        *("pcpu", "pCPU", 4, "right"),
        cell=lambda row: ("-" if row.use.pcpu is None else str(row.use.pcpu), ""),
    ),
    Column("time", "CPU time", 9, "right", cell=lambda row: (cpu_time(row.use.cpu_time_ns), "")),
    Column("cpu", "CPU %", 5, "right", cell=lambda row: (percent(row.use.cpu_percent), "")),
    Column("wait", "Wait %", 6, "right", cell=lambda row: (percent(row.use.wait_percent), "")),
    Column("live", "Live", 8, cell=lambda row: (_set(row.pin.live if row.pin else None), "")),
    Column("config", "Config", 8, cell=_config),
    Column(
        *("kernel", "Kernel", 8),
        cell=lambda row: (_set(row.use.allowed), "warn" if row.drifts else "dim"),
    ),
)
_SETS: Final = ("live", "config", "kernel")
DEVICE_COLUMNS: Final[tuple[Column[Device], ...]] = (
    Column("mark", "", 1, cell=lambda device: ("", "")),
    Column("kind", "Device", 12, cell=lambda device: (safe(device.kind), "")),
    Column("target", "Target", 23, cell=lambda device: (safe(device.target), "")),
    Column(
        *("description", "Description", 39),
        flex=True,
        cell=lambda device: (safe(device.description), ""),
    ),
)


def thread_columns(width: int) -> tuple[Column[Thread], ...]:
    """The columns of the CPU tab; the three sets share what is left, up to what reads well."""
    used = sum(column.width + 1 for column in THREAD_COLUMNS if column.id not in _SETS)
    each = max(8, min(24, (width - used - 1) // len(_SETS) - 1))
    return tuple(replace(c, width=each) if c.id in _SETS else c for c in THREAD_COLUMNS)


def threads(domain: Domain, detail: Detail | None, host_state: HostState) -> Iterable[Thread]:
    """Its rows: those with pins first, as libvirt lists them."""
    use = {(t.kind, t.id): t for t in detail.threads} if detail else {}
    pins = {pin.key: pin for pin in domain.pins}
    shape = topology(host_state)
    keys = list(dict.fromkeys([*pins, *use]))
    return [Thread(key, pins.get(key), use.get(key), shape) for key in keys]


def cpu_time(nanoseconds: int | None) -> str:
    """Seconds, as ``virsh vcpuinfo`` gives them; hours where there are many."""
    if nanoseconds is None:
        return "-"
    seconds = nanoseconds / 1e9
    return f"{seconds:.1f}s" if seconds < 100_000 else f"{seconds / 3600:.0f}h"


def drift_words(rows: Iterable[Thread]) -> str:
    """Which threads the kernel holds elsewhere than libvirt says."""
    drifting = [row.key for row in rows if row.drifts]
    return f"the kernel disagrees with libvirt on {rows_label(drifting)}" if drifting else ""

"""The memory and the vCPUs of a domain: what its XML says, and what its guest and QEMU report.

Format: https://libvirt.org/formatdomain.html, "CPU Allocation", "Memory Allocation", "Memory
Backing", "CPU model and topology", "Memory balloon device".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from vconsole.model.outcome import Target
from vconsole.model.proposal import Subject
from vconsole.model.size import exact, kib_of
from vconsole.model.words import plural
from vconsole.model.xml_edit import Document, Element

_LEVELS: Final = ("sockets", "dies", "clusters", "cores", "threads")
STALE_PERIODS: Final = 3
"""After so many periods without news the guest's statistics are stale."""


@dataclass(frozen=True, slots=True)
class Topology:
    """How a guest sees its vCPUs."""

    sockets: int = 1
    dies: int = 1
    clusters: int = 1
    cores: int = 1
    threads: int = 1

    @property
    def count(self) -> int:
        """How many vCPUs it has room for."""
        return self.sockets * self.dies * self.clusters * self.cores * self.threads

    @property
    def words(self) -> str:
        """``1 socket x 2 cores x 2 threads``; dies and clusters where there are several."""
        levels = ((name, getattr(self, name)) for name in _LEVELS)
        shown = (p for p in levels if p[1] > 1 or p[0] not in ("dies", "clusters"))
        return " x ".join(plural(count, name[:-1]) for name, count in shown)


@dataclass(frozen=True, slots=True)
class Resources:
    """One configuration, live or inactive."""

    maximum_kib: int
    current_kib: int
    vcpus: int
    maximum_vcpus: int
    dump_core: bool = True
    """Its memory is in a core dump of QEMU."""
    period_s: int | None = None
    """How often the guest reports its memory, 0 for never; None without a balloon."""
    page_kib: int | None = None
    """The size of its huge pages, the largest of several; 0 for the host's default."""
    hotplug_kib: int | None = None
    """Up to where memory can be plugged in: ``<maxMemory>``."""
    cells: int = 0
    """How many NUMA cells the guest sees."""
    dimms: int = 0
    topology: Topology | None = None
    fixed_vcpus: int = 0
    """How many of its vCPUs are known not to be unpluggable."""

    @property
    def memory_words(self) -> str:
        """Maximum and current amount."""
        return f"maximum {exact(self.maximum_kib)}, current {exact(self.current_kib)}"

    @property
    def vcpus_words(self) -> str:
        """Current and maximum count."""
        return f"{self.vcpus} of {plural(self.maximum_vcpus, 'vCPU')}"

    @property
    def period_words(self) -> str:
        """How often the guest reports."""
        if self.period_s is None:
            return "no balloon"
        return f"every {self.period_s} s" if self.period_s else "off"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What guest and QEMU say of the memory in use (``virsh dommemstat``); unknown is None.

    Attributes:
        actual_kib: What the balloon leaves to the guest.
        available_kib: What the guest sees of that: its kernel takes some first.
        unused_kib: What the guest has no use for at all.
        usable_kib: What it could have without swapping, caches included.
        rss_kib: What QEMU has in the host's memory.
        swap_in_kib: Read back from the guest's own swap since it booted; `swap_out_kib` alike.
        updated: When the guest said so; Unix time of the host.
        age_s: Seconds since then; None where the host's clock is not at hand.
    """

    actual_kib: int | None = None
    available_kib: int | None = None
    unused_kib: int | None = None
    usable_kib: int | None = None
    rss_kib: int | None = None
    swap_in_kib: int | None = None
    swap_out_kib: int | None = None
    updated: int | None = None
    age_s: float | None = None

    @property
    def used_kib(self) -> int | None:
        """What its processes use and caches could not give; None where it does not report."""
        free = self.usable_kib if self.usable_kib is not None else self.unused_kib
        if self.available_kib is None or free is None or not self.updated:
            return None
        return max(0, self.available_kib - free)

    @property
    def needed_kib(self) -> int | None:
        """What the balloon must leave for that, the kernel's own share included."""
        if self.used_kib is None:
            return None
        return self.used_kib + max(0, (self.actual_kib or 0) - (self.available_kib or 0))

    def stale(self, period_s: int | None) -> bool:
        """The guest has not reported for longer than it should, or does not have to."""
        if not period_s or self.updated is None:
            return True
        return self.age_s is not None and self.age_s > max(STALE_PERIODS * period_s, 5)


@dataclass(frozen=True, slots=True)
class Reading:
    """A domain as it runs and as it is defined; None where it is not."""

    live: Resources | None = None
    config: Resources | None = None
    statistics: Statistics | None = None

    @property
    def needed_kib(self) -> int | None:
        """What the guest cannot spare; None where that is not known or stale."""
        if self.live is None or self.statistics is None:
            return None
        return None if self.statistics.stale(self.live.period_s) else self.statistics.needed_kib


@dataclass(frozen=True, slots=True)
class ReadResources:
    """Read a domain's memory and vCPUs: answers a `Reading`."""

    uuid: str
    deadline_s: ClassVar[float] = 10.0


def halves(subject: Subject, target: Target) -> tuple[Resources | None, Resources | None]:
    """What a change of `target` is about: live and config, None where it is not.

    Raises:
        ValueError: There is nothing of the kind.
    """
    live = resources(subject.live) if subject.live and target != "config" else None
    config = resources(subject.config) if subject.config and target != "live" else None
    if live is None and config is None:
        raise ValueError("it does not run" if target == "live" else "it has no definition")
    return live, config


def resources(xml: str) -> Resources:
    """Read a domain's XML.

    Raises:
        ValueError: It cannot be read, or says nothing of memory.
    """
    document = Document(xml)
    memory, vcpu = document.find("memory"), document.find("vcpu")
    maximum = _kib(memory)
    if memory is None or maximum is None:
        raise ValueError("its XML does not say how much memory it has")
    most = _number(vcpu.text if vcpu else None) or 1
    balloon = document.find("devices/memballoon")
    stats = balloon.find("stats") if balloon else None
    has_balloon = balloon is not None and balloon.get("model") != "none"
    return Resources(
        maximum_kib=maximum,
        current_kib=_kib(document.find("currentMemory")) or maximum,
        vcpus=(_number(vcpu.get("current")) if vcpu else None) or most,
        maximum_vcpus=most,
        dump_core=memory.get("dumpCore") != "off",
        period_s=(_number(stats.get("period")) if stats else None) or 0 if has_balloon else None,
        page_kib=_page_kib(document),
        hotplug_kib=_kib(document.find("maxMemory")),
        cells=len(document.findall("cpu/numa/cell")),
        dimms=len(document.findall("devices/memory")),
        topology=_topology(document.find("cpu/topology")),
        fixed_vcpus=sum(
            v.get("enabled") == "yes" and v.get("hotpluggable") == "no"
            for v in document.findall("vcpus/vcpu")
        ),
    )


def _kib(element: Element | None) -> int | None:
    return kib_of(element.text, element.get("unit")) if element else None


def _number(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _page_kib(document: Document) -> int | None:
    if document.find("memoryBacking/hugepages") is None:
        return None
    pages = document.findall("memoryBacking/hugepages/page")
    sizes = [kib_of(page.get("size") or "", page.get("unit")) or 0 for page in pages]
    return max(sizes, default=0)


def _topology(element: Element | None) -> Topology | None:
    if element is None:
        return None
    return Topology(*(_number(element.get(name)) or 1 for name in _LEVELS))

"""What the console needs of a domain's XML.

Format: https://libvirt.org/formatdomain.html, "CPU Allocation", "IOThreads Allocation",
"CPU Tuning", "Memory Allocation", "Memory Backing", "NUMA Node Tuning".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from vconsole.host import xml
from vconsole.host.domain_settings import Settings, read_settings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Device, GuestCell, NumaTune, Pin, PinKey
from vconsole.model.value import dataclass
from vconsole.model.xml_read import Element, parse

MAX_VCPUS = 4096
MAX_IOTHREADS = 1024
MAX_DEVICES = 512
MAX_GUEST_CELLS = 512
_TITLE_CHARS = 1024
Parts = Mapping[str, Element]
"""The children of ``<domain>`` by their names."""


@dataclass(frozen=True, slots=True)
class DomainXml:
    """One configuration, live or inactive. `pins` has a row for every vCPU, None where not pinned.

    A row that is None may run where `default` says, and everywhere if that is None as well.
    """

    title: str | None = None
    vcpus: int | None = None
    max_vcpus: int | None = None
    memory_bytes: int | None = None
    max_memory_bytes: int | None = None
    default: CpuSet | None = None
    """``<vcpu cpuset=...>``."""
    pins: dict[PinKey, CpuSet | None] = field(default_factory=dict)
    numatune: NumaTune | None = None
    hugepages_kib: int | None = None
    """0 for ``<hugepages/>`` that names no size: the host's default."""
    topology: tuple[int, int, int] | None = None
    guest_cells: tuple[GuestCell, ...] = ()
    unplugged: frozenset[PinKey] = frozenset()
    """The rows of vCPUs that are not there yet."""
    settings: Settings = field(default_factory=dict)
    """What it says of memory and scheduling."""

    def allowed(self, key: PinKey, everything: CpuSet) -> CpuSet | None:
        """Where the row may run; None where this configuration has no such row."""
        if key not in self.pins:
            return None
        return self.pins[key] or self.default or everything


def read_domain(text: str) -> DomainXml:
    """Read a domain's XML; what is not understood in it is left out.

    Raises:
        XmlError: It cannot be read at all.
    """
    parts = {child.tag: child for child in parse(text, "domain")}
    vcpu, memory = parts.get("vcpu"), xml.amount(parts.get("memory"))
    most = _bounded(vcpu.text if vcpu is not None else None, MAX_VCPUS)
    current = _bounded(vcpu.get("current") if vcpu is not None else None, MAX_VCPUS) or most
    title = parts["title"].text if "title" in parts else None
    return DomainXml(
        title=title[:_TITLE_CHARS] if title else None,
        vcpus=current,
        max_vcpus=most,
        memory_bytes=xml.amount(parts.get("currentMemory")) or memory,
        max_memory_bytes=memory,
        default=xml.cpuset(vcpu.get("cpuset")) if vcpu is not None else None,
        pins=_pins(parts, most or 0),
        numatune=_numatune(_child(parts, "numatune", "memory")),
        hugepages_kib=_hugepages(_child(parts, "memoryBacking", "hugepages")),
        topology=_topology(_child(parts, "cpu", "topology")),
        guest_cells=_guest_cells(parts),
        unplugged=_unplugged(parts, current or 0, most or 0),
        settings=read_settings(parts),
    )


def same_configuration(one: str, other: str) -> bool:
    """Both texts say the same about all that `read_domain` reads; False if in doubt.

    That stands between the first line, which has the id of a running domain, and the devices.
    Half of all parsing is saved by it.
    """
    return _before_devices(one) == _before_devices(other)


def _before_devices(text: str) -> str:
    return text[text.find("\n") : text.rfind("<devices>")]


def diverged(live: str | None, config: str | None, everything: CpuSet, pins: bool) -> int | None:
    """In how many things a domain runs otherwise than it is defined; None where it has not both.

    Behind the first line both are often the same to the letter.

    Args:
        live: Its XML as it runs.
        config: Its inactive XML.
        everything: All pCPUs of the host.
        pins: Whether the driver keeps two sets of pins.

    Raises:
        XmlError: One of them cannot be read.
    """
    if live is None or config is None:
        return None
    if live[live.find("\n") :] == config[config.find("\n") :]:
        return 0
    from vconsole.model.differences import differences  # much to import, for a few domains

    found = differences(parse(live, "domain"), parse(config, "domain"), everything)
    return sum(pins or one.area != "pins" for one in found)


def merge(live: DomainXml | None, config: DomainXml | None, everything: CpuSet) -> tuple[Pin, ...]:
    """The rows of both configurations: vCPUs by number, the emulator, iothreads by id."""
    keys = {key: None for part in (live, config) if part for key in part.pins}
    rank = {"vcpu": 0, "emulator": 1, "iothread": 2}
    return tuple(
        Pin(
            kind,
            row,
            live=live.allowed((kind, row), everything) if live else None,
            config=config.allowed((kind, row), everything) if config else None,
            plugged=(kind, row) not in (live or config or _NONE).unplugged,
        )
        for kind, row in sorted(keys, key=lambda k: (rank[k[0]], k[1] or 0))
    )


_NONE: Final = DomainXml()


def _child(parts: Parts, parent: str, name: str) -> Element | None:
    element = parts.get(parent)
    return None if element is None else element.find(name)


def _pins(parts: Parts, vcpus: int) -> dict[PinKey, CpuSet | None]:
    """A row for every vCPU up to the maximum, as ``virsh vcpupin`` lists them."""
    pins: dict[PinKey, CpuSet | None] = {("vcpu", n): None for n in range(vcpus)}
    pins["emulator", None] = None
    pins |= {("iothread", n): None for n in _iothread_ids(parts)}
    for element in parts.get("cputune", ()):
        key = _pin_key(element)
        if key in pins:
            pins[key] = xml.cpuset(element.get("cpuset"))
    return pins


def _pin_key(element: Element) -> PinKey | None:
    if element.tag == "emulatorpin":
        return "emulator", None
    if element.tag == "vcpupin":
        return "vcpu", xml.number(element.get("vcpu"))
    if element.tag == "iothreadpin":
        return "iothread", xml.number(element.get("iothread"))
    return None


def _unplugged(parts: Parts, current: int, most: int) -> frozenset[PinKey]:
    """The vCPUs that are not plugged in; single ones may be missing from the middle."""
    listed = list(parts.get("vcpus", ()))[:MAX_VCPUS]
    if not listed:
        return frozenset(("vcpu", n) for n in range(current, most))
    there = {xml.number(e.get("id")) for e in listed if e.get("enabled") == "yes"}
    return frozenset(("vcpu", n) for n in range(most) if n not in there)


def _iothread_ids(parts: Parts) -> list[int]:
    """Given ids first; the rest of the count takes the lowest ids that are free."""
    if "iothreads" not in parts:
        return []
    count = _bounded(parts["iothreads"].text, MAX_IOTHREADS) or 0
    ids = list(parts.get("iothreadids", ()))[:MAX_IOTHREADS]
    listed = (xml.number(element.get("id")) for element in ids)
    given = {n for n in listed if n is not None}
    free = (n for n in range(1, MAX_IOTHREADS + len(given) + 1) if n not in given)
    return sorted(given | {next(free) for _ in range(count - len(given))})


def _bounded(text: str | None, most: int) -> int | None:
    value = xml.number(text)
    return min(value, most) if value is not None else None


def _numatune(element: Element | None) -> NumaTune | None:
    if element is None:
        return None
    return NumaTune(element.get("mode", "strict")[:20], xml.cpuset(element.get("nodeset")))


def _hugepages(element: Element | None, guest_cell: int | None = None) -> int | None:
    """The size of the pages, of a guest cell where one is named; 0 for the host's default.

    A ``<page>`` without nodeset is for the cells that no other names; a guest cell that none
    names has ordinary memory.
    """
    if element is None:
        return None
    pages = [(xml.cpuset(e.get("nodeset")), _page_kib(e)) for e in element.findall("page")]
    if not pages:
        return 0
    named = (kib for cells, kib in pages if cells and guest_cell in cells)
    rest = (kib for cells, kib in pages if guest_cell is None or not cells)
    return next(named, next(rest, None))


def _page_kib(element: Element) -> int | None:
    size = xml.scaled(element.get("size"), element.get("unit", "KiB"))
    return size >> 10 if size else None


def _guest_cells(parts: Parts) -> tuple[GuestCell, ...]:
    """``<cpu><numa>``, each cell with its memnode and pages. Ids are in order where not given."""
    numa, pages = _child(parts, "cpu", "numa"), _child(parts, "memoryBacking", "hugepages")
    found = [] if numa is None else numa.findall("cell")[:MAX_GUEST_CELLS]
    tunes = _memnodes(parts)
    cells = []
    for place, element in enumerate(found):
        number = xml.number(element.get("id", str(place)))
        memory = xml.scaled(element.get("memory"), element.get("unit", "KiB"))
        vcpus = xml.cpuset(element.get("cpus")) or CpuSet()
        if number is not None:
            tune, page = tunes.get(number), _hugepages(pages, number)
            cells.append(GuestCell(number, vcpus, memory, tune, page))
    return tuple(cells)


def _memnodes(parts: Parts) -> dict[int, NumaTune]:
    """Guest cell -> how its memory is bound."""
    found = ((xml.number(e.get("cellid")), e) for e in parts.get("numatune", ()))
    tunes = ((n, _numatune(e)) for n, e in found if e.tag == "memnode" and n is not None)
    return {number: tune for number, tune in tunes if tune is not None}


def _topology(element: Element | None) -> tuple[int, int, int] | None:
    if element is None:
        return None
    values = [xml.number(element.get(key)) for key in ("sockets", "cores", "threads")]
    sockets, cores, threads = (value or 0 for value in values)
    return (sockets, cores, threads) if sockets and cores and threads else None


def read_displays(text: str) -> tuple[str, ...]:
    """Where its displays can be seen, in words; see ``virsh domdisplay``.

    Raises:
        XmlError: The XML cannot be read.
    """
    devices = parse(text, "domain").find("devices")
    found = devices.findall("graphics") if devices is not None else []
    return tuple(_display(element)[:120] for element in found[:MAX_DEVICES])


def _display(element: Element) -> str:
    """``vnc at 127.0.0.1, port 5900``; libvirt gives -1 for a port that is not chosen yet."""
    kind, listen = element.get("type") or "graphics", element.find("listen")
    inner: Mapping[str, str] = listen.attrib if listen is not None else {}
    if socket := element.get("socket") or inner.get("socket"):
        return f"{kind} at {socket}"
    ports = (("port", element.get("port")), ("TLS port", element.get("tlsPort")))
    known = [f"{name} {port}" for name, port in ports if (xml.number(port) or 0) > 0]
    if not known and kind not in ("vnc", "spice", "rdp"):
        return kind
    address = element.get("listen") or inner.get("address")
    where = "every address" if address in ("0.0.0.0", "::") else address or "libvirt's default"
    return f"{kind} at {where}, {', '.join(known) or 'port chosen at its start'}"


def read_devices(text: str) -> tuple[Device, ...]:
    """The devices of a domain, one line each.

    Raises:
        XmlError: The XML cannot be read.
    """
    devices = parse(text, "domain").find("devices")
    if devices is None:
        return ()
    rows = (_device(e) for e in devices if e.tag != "emulator")
    return tuple(row for row, _ in zip(rows, range(MAX_DEVICES), strict=False))


def _device(element: Element) -> Device:
    kind = element.get("device") or element.tag
    return Device(kind[:40], _target(element)[:80], ", ".join(_words(element))[:400])


def _target(element: Element) -> str:
    target = element.find("target")
    if target is not None:
        for key in ("dev", "name", "port"):
            if value := target.get(key):
                return value
    return element.get("model") or element.get("index") or element.get("type") or ""


def _words(element: Element) -> Iterator[str]:
    """What describes a device, in the order a reader asks for it."""
    source = element.find("source")
    names = ("file", "dev", "bridge", "network", "name", "path", "volume", "mode")
    if source is not None:
        yield from (source.attrib[key] for key in names if key in source.attrib)
    for path, key in (("mac", "address"), ("model", "type"), ("driver", "type"), ("target", "bus")):
        found = element.find(path)
        if found is not None and (value := found.get(key)):
            yield value
    for key in ("type", "listen", "port"):
        if value := element.get(key):
            yield f"{key} {value}"
    if element.find("readonly") is not None:
        yield "read-only"

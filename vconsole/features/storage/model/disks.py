"""The disks of a domain: what they are, as it runs and as it is defined, and what can be done.

Format: https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms. A raw image is never
looked into: what its guest wrote there could pass for another format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from vconsole.model.xml_edit import Document, element
from vconsole.model.xml_tree import Element

_PLACES: Final = ("file", "dev", "dir", "name")


@dataclass(frozen=True, slots=True)
class Half:
    """A disk in one configuration of its domain."""

    xml: str
    source: str = ""
    """Path, ``pool/volume``, or the name of a network disk; empty for no medium."""
    format: str = "-"
    chain: tuple[str, ...] = ()
    """What it is based on, the nearest first; known of a running domain."""
    cache: str = ""
    io: str = ""
    iothread: str = ""
    read_only: bool = False
    limits: Mapping[str, int] = field(default_factory=dict)
    mirror: str = ""
    """The job that copies it: ``copy``, ``active-commit``; empty for none."""
    mirror_to: str = ""
    """What that job makes, or writes down into."""
    mirror_ready: bool = False
    """The job has caught up, and may pivot."""

    @property
    def chain_words(self) -> str:
        """The image in use and what it is based on."""
        return " <- ".join((self.source, *self.chain))

    def has_become(self, kind: str, image: str) -> bool:
        """Whether a job of this kind that ends with that image in use has ended well."""
        images = {"flatten": 0, "commit bases": 1}.get(kind, len(self.chain))
        return self.source == image and not self.mirror and len(self.chain) == images


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk, live and config; None where the domain has it only in the other."""

    target: str
    bus: str = "-"
    device: str = "disk"
    live: Half | None = None
    config: Half | None = None

    @property
    def now(self) -> Half:
        """As it runs, else as it is defined."""
        found = self.live or self.config
        assert found is not None, "a disk is in one of the two"
        return found

    @property
    def where(self) -> str:
        """``live``, ``config`` or both, and whether they differ."""
        if self.live is None or self.config is None:
            return "config only" if self.live is None else "live only"
        return "" if self.live.source == self.config.source else "config differs"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a disk holds and does; None is what is not known."""

    at_s: float
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    requests: int | None = None
    busy_ns: int | None = None
    """What all requests took together."""
    job: str = ""
    """The block job that runs: ``commit``, ``pull``, ``copy``, ``active commit``."""
    done: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class DiskReport:
    """The disks of a domain."""

    disks: tuple[Disk, ...] = ()
    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    running: bool = False


@dataclass(frozen=True, slots=True)
class ReadDisks:
    """Read the disks of a domain and what they do: answers a `DiskReport`."""

    uuid: str
    deadline_s: ClassVar[float] = 15.0


def read_disks(live: str | None, config: str | None) -> tuple[Disk, ...]:
    """The disks of a domain, in the order of its XML.

    Raises:
        XmlEditError: The XML cannot be read.
    """
    found: dict[str, Disk] = {}
    for text, name in ((live, "live"), (config, "config")):
        if text is None:
            continue
        document = Document(text)
        for node in document.findall("devices/disk"):
            target = node.find("target")
            dev = (target.get("dev") if target else None) or "-"
            bus = (target.get("bus") if target else None) or "-"
            known = found.get(dev, Disk(dev, bus, node.get("device") or "disk"))
            half = _half(node, document.text[node.start : node.end])
            found[dev] = (
                replace(known, live=half) if name == "live" else replace(known, config=half)
            )
    return tuple(found.values())


def _half(node: Element, xml: str) -> Half:
    driver, source = node.find("driver"), node.find("source")
    tune, mirror = node.find("iotune"), node.find("mirror")
    return Half(
        xml,
        source_of(source),
        (driver.get("type") if driver else None) or "-",
        tuple(_chain(node)),
        (driver.get("cache") if driver else None) or "",
        (driver.get("io") if driver else None) or "",
        (driver.get("iothread") if driver else None) or "",
        node.find("readonly") is not None,
        {n.tag: int(n.text) for n in (tune.children if tune else ()) if n.text.strip().isdigit()},
        (mirror.get("job") or "copy") if mirror else "",
        source_of(mirror.find("source")) if mirror else "",
        mirror is not None and mirror.get("ready") == "yes",
    )


def source_of(source: Element | None) -> str:
    """A ``<source>`` in one word."""
    if source is None:
        return ""
    if pool := source.get("pool"):
        return f"{pool}/{source.get('volume') or ''}"
    return next((value for name in _PLACES if (value := source.get(name))), "")


def source_element(place: str) -> tuple[str, str]:
    """(type of the disk, its ``<source>``) of a path or of ``POOL/NAME``."""
    if place.startswith("/dev/"):
        return "block", element("source", {"dev": place})
    if place.startswith("/") or not place:
        return "file", element("source", {"file": place})
    pool, _, volume = place.partition("/")
    return "volume", element("source", {"pool": pool, "volume": volume})


def _chain(node: Element) -> Iterator[str]:
    """What a disk is based on; its XML is as deep as the chain."""
    base = node.find("backingStore")
    while base is not None:
        if path := source_of(base.find("source")):
            yield path
        base = base.find("backingStore")

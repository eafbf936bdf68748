"""The network interfaces of domains: what they are plugged into, and what goes through them.

Format: https://libvirt.org/formatdomain.html, "Network interfaces". The live XML of an interface
on a network has the type of what the network led to, and that bridge or device beside the network
in its ``<source>``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import ClassVar, Final, Literal

from vconsole.model.rates import per_second
from vconsole.model.xml_edit import Document, Element, XmlEditError

Half = Literal["live", "config"]
_INTERFACE = re.compile(r"<interface\s.*?</interface>", re.DOTALL)
"""In what libvirt writes, of nothing but an interface: values and text have no bare ``<``."""
_SOURCE_NAMES: Final = ("network", "bridge", "dev", "path", "address", "name")


@dataclass(frozen=True, slots=True)
class Source:
    """What an interface is plugged into."""

    kind: str
    """libvirt's word: bridge, network, direct, user and others."""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read ``network:NAME`` or ``bridge:NAME``.

        Raises:
            ValueError: It is neither.
        """
        kind, _, name = text.strip().partition(":")
        if kind not in ("network", "bridge") or not name:
            raise ValueError(f"{text[:40]!r} is not network:NAME or bridge:NAME")
        if kind == "bridge" and (len(name) > 15 or not re.fullmatch(r"[^\s/:\x00-\x1f]+", name)):
            raise ValueError(f"{name[:40]!r} is no name of a bridge: at most 15 characters, no /")
        return cls(kind, name)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of one configuration of a domain."""

    mac: str
    """In lower case; empty where the XML has none."""
    source: Source
    actual: str
    """The kind of what it is really on, behind a network."""
    bridge: str = ""
    """The bridge it is on, where that is known."""
    target: str = ""
    """The device on the host, while it runs: ``vnet0``."""
    model: str = ""
    up: bool = True
    alias: str = ""
    boot_order: str = ""
    filter: str = ""
    bandwidth: str = ""
    """In words."""
    mtu: str = ""
    address: str = ""
    """Where the guest has it: bus and place."""
    xml: str = field(default="", repr=False)
    """Its clause, as it stands."""

    @property
    def called(self) -> str:
        """What a person calls it by."""
        return self.target or self.mac

    @property
    def link(self) -> str:
        """Whether its cable is plugged in."""
        return "up" if self.up else "down"


def interfaces(xml: str | None) -> tuple[Interface, ...]:
    """The interfaces of a domain's XML in its order; none without XML.

    Raises:
        XmlEditError: One of them cannot be read, or there may be more that did not come.
    """
    if xml and not xml.rstrip().endswith("</domain>"):
        raise XmlEditError("its XML does not end as that of a domain does")
    devices = (xml or "")[(xml or "").rfind("<devices>") :]
    return tuple(read_interface(match[0]) for match in _INTERFACE.finditer(devices))


def node_of(document: Document, clause: str) -> Element | None:
    """The interface of a domain that stands there as `clause`."""
    nodes = document.findall("devices/interface")
    return next((n for n in nodes if document.text[n.start : n.end] == clause), None)


@lru_cache(maxsize=1 << 15)
def read_interface(xml: str) -> Interface:
    """Read one ``<interface>``; those of a fleet are read again and again, and seldom change.

    Raises:
        XmlEditError: It cannot be read.
    """
    root = Document(xml).root
    actual = root.get("type") or ""
    source = root.find("source")
    kind = "network" if _get(root, "source", "network") else actual
    names = (source.get(name) for name in _SOURCE_NAMES) if source else ()
    bandwidth = root.find("bandwidth")
    return Interface(
        mac=_get(root, "mac", "address").lower(),
        source=Source(kind, next(filter(None, names), "")),
        actual=actual,
        bridge=_get(root, "source", "bridge"),
        target=_get(root, "target", "dev"),
        model=_get(root, "model", "type"),
        up=_get(root, "link", "state") != "down",
        alias=_get(root, "alias", "name"),
        boot_order=_get(root, "boot", "order"),
        filter=_get(root, "filterref", "filter"),
        bandwidth=", ".join(_bandwidth(bandwidth)) if bandwidth else "",
        mtu=_get(root, "mtu", "size"),
        address=" ".join(address.attributes.values()) if (address := root.find("address")) else "",
        xml=xml,
    )


def _get(root: Element, child: str, name: str) -> str:
    node = root.find(child)
    return (node.get(name) if node else None) or ""


def _bandwidth(node: Element) -> Iterator[str]:
    for child in node.children:
        if average := child.get("average") or child.get("floor"):
            yield f"{child.tag} {average} KiB/s"


# ---- a domain's


@dataclass(frozen=True, slots=True)
class Vnic:
    """An interface as the domain runs and as it is defined; one of them may lack it."""

    live: Interface | None
    config: Interface | None
    differs: str = ""
    """What the next start changes, in words."""

    @property
    def now(self) -> Interface:
        """The one that counts: the live one where there is one."""
        found = self.live or self.config
        assert found is not None
        return found

    @property
    def macs(self) -> Mapping[str, tuple[Half, ...]]:
        """Its address, or both where the next start changes it -> the halves that have it."""
        found: dict[str, tuple[Half, ...]] = {}
        halves: tuple[tuple[Half, Interface | None], ...] = (
            ("live", self.live),
            ("config", self.config),
        )
        for half, interface in halves:
            if interface is not None and interface.mac:
                found[interface.mac] = (*found.get(interface.mac, ()), half)
        return found


_SAME: Final[tuple[Callable[[Interface], object], ...]] = (
    lambda nic: (nic.mac, nic.address),
    lambda nic: nic.mac,
    lambda nic: nic.address,
    lambda nic: nic.target,
)
"""By what an interface of one half is found in the other, the surest first."""
_COMPARED: Final = ("mac", "source", "model", "link", "filter", "bandwidth", "mtu", "boot_order")


def vnics(live: str | None, config: str | None) -> tuple[Vnic, ...]:
    """The interfaces of a domain, both halves side by side.

    Raises:
        XmlEditError: One of them cannot be read.
    """
    running, left = interfaces(live), list(interfaces(config))
    defined: dict[int, Interface] = {}
    for same in _SAME:
        for number, nic in enumerate(running):
            alike = (c for c in left if same(c) and same(c) == same(nic))
            if number not in defined and (found := next(alike, None)):
                defined[number] = found
                left.remove(found)
    pairs = [(nic, defined.get(number)) for number, nic in enumerate(running)]
    both = live is not None and config is not None
    return tuple(
        Vnic(one, other, _difference(one, other) if both else "")
        for one, other in (*pairs, *((None, nic) for nic in left))
    )


def _difference(live: Interface | None, config: Interface | None) -> str:
    if live is None or config is None:
        return "the next start adds it" if live is None else "the next start takes it away"
    changed = [
        f"{name.replace('_', ' ')} {before or '-'} -> {after or '-'}"
        for name in _COMPARED
        if (before := getattr(live, name)) != (after := getattr(config, name))
    ]
    return f"the next start changes {', '.join(changed)}" if changed else ""


def find(found: Iterable[Vnic], word: str) -> Vnic:
    """The interface that somebody calls by its target, its alias or its MAC address.

    Raises:
        ValueError: There is none, or there are several; names those there are.
    """
    known = tuple(found)
    wanted = {word, word.lower().replace("-", ":")} - {""}
    for names in (_names, lambda nic: (nic.mac,)):
        hits = [
            vnic
            for vnic in known
            if any(nic and wanted & set(names(nic)) for nic in (vnic.live, vnic.config))
        ]
        if len(hits) == 1:
            return hits[0]
        if hits:
            cure = "name it by its target, which it has while it runs"
            raise ValueError(f"{word[:40]!r} is more than one of its interfaces: {cure}")
    there = ", ".join(vnic.now.called for vnic in known)
    raise ValueError(f"it has no interface {word[:40]!r}; it has {there or 'none'}")


def _names(nic: Interface) -> tuple[str, ...]:
    return nic.target, nic.alias


# ---- the fleet's


@dataclass(frozen=True, slots=True)
class DomainVnics:
    """The interfaces of one domain."""

    uuid: str
    name: str
    running: bool
    vnics: tuple[Vnic, ...] = ()
    problem: str = ""
    """Why they are not known."""


@dataclass(frozen=True, slots=True)
class Holder:
    """An interface that has a MAC address."""

    uuid: str
    name: str
    halves: tuple[Half, ...]
    """In which of the domain's configurations."""

    def __str__(self) -> str:
        return f"{self.name} ({' and '.join(self.halves)})"


Holders = Mapping[str, tuple[Holder, ...]]
"""MAC address -> who has it."""


def holders(domains: Iterable[DomainVnics]) -> Holders:
    """Who has which address, live or in a definition."""
    found: dict[str, tuple[Holder, ...]] = {}
    for domain in domains:
        for vnic in domain.vnics:
            for mac, halves in vnic.macs.items():
                holder = Holder(domain.uuid, domain.name, halves)
                found[mac] = (*found.get(mac, ()), holder)
    return found


def duplicates(known: Holders) -> Holders:
    """The addresses that more than one interface has."""
    return {mac: shared for mac, shared in known.items() if len(shared) > 1}


# ---- traffic


@dataclass(frozen=True, slots=True)
class Counters:
    """What went through an interface since it was plugged in, as the guest sees it."""

    rx_bytes: int | None = None
    rx_packets: int | None = None
    rx_errors: int | None = None
    rx_drops: int | None = None
    tx_bytes: int | None = None
    tx_packets: int | None = None
    tx_errors: int | None = None
    tx_drops: int | None = None

    @property
    def lost(self) -> int:
        """Packets with errors and packets dropped, both ways."""
        names = (f.name for f in fields(self) if f.name.endswith(("errors", "drops")))
        return sum(getattr(self, name) or 0 for name in names)


@dataclass(frozen=True, slots=True)
class Traffic:
    """A reading of one domain."""

    at_s: float
    """Monotonic."""
    domain: DomainVnics
    counters: Mapping[str, Counters] = field(default_factory=dict)
    """By the interface's target."""


def speeds(before: Traffic | None, after: Traffic, target: str) -> tuple[float | None, ...]:
    """(received, sent) of an interface in bytes a second."""
    new = after.counters.get(target)
    old = before.counters.get(target) if before else None
    if before is None or new is None or old is None:
        return None, None
    elapsed_s = after.at_s - before.at_s
    return (
        per_second(old.rx_bytes, new.rx_bytes, elapsed_s),
        per_second(old.tx_bytes, new.tx_bytes, elapsed_s),
    )


# ---- requests


@dataclass(frozen=True, slots=True)
class ReadVnics:
    """Read the interfaces of domains: answers a tuple of `DomainVnics`."""

    uuids: tuple[str, ...] = ()
    """Without any, those of all domains."""
    deadline_s: ClassVar[float] = 60.0


@dataclass(frozen=True, slots=True)
class ReadTraffic:
    """Read the interfaces of a domain and what went through them: answers `Traffic`."""

    uuid: str
    deadline_s: ClassVar[float] = 10.0

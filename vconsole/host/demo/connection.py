"""A connection to the demo host: libvirt's own, with the calls answered that its driver lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from vconsole.host.demo import shape
from vconsole.host.demo.domain import Domain
from vconsole.host.demo.fleet import BY_UUID
from vconsole.host.demo.network import Bridge, Network
from vconsole.host.demo.world import World, the_world

_ACTIVE: Final = 1
_BALLOON: Final = 1 << 2
"""VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE and VIR_DOMAIN_STATS_BALLOON."""


class Connection:
    """One of the connections; what is not here is the test driver's."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or the_world()

    def __getattr__(self, name: str) -> Any:
        """The driver's; pools and networks are there from the first question for them on."""
        if name.startswith("storage") or name == "listAllStoragePools":
            self.world.need_storage()
        elif name.startswith("network"):
            self.world.need_networks()
        return getattr(self.world.real, name)

    def close(self) -> int:
        """Nothing: the others go on."""
        return 0

    def _wrapped(self, domain: Any) -> Domain:
        return Domain(self.world, domain)

    def _met(self, domain: Any) -> Domain:
        if (uuid := domain.UUIDString()) in BY_UUID:
            self.world.met.add(uuid)
        return self._wrapped(domain)

    # -- the machine ---------------------------------------------------------------------------

    def getHostname(self) -> str:  # noqa: N802 (libvirt's)
        """A name that says what it is."""
        return "demo-host"

    def getCapabilities(self) -> str:  # noqa: N802
        """Cells, caches, pages."""
        return shape.capabilities_xml()

    def getCPUMap(self, flags: int = 0) -> tuple[int, list[bool], int]:  # noqa: N802
        """All are online; the test driver knows eight."""
        return shape.PCPUS, [True] * shape.PCPUS, shape.PCPUS

    def getCellsFreeMemory(self, start: int, count: int) -> list[int]:  # noqa: N802
        """What guests and pages set aside leave."""
        return self.world.free_bytes()[start : start + count]

    def getFreeMemory(self) -> int:  # noqa: N802
        """Of all cells."""
        return sum(self.world.free_bytes())

    def getFreePages(  # noqa: N802
        self, sizes: Iterable[int], start: int, count: int, flags: int = 0
    ) -> dict[int, dict[int, int]]:
        """Huge pages by cell and size."""
        free = self.world.free_pages()
        return {c: {kib: free[c] if kib == 2048 else 0 for kib in sizes} for c in shape.CELLS}

    def getMemoryStats(self, cell: int, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """In KiB; a part of what is free holds files."""
        free, total = self.world.free_bytes(), shape.CELL_BYTES
        cells = shape.CELLS if cell < 0 else (cell,)
        unused = sum(free[c] for c in cells) >> 10
        cached = len(cells) << 20
        return {
            "total": len(cells) * total >> 10,
            "free": unused - cached,
            "buffers": cached >> 5,
            "cached": cached - (cached >> 5),
        }

    def getMemoryParameters(self, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """Merging of equal pages."""
        return {"shm_pages_to_scan": 100, "shm_pages_shared": 20480, "shm_pages_sharing": 81920}

    def getCPUStats(self, number: int, flags: int = 0) -> dict[str, int]:  # noqa: N802
        """Nanoseconds of all pCPUs together."""
        return self.world.cpu_times()

    def listAllNetworks(self, flags: int = 0) -> list[Network]:  # noqa: N802
        """The driver's, with leases."""
        self.world.need_networks()
        return [Network(network) for network in self.world.real.listAllNetworks(flags)]

    def listAllInterfaces(self, flags: int = 0) -> list[Bridge]:  # noqa: N802
        """The bridges of the host."""
        return [Bridge("br-lan", ("eno1",)), Bridge("br-storage", ("eno2", "eno3"))]

    # -- domains -------------------------------------------------------------------------------

    def listAllDomains(self, flags: int = 0) -> list[Domain]:  # noqa: N802
        """The driver's."""
        return [self._wrapped(domain) for domain in self.world.real.listAllDomains(flags)]

    def lookupByUUIDString(self, uuid: str) -> Domain:  # noqa: N802
        """The driver's."""
        return self._met(self.world.real.lookupByUUIDString(uuid))

    def lookupByUUID(self, uuid: bytes) -> Domain:  # noqa: N802
        """The driver's."""
        return self._met(self.world.real.lookupByUUID(uuid))

    def lookupByName(self, name: str) -> Domain:  # noqa: N802
        """The driver's."""
        return self._met(self.world.real.lookupByName(name))

    def lookupByID(self, number: int) -> Domain:  # noqa: N802
        """The driver's."""
        return self._met(self.world.real.lookupByID(number))

    def defineXML(self, xml: str) -> Domain:  # noqa: N802
        """The driver's."""
        return self.defineXMLFlags(xml, 0)

    def defineXMLFlags(self, xml: str, flags: int = 0) -> Domain:  # noqa: N802
        """The driver's."""
        domain = self.world.real.defineXMLFlags(xml, flags)
        self.world.changed(domain)
        return self._wrapped(domain)

    def createXML(self, xml: str, flags: int = 0) -> Domain:  # noqa: N802
        """The driver's."""
        return self._wrapped(self.world.real.createXML(xml, flags))

    def getAllDomainStats(  # noqa: N802
        self, stats: int = 0, flags: int = 0
    ) -> list[tuple[Domain, Mapping[str, Any]]]:
        """The states are the driver's."""
        found = self.world.real.getAllDomainStats(0, flags & _ACTIVE)
        return [self._record(self._wrapped(domain), values, stats) for domain, values in found]

    def domainListGetStats(  # noqa: N802
        self, domains: Iterable[Domain], stats: int = 0, flags: int = 0
    ) -> list[tuple[Domain, Mapping[str, Any]]]:
        """Of some."""
        wanted = {domain.UUIDString() for domain in domains}
        return [r for r in self.getAllDomainStats(stats, flags) if r[0].UUIDString() in wanted]

    def _record(
        self, domain: Domain, values: dict[str, Any], stats: int
    ) -> tuple[Domain, Mapping[str, Any]]:
        if stats & ~1 and domain.isActive():
            values = {**values, **domain.statistics()}
        return domain, values

    def domainEventRegisterAny(  # noqa: N802
        self, domain: Any, kind: int, callback: Any, opaque: Any
    ) -> int:
        """The driver's."""
        real = domain.real if isinstance(domain, Domain) else domain
        return int(self.world.real.domainEventRegisterAny(real, kind, callback, opaque))

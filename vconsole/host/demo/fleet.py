"""The domains of the demo host, one a line, and their definitions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from uuid import NAMESPACE_DNS, uuid5

from vconsole.host.demo import paths
from vconsole.model.agent_channels import AGENT
from vconsole.model.hostinfo_port import DIRECTORY
from vconsole.model.xml_edit import element, escape_text

_METRICS: Final = "org.github.vhostmd.1"
IMAGES: Final = "/var/lib/libvirt/images"
"""Where the default pool has its volumes."""


class DemoDomain(NamedTuple):
    """One domain of the fleet in a line. `pins`: one cpuset a vCPU, or one for all of them."""

    name: str
    title: str
    vcpus: int
    memory_gib: int
    pins: tuple[str, ...] = ()
    emulator: str = ""
    iothreads: int = 0
    nodeset: str = ""
    lies: Mapping[int, float] = {}
    """Cell -> share of its memory, where that is not where its vCPUs may run."""
    state: str = "running"
    autostart: bool = True
    current_gib: int = 0
    huge: bool = False
    threads: int = 1
    """Of a core, as the guest sees it."""
    agent: bool = True
    hostinfo: bool = False
    network: str = "default"
    metrics: str = ""
    """How it reads the host's metrics: ``disk`` or ``channel``."""
    redefined: tuple[tuple[str, str], ...] = ()
    """What in its definition was changed since its start, and into what."""

    @property
    def uuid(self) -> str:
        """Always the same for the same name."""
        return str(uuid5(NAMESPACE_DNS, f"{self.name}.demo.vconsole"))

    @property
    def mac(self) -> str:
        """The address of its interface."""
        digits = self.uuid
        return f"52:54:00:{digits[:2]}:{digits[2:4]}:{digits[4:6]}"


def _each(first: int, count: int) -> tuple[str, ...]:
    return tuple(str(pcpu) for pcpu in range(first, first + count))


GUIDE: Final = "web-02"
"""The problem that the demo lets one cure: its memory is not where it runs."""
FLEET: Final = (
    DemoDomain(
        *("db-primary", "Orders database, primary", 8, 32, _each(16, 8), "30-31", 2, "1"),
        huge=True,
        threads=2,
        hostinfo=True,
        metrics="disk",
    ),
    DemoDomain(
        *("db-standby", "Orders database, standby", 8, 32, _each(48, 8), "62-63", 2, "3"),
        huge=True,
        threads=2,
    ),
    DemoDomain("db-reporting", "Reporting replica", 4, 16, ("56-59",), "56-59", 1, "3"),
    DemoDomain(
        *("web-01", "Shop front end", 4, 8),
        lies={0: 0.5, 2: 0.3, 1: 0.2},
        network="front",
    ),
    DemoDomain(
        *(GUIDE, "Shop front end", 4, 8, ("32-39",), "32-39"),
        lies={0: 0.59, 2: 0.41},
        hostinfo=True,
        network="front",
    ),
    DemoDomain("web-03", "Shop front end", 4, 8, ("32-39",), "32-39", network="front"),
    DemoDomain(
        *("web-04", "Shop front end, new release", 4, 8, ("40-43",), "40-43"),
        network="front",
        redefined=(
            (
                "'GiB'>8</memory><currentMemory unit='GiB'>8<",
                "'GiB'>12</memory><currentMemory unit='GiB'>12<",
            ),
        ),
    ),
    DemoDomain("cache-01", "Session cache", 2, 12, ("24", "25"), "30-31", 0, "1"),
    DemoDomain("cache-02", "Session cache", 2, 12, ("60", "61"), "62-63", 0, "3"),
    DemoDomain("queue-01", "Message queue", 2, 4, ("0-7",)),
    DemoDomain(
        *("queue-02", "Message queue", 2, 4, ("40-43",)),
        redefined=(("cpuset='40-43'", "cpuset='44-47'"),),
    ),
    DemoDomain("lb-01", "Load balancer, active", 2, 2, ("28", "29"), "30-31", network="front"),
    DemoDomain("lb-02", "Load balancer, standby", 2, 2, ("26", "27"), "30-31", network="front"),
    DemoDomain("dns-01", "Name service", 1, 1, lies={0: 1.0}, agent=False),
    DemoDomain("dns-02", "Name service", 1, 1, lies={2: 1.0}, agent=False),
    DemoDomain("mail", "Mail relay", 2, 4, lies={0: 0.9, 1: 0.1}, current_gib=3),
    DemoDomain(
        "monitoring", "Metrics and alerts", 4, 8, ("0-7",), hostinfo=True, metrics="channel"
    ),
    DemoDomain("git", "Source code", 4, 8, ("0-7",), "0-7", 1),
    DemoDomain("build-agent-1", "CI", 8, 16, ("0-7",), current_gib=12),
    DemoDomain("build-agent-2", "CI", 8, 16, ("44-47",), state="paused", autostart=False),
    DemoDomain("build-agent-3", "CI", 8, 16, state="shut off", autostart=False),
    DemoDomain("batch-night", "Runs from 01:00", 8, 24, ("40-47",), nodeset="2"),
    DemoDomain(
        "legacy-erp",
        "Do not start before asking finance",
        2,
        4,
        ("0-3",),
        state="shut off",
        autostart=False,
    ),
    DemoDomain("template-debian", "Clone me", 2, 2, state="shut off", autostart=False),
)
BY_UUID: Final = {wanted.uuid: wanted for wanted in FLEET}


def domain_xml(wanted: DemoDomain) -> str:
    """The definition of one domain."""
    return "".join(_parts(wanted))


def _parts(wanted: DemoDomain) -> Iterator[str]:
    yield f"<domain type='test'><name>{escape_text(wanted.name)}</name><uuid>{wanted.uuid}</uuid>"
    yield f"<title>{escape_text(wanted.title)}</title>"
    yield f"<memory unit='GiB'>{wanted.memory_gib}</memory>"
    yield f"<currentMemory unit='GiB'>{wanted.current_gib or wanted.memory_gib}</currentMemory>"
    if wanted.huge:
        yield "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>"
    yield f"<vcpu>{wanted.vcpus}</vcpu><iothreads>{wanted.iothreads}</iothreads>"
    yield from _cputune(wanted)
    if wanted.nodeset:
        yield f"<numatune><memory mode='strict' nodeset='{wanted.nodeset}'/></numatune>"
    yield "<os><type arch='x86_64'>hvm</type></os>"
    if wanted.threads > 1:
        cores = wanted.vcpus // wanted.threads
        yield f"<cpu><topology sockets='1' cores='{cores}' threads='{wanted.threads}'/></cpu>"
    yield "<clock offset='utc'/><devices>"
    yield from _devices(wanted)
    yield "</devices></domain>"


def _devices(wanted: DemoDomain) -> Iterator[str]:
    path = f"{IMAGES}/{wanted.name}.qcow2"
    yield "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    yield element("source", {"file": path})
    yield "<target dev='vda' bus='virtio'/></disk>"
    yield "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>"
    yield f"<interface type='network'><mac address='{wanted.mac}'/>"
    yield f"<source network='{wanted.network}'/><model type='virtio'/></interface>"
    if wanted.hostinfo:
        path = f"{DIRECTORY}/test-{wanted.name}"
        yield f"<serial type='unix'>{element('source', {'mode': 'bind', 'path': path})}"
        yield "<target port='1'/></serial>"
    if wanted.agent:
        yield f"<channel type='unix'><target type='virtio' name='{AGENT}'/></channel>"
    if wanted.metrics == "channel":
        yield f"<channel type='unix'><target type='virtio' name='{_METRICS}'/></channel>"
    if wanted.metrics == "disk" and paths.metrics_disk:
        yield "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>"
        yield element("source", {"file": paths.metrics_disk})
        yield "<target dev='vdz' bus='virtio'/><readonly/><shareable/></disk>"
    yield "<graphics type='vnc' port='-1' autoport='yes'/><memballoon model='virtio'>"
    yield "<stats period='5'/></memballoon>"


def _cputune(wanted: DemoDomain) -> Iterator[str]:
    if not wanted.pins and not wanted.emulator:
        return
    yield "<cputune>"
    sets = wanted.pins * wanted.vcpus if len(wanted.pins) == 1 else wanted.pins
    for number, cpuset in enumerate(sets):
        yield f"<vcpupin vcpu='{number}' cpuset='{cpuset}'/>"
    if wanted.emulator:
        yield f"<emulatorpin cpuset='{wanted.emulator}'/>"
    for number in range(1, wanted.iothreads + 1):
        yield f"<iothreadpin iothread='{number}' cpuset='{wanted.emulator or '0'}'/>"
    yield "</cputune>"


def address_of(uuid: str) -> str:
    """The address of a domain of the fleet in its network."""
    wanted = BY_UUID[uuid]
    return f"192.168.{100 if wanted.network == 'front' else 122}.{10 + list(BY_UUID).index(uuid)}"

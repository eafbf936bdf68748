"""The embedded demo host: libvirt's in-process test driver with a fleet defined into it.

Everything about it is real libvirt: the domains are defined from XML and started by calls, and
a pin is a call as well. Its state lives as long as the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import NAMESPACE_DNS, uuid5

from vconsole.model.xml_edit import escape_text, escape_value


class DemoDomain(NamedTuple):
    """One domain of the fleet in a line. `pins`: one cpuset a vCPU, or one for all of them."""

    name: str
    title: str
    vcpus: int
    memory_mib: int
    pins: tuple[str, ...] = ()
    emulator: str = ""
    iothreads: int = 0
    nodeset: str = ""
    state: str = "running"
    autostart: bool = True
    current_mib: int = 0


FLEET = (
    DemoDomain("db-primary", "Orders database, primary", 4, 512, ("1", "2", "3", "4"), "0", 2, "0"),
    DemoDomain(
        "db-standby", "Orders database, standby", 4, 512, ("9", "10", "11", "12"), "8", 2, "1"
    ),
    DemoDomain("db-reporting", "Reporting replica", 2, 256, ("8-15",), "8-15", 1, "1"),
    DemoDomain("web-01", "Shop front end", 4, 64),
    DemoDomain("web-02", "Shop front end", 4, 64),
    DemoDomain("web-03", "Shop front end", 4, 64, ("0-7",), "0-7"),
    DemoDomain("web-04", "Shop front end, new release", 4, 64, ("5", "6")),
    DemoDomain("cache-01", "Session cache", 2, 128, ("5", "6"), "7", 0, "0"),
    DemoDomain("cache-02", "Session cache", 2, 128, ("13", "14"), "15", 0, "1"),
    DemoDomain("queue-01", "Message queue", 2, 64, ("8-11",)),
    DemoDomain("queue-02", "Message queue", 2, 64),
    DemoDomain("lb-01", "Load balancer, active", 2, 16, ("7", "7"), "7"),
    DemoDomain("lb-02", "Load balancer, standby", 2, 16, ("15", "15"), "15"),
    DemoDomain("dns-01", "Name service", 1, 8, autostart=True),
    DemoDomain("dns-02", "Name service", 1, 8, autostart=True),
    DemoDomain("mail", "Mail relay", 2, 32, current_mib=16),
    DemoDomain("monitoring", "Metrics and alerts", 4, 128, ("0-15",)),
    DemoDomain("git", "Source code", 4, 96, ("12-15",), "12-15", 1),
    DemoDomain("build-agent-1", "CI", 8, 128, ("0-15",), current_mib=64),
    DemoDomain("build-agent-2", "CI", 8, 128, ("8-15",), state="paused", autostart=False),
    DemoDomain("build-agent-3", "CI", 8, 128, state="shut off", autostart=False),
    DemoDomain("batch-night", "Runs from 01:00", 8, 256, ("8-15",), nodeset="1"),
    DemoDomain(
        "legacy-erp", "Do not start before asking finance", 2, 64, ("0-3",), state="shut off"
    ),
    DemoDomain("template-debian", "Clone me", 2, 16, state="shut off", autostart=False),
)


def populate(conn: Any) -> None:
    """Define the fleet and bring each domain into its state; what is there already stays."""
    present = {domain.name() for domain in conn.listAllDomains()}
    if any(wanted.name in present for wanted in FLEET):
        return
    for wanted in FLEET:
        domain = conn.defineXML(domain_xml(wanted))
        domain.setAutostart(int(wanted.autostart))
        if wanted.state != "shut off":
            domain.create()
        if wanted.state == "paused":
            domain.suspend()
    _remove_example(conn)


def _remove_example(conn: Any) -> None:
    """The driver comes with a domain of its own, named test."""
    import libvirt

    with suppress(libvirt.libvirtError):
        example = conn.lookupByName("test")
        if example.isActive():
            example.destroy()
        example.undefine()


def domain_xml(wanted: DemoDomain) -> str:
    """The definition of one domain."""
    return "".join(_parts(wanted))


def _parts(wanted: DemoDomain) -> Iterator[str]:
    uuid = uuid5(NAMESPACE_DNS, f"{wanted.name}.demo.vconsole")
    yield f"<domain type='test'><name>{escape_text(wanted.name)}</name><uuid>{uuid}</uuid>"
    yield f"<title>{escape_text(wanted.title)}</title>"
    yield f"<memory unit='MiB'>{wanted.memory_mib}</memory>"
    yield f"<currentMemory unit='MiB'>{wanted.current_mib or wanted.memory_mib}</currentMemory>"
    yield f"<vcpu>{wanted.vcpus}</vcpu><iothreads>{wanted.iothreads}</iothreads>"
    yield from _cputune(wanted)
    if wanted.nodeset:
        yield f"<numatune><memory mode='strict' nodeset='{wanted.nodeset}'/></numatune>"
    yield "<os><type>hvm</type></os><devices>"
    yield f"<disk type='file'><source file='/guests/{escape_value(wanted.name)}.qcow2'/>"
    yield "<target dev='vda' bus='virtio'/></disk>"
    yield f"<interface type='network'><mac address='52:54:00:{str(uuid)[:2]}:{str(uuid)[2:4]}"
    yield f":{str(uuid)[4:6]}'/><source network='default'/></interface></devices></domain>"


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

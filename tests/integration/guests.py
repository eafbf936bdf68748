"""Guests for the tests: domain XML that needs no disk, no system to boot and next to no memory."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field

EMULATOR = "/usr/bin/qemu-system-x86_64"


@dataclass(frozen=True)
class Guest:
    """A domain to define: emulated by software, to be started paused so that it costs no CPU."""

    name: str
    vcpus: int = 2
    plugged: int | None = None
    """How many of them are there at the start; all where None."""
    memory_mib: int = 64
    iothreads: int = 0
    title: str = ""
    pins: dict[int, str] = field(default_factory=dict)
    """Pins of the inactive configuration, by vCPU number."""
    uuid: str = ""

    def xml(self) -> str:
        """The domain as libvirt wants it."""
        domain = ET.Element("domain", type="qemu")
        _add(domain, "name", self.name)
        _add(domain, "uuid", self.uuid or str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name)))
        if self.title:
            _add(domain, "title", self.title)
        _add(domain, "memory", str(self.memory_mib), unit="MiB")
        current = {} if self.plugged is None else {"current": str(self.plugged)}
        _add(domain, "vcpu", str(self.vcpus), **current)
        if self.iothreads:
            _add(domain, "iothreads", str(self.iothreads))
        if self.pins:
            tune = _add(domain, "cputune")
            for vcpu, cpuset in sorted(self.pins.items()):
                _add(tune, "vcpupin", vcpu=str(vcpu), cpuset=cpuset)
        _add(_add(domain, "os"), "type", "hvm", arch="x86_64", machine="pc")
        _add(_add(domain, "features"), "acpi")
        devices = _add(domain, "devices")
        _add(devices, "emulator", EMULATOR)
        _add(devices, "controller", type="usb", model="none")
        _add(devices, "memballoon", model="virtio")
        return ET.tostring(domain, encoding="unicode")


def _add(parent: ET.Element, tag: str, text: str | None = None, **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    child.text = text
    return child


def fleet(count: int) -> Iterator[Guest]:
    """`count` small guests of several sizes, for measuring."""
    for number in range(count):
        yield Guest(
            name=f"fleet-{number:04}",
            vcpus=(1, 2, 2, 4)[number % 4],
            memory_mib=32,
            title=f"Guest {number} of the fleet",
        )

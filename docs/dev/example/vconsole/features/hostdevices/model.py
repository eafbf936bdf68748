"""A device of the host, and its columns. Format: https://libvirt.org/formatnode.html."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final


@dataclass(frozen=True, slots=True)
class HostDevice:
    """One device; texts may be foreign."""

    name: str
    kind: str
    """The first of its capabilities: ``pci``, ``net``, ``storage``; "" where it names none."""
    parent: str
    """The device it hangs on; "" for the root."""


@dataclass(frozen=True, slots=True)
class ReadHostDevices:
    """Read the devices of the host: answers a tuple of `HostDevice`, by name."""

    deadline_s: ClassVar[float] = 15.0


TITLES: Final = ("device", "kind", "parent")

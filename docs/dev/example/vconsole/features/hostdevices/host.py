"""Reads the devices of the host: one call for all of them, and one for the XML of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vconsole.features.hostdevices.model import HostDevice, ReadHostDevices

from vconsole.host.link import Link
from vconsole.model.request import Reply
from vconsole.model.xml_read import XmlError, parse


def read_host_devices(link: Link, _request: ReadHostDevices) -> Reply:
    """Answer a request; a device that goes meanwhile is left out."""
    handles = link.call(link.conn.listAllDevices, 0)
    return Reply(value=tuple(sorted(_devices(link, handles), key=lambda one: one.name)))


def _devices(link: Link, handles: list[Any]) -> Iterator[HostDevice]:
    import libvirt

    for handle in handles:
        try:
            root = parse(str(link.call(handle.XMLDesc, 0)), "device")
        except (libvirt.libvirtError, XmlError):
            continue
        capability = root.find("capability")
        kind = capability.get("type", "") if capability is not None else ""
        yield HostDevice(handle.name(), kind, root.findtext("parent", ""))

"""The pins of a domain as libvirt has them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vconsole.host.domain_xml import DomainXml, merge, read_domain
from vconsole.host.link import Link
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, PinKey

_XML_INACTIVE = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a domain; `bare` are those for which its definition has no element."""

    pins: Mapping[PinKey, Pin]
    bare: frozenset[PinKey] = frozenset()


def read_rows(
    link: Link, handle: Any, domain: Domain, everything: CpuSet, split_pins: bool
) -> Rows:
    """Read both configurations; one and the same where the driver keeps no two sets of pins.

    Raises:
        HostError: The connection is gone.
        libvirt.libvirtError: One of them cannot be had.
        XmlError: One of them cannot be read.
    """
    live = _read(link, handle, 0) if domain.active else None
    config = _read(link, handle, _XML_INACTIVE) if domain.persistent else None
    if live is not None and config is not None and not split_pins:
        config = live
    bare = frozenset(key for key, pin in config.pins.items() if pin is None) if config else ()
    pins = {pin.key: pin for pin in merge(live, config, everything)}
    return Rows(pins, frozenset(bare) if split_pins else frozenset())


def _read(link: Link, handle: Any, flags: int) -> DomainXml:
    return read_domain(link.call(handle.XMLDesc, flags))

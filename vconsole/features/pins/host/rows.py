"""The pins of a domain as libvirt has them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vconsole.features.pins.model.setting_rows import setting_rows
from vconsole.host.domain_settings import merge_settings
from vconsole.host.domain_xml import DomainXml, merge, read_domain
from vconsole.host.link import Link
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, Pin, RowKey
from vconsole.model.setting import SettingRow
from vconsole.model.xml_edit import Document

_XML_INACTIVE = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a domain; `bare` are those for which its definition has no element."""

    pins: Mapping[RowKey, Pin | SettingRow]
    """Those of memory and scheduling too, every one there could be."""
    bare: frozenset[RowKey] = frozenset()
    unlisted: bool = False
    """The definition has no ``<iothreadids>``."""


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
    text = link.call(handle.XMLDesc, _XML_INACTIVE) if domain.persistent else None
    config = read_domain(text) if text is not None else None
    defined = config
    if live is not None and config is not None and not split_pins:
        config = live
    bare = frozenset(key for key, pin in config.pins.items() if pin is None) if config else ()
    pins = merge(live, config, everything)
    rows: dict[RowKey, Pin | SettingRow] = {pin.key: pin for pin in pins}
    known = replace(
        domain,
        detailed=True,
        pins=pins,
        guest_cells=(live or config or DomainXml()).guest_cells,
        settings=merge_settings(
            live.settings if live else None, defined.settings if defined else None
        ),
    )
    rows |= {row.key: row for row in setting_rows(known)}
    if text is None or not split_pins:
        return Rows(rows)
    return Rows(rows, frozenset(bare), Document(text).find("iothreadids") is None)


def _read(link: Link, handle: Any, flags: int) -> DomainXml:
    return read_domain(link.call(handle.XMLDesc, flags))

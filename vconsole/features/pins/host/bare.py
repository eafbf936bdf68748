"""Takes a pin out of a definition: libvirt has no call for it.

virDomainPinVcpuFlags with every pCPU leaves ``<vcpupin cpuset='0-63'/>`` where there was nothing,
and virDomainPinIOThread a list of all iothreads beside their number.
"""

from __future__ import annotations

from typing import Any

from vconsole.host.definitions import inactive_xml
from vconsole.host.link import Link
from vconsole.model.host_state import PinKey
from vconsole.model.xml_edit import Document

_IDS = {"vcpu": "vcpu", "iothread": "iothread"}


def remove_pin(link: Link, domain: Any, key: PinKey, unlist: bool = False) -> None:
    """Define the domain without the element of a row; of all else nothing is touched.

    With `unlist` without a list of its iothreads, too, if it says no more than their number.

    Raises:
        HostError: The connection was lost.
        libvirt.libvirtError: libvirt refuses.
    """
    text = inactive_xml(link, domain)
    without = without_pin(text, key)
    if unlist:
        without = without_list(without)
    if without != text:
        link.call(link.conn.defineXMLFlags, without, 0)


def without_pin(text: str, key: PinKey) -> str:
    """A definition without the element of a row, and without a ``<cputune>`` that is empty then."""
    kind, number = key
    while True:
        document = Document(text)
        found = document.findall(f"cputune/{kind}pin")
        name = _IDS.get(kind, "")
        node = next((n for n in found if not name or n.get(name) == str(number)), None)
        if node is None:
            return text
        parent = document.find("cputune")
        alone = parent is not None and len(parent.children) == 1
        text = document.remove(parent if parent is not None and alone else node)


def without_list(text: str) -> str:
    """A definition without ``<iothreadids>``, unless that says more than ``<iothreads>`` does."""
    document = Document(text)
    ids = document.find("iothreadids")
    if ids is None:
        return text
    plain = [(n.tag, dict(n.attributes), len(n.children)) for n in ids.children]
    counted = [("iothread", {"id": str(n)}, 0) for n in range(1, len(plain) + 1)]
    return document.remove(ids) if plain == counted else text

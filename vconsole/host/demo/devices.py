"""Edits of pins and devices in a definition: the test driver has calls for neither."""

from __future__ import annotations

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey
from vconsole.model.libvirt_additions import identity
from vconsole.model.xml_edit import Document, Element, element

_IDS = {"vcpu": "vcpu", "iothread": "iothread"}


def with_pin(text: str, key: PinKey, cpuset: CpuSet) -> str:
    """A definition with the set of a row."""
    kind, number = key
    name, document = _IDS.get(kind, ""), Document(text)
    attributes = {name: str(number)} if name else {}
    new = element(f"{kind}pin", {**attributes, "cpuset": str(cpuset)})
    for node in document.findall(f"cputune/{kind}pin"):
        if not name or node.get(name) == str(number):
            return document.replace(node, new)
    return document.insert("cputune", new, create=True)


def with_device(text: str, device: str) -> str:
    """A definition with one more device."""
    document, tag = Document(text), Document(device).root.tag
    last = next(reversed(document.findall(f"devices/{tag}")), None)
    return document.insert("devices", device, after=last, create=True)


def without_device(text: str, device: str) -> str:
    """A definition without a device.

    Raises:
        LookupError: It has none such.
    """
    document = Document(text)
    return document.remove(_found(document, device))


def with_other_device(text: str, device: str) -> str:
    """A definition with a device in the place of the one that it is by name.

    Raises:
        LookupError: It has none such.
    """
    document = Document(text)
    return document.replace(_found(document, device), device)


def _found(document: Document, device: str) -> Element:
    wanted = Document(device).root
    for node in document.findall(f"devices/{wanted.tag}"):
        if _name(node) == _name(wanted):
            return node
    raise LookupError(f"no <{wanted.tag}> like that")


def _name(node: Element) -> str | None:
    """What tells a device from others of its kind: an address, a name in the guest, its place."""
    for child, attribute in (("mac", "address"), ("target", "dev"), ("target", "name")):
        if (found := node.find(child)) is not None and (value := found.get(attribute)):
            return value
    return identity(node)

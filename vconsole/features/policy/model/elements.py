"""What the edits of this room share: setting attributes, and where an element belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from vconsole.model.xml_edit import Document, Element

DEFAULT: Final = "default"
"""Typed for a setting that is to be left to the hypervisor."""
_ORDER: Final = (
    "os",
    "features",
    "cpu",
    "clock",
    "on_poweroff",
    "on_reboot",
    "on_crash",
    "on_lockfailure",
    "pm",
)
"""How libvirt itself orders the elements of a domain that stand around those edited here."""


def set_attributes(
    xml: str, find: Callable[[Document], Element], wanted: Mapping[str, str | None]
) -> str:
    """The text with attributes of one element set; those wanted as None are taken away."""
    for name, value in wanted.items():
        document = Document(xml)
        node = find(document)
        if value is None:
            xml = document.remove_attribute(node, name)
        elif node.get(name) != value:
            xml = document.set_attribute(node, name, value)
    return xml


def insert_child(document: Document, tag: str, xml: str) -> str:
    """The text with a new element of the domain in the place that libvirt would give it."""
    before = _ORDER[: _ORDER.index(tag)]
    neighbours = [child for child in document.root.children if child.tag in before]
    return document.insert(document.root, xml, neighbours[-1] if neighbours else None)


def is_qemu(document: Document) -> bool:
    """Whether QEMU runs it, by KVM or by itself: the test driver and others refuse less."""
    return document.root.get("type") in ("kvm", "qemu")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Answer the value.

    Raises:
        ValueError: It is none of those allowed.
    """
    if value not in allowed:
        raise ValueError(f"{name} {value!r}: write {' or '.join(allowed)}")
    return value

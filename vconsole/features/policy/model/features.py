"""Two switches of the guest's hardware: performance counters, and sleep states.

Source: libvirt's domain format, "Hypervisor features" and "Power management".
"""

from __future__ import annotations

from typing import Final

from vconsole.features.policy.model.elements import (
    DEFAULT,
    insert_child,
    is_qemu,
    one_of,
    set_attributes,
)
from vconsole.model.xml_edit import Document, Element, element

SLEEPS: Final = ("suspend-to-mem", "suspend-to-disk")
"""ACPI's S3 and S4."""


def pmu_of(document: Document) -> str | None:
    """``on``, ``off``, or None where it is up to the hypervisor."""
    node = document.find("features/pmu")
    return None if node is None else node.get("state") or "on"


def set_pmu(xml: str, state: str) -> str:
    """The definition with the counters ``on``, ``off`` or ``default``.

    Raises:
        ValueError: It is another word.
    """
    one_of("PMU", state, ("on", "off", DEFAULT))
    return _switch(xml, ("features", "pmu"), "state", state)


def pmu_remark(document: Document) -> str:
    """What the counters lack to be of use in this domain; empty if nothing is known to."""
    if pmu_of(document) != "on" or not is_qemu(document):
        return ""
    if document.root.get("type") != "kvm":
        return "the counters need KVM: this domain is emulated"
    mode = next((node.get("mode") for node in document.findall("cpu")), None)
    if mode not in ("host-passthrough", "maximum"):
        return "the counters want the host's own CPU: set the CPU mode host-passthrough"
    return ""


def sleep_of(document: Document, name: str) -> str | None:
    """``yes``, ``no``, or None where the sleep state is up to the hypervisor."""
    node = document.find(f"pm/{name}")
    return None if node is None else node.get("enabled")


def set_sleep(xml: str, name: str, enabled: str) -> str:
    """The definition with a sleep state offered to the guest, ``yes``, ``no`` or ``default``.

    Raises:
        ValueError: It is another word.
    """
    one_of(name, enabled, ("yes", "no", DEFAULT))
    return _switch(xml, ("pm", name), "enabled", enabled)


def _switch(xml: str, path: tuple[str, str], attribute: str, value: str) -> str:
    """Set the attribute of an element two levels down; `default` takes the element away."""
    document = Document(xml)
    parent, node = document.find(path[0]), document.find("/".join(path))
    if value == DEFAULT:
        return xml if node is None else document.remove(node)
    new = element(path[1], {attribute: value})
    if parent is None:
        return insert_child(document, path[0], element(path[0], {}, new))
    if node is None:
        return document.insert(parent, new)
    return set_attributes(xml, lambda document: _found(document, path), {attribute: value})


def _found(document: Document, path: tuple[str, str]) -> Element:
    node = document.find("/".join(path))
    assert node is not None
    return node

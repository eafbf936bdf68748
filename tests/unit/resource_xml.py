"""Definitions of domains for the tests of memory and vCPUs."""

from __future__ import annotations

from vconsole.model.proposal import Subject

GIB = 1 << 20
"""In KiB."""
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def domain_xml(
    maximum: int = 8 * GIB,
    current: int = 4 * GIB,
    vcpu: str = "<vcpu placement='static' current='2'>4</vcpu>",
    more: str = "",
    devices: str = "<memballoon model='virtio'/>",
) -> str:
    """One as libvirt writes it."""
    return (
        f"<domain type='kvm'>\n  <name>web</name>\n  <uuid>{UUID}</uuid>\n"
        f"  <memory unit='KiB'>{maximum}</memory>\n"
        f"  <currentMemory unit='KiB'>{current}</currentMemory>\n"
        f"  {vcpu}\n{more}"
        f"  <devices>\n    {devices}\n  </devices>\n</domain>\n"
    )


def subject(config: str | None = None, live: str | None = None) -> Subject:
    """The domain as a planner sees it."""
    return Subject(UUID, "web", live, config)

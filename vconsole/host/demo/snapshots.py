"""The snapshots that domains of the demo have when somebody first looks at them."""

from __future__ import annotations

from time import time
from typing import Any, Final

from vconsole.model.xml_edit import element

_DAY_S: Final = 86_400
_TREES: Final = {
    "web-01": (
        ("fresh", "", 90, "installed, nothing configured"),
        ("before-upgrade", "fresh", 12, "Debian 12 to 13"),
        ("shop-5.2", "before-upgrade", 3, "release 5.2"),
    ),
    "web-02": (("fresh", "", 90, "installed, nothing configured"),),
    "git": (
        ("before-gc", "", 40, ""),
        ("monthly", "before-gc", 8, "first of the month"),
    ),
    "build-agent-3": (
        ("clean", "", 200, "goes back here after each run"),
        ("gcc-15", "clean", 20, "the new compiler"),
        ("clang-20", "clean", 15, "the other one"),
    ),
}
"""Domain -> (name, parent, days ago, description)."""


def make_snapshots(domain: Any) -> None:
    """Give a domain its snapshots, by the driver's own call for known ones."""
    import libvirt

    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
    tree = _TREES.get(domain.name(), ())
    for name, parent, days, words in tree:
        last = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if name == tree[-1][0] else 0
        domain.snapshotCreateXML(_xml(domain, name, parent, days, words), flags | last)


def _xml(domain: Any, name: str, parent: str, days: int, words: str) -> str:
    inactive = str(domain.XMLDesc(2))
    over = f"<parent>{element('name', {}, name_)}</parent>" if (name_ := parent) else ""
    state = "running" if domain.isActive() else "shutoff"
    return (
        f"<domainsnapshot>{element('name', {}, name)}{element('description', {}, words)}"
        f"<state>{state}</state>{over}<creationTime>{int(time()) - days * _DAY_S}</creationTime>"
        f"<disks><disk name='vda' snapshot='internal'/></disks>{inactive}</domainsnapshot>"
    )

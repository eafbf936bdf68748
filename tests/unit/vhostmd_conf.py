"""Configurations of vhostmd for tests."""

from __future__ import annotations

from xml.sax.saxutils import escape

HEAD = '<?xml version="1.0"?>\n<!DOCTYPE vhostmd SYSTEM "vhostmd.dtd">\n'


def metric(
    name: str, action: str, kind: str = "string", context: str = "host", more: str = ""
) -> str:
    """A <metric>; `more` are attributes."""
    return (
        f'    <metric type="{kind}" context="{context}"{more}>\n'
        f"      <name>{name}</name>\n"
        f"      <action>{escape(action)}</action>\n"
        "    </metric>\n"
    )


def group(name: str, action: str, *variables: tuple[str, str], more: str = "") -> str:
    """A group of the host; variables are (name, type)."""
    members = "".join(f'      <variable name="{n}" type="{t}"/>\n' for n, t in variables)
    end = "    </metric>\n"
    return metric(name, action, "group", more=more).removesuffix(end) + members + end


def conf(
    *metrics: str,
    disk: str = "/dev/shm/vhostmd0",
    size: str = '<size unit="k">256</size>',
    period: str = "5",
    virtio: str = "",
    path: str = "/usr/bin:/bin",
    transports: tuple[str, ...] = ("vbd",),
    settings: str = "",
) -> bytes:
    """A whole file, one element a line."""
    return (
        HEAD + settings + "<vhostmd>\n  <globals>\n    <disk>\n      <name>disk</name>\n"
        f"      <path>{disk}</path>\n      {size}\n    </disk>\n{virtio}"
        f"    <update_period>{period}</update_period>\n    <path>{path}</path>\n"
        + "".join(f"    <transport>{name}</transport>\n" for name in transports)
        + "  </globals>\n  <metrics>\n"
        + "".join(metrics)
        + "  </metrics>\n</vhostmd>\n"
    ).encode()

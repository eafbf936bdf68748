"""What each type of pool is asked for, and the XML that comes of it.

Format: https://libvirt.org/storage.html and formatstorage.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vconsole.model.xml_edit import element, escape_text


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked for.

    Attributes:
        id: Its name in a wish.
        title: For people.
        example: What can be typed.
        default: What stands there first.
        choices: The only values; any text where there are none.
        optional: It may be empty.
        path: It begins with ``/``.
    """

    id: str
    title: str
    example: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False
    path: bool = False

    def why_not(self, text: str) -> str:
        """Why a text is none for it; empty where it is."""
        if not text.strip():
            return "" if self.optional else f"is needed, for example {self.example or self.default}"
        if not text.isprintable():
            return "only characters that print"
        if self.choices and text not in self.choices:
            return f"one of {', '.join(filter(None, self.choices))}"
        if self.path and not text.startswith("/"):
            return f"begins with /, for example {self.example}"
        return ""


@dataclass(frozen=True, slots=True)
class PoolType:
    """A type of pool."""

    title: str
    fields: tuple[Field, ...] = ()
    builds: bool = field(default=False)
    """``build`` makes something: a directory, a file system, a partition table, a volume group."""


_TARGET: Final = Field("target", "Directory", "/srv/images", path=True)
_DEV: Final = Field("target", "Devices below", "/dev/disk/by-path", "/dev/disk/by-path", path=True)
_HOST: Final = Field("host", "Host", "nas.example.org")
_DEVICE: Final = Field("device", "Device", "/dev/sdb1", path=True)
POOL_TYPES: Final[Mapping[str, PoolType]] = {
    "dir": PoolType("a directory", (_TARGET,), builds=True),
    "fs": PoolType(
        "a file system on a device",
        (
            _DEVICE,
            Field("format", "File system", "ext4", "auto", ("auto", "ext4", "ext3", "xfs", "vfat")),
            _TARGET,
        ),
        builds=True,
    ),
    "netfs": PoolType(
        "a directory of a file server",
        (
            _HOST,
            Field("dir", "Export", "/export/images", path=True),
            Field("format", "Protocol", "nfs", "auto", ("auto", "nfs", "glusterfs", "cifs")),
            _TARGET,
        ),
        builds=True,
    ),
    "logical": PoolType(
        "an LVM volume group",
        (
            Field("name", "Volume group", "vg_guests"),
            Field("device", "Device to build it of", "/dev/sdb", optional=True, path=True),
            Field("target", "Devices below", "/dev/vg_guests", optional=True, path=True),
        ),
        builds=True,
    ),
    "disk": PoolType(
        "partitions of a whole disk",
        (
            Field("device", "Disk", "/dev/sdb", path=True),
            Field("format", "Partition table", "gpt", "gpt", ("gpt", "dos", "mac", "bsd", "sun")),
            Field("target", "Devices below", "/dev", "/dev", path=True),
        ),
        builds=True,
    ),
    "iscsi": PoolType(
        "LUNs of an iSCSI target",
        (_HOST, Field("device", "Target", "iqn.2013-06.com.example:pool"), _DEV),
    ),
    "iscsi-direct": PoolType(
        "LUNs of an iSCSI target, by QEMU itself",
        (
            _HOST,
            Field("device", "Target", "iqn.2013-06.com.example:pool"),
            Field("initiator", "Initiator", "iqn.2013-06.com.example:host"),
        ),
    ),
    "scsi": PoolType("LUNs of a SCSI adapter", (Field("adapter", "Adapter", "host2"), _DEV)),
    "mpath": PoolType(
        "multipath devices",
        (Field("target", "Devices below", "/dev/mapper", "/dev/mapper", path=True),),
    ),
    "rbd": PoolType(
        "a Ceph pool",
        (Field("host", "Monitor", "ceph-mon1.example.org"), Field("name", "Ceph pool", "libvirt")),
    ),
    "sheepdog": PoolType("a Sheepdog cluster", (_HOST, Field("name", "Name", "sheepdog"))),
    "gluster": PoolType(
        "a Gluster volume",
        (
            _HOST,
            Field("name", "Volume", "vol1"),
            Field("dir", "Directory in it", "/", "/", path=True),
        ),
    ),
    "zfs": PoolType(
        "a ZFS pool",
        (
            Field("name", "ZFS pool", "tank/guests"),
            Field("device", "Device to build it of", "/dev/sdb", optional=True, path=True),
        ),
        builds=True,
    ),
    "vstorage": PoolType("Virtuozzo storage", (Field("name", "Cluster", "cluster1"), _TARGET)),
}


def pool_xml(type_: str, name: str, values: Mapping[str, str]) -> str:
    """The ``<pool>`` of a type; `values` by the ids of its fields."""
    known = {f.id: values.get(f.id, "").strip() for f in POOL_TYPES[type_].fields}
    source = [
        element("host", {"name": known["host"]}) if known.get("host") else "",
        _device(type_, known.get("device", "")),
        element("dir", {"path": known["dir"]}) if known.get("dir") else "",
        element("adapter", {"type": "scsi_host", "name": known["adapter"]})
        if known.get("adapter")
        else "",
        element("name", {}, escape_text(known["name"])) if known.get("name") else "",
        element("initiator", {}, element("iqn", {"name": known["initiator"]}))
        if known.get("initiator")
        else "",
        element("format", {"type": known["format"]}) if known.get("format") else "",
    ]
    parts = [element("name", {}, escape_text(name))]
    if inner := list(filter(None, source)):
        parts.append(element("source", {}, *inner))
    if known.get("target"):
        parts.append(element("target", {}, element("path", {}, escape_text(known["target"]))))
    return element("pool", {"type": type_}, *parts)


def _device(type_: str, path: str) -> str:
    return element("device", {"path": path}) if path else ""

"""Storage pools and volumes as libvirt describes them.

Formats: https://libvirt.org/formatstorage.html, formatstoragecaps.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Final

from vconsole.model.xml_tree import Element, read

STATES: Final = ("inactive", "building", "running", "degraded", "inaccessible")
"""By VIR_STORAGE_POOL_* number."""
DEFAULT_POOL: Final = "default"
DEFAULT_PATH: Final = "/var/lib/libvirt/images"
"""The pool that virt-install and its kind use, and where it lies."""
_UNITS: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50}


@dataclass(frozen=True, slots=True)
class Pool:
    """One pool; None is what is not known."""

    uuid: str
    name: str
    type: str = "-"
    state: str = "-"
    persistent: bool | None = None
    autostart: bool | None = None
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    available_bytes: int | None = None
    volumes: int | None = None
    """How many; known of a running pool."""
    target: str = ""
    """Where its volumes lie: a directory, or ``/dev/VG``."""
    leads_to: str = ""
    """Where the target is, where it names a symbolic link; known of this machine's."""
    source: str = ""
    """Where they come from, in words: a device, ``host:/export``, a volume group."""

    @property
    def running(self) -> bool:
        """Its volumes can be read."""
        return self.state in ("running", "degraded")


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume, as its XML says."""

    name: str
    key: str
    path: str
    type: str = "file"
    """file, block, dir, network, netdir or ploop."""
    format: str = "-"
    capacity_bytes: int | None = None
    allocation_bytes: int | None = None
    backing: str = ""
    """Path of the image it is based on."""
    backing_format: str = ""
    modified_s: float | None = None
    """Seconds since 1970."""
    leads_to: str = ""
    """Where the image is, where the path names a symbolic link; known of this machine's."""
    backing_leads_to: str = ""
    """The same of the image it is based on."""

    @property
    def places(self) -> tuple[str, ...]:
        """What a ``<source>`` may name it by."""
        return tuple(dict.fromkeys(filter(None, (self.path, self.key, self.leads_to))))

    def is_at(self, other: Volume) -> bool:
        """The two are one image, though pools and paths may be others."""
        place = self.leads_to or self.path
        return place.startswith("/") and place == (other.leads_to or other.path)

    def is_based_on(self, other: Volume) -> bool:
        """The other is its base, named by whichever path."""
        bases = {self.backing, self.backing_leads_to} - {""}
        return not bases.isdisjoint({other.path, other.leads_to})


def read_pool(text: str, uuid: str, name: str) -> Pool:
    """Read a ``<pool>``; state and counts are libvirt's to say.

    Raises:
        XmlEditError: It cannot be read.
    """
    root = read(text)
    return Pool(
        uuid,
        name,
        root.get("type") or "-",
        capacity_bytes=_bytes(root.find("capacity")),
        allocation_bytes=_bytes(root.find("allocation")),
        available_bytes=_bytes(root.find("available")),
        target=_text(root, "target/path"),
        source=_source(root),
    )


def read_volume(text: str, name: str) -> Volume:
    """Read a ``<volume>``.

    Raises:
        XmlEditError: It cannot be read.
    """
    root = read(text)
    target, backing = root.find("target/format"), root.find("backingStore/format")
    return Volume(
        name,
        _text(root, "key"),
        _text(root, "target/path"),
        root.get("type") or "file",
        (target.get("type") if target else None) or "-",
        _bytes(root.find("capacity")),
        _bytes(root.find("allocation")),
        _text(root, "backingStore/path"),
        (backing.get("type") if backing else None) or "",
        _seconds(_text(root, "target/timestamps/mtime")),
    )


def overlaps(pools: Iterable[Pool]) -> dict[str, str]:
    """UUID of a pool -> the name of another whose directory it shares, or lies in."""
    known = [
        (pool, PurePosixPath(pool.leads_to or pool.target))
        for pool in pools
        if pool.target.startswith("/")
    ]
    found: dict[str, str] = {}
    for pool, path in known:
        for other, place in known:
            if other is not pool and (
                path == place or place in path.parents or path in place.parents
            ):
                found.setdefault(pool.uuid, other.name)
    return found


def supported_types(capabilities: str) -> Mapping[str, bool]:
    """Type of pool -> whether this libvirt has it; of ``virsh pool-capabilities``.

    Raises:
        XmlEditError: It cannot be read.
    """
    return {
        node.get("type") or "-": node.get("supported") == "yes"
        for node in read(capabilities).findall("pool")
    }


def _source(root: Element) -> str:
    """Where a pool's volumes come from, in one line."""
    host, folder = root.find("source/host"), root.find("source/dir")
    device, adapter = root.find("source/device"), root.find("source/adapter")
    name = _text(root, "source/name")
    parts = [
        (host.get("name") if host else None) or "",
        (folder.get("path") if folder else None) or name,
        (device.get("path") if device else None) or "",
        (adapter.get("name") if adapter else None) or "",
    ]
    return ":".join(part for part in parts if part)


def _text(root: Element, path: str) -> str:
    node = root.find(path)
    return node.text.strip() if node else ""


def _bytes(node: Element | None) -> int | None:
    if node is None or not node.text.strip().isdigit():
        return None
    unit = node.get("unit") or "bytes"
    return int(node.text) * (_UNITS.get(unit, 1))


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# ---- what is asked


@dataclass(frozen=True, slots=True)
class PoolName:
    """A pool before anything was asked about it."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class ReadPools:
    """List the pools, running or not: answers a tuple of `PoolName`."""

    deadline_s: ClassVar[float] = 10.0


@dataclass(frozen=True, slots=True)
class ReadPool:
    """Read one pool: answers a `Pool`. Apart from the others, since one may hang."""

    uuid: str
    deadline_s: ClassVar[float] = 8.0


@dataclass(frozen=True, slots=True)
class ReadPoolTypes:
    """Ask which types of pool there are: answers `supported_types`; empty where it is not told."""

    deadline_s: ClassVar[float] = 8.0


@dataclass(frozen=True, slots=True)
class ReadVolumes:
    """List a pool's volumes by name: answers a tuple of names, in order."""

    pool: str
    """Its UUID."""
    deadline_s: ClassVar[float] = 30.0


@dataclass(frozen=True, slots=True)
class ReadVolumeDetails:
    """Read some volumes of a pool: answers name -> `Volume`, without those that are gone."""

    pool: str
    names: tuple[str, ...]
    deadline_s: ClassVar[float] = 15.0


@dataclass(frozen=True, slots=True)
class FindVolume:
    """Find a volume by path, key or ``pool/name``: answers a `FoundVolume`."""

    text: str
    deadline_s: ClassVar[float] = 10.0


@dataclass(frozen=True, slots=True)
class FoundVolume:
    """A volume and its pool."""

    pool: Pool
    volume: Volume


@dataclass(frozen=True, slots=True)
class ReadUsers:
    """Read which domains use which images: answers `users.Users`."""

    snapshots: bool = False
    """Look into the domains' snapshots too."""
    deadline_s: ClassVar[float] = 30.0

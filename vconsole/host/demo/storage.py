"""Pools, volumes and networks of the demo, made when somebody first looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple
from zlib import crc32

from vconsole.host.demo.fleet import FLEET, IMAGES
from vconsole.host.demo.shape import GIB
from vconsole.model.xml_edit import element

TEMPLATES: Final = "/srv/images"
BASES: Final = ("debian-13-base.qcow2", "debian-12-base.qcow2", "alma-10-base.qcow2")
_ISOS: Final = ("debian-13.1.0-amd64-netinst.iso", "virtio-win-0.1.271.iso", "rescue-12.02.iso")
_POOLS: Final = (
    ("default", IMAGES, True),
    ("images", TEMPLATES, True),
    ("iso", "/srv/iso", True),
    ("backup", "/mnt/backup", True),
    ("archive-2024", "/mnt/archive", False),
)
"""Name, directory, whether it runs."""
_NETWORKS: Final = (("default", "virbr0", 122), ("front", "br-front", 100))


class Volume(NamedTuple):
    """A volume as the demo begins with it; sizes in bytes."""

    name: str
    capacity: int
    held: int
    base: str = ""
    kind: str = "qcow2"


def make_storage(conn: Any) -> None:
    """Define the pools, start those that run, and fill them."""
    for name, path, runs in _POOLS:
        target = f"<target>{element('path', {}, path)}</target>"
        pool = conn.storagePoolDefineXML(f"<pool type='dir'><name>{name}</name>{target}</pool>", 0)
        if runs:
            pool.setAutostart(1)
            pool.create(0)
            for volume in _volumes(name):
                pool.createXML(_xml(volume), 0)


def images() -> dict[str, Volume]:
    """Path -> the volume that lies there, of the pools that run."""
    return {
        f"{directory}/{volume.name}": volume
        for pool, directory, runs in _POOLS
        for volume in _volumes(pool)
        if runs
    }


def _volumes(pool: str) -> Iterator[Volume]:
    if pool == "images":
        for number, name in enumerate(BASES):
            yield Volume(name, (10 + number) * GIB, 2 * GIB)
    elif pool == "default":
        for number, domain in enumerate(FLEET):
            base = (
                f"{TEMPLATES}/{BASES[0]}" if domain.name.startswith(("web", "lb", "build")) else ""
            )
            size = (20 + 20 * (number % 4)) * GIB
            share = 8 + crc32(domain.name.encode()) % 12
            yield Volume(f"{domain.name}.qcow2", size, size * share // 400, base)
        yield Volume("web-00-old.qcow2", 20 * GIB, GIB, f"{TEMPLATES}/{BASES[1]}")
    elif pool == "iso":
        for number, name in enumerate(_ISOS):
            yield Volume(name, (1 + number) * GIB // 2, (1 + number) * GIB // 2, kind="iso")
    else:
        yield Volume("db-primary-weekly.qcow2", 40 * GIB, 9 * GIB)


def _xml(volume: Volume) -> str:
    name, base = element("name", {}, volume.name), element("path", {}, volume.base)
    sizes = f"<capacity>{volume.capacity}</capacity><allocation>{volume.held}</allocation>"
    target = f"<target><format type='{volume.kind}'/></target>"
    under = f"<backingStore>{base}<format type='qcow2'/></backingStore>" if volume.base else ""
    return f"<volume>{name}{sizes}{target}{under}</volume>"


def make_networks(conn: Any) -> None:
    """Define the networks of the fleet, and one that does not run."""
    for name, bridge, third in _NETWORKS:
        network = conn.networkDefineXML(_network(name, bridge, third))
        network.setAutostart(1)
        network.create()
    conn.networkDefineXML(_network("isolated-lab", "virbr9", 199, forward=""))


def _network(name: str, bridge: str, third: int, forward: str = "<forward mode='nat'/>") -> str:
    ends = f"start='192.168.{third}.2' end='192.168.{third}.254'"
    return (
        f"<network><name>{name}</name>{forward}<bridge name='{bridge}' stp='on' delay='0'/>"
        f"<ip address='192.168.{third}.1' netmask='255.255.255.0'><dhcp><range {ends}/></dhcp></ip>"
        "</network>"
    )

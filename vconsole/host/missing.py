"""What a domain's XML names and the host has not: libvirt takes it, and the domain does not start.

Only what a change brings is looked for, each name once. What cannot be told from here is not said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from vconsole.host.capabilities import MAX_CHARS, read_capabilities
from vconsole.host.link import Link
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.size import MemorySizeError
from vconsole.model.size import parse as parse_size
from vconsole.model.xml_read import Element, XmlError, parse
from vconsole.text import size

_Ask = tuple[str, ...]
"""What is asked for: its kind, and the names that tell it."""
_CPUSETS: Final = ("vcpu", "cputune/vcpupin", "cputune/emulatorpin", "cputune/iothreadpin")
_NODESETS: Final = ("numatune/memory", "numatune/memnode")


def missing(link: Link, before: str, after: str) -> tuple[str, ...]:
    """Say what `after` names that the host lacks, besides what `before` named already.

    Args:
        link: Where it is asked.
        before: XML of a domain, or of a device; empty where there was none.
        after: The same as it shall be.

    Raises:
        HostError: The connection is gone.
    """
    known = set(_asked(before))
    new = dict.fromkeys(ask for ask in _asked(after) if ask not in known)
    found = (_LOOKS[kind](link, *names) for kind, *names in new)
    return tuple(words for words in found if words)


def _asked(text: str) -> Iterator[_Ask]:
    if not text.lstrip().startswith("<domain"):
        text = f"<domain><devices>{text}</devices></domain>"
    try:
        root = parse(text, "domain")
    except XmlError:
        return
    yield from _of_devices(root)
    for page in root.findall("memoryBacking/hugepages/page"):
        if kib := _kib(page):
            yield "pages", str(kib)
    yield from (("cells", value) for value in _values(root, _NODESETS, "nodeset"))
    yield from (("pcpus", value) for value in _values(root, _CPUSETS, "cpuset"))
    cpu, model = root.find("cpu[@mode='custom']"), (root.findtext("cpu/model") or "").strip()
    if cpu is not None and model and cpu.get("check") != "none":  # else QEMU leaves out what lacks
        kind = root.find("os/type")
        machine = (kind.get("arch", ""), kind.get("machine", "")) if kind is not None else ("", "")
        emulator = root.findtext("devices/emulator") or ""
        yield "model", model, emulator, *machine, root.get("type", "")


def _of_devices(root: Element) -> Iterator[_Ask]:
    for nic in root.findall("devices/interface"):
        kind, source = nic.get("type", ""), nic.find("source")
        if source is None:
            continue
        if kind in ("network", "bridge") and (name := source.get(kind)):
            yield kind, name
        elif kind == "vhostuser" and (path := source.get("path")):
            yield "socket", path, source.get("mode", "")
    for source in root.findall("devices/disk[@type='volume']/source"):
        yield "volume", source.get("pool", ""), source.get("volume", "")


def _values(root: Element, paths: Iterable[str], name: str) -> Iterator[str]:
    nodes = (node for path in paths for node in root.findall(path))
    return (value for node in nodes if (value := node.get(name)))


def _kib(page: Element) -> int:
    try:
        return parse_size(f"{page.get('size', '')}{page.get('unit', 'KiB')}").kib
    except MemorySizeError:
        return 0


# ---- is it there? Each answers what is wrong, or nothing


def _active(what: str, there: Iterable[Any] | None, name: str) -> tuple[Any, str]:
    """(The one of this name that is active, or what is wrong); neither where nothing is told."""
    if there is None:
        return None, ""
    found = next((each for each in there if each.name() == name), None)
    if found is None:
        return None, f"this host has no {what} {name}: it would not start"
    if not found.isActive():
        return None, f"the {what} {name} is not active: it would not start"
    return found, ""


def _network(link: Link, name: str) -> str:
    networks = link.attempt("networks", link.conn.listAllNetworks, 0)
    return _active("network", networks, name)[1]


def _bridge(link: Link, name: str) -> str:
    found = link.attempt("interfaces", link.conn.listAllInterfaces, 0)
    if not found or any(interface.name() == name for interface in found):
        return ""
    return f"this host has no bridge {name}: it would not start"


def _volume(link: Link, pool_name: str, name: str) -> str:
    pools = link.attempt("pools", link.conn.listAllStoragePools, 0)
    pool, wrong = _active("pool", pools, pool_name)
    if pool is None:
        return wrong
    volumes = link.attempt("volumes", pool.listAllVolumes, 0)
    if volumes is None or any(volume.name() == name for volume in volumes):
        return ""
    return f"the pool {pool_name} has no volume {name}: it would not start"


def _socket(link: Link, path: str, mode: str) -> str:
    """As a client QEMU needs the socket, else the directory for it."""
    needed = path if mode == "client" else os.path.dirname(path)
    if not link.connection.local or link.simulation is not None or os.path.exists(needed):
        return ""
    return f"this host has no {needed}: it would not start"


def _pages(link: Link, kib: str) -> str:
    sizes = {pages.size_kib for cell in _shape(link) for pages in cell.pages}
    if not sizes or int(kib) in sizes or int(kib) <= 64:
        return ""
    has = ", ".join(size(number * 1024) for number in sorted(sizes))
    return f"this host has no pages of {size(int(kib) * 1024)}, but of {has}: it would not start"


def _cells(link: Link, text: str) -> str:
    return _beyond("cell", text, CpuSet.of(cell.id for cell in _shape(link) if not cell.invented))


def _pcpus(link: Link, text: str) -> str:
    return _beyond("pCPU", text, CpuSet.of(n for cell in _shape(link) for n in cell.pcpus))


def _beyond(what: str, text: str, there: CpuSet) -> str:
    try:
        lacking = CpuSet.parse(text) - there
    except CpuSetError:
        return ""
    return f"this host has no {what} {lacking}: it would not start" if lacking and there else ""


def _shape(link: Link) -> Any:
    text = link.attempt("capabilities", link.conn.getCapabilities)
    try:
        return read_capabilities(str(text)).cells if text else ()
    except XmlError:
        return ()


def _model(link: Link, name: str, *machine: str) -> str:
    wanted = [word or None for word in machine]
    text = link.attempt("domain capabilities", link.conn.getDomainCapabilities, *wanted, 0)
    try:
        root = parse(str(text), "domainCapabilities", MAX_CHARS) if text else None
    except XmlError:
        return ""
    models = root.findall("cpu/mode[@name='custom']/model") if root is not None else []
    found = [model for model in models if (model.text or "").strip() == name]
    if not models or any(model.get("usable") != "no" for model in found):
        return ""
    return f"this host has no CPU model {name}: it may not start"


_LOOKS: Final[Mapping[str, Callable[..., str]]] = {
    "network": _network,
    "bridge": _bridge,
    "volume": _volume,
    "socket": _socket,
    "pages": _pages,
    "cells": _cells,
    "pcpus": _pcpus,
    "model": _model,
}

"""The daemon of the demo's hostinfo: the guests that have a port ask it, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from time import time
from typing import Any, Final
from zlib import crc32

from vconsole import __version__
from vconsole.features.hostinfo.requests import ReadService, ReadValues
from vconsole.host.demo import shape, units
from vconsole.host.link import open_link
from vconsole.model.hostinfo_port import status
from vconsole.model.request import Reply
from vconsole.model.words import dotted_version

_ACTIVE: Final = 1
_EVERY_S: Final = 12
_ASKED: Final = (
    ("physcpus", 210),
    ("load", 210),
    ("memfree", 210),
    ("hostname", 403),
    ("cpubusy", 210),
    ("guests", 210),
)
"""What guests ask in turn, and the reply's code."""
_BEGAN_S: Final = time() - 3600


def read_service(request: ReadService) -> Reply:
    """Answer as hostinfod's status socket does."""
    if not units.runs("hostinfod"):
        return Reply("failed", "hostinfod does not run")
    return Reply(value=document(request.guest))


def document(guest: str | None = None) -> dict[str, Any]:
    """What the daemon tells, of one guest or of all."""
    guests = [found for found in _guests() if guest in (None, found["name"])]
    daemon = {
        "version": __version__,
        "pid": os.getpid(),
        "began_at": _BEGAN_S,
        "rules": {"in_force_since": _BEGAN_S, "problem": "", "diagnostics": []},
        "directory": {"problem": "", "left_out": 0},
        "libvirt": {"uri": "test:///default", "problem": ""},
        "guests": {"connected": len(guests)},
    }
    return {"daemon": daemon, "guests": guests}


def _guests() -> Iterator[dict[str, Any]]:
    """The running domains that have a port."""
    with closing(open_link(None, True, True)) as link:
        domains = link.call(link.conn.listAllDomains, _ACTIVE)
        for domain in sorted(domains, key=lambda d: d.name()):
            with suppress(ValueError):
                if status(str(link.call(domain.XMLDesc, 2))) == "enabled":
                    yield _guest(f"test-{domain.name()}", domain.UUIDString())


def _guest(name: str, uuid: str) -> dict[str, Any]:
    asked = int((time() - _BEGAN_S) / _EVERY_S)
    recent = [_exchange(name, number) for number in range(asked - 20, asked)]
    refused = asked // len(_ASKED)
    return {
        "name": name,
        "uuid": uuid,
        "state": "connected",
        "reason": "",
        "state_age_s": time() - _BEGAN_S,
        "queries": asked - refused,
        "refusals": refused,
        "muted": 0,
        "last_query_age_s": time() - recent[-1]["at"],
        "next_allowed_s": 0.0,
        "last": recent[-1],
        "recent": recent,
    }


def _exchange(name: str, number: int) -> dict[str, Any]:
    words, code = _ASKED[(number + crc32(name.encode())) % len(_ASKED)]
    at = _BEGAN_S + number * _EVERY_S + crc32(name.encode()) % _EVERY_S - _EVERY_S
    return {"guest": name, "at": at, "request": words, "code": code}


def read_values(_request: ReadValues) -> Reply:
    """What the demo's machine tells of itself."""
    return Reply(value=values())


def values() -> dict[str, str]:
    """By the names that guests ask for."""
    with closing(open_link(None, True, True)) as link:
        busy = link.simulation.busy() if link.simulation else {}
        libvirt = dotted_version(int(link.call(link.conn.getLibVersion)))
        free = sum(link.call(link.conn.getCellsFreeMemory, 0, len(shape.CELLS)))
    load = sum(busy.values()) / 100
    return {
        "physcpus": str(shape.PCPUS),
        "cpumodel": shape.MODEL,
        "cpumhz": str(shape.MHZ),
        "sockets": "2",
        "cores": "16",
        "threads": "2",
        "load": f"{load:.2f}",
        "load5": f"{load * 0.97:.2f}",
        "load15": f"{load * 0.92:.2f}",
        "cpubusy": f"{100 * load / shape.PCPUS:.0f}",
        "memtotal": str(len(shape.CELLS) * shape.CELL_BYTES >> 20),
        "memfree": str(free >> 20),
        "hostname": "demo-host",
        "time": str(int(time())),
        "uptime": str(int(time() - _BEGAN_S + 86_400 * 12)),
        "hypervisor": "QEMU 10.0.2",
        "libvirt": libvirt,
    }

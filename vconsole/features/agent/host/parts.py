"""From what libvirt hands on of a guest's agent to the values of a report.

Every text and number is chosen by the guest: lists and texts are cut, what has a wrong type is as
if it were missing.
Sources: virDomainGetGuestInfo, for the names of its fields, and virDomainInterfaceAddresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final

from vconsole.features.agent.model.report import (
    MOST,
    MOST_CHARS,
    Address,
    FileSystem,
    GuestVcpus,
    Part,
    Source,
    TimeZone,
    User,
)

Found = Mapping[str, Any]
_OS: Final = {"kernel-release": "Kernel", "machine": "Machine", "variant": "Variant"}


def _hostname(found: Found) -> dict[str, object]:
    return {"hostname": _text(found.get("hostname"))}


def _system(found: Found) -> dict[str, object]:
    known = (_text(found.get(f"os.{key}")) for key in ("name", "version"))
    named = [("OS", _text(found.get("os.pretty-name")) or " ".join(filter(None, known)))]
    named += [(label, _text(found.get(f"os.{key}"))) for key, label in _OS.items()]
    return {"os": tuple((label, text) for label, text in named if text)}


def _timezone(found: Found) -> dict[str, object]:
    name, offset_s = found.get("timezone.name"), found.get("timezone.offset")
    return {"timezone": TimeZone(_text(name), _number(offset_s))}


def _users(found: Found) -> dict[str, object]:
    return {"users": tuple(_user(found, key) for key in _rows(found, "user"))}


def _user(found: Found, key: str) -> User:
    login_ms = _number(found.get(f"{key}.login-time"))
    return User(
        _text(found.get(f"{key}.name")),
        _text(found.get(f"{key}.domain")),
        None if login_ms is None else login_ms / 1000,
    )


def _filesystems(found: Found) -> dict[str, object]:
    return {"filesystems": tuple(_filesystem(found, key) for key in _rows(found, "fs"))}


def _filesystem(found: Found, key: str) -> FileSystem:
    disks = (
        _text(found.get(f"{disk}.alias") or found.get(f"{disk}.device"))
        for disk in _rows(found, f"{key}.disk")
    )
    return FileSystem(
        _text(found.get(f"{key}.mountpoint")),
        _text(found.get(f"{key}.fstype")),
        _number(found.get(f"{key}.used-bytes")),
        _number(found.get(f"{key}.total-bytes")),
        tuple(filter(None, disks)),
    )


INFO: Final[Mapping[Part, tuple[int, Callable[[Found], dict[str, object]]]]] = {
    "users": (1, _users),
    "os": (2, _system),
    "timezone": (4, _timezone),
    "hostname": (8, _hostname),
    "filesystems": (16, _filesystems),
}
"""Part -> its VIR_DOMAIN_GUEST_INFO_* and what makes fields of a report from the answer."""


def vcpus(found: Found) -> GuestVcpus:
    """The guest's vCPUs."""
    return GuestVcpus(*(_text(found.get(key)) for key in ("vcpus", "online", "offlinable")))


def addresses(found: Found, source: Source) -> Iterator[Address]:
    """One for each address, and one for each interface without any; what is none is left out."""
    for interface, known in found.items():
        name, mac = _text(interface), _text(known.get("hwaddr"))
        rows = known.get("addrs") or ()
        if not rows:
            yield Address(name, mac, "", None, source)
        for row in rows:
            if _is_address(address := _text(row.get("addr"))):
                yield Address(name, mac, address, _number(row.get("prefix")), source)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _rows(found: Found, key: str) -> list[str]:
    count = _number(found.get(f"{key}.count")) or 0
    return [f"{key}.{number}" for number in range(min(count, MOST))]


def _text(value: object) -> str:
    return value[:MOST_CHARS] if isinstance(value, str) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None

"""What a guest's clock is set from at its start: the attributes of ``<clock>``.

Source: libvirt's domain format, "Time keeping", and its schema. What libvirt takes and then drops
or misreads in silence (a number beyond 64 bits, seconds beside utc) is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vconsole.features.policy.model.elements import DEFAULT, insert_child, one_of, set_attributes
from vconsole.model.xml_edit import Document, Element, element

OFFSETS: Final[Mapping[str, tuple[str, ...]]] = {
    "utc": ("adjustment",),
    "localtime": ("adjustment",),
    "timezone": ("timezone",),
    "variable": ("adjustment", "basis"),
    "absolute": ("start",),
}
"""Offset -> the other attributes that go with it."""
EXPLAINED: Final[Mapping[str, str]] = {
    "utc": "UTC at each start; what the guest sets is lost then",
    "localtime": "the host's time zone at each start; what the guest sets is lost then",
    "timezone": "a time zone of its own, by name",
    "variable": "so many seconds from its basis; what the guest sets is kept for the next start",
    "absolute": "the same moment at each start, in seconds since 1970",
}
BASES: Final = ("utc", "localtime")
RESET: Final = "reset"
MAX_ADJUSTMENT_S: Final = 100 * 365 * 86_400
"""A hundred years. libvirt takes more; QEMU then cannot write the date and does not start."""
MAX_START_S: Final = 253_402_300_799
"""The end of the year 9999, the last that QEMU can write."""
_NEEDED: Final = {"timezone": "a name such as Europe/Paris", "start": "seconds since 1970"}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}")
_POSIX_ZONE: Final = re.compile(r"[A-Za-z]{3,}[+-]?[0-9]{1,2}([A-Za-z]{3,}([+-]?[0-9]{1,2})?)?")
"""``CET-1CEST``: QEMU's C library takes it without a database (tzset(3))."""
_ZONE: Final = re.compile(r"[a-zA-Z0-9_.+/-]{1,100}")


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of a domain.

    Attributes:
        offset: One of `OFFSETS`, or what else was found.
        settings: The other attributes known here that it has.
    """

    offset: str = "utc"
    settings: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """One of its attributes, `offset` among them."""
        return self.offset if name == "offset" else self.settings.get(name)


def clock_of(document: Document) -> Clock:
    """Read it; without an element it is what libvirt makes it."""
    node = document.find("clock")
    if node is None:
        return Clock()
    known = {name for names in OFFSETS.values() for name in names}
    found = {name: value for name, value in node.attributes.items() if name in known}
    return Clock(node.get("offset") or "utc", found)


def set_clock(xml: str, name: str, value: str) -> str:
    """The definition with one attribute of the clock set, or `default`.

    Another offset takes the attributes along that go with it, and drops the others.

    Raises:
        ValueError: The value is none, or does not go with the offset; with what to write.
    """
    clock = clock_of(Document(xml))
    if name == "offset":
        return _set_offset(xml, clock, one_of(name, value, tuple(OFFSETS)))
    if name not in OFFSETS.get(clock.offset, ()):
        fitting = " or ".join(o for o, names in OFFSETS.items() if name in names)
        raise ValueError(f"{name} does not go with offset {clock.offset}: set offset {fitting}")
    wanted = None if value == DEFAULT else _checked(clock.offset, name, value)
    return _set(xml, {name: wanted})


def clock_problem(document: Document) -> tuple[str, str] | None:
    """What is missing: the attribute, and words for it; None where all is well."""
    clock = clock_of(document)
    for name in OFFSETS.get(clock.offset, ()):
        if name in _NEEDED and not clock.get(name):
            return name, f"offset {clock.offset} needs a {name}: {_NEEDED[name]}"
    return None


def drifts(offset: str, name: str) -> bool:
    """Whether a domain that runs moves the attribute by itself.

    A guest that sets its clock moves the adjustment; from the start on its basis is UTC.
    """
    return offset == "variable" and name in ("adjustment", "basis")


def clock_element(xml: str) -> str:
    """The definition with the element for its clock, if it had none."""
    document = Document(xml)
    if document.find("clock") is not None:
        return xml
    return insert_child(document, "clock", element("clock", {"offset": "utc"}))


def clock_node(document: Document) -> Element:
    """The element, which is there."""
    node = document.find("clock")
    assert node is not None
    return node


def _set_offset(xml: str, clock: Clock, offset: str) -> str:
    wanted: dict[str, str | None] = {"offset": offset}
    for name, value in clock.settings.items():
        try:
            fits = name in OFFSETS[offset] and bool(_checked(offset, name, value))
        except ValueError:
            fits = False
        if not fits:
            wanted[name] = None
    return _set(xml, wanted)


def _set(xml: str, wanted: Mapping[str, str | None]) -> str:
    return set_attributes(clock_element(xml), clock_node, wanted)


def _checked(offset: str, name: str, value: str) -> str:
    if name == "basis":
        return one_of(name, value, BASES)
    if name == "timezone":
        if not _ZONE.fullmatch(value):
            raise ValueError(f"timezone {value!r}: write {_NEEDED[name]}")
        if not _POSIX_ZONE.fullmatch(value) and not _zone_exists(value) and _zone_exists("Etc/UTC"):
            raise ValueError(
                f"timezone {value!r}: no such zone in this machine's database, and QEMU would take"
                f" UTC; write {_NEEDED[name]}"
            )
        return value
    if name == "adjustment" and offset != "variable":
        if value != RESET:
            raise ValueError(f"adjustment {value!r}: with {offset} only {RESET}; else set variable")
        return value
    return _seconds(name, value)


def _zone_exists(name: str) -> bool:
    """The time zone database has it; nothing exists where there is no database."""
    from zoneinfo import ZoneInfo  # late: few set a zone

    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # not there; a path; a folder such as Europe
        return False
    return True


def _seconds(name: str, value: str) -> str:
    least, most = (0, MAX_START_S) if name == "start" else (-MAX_ADJUSTMENT_S, MAX_ADJUSTMENT_S)
    if not _NUMBER.fullmatch(value) or not least <= int(value) <= most:
        raise ValueError(f"{name} {value!r}: write seconds from {least} to {most}")
    return str(int(value))

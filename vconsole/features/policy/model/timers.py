"""The time sources that a guest sees: the ``<timer>`` elements of its ``<clock>``.

Source: libvirt's domain format, "Time keeping", and its schema; what QEMU refuses or takes no
notice of was seen with libvirt 9.0.0 and QEMU 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from vconsole.features.policy.model.clock import clock_element, clock_node
from vconsole.features.policy.model.elements import is_qemu, one_of, set_attributes
from vconsole.model.xml_edit import Document, Element, element

CATCHUP: Final = ("threshold", "slew", "limit")
"""How far it is allowed to catch up; attributes of an element of its own."""
_TICKS: Final = ("present", "tickpolicy", *CATCHUP)
_ALL: Final = (*_TICKS, "track", "frequency", "mode")
TIMERS: Final[Mapping[str, tuple[str, ...]]] = {
    "platform": (*_TICKS, "track"),
    "pit": _TICKS,
    "rtc": (*_TICKS, "track"),
    "hpet": _TICKS,
    "tsc": (*_TICKS, "frequency", "mode"),
    "kvmclock": ("present",),
    "hypervclock": ("present",),
    "armvtimer": _TICKS,
}
"""Name -> the settings that go with it."""
EXPLAINED: Final[Mapping[str, str]] = {
    "platform": "the master time source, which may drive the others",
    "pit": "programmable interval timer: interrupts at regular times",
    "rtc": "real time clock: goes on, and interrupts at regular times",
    "hpet": "high precision event timer: several, with interrupts at regular times",
    "tsc": "time stamp counter: counts ticks since the reset, no interrupts",
    "kvmclock": "KVM's own clock, the one for Linux guests: it reads the host's time",
    "hypervclock": "the clock that Windows guests know from Hyper-V",
    "armvtimer": "the virtual timer of ARM guests",
}
VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "present": ("yes", "no"),
    "tickpolicy": ("delay", "catchup", "merge", "discard"),
    "track": ("boot", "guest", "wall", "realtime"),
    "mode": ("auto", "native", "emulate", "paravirt", "smpsafe"),
}
"""Setting -> its values; the others are numbers."""
_MAX: Final = {"frequency": 2**64 - 1, **dict.fromkeys(CATCHUP, 2**32 - 1)}
_REFUSED: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("rtc", "track"): ("boot",),
    ("rtc", "tickpolicy"): ("merge", "discard"),
    ("pit", "tickpolicy"): ("merge",),
}
"""(timer, setting) -> what libvirt refuses for QEMU."""
_IGNORED: Final[Mapping[str, tuple[str, ...]]] = {
    "rtc": ("present", *CATCHUP),
    "pit": CATCHUP,
    "hpet": ("tickpolicy", *CATCHUP),
    "tsc": ("present", "tickpolicy", *CATCHUP, "mode"),
}
"""Timer -> what QEMU is not told."""
_SEPARATOR: Final = re.compile(r"[\s,]+")
_NUMBER: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Timer:
    """One time source, and what is set of it."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is set of it: ``tickpolicy=catchup track=guest``."""
        return " ".join(f"{name}={value}" for name, value in self.settings.items())


def timers_of(document: Document) -> tuple[Timer, ...]:
    """The timers in their order."""
    return tuple(_timer(node) for node in document.findall("clock/timer"))


def parse_timer(text: str) -> Timer:
    """A timer as it is typed: ``rtc tickpolicy=catchup track=guest``, with blanks or commas.

    Raises:
        ValueError: It is none; with what to write instead.
    """
    name, *words = [word for word in _SEPARATOR.split(text) if word] or [""]
    known = TIMERS[one_of("timer", name, tuple(TIMERS))]
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known:
            raise ValueError(f"{key!r} does not go with {name}: it has {', '.join(known)}")
        if not equals or key in settings:
            raise ValueError(f"{word!r}: write {key}=VALUE, once")
        settings[key] = _checked(key, value)
    if (catchup := settings.keys() & set(CATCHUP)) and settings.get("tickpolicy") != "catchup":
        raise ValueError(f"{min(catchup)} goes with tickpolicy=catchup only: write that too")
    return Timer(name, {key: settings[key] for key in known if key in settings})


def add_timer(xml: str, timer: Timer) -> str:
    """The definition with another timer behind the others.

    Raises:
        ValueError: It is there, or libvirt would refuse it.
    """
    document = Document(xml)
    _check_taken(document, timer)
    if any(known.name == timer.name for known in timers_of(document)):
        raise ValueError(f"there is a timer {timer.name} already: edit that one")
    nodes = document.findall("clock/timer")
    if not nodes:
        document = Document(clock_element(xml))
    new = element("timer", {"name": timer.name})
    added = document.insert(clock_node(document), new, nodes[-1] if nodes else None)
    return _write(added, len(nodes), timer)


def set_timer(xml: str, number: int, timer: Timer) -> str:
    """The definition with a timer set otherwise; what is not known of it stays.

    Raises:
        ValueError: libvirt would refuse it.
    """
    _check_taken(Document(xml), timer)
    return _write(xml, number, timer)


def remove_timer(xml: str, number: int) -> str:
    """The definition without a timer: whether the guest has it is up to the hypervisor."""
    document = Document(xml)
    return document.remove(_node(document, number=number))


def ignored(document: Document, timer: Timer) -> str:
    """Which settings make no difference, as a remark; empty if all do."""
    words = [key for key in _IGNORED.get(timer.name, ()) if key in timer.settings]
    return f"QEMU takes no notice of {', '.join(words)}" if words and is_qemu(document) else ""


def _timer(node: Element) -> Timer:
    found = dict(node.attributes)
    for child in node.findall("catchup"):
        found |= child.attributes
    return Timer(node.get("name") or "", {key: found[key] for key in _ALL if key in found})


def _checked(key: str, value: str) -> str:
    if key in VALUES:
        return one_of(key, value, VALUES[key])
    if not _NUMBER.fullmatch(value) or not 1 <= int(value) <= _MAX[key]:
        unit = " Hz" if key == "frequency" else ""
        raise ValueError(f"{key} {value!r}: write a number from 1 to {_MAX[key]}{unit}")
    return str(int(value))


def _check_taken(document: Document, timer: Timer) -> None:
    """Refuse what libvirt would, in words that say what to do."""
    if not is_qemu(document):
        return
    if timer.name == "platform":
        raise ValueError("QEMU has no timer platform: set those it has, rtc or pit or tsc")
    arch = next((node.get("arch") or "" for node in document.findall("os/type")), "")
    if timer.name == "armvtimer" and not arch.startswith(("arm", "aarch64")):
        raise ValueError(f"armvtimer is of ARM guests, this is {arch or 'another'}: leave it out")
    for key, value in timer.settings.items():
        if value in (bad := _REFUSED.get((timer.name, key), ())):
            good = [word for word in VALUES[key] if word not in bad]
            raise ValueError(f"QEMU's {timer.name} has no {key} {value}: write {' or '.join(good)}")


def _write(xml: str, number: int, timer: Timer) -> str:
    node = partial(_node, number=number)
    wanted = {key: timer.settings.get(key) for key in _ALL}
    limits = {key: wanted.pop(key) for key in CATCHUP}
    xml = set_attributes(xml, node, wanted)
    document = Document(xml)
    child = node(document).find("catchup")
    if child is None:
        new = {key: value for key, value in limits.items() if value is not None}
        return document.insert(node(document), element("catchup", new)) if new else xml
    if not (child.attributes.keys() - limits.keys() or child.children or any(limits.values())):
        return document.remove(child)
    return set_attributes(xml, lambda document: _catchup(node(document)), limits)


def _node(document: Document, number: int) -> Element:
    return document.findall("clock/timer")[number]


def _catchup(node: Element) -> Element:
    child = node.find("catchup")
    assert child is not None
    return child

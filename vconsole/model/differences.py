"""What a domain runs with and what it is defined with: where the two differ.

Differences that libvirt makes itself are none (`libvirt_additions`). Devices are compared by what
identifies them, never by their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final, Literal

from vconsole.model import libvirt_additions as own
from vconsole.model.agent_channels import AGENT
from vconsole.model.cpuset import CpuSet, CpuSetError
from vconsole.model.host_state import PinKey, PinKind
from vconsole.model.value import dataclass
from vconsole.model.words import amount, numbers_label, row_label, row_order
from vconsole.model.xml_read import Element

Area = Literal[
    "pins", "memory", "vCPUs", "devices", "agent", "network", "clock", "features", "other"
]
Kind = Literal[
    "pin", "default pin", "maximum", "vcpus", "plugged", "iothreads", "element", "device"
]
Path = tuple[int, ...]
"""Which child of which child, from ``<domain>`` on."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same; None where one side has not got it.

    Texts may be foreign.
    """

    area: Area
    what: str
    live: str | None
    config: str | None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One attribute, text or element that differs, and where it stands on each side.

    Attributes:
        words: The elements on the way, and the attribute.
        live_path: Of the element; of its parent where only the definition has it.
        config_path: Likewise.
        attribute: "" for the text of the element; None for the whole element.
    """

    words: tuple[str, ...]
    live: str | None
    config: str | None
    live_path: Path
    config_path: Path
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A difference with what it consists of.

    Attributes:
        shown: The difference.
        kind: What it is about: decides what can be done.
        leaves: Of an element or a device: all that differs in it.
        pin: The row of a pin.
    """

    shown: Difference
    kind: Kind
    leaves: tuple[Leaf, ...] = ()
    pin: PinKey | None = None


def found(live: Element, config: Element, everything: CpuSet) -> Iterator[Found]:
    """Find the differences of two ``<domain>`` elements.

    Args:
        live: As it runs.
        config: As it is defined.
        everything: All pCPUs of the host; what a row that is not pinned may use.
    """
    yield from _pins(live, config, everything)
    yield from _vcpus(live, config)
    for leaf in _children((live, ()), (config, ()), "", ()):
        yield Found(_difference(leaf), "element", (leaf,))
    yield from _devices(live, config)


def differences(live: Element, config: Element, everything: CpuSet) -> tuple[Difference, ...]:
    """The same, as it is shown."""
    return tuple(one.shown for one in found(live, config, everything))


# -- pins ------------------------------------------------------------------------------------

_PIN_TAGS: Final[dict[str, tuple[PinKind, str]]] = {
    "vcpupin": ("vcpu", "vcpu"),
    "emulatorpin": ("emulator", ""),
    "iothreadpin": ("iothread", "iothread"),
}


def _pins(live: Element, config: Element, everything: CpuSet) -> Iterator[Found]:
    now, then = _pinned(live), _pinned(config)
    for key in sorted(now.keys() | then.keys(), key=row_order):
        sets = [effective(side, key, everything) for side in (live, config)]
        if sets[0] != sets[1]:
            texts = ["all" if everything and everything <= s else str(s) for s in sets]
            yield Found(Difference("pins", f"pin of {row_label(key)}", *texts), "pin", pin=key)
    defaults = [_get(side.find("vcpu"), "cpuset") for side in (live, config)]
    if _cpuset(defaults[0]) != _cpuset(defaults[1]):
        yield Found(Difference("pins", "pins that are not set", *defaults), "default pin")


def effective(root: Element, key: PinKey, everything: CpuSet) -> CpuSet:
    """Where a row may run by one of the two XMLs."""
    return _pinned(root).get(key) or _cpuset(_get(root.find("vcpu"), "cpuset")) or everything


def _pinned(root: Element) -> dict[PinKey, CpuSet | None]:
    pins: dict[PinKey, CpuSet | None] = {}
    for element in root.iterfind("cputune/*"):
        if element.tag in _PIN_TAGS:
            kind, name = _PIN_TAGS[element.tag]
            pins[kind, _number(element.get(name)) if name else None] = _cpuset(
                element.get("cpuset")
            )
    return pins


def _cpuset(text: str | None) -> CpuSet | None:
    try:
        return CpuSet.parse(text) if text else None
    except CpuSetError:
        return None


# -- vCPUs and iothreads ---------------------------------------------------------------------


def _vcpus(live: Element, config: Element) -> Iterator[Found]:
    most = [_number(_text(side.find("vcpu"))) for side in (live, config)]
    if most[0] != most[1]:
        yield Found(Difference("vCPUs", "maximum of vCPUs", *_words(most)), "maximum")
    now, then = plugged(live), plugged(config)
    if len(now) != len(then):
        yield Found(Difference("vCPUs", "vCPUs", str(len(now)), str(len(then))), "vcpus")
    elif now != then:
        words = numbers_label(now), numbers_label(then)
        yield Found(Difference("vCPUs", "vCPUs plugged in", *words), "plugged")
    threads = [numbers_label(iothreads(side)) or None for side in (live, config)]
    if threads[0] != threads[1]:
        yield Found(Difference("vCPUs", "iothreads", *threads), "iothreads")


_MOST: Final = 1 << 16
"""No domain has so many; a number of another's is no reason to count without end."""


def plugged(root: Element) -> tuple[int, ...]:
    """The vCPUs that are plugged in; libvirt lists them only where they can be had singly."""
    listed = root.find("vcpus")
    if listed is not None and len(listed):
        return tuple(_number(e.get("id")) or 0 for e in listed if e.get("enabled") == "yes")
    vcpu = root.find("vcpu")
    count = _number(_get(vcpu, "current")) or _number(_text(vcpu)) or 0
    return tuple(range(min(count, _MOST)))


def iothreads(root: Element) -> tuple[int, ...]:
    """The ids of its iothreads."""
    ids = [_number(e.get("id")) or 0 for e in root.iterfind("iothreadids/*")]
    count = _number(_text(root.find("iothreads"))) or 0
    return tuple(sorted(ids)) if ids else tuple(range(1, min(count, _MOST) + 1))


def _words(numbers: Iterable[int | None]) -> list[str | None]:
    return [None if number is None else str(number) for number in numbers]


# -- elements --------------------------------------------------------------------------------

_ELSEWHERE: Final = frozenset(
    {"name", "uuid", "vcpu", "vcpus", "iothreads", "iothreadids", "devices"}
) | {f"cputune/{tag}" for tag in _PIN_TAGS}
"""Compared in another way."""
_NOTHING: Final = Element("")
Placed = tuple[Element, Path]
"""An element and where it stands."""


def _node(live: Placed, config: Placed, path: str, words: tuple[str, ...]) -> Iterator[Leaf]:
    """What differs in an element that both sides have."""
    (now, live_path), (then, config_path) = live, config
    if now.attrib != then.attrib or path == "devices/interface":
        one, other = own.attributes(now, then, path)
        for name in sorted(one.keys() | other.keys()):
            if (values := (one.get(name), other.get(name)))[0] != values[1]:
                yield Leaf((*words, name), *values, live_path, config_path, name)
    if _text(now) != _text(then) and not (not _text(then) and own.known(path, own.FILLED_IN)):
        yield Leaf(words, *_texts(now, then), live_path, config_path, "")
    if len(now) or len(then):
        yield from _children(live, config, path, words)


def _children(live: Placed, config: Placed, path: str, words: tuple[str, ...]) -> Iterator[Leaf]:
    """What differs below an element that both sides have."""
    for here, now, then in _pairs(live, config, path):
        if now and then:
            yield from _node(now, then, here, (*words, *_name(now[0])))
        elif here == "cputune":
            yield from _children(now or (_NOTHING, ()), then or (_NOTHING, ()), here, ("cputune",))
        elif now and not own.may_be_missing(now[0], here):
            yield Leaf((*words, *_name(now[0])), _brief(now[0]), None, now[1], config[1])
        elif then and not own.may_be_left_out(then[0], here):
            yield Leaf((*words, *_name(then[0])), None, _brief(then[0]), live[1], then[1])


def _pairs(
    live: Placed, config: Placed, path: str
) -> Iterator[tuple[str, Placed | None, Placed | None]]:
    """(path, as it runs, as it is defined) of each child: those that answer to the same name."""
    sides: dict[tuple[str, str], tuple[list[Placed], list[Placed]]] = {}
    for side, (parent, at) in enumerate((live, config)):
        for place, child in enumerate(parent):
            here = f"{path}/{child.tag}" if path else child.tag
            if here in _ELSEWHERE or own.is_runtime(child, here) or own.is_pty(here, parent):
                continue
            key = here, own.identity(child)
            sides.setdefault(key, ([], []))[side].append((child, (*at, place)))
    for (here, _), (now, then) in sides.items():
        yield from ((here, *pair) for pair in _matched(now, then, here))


def _matched(
    now: list[Placed], then: list[Placed], path: str
) -> Iterator[tuple[Placed | None, Placed | None]]:
    """Pairs of what nothing tells apart: equal ones first, then in their order."""
    if len(now) > 1 and not path.startswith("os/"):
        for one in tuple(now):
            equal = next((o for o in then if not any(_node(one, o, path, ()))), None)
            if equal is not None:
                now.remove(one)
                then.remove(equal)
    yield from zip_longest(now, then)


def _name(element: Element) -> tuple[str, ...]:
    return tuple(filter(None, (element.tag.rpartition("}")[2], own.identity(element))))


def _brief(element: Element) -> str:
    """An element in a few words."""
    texts = [_text(element), *element.attrib.values()]
    texts += [word for child in element for word in (_text(child), *child.attrib.values())]
    return " ".join(filter(None, texts))[:_BRIEF_CHARS] or "yes"


_BRIEF_CHARS: Final = 200


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _get(element: Element | None, name: str) -> str | None:
    return element.get(name) if element is not None else None


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def _texts(now: Element, then: Element) -> tuple[str | None, str | None]:
    """Both texts; amounts of memory in a unit that fits, unless they would look the same."""
    texts = _text(now) or None, _text(then) or None
    kib = [_number(text) for text in texts]
    if now.get("unit") == then.get("unit") == "KiB" and None not in kib:
        one, other = (amount((n or 0) << 10) for n in kib)
        return (one, other) if one != other else (f"{kib[0]} KiB", f"{kib[1]} KiB")
    return texts


# -- what it is called -----------------------------------------------------------------------

_AREAS: Final[dict[str, Area]] = {
    "memory": "memory",
    "currentMemory": "memory",
    "maxMemory": "memory",
    "memoryBacking": "memory",
    "memtune": "memory",
    "numatune": "memory",
    "memballoon": "memory",
    "cputune": "vCPUs",
    "cpu": "vCPUs",
    "clock": "clock",
    "features": "features",
    "pm": "features",
    "interface": "network",
}
_LABELS: Final = {"memory": "maximum memory", "currentMemory": "current memory"}


def _difference(leaf: Leaf) -> Difference:
    first, *rest = leaf.words
    what = " ".join((_LABELS.get(first, first), *rest))
    return Difference(_AREAS.get(first, "other"), what, leaf.live, leaf.config)


def _devices(live: Element, config: Element) -> Iterator[Found]:
    at = [_placed(side, "devices") for side in (live, config)]
    for path, now, then in _pairs(at[0], at[1], "devices"):
        leaves = tuple(_device(now, then, path, at[0][1], at[1][1]))
        if leaves:
            element = (now or then or (_NOTHING, ()))[0]
            yield Found(_shown(element, leaves), "device", leaves)


def _device(
    now: Placed | None, then: Placed | None, path: str, live_path: Path, config_path: Path
) -> Iterator[Leaf]:
    if now and then:
        yield from _node(now, then, path, ())
    elif now:
        yield Leaf((), _device_words(now[0]), None, now[1], config_path)
    elif then:
        yield Leaf((), None, _device_words(then[0]), live_path, then[1])


def _placed(root: Element, tag: str) -> Placed:
    found = ((child, (place,)) for place, child in enumerate(root) if child.tag == tag)
    return next(found, (_NOTHING, ()))


def _shown(device: Element, leaves: Sequence[Leaf]) -> Difference:
    kind, name = device.get("device") or device.tag, own.identity(device)
    area: Area = _AREAS.get(device.tag, "devices")
    if device.tag == "channel" and name == AGENT:
        area = "agent"
    what = " ".join(filter(None, (kind if device.tag in ("disk", kind) else device.tag, name)))
    if leaves[0].attribute is None and not leaves[0].words:
        return Difference(area, what, leaves[0].live, leaves[0].config)
    sides = [
        ", ".join(" ".join((*leaf.words, value or "-")) for leaf, value in both)
        for both in (
            [(leaf, leaf.live) for leaf in leaves],
            [(leaf, leaf.config) for leaf in leaves],
        )
    ]
    return Difference(area, what, *sides)


def _device_words(device: Element) -> str:
    """What a device is, in the order a reader asks for it."""
    found = (own.value(device, path) for path in _TELLING)
    words = dict.fromkeys(word for word in found if word and not own.is_given_path(word))
    return ", ".join(words) or _text(device) or "yes"


_TELLING: Final = (
    *(f"source@{name}" for name in ("file", "dev", "network", "bridge", "name", "path", "volume")),
    *("mac@address", "model@type", "@model", "driver@type", "target@bus", "target@name", "@type"),
)

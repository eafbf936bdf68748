"""Which USB devices may be redirected into a guest: the rules of ``<redirfilter>``.

The rules are tried in their order and the first that fits decides; a device that none fits is
refused, and without any rule every device is allowed. Written as QEMU's filter is:
``class:vendor:product:version:allow``, -1 for any.

Source: libvirt's domain format, "Redirected devices", and usbredir's usbredirfilter.h. The class is
compared with that of the device and of each interface, and all of them must be allowed; the version
is that of the device (bcdDevice), not of USB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from functools import partial
from typing import Final

from vconsole.features.policy.model.elements import set_attributes
from vconsole.model.words import plural
from vconsole.model.xml_edit import Document, Element, element

FORMAT: Final = "class:vendor:product:version:allow"
ANY: Final = ("-1", "any")
_PATH: Final = "devices/redirfilter"
_DIGITS: Final = {"class": 2, "vendor": 4, "product": 4}
"""Hexadecimal digits that a number has at most."""
_VERSION: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})")
_BCD: Final = re.compile(r"0x([0-9]{1,4})")
_ALLOW: Final = {"yes": True, "1": True, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Rule:
    """Devices that are like this are allowed or refused; None fits any."""

    usb_class: int | None
    vendor: int | None
    product: int | None
    version: int | None
    """Binary coded decimal, as the device has it: 2.10 is 0x0210."""
    allow: bool

    def __str__(self) -> str:
        """The rule as it is typed."""
        parts = ("-1" if value is None else value for value in self._values())
        return ":".join((*parts, "yes" if self.allow else "no"))

    @property
    def brief(self) -> str:
        """The rule in few characters: ``yes 08:0951:1625:2.00``, ``no any``."""
        parts = ["*" if value is None else value.removeprefix("0x") for value in self._values()]
        fits = "any" if set(parts) == {"*"} else ":".join(parts)
        return f"{'yes' if self.allow else 'no'} {fits}"

    def covers(self, other: Rule) -> bool:
        """Whether it fits every device that the other fits."""
        pairs = zip(astuple(self)[:4], astuple(other)[:4], strict=True)
        return all(mine in (None, theirs) for mine, theirs in pairs)

    def attributes(self) -> dict[str, str | None]:
        """The attributes of its element; None where it may have none."""
        names = ("class", "vendor", "product", "version")
        found = dict(zip(names, self._values(), strict=True))
        return {**found, "allow": "yes" if self.allow else "no"}

    def _values(self) -> tuple[str | None, ...]:
        version = self.version
        return (
            None if self.usb_class is None else f"0x{self.usb_class:02X}",
            None if self.vendor is None else f"0x{self.vendor:04X}",
            None if self.product is None else f"0x{self.product:04X}",
            None if version is None else f"{version >> 8:x}.{version & 0xFF:02x}",
        )


def parse_rule(text: str) -> Rule:
    """A rule as it is typed, or as QEMU's command line has it.

    Raises:
        ValueError: It is none; with what to write instead.
    """
    fields = [part.strip() for part in text.split(":")]
    if len(fields) != 5:
        raise ValueError(f"{plural(len(fields), 'field')}, not 5: write {FORMAT}, -1 for any")
    *numbers, version, allow = fields
    if allow not in _ALLOW:
        raise ValueError(f"allow {allow!r}: write yes or no")
    fitting = (_number(name, value) for name, value in zip(_DIGITS, numbers, strict=True))
    usb_class, vendor, product = fitting
    return Rule(usb_class, vendor, product, _version(version), _ALLOW[allow])


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Rules with ``|`` between them, as QEMU's command line has them.

    Raises:
        ValueError: One is none.
    """
    return tuple(parse_rule(part) for part in text.split("|"))


def rules_of(document: Document) -> tuple[Rule, ...]:
    """The rules in the order they are tried.

    Raises:
        ValueError: libvirt would not take one of them.
    """
    return tuple(_rule(node) for node in document.findall(f"{_PATH}/usbdev"))


def add_rules(xml: str, number: int, rules: tuple[Rule, ...]) -> str:
    """The definition with rules before that of this number."""
    for rule in reversed(rules):
        xml = _add(xml, number, rule)
    return xml


def set_rule(xml: str, number: int, rule: Rule) -> str:
    """The definition with a rule replaced; what is not known of it stays."""
    node = partial(_node, number=number)
    known = node(Document(xml)).attributes
    wanted = {
        name: "-1" if value is None and name in known else value
        for name, value in rule.attributes().items()
    }
    return set_attributes(xml, node, wanted)


def remove_rule(xml: str, number: int) -> str:
    """The definition without a rule; with the last one the filter goes as well."""
    document = Document(xml)
    node = _node(document, number)
    filters = document.findall(_PATH)
    alone = len(filters) == 1 and filters[0].children == (node,)
    return document.remove(filters[0] if alone else node)


def move_rule(xml: str, number: int, to: int) -> str:
    """The definition with a rule at another place among them; those between move up or down."""
    step = 1 if to > number else -1
    for place in range(number, to, step):
        xml = _swap(xml, place, place + step)
    return xml


def unreached(rules: tuple[Rule, ...]) -> Iterator[tuple[int, int]]:
    """The rules that never decide, with an earlier one that does so for all their devices."""
    for number, rule in enumerate(rules):
        first = next((n for n, other in enumerate(rules[:number]) if other.covers(rule)), None)
        if first is not None:
            yield number, first


def remarks(document: Document) -> Iterator[str]:
    """What the rules come to in this domain, and what they lack to be of use."""
    rules = rules_of(document)
    for number, first in unreached(rules):
        yield f"rule {number + 1} is never reached: rule {first + 1} fits all its devices"
    if rules and not any(rule.allow for rule in rules):
        yield "no rule allows a device: none can be redirected"
    channels = document.findall("devices/redirdev")
    if not channels:
        yield "no USB redirection device: the rules have no effect until there is a <redirdev>"
    elif any(node.get("type") == "spicevmc" for node in channels) and not _has_spice(document):
        yield "its redirection device is for SPICE, and it has no SPICE graphics"
    if channels and _without_usb(document):
        yield "USB is switched off, by a controller of model none: nothing can be redirected"


def _rule(node: Element) -> Rule:
    allow = node.get("allow") or ""
    if allow not in ("yes", "no"):
        raise ValueError(f"line {node.line}: a rule's allow {allow!r} is neither yes nor no")
    usb_class, vendor, product = (_libvirts(node, name) for name in _DIGITS)
    version = _version(node.get("version") or "-1")
    return Rule(usb_class, vendor, product, version, allow == "yes")


def _libvirts(node: Element, name: str) -> int | None:
    """A number as libvirt reads it: 0x is hexadecimal, a leading 0 octal, others decimal."""
    text = node.get(name) or "-1"
    base = 8 if re.fullmatch("0[0-7]+", text) else 0
    try:
        number = int(text, base)
    except ValueError:
        raise ValueError(f"line {node.line}: a rule's {name} {text!r} is no number") from None
    return None if number == -1 else number


def _number(name: str, text: str) -> int | None:
    if text in ANY:
        return None
    most = _DIGITS[name]
    if not re.fullmatch(f"0[xX][0-9a-fA-F]{{1,{most}}}", text):
        example = f"0x{'08' if most == 2 else '0951'}"
        raise ValueError(f"{name} {text!r}: write {example} with at most {most} digits, or -1")
    return int(text, 16)


def _version(text: str) -> int | None:
    """``2.1`` is 0x0210, as libvirt reads it: its parts are decimal digits."""
    if text in ANY:
        return None
    if found := _VERSION.fullmatch(text):
        return int(found[1], 16) << 8 | int(found[2].ljust(2, "0"), 16)
    if found := _BCD.fullmatch(text):
        return int(found[1], 16)
    raise ValueError(f"version {text!r}: write as 2.00, up to 99.99, or -1; it is the device's")


def _add(xml: str, number: int, rule: Rule) -> str:
    known = {name: value for name, value in rule.attributes().items() if value is not None}
    new = element("usbdev", known)
    document = Document(xml)
    nodes = document.findall(f"{_PATH}/usbdev")
    if number < len(nodes):
        grown = document.insert(_PATH, new, nodes[-1])
        return move_rule(grown, len(nodes), number)
    if nodes or document.find(_PATH):
        return document.insert(_PATH, new, nodes[-1] if nodes else None)
    neighbours = document.findall("devices/redirdev")
    inside = element("redirfilter", {}, new)
    behind = neighbours[-1] if neighbours else None
    return document.insert("devices", inside, behind, create=True)


def _swap(xml: str, one: int, other: int) -> str:
    texts = [_text(xml, number) for number in (one, other)]
    for number, text in ((one, texts[1]), (other, texts[0])):
        document = Document(xml)
        xml = document.replace(_node(document, number), text)
    return xml


def _text(xml: str, number: int) -> str:
    node = _node(Document(xml), number)
    return xml[node.start : node.end]


def _node(document: Document, number: int) -> Element:
    return document.findall(f"{_PATH}/usbdev")[number]


def _has_spice(document: Document) -> bool:
    return any(node.get("type") == "spice" for node in document.findall("devices/graphics"))


def _without_usb(document: Document) -> bool:
    controllers = document.findall("devices/controller")
    return any(c.get("type") == "usb" and c.get("model") == "none" for c in controllers)

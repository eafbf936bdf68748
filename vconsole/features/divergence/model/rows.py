"""The two configurations of a domain, where they differ, and what libvirt lets be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from vconsole.model import xml_read
from vconsole.model.cpuset import CpuSet
from vconsole.model.differences import Difference, Found, Leaf, Path, found, iothreads, plugged
from vconsole.model.xml_edit import Document, Element
from vconsole.model.xml_read import parse
from vconsole.model.xml_tree import MAX_CHARS

Way = Literal["persist", "revert"]
RESTART: Final = "not done from here while it runs: shut the domain off and start it"
_PLUGGABLE: Final = frozenset({"disk", "interface", "hostdev", "channel", "controller"})
"""Devices that come and go while a domain runs, and that can be told from others."""
_PLUGGABLE_BUSES: Final = frozenset({"virtio", "scsi", "usb", "xen"})
_FIXED_IN_INTERFACE: Final = frozenset({"model", "driver", "mac", "boot", "rom", "backend"})
_SPELLED_OUT: Final = frozenset({"mode", "model", "vendor", "feature", "check", "match"})


@dataclass(frozen=True, slots=True)
class Row:
    """A difference and what can be done about it.

    Attributes:
        difference: What is not the same.
        persist: Why the live value cannot be made persistent; "" where it can.
        revert: Why the running domain cannot be given what is defined; "" where it can.
        removes: Making it persistent takes something out of the definition.
    """

    difference: Difference
    persist: str = ""
    revert: str = ""
    removes: bool = False

    def why_not(self, way: Way) -> str:
        """Why it cannot be done; "" where it can."""
        return self.persist if way == "persist" else self.revert


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where one domain differs; `reason` says why that is not known.

    It may be that there is nothing to compare, or, `unread`, that something could not be read.
    """

    rows: tuple[Row, ...] = ()
    reason: str = ""
    unread: bool = False


@dataclass(frozen=True, slots=True)
class ReadDivergence:
    """Compare the configurations of domains: answers a mapping of UUID to `Divergence`."""

    uuids: tuple[str, ...]
    everything: CpuSet
    """All pCPUs of the host."""
    deadline_s: ClassVar[float] = 60.0


class Case:
    """The two configurations of a domain, and where they differ.

    Raises:
        ValueError: It does not run, has no definition, or one of its XMLs cannot be read.
    """

    def __init__(self, live: str | None, config: str | None, everything: CpuSet) -> None:
        if live is None:
            raise ValueError("it does not run: there is nothing to compare")
        if config is None:
            raise ValueError("it is transient: it has no definition")
        self.live, self.config = Document(live), Document(config)
        self.live_root, self.config_root = (
            parse(text, "domain", MAX_CHARS) for text in (live, config)
        )
        self.everything = everything
        self.found = tuple(found(self.live_root, self.config_root, everything))

    def rows(self) -> tuple[Row, ...]:
        """List the differences."""
        return tuple(self.row(one) for one in self.found)

    def row(self, one: Found) -> Row:
        """What can be done about one of them."""
        removes = one.kind in ("device", "element") and one.shown.live is None
        return Row(one.shown, self._no_persist(one), self._no_revert(one), removes)

    def element(self, leaf: Leaf, side: Literal["live", "config"]) -> Element:
        """Where a leaf stands, as text."""
        document, path = (
            (self.live, leaf.live_path) if side == "live" else (self.config, leaf.config_path)
        )
        return at(document.root, path)

    # -- what cannot be done -----------------------------------------------------------------

    def _no_persist(self, one: Found) -> str:
        if one.kind == "pin":
            return self._no_row(one, self.config_root, "its definition")
        if one.kind == "plugged" or (one.kind == "vcpus" and self.config.find("vcpus")):
            return "its definition lists single vCPUs: edit that"
        if one.kind == "vcpus" and len(plugged(self.live_root)) > self._most(self.config):
            return "its definition allows fewer vCPUs: make the maximum persistent first"
        words = one.leaves[0].words if one.kind == "element" else ()
        if words[:1] == ("cpu",) and _SPELLED_OUT & {*words[1:2]}:
            return "libvirt has spelled the CPU out for this run: edit the definition"
        if one.kind == "device" and is_whole(one) and self._tag(one) not in _PLUGGABLE:
            return "nothing tells such devices apart: edit the definition"
        return ""

    def _no_revert(self, one: Found) -> str:
        if one.kind == "pin":
            return self._no_row(one, self.live_root, "the running domain")
        if one.kind == "vcpus":
            enough = len(plugged(self.config_root)) <= self._most(self.live)
            return "" if enough else f"more vCPUs than it runs with at most: {RESTART}"
        if one.kind == "device":
            return self._no_device_revert(one)
        if one.shown.what == "current memory":
            return "" if self._has_balloon() else f"it has no balloon: {RESTART}"
        return RESTART

    def _no_row(self, one: Found, root: xml_read.Element, where: str) -> str:
        kind, number = one.pin or ("emulator", None)
        there = {"vcpu": plugged, "iothread": iothreads}
        if kind in there and number not in there[kind](root):
            return f"{where} has no such {kind}: see to that first"
        return ""

    def _no_device_revert(self, one: Found) -> str:
        tag = self._tag(one)
        if is_whole(one):
            side: Literal["live", "config"] = "live" if one.shown.config is None else "config"
            device = self.element(one.leaves[0], side)
            return "" if _is_pluggable(device) else f"a {tag} stays while it runs: {RESTART}"
        if tag == "interface" and not _FIXED_IN_INTERFACE & {leaf.words[0] for leaf in one.leaves}:
            return ""
        return RESTART

    def _has_balloon(self) -> bool:
        balloon = self.live.find("devices/memballoon")
        return balloon is not None and balloon.get("model") != "none"

    def _tag(self, one: Found) -> str:
        leaf = one.leaves[0]
        sides = ((self.live, leaf.live_path), (self.config, leaf.config_path))
        path = max((path for _, path in sides), key=len)
        document = next(document for document, known in sides if known is path)
        return at(document.root, path[:2]).tag

    def _most(self, document: Document) -> int:
        vcpu = document.find("vcpu")
        return int(vcpu.text) if vcpu is not None and vcpu.text.strip().isdigit() else 0


def at(node: Element, path: Path) -> Element:
    """The element below a root that a path leads to."""
    for place in path:
        node = node.children[place]
    return node


def is_whole(one: Found) -> bool:
    """Whether all of it is on one side only."""
    return one.leaves[0].attribute is None and not one.leaves[0].words


def _is_pluggable(device: Element) -> bool:
    if device.tag == "disk":
        target = device.find("target")
        fixed = device.get("device") in ("cdrom", "floppy")
        return not fixed and target is not None and target.get("bus") in _PLUGGABLE_BUSES
    return device.tag in _PLUGGABLE


def rows(live: str | None, config: str | None, everything: CpuSet) -> tuple[Row, ...]:
    """List where a domain runs with something else than it is defined with.

    Raises:
        ValueError: There are no two configurations to compare.
    """
    return Case(live, config, everything).rows()

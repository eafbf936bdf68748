"""What libvirt itself writes into the XML of a running domain, which means nothing to its owner.

A path is the tags from below ``<domain>`` on, an attribute is behind an ``@``. Seen with libvirt
9.0 and QEMU; the rest from https://libvirt.org/formatdomain.html and virDomainDefFormat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, Protocol

from vconsole.model.xml_edit import Document
from vconsole.model.xml_read import Element
from vconsole.model.xml_tree import Element as TextElement


class Node(Protocol):
    """An element of whichever parser."""

    @property
    def tag(self) -> str:
        """Its name."""

    def get(self, name: str, /) -> str | None:
        """The value of an attribute."""


class Findable(Node, Protocol):
    """An element whose children can be looked up."""

    def find(self, path: str, /) -> Node | None:
        """The first element below it at a path."""


RUNTIME: Final = frozenset(
    {
        "clock@adjustment",  # of a variable clock: the guest sets it
        "cpu@check",
        "cpu@match",
        "cpu/model@fallback",
        "devices/*/address",  # the place on its bus
        "devices/*/alias",
        "devices/console@tty",
        "devices/disk/backingStore",
        "devices/disk/mirror",
        "devices/disk/source/seclabel",
        "devices/disk/source@index",
        "devices/disk/target@tray",
        "devices/graphics@passwd",  # only ever read of the definition
        "devices/graphics@passwdValidTo",
        "devices/interface/source@portid",
        "devices/memory/target/address",
        "devices/memory/target/current",
        "devices/channel/target@state",
        "devices/console/target@state",
    }
)
"""Left out wherever it is."""
FILLED_IN: Final = frozenset(
    {
        "cpu",
        "cpu/feature",
        "cpu/maxphysaddr",
        "cpu/model",
        "cpu/vendor",
        "devices/channel/source",
        "devices/filesystem/binary",
        "devices/filesystem/source@socket",
        "devices/graphics/listen",
        "devices/graphics/listen@address",
        "devices/graphics/listen@socket",
        "devices/graphics@listen",
        "devices/graphics@port",
        "devices/graphics@socket",
        "devices/graphics@tlsPort",
        "devices/graphics@websocket",
        "devices/hostdev/driver",
        "devices/hostdev/source/address",
        "devices/interface/target",
        "devices/interface/target@dev",
        "devices/interface/virtualport",
        "devices/shmem/server",
        "devices/vsock/cid@address",
        "features/hyperv/*",
        "os/firmware",
        "os/loader",
        "os/nvram",
        "resource",
    }
)
"""Left out where only the running domain has it: libvirt fills in what the definition leaves
open."""
_PTY: Final = frozenset(f"devices/{tag}/source" for tag in ("serial", "parallel", "console"))
_OF_NETWORK: Final = ("network", "portgroup")
_AUTO_CHANNEL = re.compile(r"/channel/target/(domain-)?\d*-?[^/]*/[^/]+$")
_AUTO_TAP = re.compile(r"(vnet|macvtap|macvlan|vif|veth)\d+")
MODELLED: Final = ("host-model", None)
"""Modes of ``<cpu>`` which the running domain spells out as model and features."""


@lru_cache(maxsize=2048)
def known(path: str, rules: frozenset[str]) -> bool:
    """Whether a rule is for the path."""
    if path in rules:
        return True
    first, _, rest = path.partition("/")
    if first == "devices" and "/" in rest:
        return f"devices/*/{rest.partition('/')[2]}" in rules
    return f"{path.rpartition('/')[0]}/*" in rules


def attributes(live: Element, config: Element, path: str) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes of one element that mean something: as it runs, as it is defined."""
    now, then = dict(live.attrib), dict(config.attrib)
    _by_value(path, live, config, now, then)
    for name in now.keys() | then.keys():
        where = f"{path}@{name}"
        if known(where, RUNTIME) or (name not in then and known(where, FILLED_IN)):
            now.pop(name, None)
            then.pop(name, None)
    return now, then


def _by_value(
    path: str, live: Element, config: Element, now: dict[str, str], then: dict[str, str]
) -> None:
    """Leave out what depends on the values: networks, automatic ports, models of CPUs."""
    if path == "devices/interface" and _network(live):  # it runs as what the network stands for
        now["type"] = "network"
    elif path == "devices/interface/source" and "network" in now:
        for name in now.keys() - set(_OF_NETWORK):
            del now[name]
    elif path == "devices/graphics" and then.get("autoport") == "yes":
        _drop(("port", "tlsPort", "websocket"), now, then)
    elif path == "devices/disk/driver" and "type" not in now:  # an empty drive
        _drop(("type",), then)
    elif path == "devices/console/target" and then.get("type") == "virtio":
        _drop(("port",), now, then)
    elif path == "cpu" and then.get("mode") in MODELLED:
        _drop(("mode",), now, then)
    elif path == "cpu/feature" and _is_on(live) == _is_on(config):
        _drop(("policy",), now, then)


def _drop(names: Iterable[str], *sides: dict[str, str]) -> None:
    for side in sides:
        for name in names:
            side.pop(name, None)


def _network(interface: Findable) -> str | None:
    return value(interface, "source@network")


def _is_on(feature: Node) -> bool:
    return feature.get("policy") not in ("disable", "forbid")


def may_be_missing(node: Element, path: str) -> bool:
    """Whether a definition need not have what the running domain has."""
    return known(path, FILLED_IN) or _says_nothing(node, path)


def may_be_left_out(node: Element, path: str) -> bool:
    """Whether a running domain need not have what its definition has."""
    optional = path == "cpu/feature" and node.get("policy") == "optional"
    return optional or _says_nothing(node, path)


def _says_nothing(node: Element, path: str) -> bool:
    return path == "devices/interface/link" and node.get("state") == "up"


def is_runtime(node: Findable, path: str) -> bool:
    """Whether an element is libvirt's own, in either XML."""
    if known(path, RUNTIME):
        return True
    if node.tag == "seclabel":
        return node.get("type") not in ("static", "none")
    if path == "devices/controller":
        return node.get("type") == "pci"  # bridges and ports come with what is plugged in
    if path == "devices/console":  # the first one is the first serial port under another name
        target = node.find("target")
        return target is not None and target.get("type") == "serial"
    return False


def is_pty(path: str, device: Node) -> bool:
    """Whether an element is the terminal that a character device was given."""
    return path in _PTY and device.get("type") == "pty"


def identity(node: Findable) -> str:
    """What tells a device from others of its kind, whatever their order; "" for nothing."""
    paths = _IDENTITIES.get(node.tag, ())
    if node.tag == "hostdev":
        paths = _USB if node.find("source/vendor") is not None else _PLACES
    if not paths:
        return ""
    return " ".join(filter(None, (value(node, path) for path in paths)))


def value(node: Findable, path: str) -> str | None:
    """The value at a path such as ``target@dev``."""
    below, _, name = path.rpartition("@")
    found = node.find(below) if below else node
    return found.get(name) if found is not None else None


_USB: Final = ("source/vendor@id", "source/product@id")
_PLACES: Final = tuple(
    f"source/address@{name}"
    for name in ("uuid", "domain", "bus", "slot", "function", "device", "target", "unit")
)


_IDENTITIES: Final[Mapping[str, tuple[str, ...]]] = {
    "disk": ("target@dev",),
    "controller": ("@type", "@index", "@model"),
    "interface": ("mac@address",),
    "channel": ("target@name",),
    "serial": ("target@port",),
    "parallel": ("target@port",),
    "console": ("target@type",),
    "graphics": ("@type",),
    "input": ("@type", "@bus"),
    "filesystem": ("target@dir",),
    "redirdev": ("@bus",),
    "sound": ("@model",),
    "panic": ("@model",),
    "shmem": ("@name",),
    "audio": ("@id",),
    "timer": ("@name",),
    "feature": ("@name",),
    "cell": ("@id",),
    "vcpusched": ("@vcpus",),
    "iothreadsched": ("@iothreads",),
    "cachetune": ("@vcpus",),
    "memorytune": ("@vcpus",),
}


def clean_device(xml: str) -> str:
    """A running device as a definition has it: without what libvirt gave it when it came."""
    while edited := _cleaned_once(Document(xml)):
        xml = edited
    return xml


def _cleaned_once(document: Document) -> str | None:
    """The text without the first thing that is libvirt's own; None where nothing is."""
    root = document.root
    for node, path in _walk(root, f"devices/{root.tag}"):
        if node is not root and _is_given(node, path, root):
            return document.remove(node)
        for name, value in node.attributes.items():
            where = f"{path}@{name}"
            drop = known(where, RUNTIME) or (
                path == "devices/interface/source"
                and node.get("network") is not None
                and name not in _OF_NETWORK
            )
            if drop:
                return document.remove_attribute(node, name)
            if where == "devices/interface@type" and value != "network" and _network(root):
                return document.set_attribute(node, name, "network")
    return None


def _is_given(node: TextElement, path: str, device: TextElement) -> bool:
    if is_runtime(node, path) or is_pty(path, device):
        return True
    if path == "devices/interface/target":
        return bool(_AUTO_TAP.fullmatch(node.get("dev") or ""))
    if path == "devices/channel/source":
        return is_given_path(node.get("path") or "")
    return False


def is_given_path(path: str) -> bool:
    """Whether libvirt chose the path of a socket."""
    return bool(_AUTO_CHANNEL.search(path))


def _walk(node: TextElement, path: str) -> Iterable[tuple[TextElement, str]]:
    yield node, path
    for child in node.children:
        yield from _walk(child, f"{path}/{child.tag}")

"""The virtio channels of a domain: a named port in the guest, a socket or the like on the host.

A guest finds a channel by its name, as /dev/virtio-ports/NAME. Which port of which controller it
has, and so which /dev/vport0pN it is, depends on all the others: that is left to libvirt.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vconsole.model.value import dataclass
from vconsole.model.xml_edit import Document, Element, element

AGENT: Final = "org.qemu.guest_agent.0"
"""The one name that libvirt connects to."""
DEFAULT_PORTS: Final = 31
"""What a virtio-serial controller has where its XML does not say; libvirt keeps port 0 free."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with a name."""

    name: str
    backend: str
    """What it is on the host: ``unix``, ``pty``, ``spicevmc``."""
    target: str
    """What it is in the guest: ``virtio``."""
    xml: str
    """Its clause, as it stands."""
    path: str = ""
    """Its socket on the host; libvirt chooses it where the XML does not, at each start."""
    mode: str = "bind"
    """Who listens on the socket: QEMU, or with ``connect`` another program."""
    connected: bool = False
    """The guest has it open."""


def channels(xml: str | None) -> tuple[Channel, ...] | None:
    """The channels of one configuration that have a name; None without one.

    Raises:
        XmlEditError: The XML cannot be read.
    """
    if xml is None:
        return None
    if "<channel" not in xml:  # not parsed
        return ()
    return channels_in(Document(xml))


def channels_in(document: Document) -> tuple[Channel, ...]:
    """The channels of a configuration that was read."""
    return tuple(
        _channel(node, target, document.text[node.start : node.end])
        for node in document.findall("devices/channel")
        if (target := node.find("target")) is not None and target.get("name")
    )


def _channel(node: Element, target: Element, xml: str) -> Channel:
    source = node.find("source")
    values = source.attributes if source else {}
    return Channel(
        name=target.get("name") or "",
        backend=node.get("type") or "",
        target=target.get("type") or "",
        xml=xml,
        path=values.get("path", ""),
        mode=values.get("mode", "bind"),
        connected=target.get("state") == "connected",
    )


def channel_clause(name: str) -> str:
    """A channel that QEMU listens on; libvirt chooses its socket, its controller and its port."""
    return element(
        "channel",
        {"type": "unix"},
        element("source", {"mode": "bind"}),
        element("target", {"type": "virtio", "name": name}),
    )


def why_no_plugging(live: str) -> str:
    """Why a domain that runs cannot be given a channel before its next start; "" if it can.

    libvirt adds the controller that a channel needs to definitions only.

    Raises:
        XmlEditError: The XML cannot be read.
    """
    document = Document(live)
    room = dict(_controllers(document))
    if not room:
        return "it runs without a virtio-serial controller, which cannot be plugged in"
    taken = {
        (node.get("controller") or "0", node.get("port"))
        for node in document.root.iter()
        if node.tag == "address" and node.get("type") == "virtio-serial" and node.get("port") != "0"
    }
    if len(taken) < sum(room.values()):
        return ""
    return "all ports of its virtio-serial controllers are taken, and none can be plugged in"


def _controllers(document: Document) -> Iterator[tuple[str, int]]:
    """(index, how many channels it has room for)."""
    for node in document.findall("devices/controller"):
        if node.get("type") == "virtio-serial":
            ports = node.get("ports") or ""
            yield node.get("index") or "0", (int(ports) if ports.isdecimal() else DEFAULT_PORTS) - 1

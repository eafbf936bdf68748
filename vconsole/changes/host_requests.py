"""Handles the requests that concern the host, on a connection of their own.

The connection is not the one that feeds the screen: a request that hangs, in a guest agent say,
must not hold up the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Any, Final

from vconsole.features.agent.host.changes import HANDLERS as AGENT_CHANGES
from vconsole.features.agent.host.report import read_agent
from vconsole.features.agent.host.socket import private_command
from vconsole.features.agent.model.channel import PrivateAgentCommand
from vconsole.features.agent.model.report import ReadAgent
from vconsole.features.divergence.host import read_divergence
from vconsole.features.divergence.model.rows import ReadDivergence
from vconsole.features.hostmemory.host import read_host_memory
from vconsole.features.hostmemory.model.reading import ReadHostMemory
from vconsole.features.lifecycle.host import act
from vconsole.features.lifecycle.model import Act
from vconsole.features.network.host.interface import update_interface
from vconsole.features.network.host.network import read_host_network, read_traffic, read_vnics
from vconsole.features.network.model.interfaces import ReadTraffic, ReadVnics
from vconsole.features.network.model.places import ReadHostNetwork
from vconsole.features.network.model.plan import UpdateInterface
from vconsole.features.pins.host import set_pins
from vconsole.features.pins.model.set_pins import SetPins
from vconsole.features.resources.host import read_resources, set_resource
from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import ReadResources
from vconsole.features.snapshots.host.create import create_snapshot, read_ground
from vconsole.features.snapshots.host.snapshots import (
    delete_snapshot,
    read_snapshots,
    revert_snapshot,
)
from vconsole.features.snapshots.model.change import DeleteSnapshot, RevertSnapshot
from vconsole.features.snapshots.model.create import CreateSnapshot, ReadGround
from vconsole.features.snapshots.model.tree import ReadSnapshots
from vconsole.host import errors
from vconsole.host.definitions import define, read_definitions
from vconsole.host.devices import change_device, propose, read_configurations
from vconsole.host.link import Link
from vconsole.host.source import HostError
from vconsole.model.proposal import Propose
from vconsole.model.request import ChangeDevice, Define, ReadConfigurations, ReadDefinitions, Reply

Handle = Callable[[Link, Any], Reply]

READS: Mapping[type, Handle] = {
    Propose: propose,
    ReadAgent: read_agent,
    ReadConfigurations: read_configurations,
    ReadDefinitions: read_definitions,
    ReadDivergence: read_divergence,
    ReadHostNetwork: read_host_network,
    ReadTraffic: read_traffic,
    ReadVnics: read_vnics,
    ReadGround: read_ground,
    ReadSnapshots: read_snapshots,
    ReadHostMemory: read_host_memory,
    ReadResources: read_resources,
}
CHANGES: Mapping[type, Handle] = {
    **AGENT_CHANGES,
    Act: act,
    ChangeDevice: change_device,
    CreateSnapshot: create_snapshot,
    DeleteSnapshot: delete_snapshot,
    RevertSnapshot: revert_snapshot,
    Define: define,
    SetPins: set_pins,
    SetResource: set_resource,
    PrivateAgentCommand: private_command,
    UpdateInterface: update_interface,
}
"""These are refused on a read-only connection."""
ASKING_GUESTS: Final = frozenset({Act, CreateSnapshot, ReadAgent, ReadGround, *AGENT_CHANGES})
"""These may wait for a guest. They have a connection to themselves: while a call of libvirt's
client waits, now and then another one on the same connection waits as long."""


class HostRequests:
    """Opens connections when first needed, and again when one was lost."""

    def __init__(self, open_: Callable[[], Link]) -> None:
        self._open = open_
        self._lock = Lock()
        self._links: dict[bool, Link] = {}
        """Whether for `ASKING_GUESTS` -> the connection."""

    def handlers(self) -> Mapping[type, Callable[[Any], Reply]]:
        """Type of request -> its handler."""
        known = {**READS, **CHANGES}
        return {kind: partial(self._handle, handle) for kind, handle in known.items()}

    def _handle(self, handle: Handle, request: Any) -> Reply:
        asks_guests = type(request) in ASKING_GUESTS
        try:
            link = self._connected(asks_guests)
            if type(request) in CHANGES and link.connection.read_only:
                return Reply("refused", f"read-only: {link.connection.read_only_reason}")
            return handle(link, request)
        except HostError as error:
            self._forget(asks_guests)
            return Reply("failed", f"{error.title}: {error.message}")
        except errors.libvirt_error() as error:
            return Reply("failed", errors.message(error))

    def _connected(self, asks_guests: bool) -> Link:
        with self._lock:
            if asks_guests not in self._links:
                self._links[asks_guests] = self._open()
            return self._links[asks_guests]

    def _forget(self, asks_guests: bool) -> None:
        """Open anew for the next request; a thread that still uses the old one may finish."""
        with self._lock:
            self._links.pop(asks_guests, None)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            links, self._links = self._links, {}
        for link in links.values():
            link.close()

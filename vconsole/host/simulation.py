"""What a host that is invented tells beside libvirt, in the place of /proc and /sys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from vconsole.host.proc import Guest
from vconsole.model.host_state import Node


class Simulation(Protocol):
    """The kernel of a host that is not there."""

    def find_guests(self) -> dict[str, Guest]:
        """UUID -> the process of each running domain."""

    def busy(self) -> Mapping[int, float]:
        """PCPU -> how busy it is now, in percent."""

    def facts(self, node: Node) -> Node:
        """The node with what the kernel knows of it."""

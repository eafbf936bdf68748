"""Networks of the demo with their leases, and the bridges of its host."""

from __future__ import annotations

from time import time
from typing import Any, NamedTuple

from vconsole.host.demo.fleet import FLEET, address_of


class Network:
    """One of the networks; what is not here is the test driver's."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def DHCPLeases(self, mac: str | None = None, flags: int = 0) -> list[dict[str, Any]]:  # noqa: N802
        """Those of the domains that run in it; their addresses never change."""
        mine = (d for d in FLEET if d.network == self.real.name() and d.state == "running")
        return [
            {
                "iface": self.real.bridgeName(),
                "expirytime": int(time()) + 1800 + 60 * number,
                "type": 0,
                "mac": domain.mac,
                "ipaddr": address_of(domain.uuid),
                "prefix": 24,
                "hostname": domain.name,
            }
            for number, domain in enumerate(mine)
        ]


class Bridge(NamedTuple):
    """A bridge of the host as libvirt's interfaces tell it."""

    bridge: str
    ports: tuple[str, ...]

    def name(self) -> str:
        """Of the device."""
        return self.bridge

    def isActive(self) -> int:  # noqa: N802 (libvirt's)
        """It is up."""
        return 1

    def XMLDesc(self, flags: int = 0) -> str:  # noqa: N802
        """With the devices that are its ports."""
        ports = "".join(f"<interface type='ethernet' name='{port}'/>" for port in self.ports)
        return f"<interface type='bridge' name='{self.bridge}'><bridge>{ports}</bridge></interface>"

"""The devices of the host, as libvirt knows them."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"hostdevices": "Host: devices"},
    commands=(
        Command(
            "host.hostdevices",
            "D",
            "devices",
            "Go to the devices of the host.",
            virsh="nodedev-list --tree",
            opens="hostdevices",
        ),
        Command("hostdevices.parent", "u", "parent", "Go to the device that this one hangs on."),
    ),
    pages={"hostdevices": "vconsole.screens.hostdevices:HostDevicesScreen"},
    answers=(Answer(".model:ReadHostDevices", ".host:read_host_devices"),),
    subcommands={"devices": ".cli:add_parser"},
)

"""What the host can do, as libvirt writes it: a page, and ``show capabilities``."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"capabilities": "Capabilities"},
    commands=(
        Command(
            "host.capabilities",
            "x",
            "",
            "Show what the host can do, the XML as libvirt gives it.",
            virsh="capabilities",
            opens="capabilities",
            place=61,
        ),
    ),
    pages={"capabilities": "vconsole.screens.capabilities:CapabilitiesScreen"},
    answers=(Answer(".model:ReadCapabilities", ".host:read_capabilities"),),
    shows={"capabilities": ".cli:show_capabilities"},
)

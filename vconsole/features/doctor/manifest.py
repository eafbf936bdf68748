"""``vconsole doctor``: what works here, what does not, and what to do about it."""

from __future__ import annotations

from typing import Final

from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    group="This installation",
    subcommands={"doctor": ".cli:add_parser"},
    checks={
        "Installation": ".installation:checks",
        "Terminal": ".terminal:checks",
        "Files": ".files:checks",
        "Libvirt": ".host.connection:checks",
        "Kernel": ".host.kernel:checks",
    },
)

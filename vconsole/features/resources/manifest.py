"""Commands of the page of memory and vCPUs."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable

TABLE: Final = (
    Command(
        "resources.edit",
        "enter,e",
        "edit",
        "Type another value; what it changes is shown before.",
        (writable, a_domain),
    ),
    Command(
        "resources.statistics",
        "w",
        "watch",
        "Have the guest report its memory every 5 s until it is shut off, or stop that.",
        (writable, a_domain),
        virsh="dommemstat {name} --period 5 --live",
    ),
)

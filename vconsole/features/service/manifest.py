"""The daemons as services of the machine: whether they run, and start with it."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, not_read_only
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"service": "Service of a daemon"},
    commands=(
        Command(
            "service.on",
            "e",
            "on",
            "Start the daemon now, and with the machine.",
            (not_read_only,),
            words="enable chkconfig systemctl",
        ),
        Command(
            "service.off",
            "d",
            "off",
            "Stop the daemon, and start it no more with the machine.",
            (not_read_only,),
            words="disable chkconfig systemctl",
        ),
        Command("service.start", "s", "start", "Start the daemon.", (not_read_only,)),
        Command("service.stop", "t", "stop", "Stop the daemon.", (not_read_only,)),
        Command("service.restart", "r", "restart", "Restart the daemon.", (not_read_only,)),
        Command(
            "service.reload",
            "R",
            "reload",
            "Have the daemon read its files anew.",
            (not_read_only,),
        ),
    ),
    answers=(
        Answer(
            *("vconsole.model.unit:ReadUnit", "vconsole.daemon.units:read_unit"),
            local=True,
            demo="vconsole.host.demo.units:read_unit",
        ),
        Answer(
            *("vconsole.model.unit:ChangeUnit", "vconsole.daemon.units:change_unit"),
            changes=True,
            local=True,
            tells="vconsole.daemon.units:tell_unit",
            untold="its state was the same before: its journal says when it was started",
            demo="vconsole.host.demo.units:change_unit",
        ),
    ),
)

"""Changes before and after they are made, and the log of them."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, writable
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"changes": "Changes, before and after they are made", "activity": "Activity"},
    commands=(
        Command(
            "app.activity",
            "7",
            "",
            "Go to the log of what was changed, by whom and when.",
            opens="activity",
            place=10,
            words="audit journal changes",
        ),
        Command("activity.cancel", "c", "give up", "Give up the actions that are under way."),
        Command(
            "changes.apply",
            "enter",
            "apply",
            "Compare with what was seen, change, and read back.",
            (writable,),
        ),
        Command("changes.cancel", "c", "", "Give up what is under way and takes long."),
        Command("changes.target", "tab", "", "Change live and config, live, or config."),
    ),
    pages={"activity": "vconsole.screens.activity:ActivityScreen"},
)

"""Jobs: changes that are under way, how far they are, and what became of those before."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"jobs": "Jobs"},
    commands=(
        Command(
            "app.jobs",
            "8",
            "",
            "Go to what is under way: how far it is, give it up, see what became of it.",
            place=12,
            opens="jobs",
        ),
        Command("jobs.cancel", "c", "give up", "Give up the job under the cursor."),
    ),
    pages={"jobs": "vconsole.screens.jobs:JobsScreen"},
)

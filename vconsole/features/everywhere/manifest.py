"""Commands that every page has."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"app": "Everywhere"},
    commands=(
        Command("app.back", "escape", "", "Go back, or close what is open.", place=15),
        Command(
            "app.copy_virsh",
            "y",
            "",
            "Show and copy the virsh equivalent of what is in view.",
            words="clipboard",
        ),
        Command(
            "app.refresh",
            "f5",
            "",
            "Read everything again now, also what was refused.",
            words="reload",
        ),
        Command(
            "app.theme",
            "f2",
            "",
            "Switch between the dark and the light theme.",
            words="colour color dark light",
        ),
        Command("app.screenshot", "f12", "", "Save a picture of the screen as SVG; says where."),
        Command("app.help", "question_mark,f1", "help", "Show the keys of this screen."),
        Command("app.palette", "ctrl+p,colon", "find", "Find any command or domain by name."),
        Command("app.suspend", "ctrl+z", "", "Go back to the shell; fg returns."),
        Command(
            "app.quit",
            "q,ctrl+q",
            "",
            "Quit; asks again while changes are planned.",
            words="exit leave",
        ),
    ),
)

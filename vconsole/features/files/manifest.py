"""A file in /etc, edited as a draft."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_plan, not_read_only
from vconsole.model.keys import key
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"filetext": "A file as text", "filediff": "A file before it is saved"},
    commands=(
        Command(
            "filediff.save",
            "enter,ctrl+s",
            "save",
            "Save, and compare before.",
            (not_read_only, a_plan),
        ),
        Command(
            "filediff.mine", "m", "", "Save mine over what somebody else wrote.", (not_read_only,)
        ),
        Command(
            "filediff.theirs",
            "t",
            "",
            "Take what somebody else has written; taking back the edit brings mine back.",
        ),
        Command(
            "filetext.save",
            "ctrl+s",
            "save",
            f"Show what saving changes; {key('filediff.save')} there saves.",
        ),
    ),
)

"""The definition of a domain, edited as text."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    commands=(
        Command(
            "domain.edit",
            "e",
            "",
            "Edit its definition in $VISUAL, $EDITOR or vi; the difference is shown first.",
            (writable, a_domain),
            virsh="edit {name}",
            words="define definition",
        ),
    ),
    subcommands={"edit": ".cli:add_parser"},
)

"""Where a domain's memory lies, why, and moving it to where its vCPUs run."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

_HELP: Final = "See where its memory lies, why, and move it to where its vCPUs run."
_WORDS: Final = "numastat migratepages numa_maps locality numa move"

MANIFEST: Final = Manifest(
    scopes={"locality": "Where memory lies"},
    commands=(
        *(
            Command(
                f"{scope}.locality", "M", "", _HELP, (a_domain,), opens="locality", words=_WORDS
            )
            for scope in ("domains", "domain", "pin")
        ),
        Command(
            "locality.move",
            "enter",
            "move here",
            "Move its memory to the cell under the cursor while it runs.",
            (writable, a_domain),
        ),
        Command(
            "locality.tune",
            "m",
            "numatune",
            "Go to the rows of memory and scheduling: numatune live, and for the next start.",
            (a_domain,),
            virsh="numatune {name}",
            opens="settings",
        ),
    ),
    pages={"locality": "vconsole.screens.locality:LocalityScreen"},
    answers=(
        Answer(".model.place:ReadPlace", ".host:read_place", demo=".demo:read_place"),
        Answer(
            ".model.move:MoveMemory",
            ".host:move_memory",
            changes=True,
            demo=".demo:move_memory",
            untold="the page of locality has where the memory lies now",
        ),
    ),
    subcommands={"locality": ".cli:add_parsers"},
)

"""Commands of the host's memory and swap."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain

TABLE: Final = (
    Command(
        "hostmemory.next_tab",
        "tab,right_square_bracket",
        "guests/cells/advice",
        "Show the guests, the cells, or all verdicts with reason and cure.",
    ),
    Command("hostmemory.previous_tab", "shift+tab,left_square_bracket", "", "Show the tab before."),
    Command(
        "hostmemory.open",
        "enter",
        "open",
        "Open the domain.",
        (a_domain,),
        virsh="dommemstat {name}",
    ),
)

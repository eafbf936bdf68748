"""Commands of what is done with domains, and of its log."""

from __future__ import annotations

from typing import Final

from vconsole.features.lifecycle.model import ACTIONS
from vconsole.model.command import Command, writable

TABLE: Final = (
    Command(
        "changes.apply",
        "enter",
        "apply",
        "Compare with what was seen, change, and read back.",
        (writable,),
    ),
    Command("changes.target", "tab", "", "Change live and config, live, or config."),
    Command("actions.run", "enter", "do it", "Do what the cursor is on.", (writable,)),
    Command("actions.mode", "tab", "agent/ACPI", "Ask guests by agent, then ACPI, or by one."),
    Command("actions.timeout", "t", "time-out", "Say how long a guest may take in each mode."),
    *(
        Command(
            f"actions.{a.id}", key, "", a.help, (writable,), virsh=a.virsh.replace("{}", "{name}")
        )
        for a, key in zip(ACTIONS.values(), "s S d b p c v r F f V o O".split(), strict=True)
    ),
    Command("acting.cancel", "c", "give up", "Begin nothing more, wait for nothing more."),
    Command("activity.cancel", "c", "give up", "Give up the actions that are under way."),
)

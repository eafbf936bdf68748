"""What is done with domains as a whole: start, shut down, save ..."""

from __future__ import annotations

from typing import Final

from vconsole.features.lifecycle.model import ACTIONS
from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={
        "actions": "Actions",
        "acting": "Actions under way",
    },
    commands=(
        Command(
            "domains.actions", "a", "actions", "Act on the domains chosen, or this.", (a_domain,)
        ),
        Command("domain.actions", "a", "actions", "Start, stop, suspend ... it.", (a_domain,)),
        Command("actions.run", "enter", "do it", "Do what the cursor is on.", (writable,)),
        Command("actions.mode", "tab", "agent/ACPI", "Ask guests by agent, then ACPI, or by one."),
        Command("actions.timeout", "t", "time-out", "Say how long a guest may take in each mode."),
        *(
            Command(
                f"actions.{a.id}",
                key,
                "",
                a.help,
                (writable,),
                virsh=a.virsh.replace("{}", "{name}"),
            )
            for a, key in zip(ACTIONS.values(), "s S d b p c v r F f V o O".split(), strict=True)
        ),
        Command("acting.cancel", "c", "give up", "Begin nothing more, wait for nothing more."),
    ),
    answers=(
        Answer(
            ".model:Act",
            ".host:act",
            tells=".host:tell_act",
            changes=True,
            link="guests",
        ),
    ),
    subcommands=dict.fromkeys(
        "start shutdown reboot reset suspend resume save destroy autostart".split(),
        ".cli:add_parsers",
    ),
)

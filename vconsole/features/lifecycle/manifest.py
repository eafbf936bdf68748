"""What is done with domains as a whole: start, shut down, save ..."""

from __future__ import annotations

from typing import Final

from vconsole.features.lifecycle.model import ACTIONS
from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

_ACTIONS: Final = " ".join(action.virsh for action in ACTIONS.values()) + " stop kill power off on"
_WORDS: Final = {
    "start": "boot power on run",
    "shutdown": "stop power off halt",
    "reboot": "restart",
    "suspend": "pause freeze stop",
    "resume": "continue unpause",
    "save": "hibernate sleep",
    "reset": "restart power cycle",
    "destroy": "kill stop force off power",
    "autostart": "boot with the host enable",
    "autostart_off": "boot with the host disable",
}
"""What else an action is looked for by."""
MANIFEST: Final = Manifest(
    scopes={"actions": "Actions", "acting": "Actions under way"},
    commands=(
        Command(
            "domains.actions",
            "a",
            "actions",
            "Act on the domains chosen, or this.",
            (a_domain,),
            words=_ACTIONS,
        ),
        Command(
            "domain.actions",
            "a",
            "actions",
            "Start, stop, suspend ... it.",
            (a_domain,),
            opens="actions",
            words=_ACTIONS,
        ),
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
                words=_WORDS.get(a.id, ""),
            )
            for a, key in zip(ACTIONS.values(), "s S d b p c v r F f V o O".split(), strict=True)
        ),
        Command("acting.cancel", "c", "give up", "Begin nothing more, wait for nothing more."),
    ),
    pages={"actions": "vconsole.screens.lifecycle.actions:ActionsScreen"},
    answers=(
        Answer(".model:Act", ".host:act", tells=".host:tell_act", changes=True, link="guests"),
    ),
    subcommands=dict.fromkeys(
        "start shutdown reboot reset suspend resume save destroy autostart".split(),
        ".cli:add_parsers",
    ),
)

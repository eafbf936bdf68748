"""Clock, power, PMU and USB policy of a domain."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, a_plan, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"policy": "Clock, power and USB policy"},
    commands=(
        Command(
            "domains.policy",
            "o",
            "",
            "Set its clock, power and USB policy.",
            (a_domain,),
            opens="policy",
            words="timezone timer watchdog on_crash on_poweroff redirection redirfilter",
        ),
        Command(
            "domain.policy",
            "o",
            "",
            "Set its clock, power and USB policy.",
            (a_domain,),
            opens="policy",
            words="timezone timer watchdog on_crash on_poweroff redirection redirfilter",
        ),
        Command("policy.edit", "e,enter", "edit", "Type another value.", (writable,)),
        Command("policy.next", "space", "next", "Take the next of its values.", (writable,)),
        Command(
            "policy.add", "o,plus", "add", "Add a timer, or a USB rule below this.", (writable,)
        ),
        Command(
            "policy.delete",
            "d,delete,minus",
            "delete",
            "Delete it, or leave it to QEMU.",
            (writable,),
        ),
        Command(
            "policy.down",
            "greater_than_sign",
            "",
            "Move the rule down: it is tried later.",
            (writable,),
        ),
        Command(
            "policy.up", "less_than_sign", "", "Move the rule up: it is tried earlier.", (writable,)
        ),
        Command(
            "policy.save",
            "ctrl+s",
            "save",
            f"Show what saving changes; {key('changes.apply')} there saves.",
            (writable, a_plan),
            virsh="edit {name}",
        ),
        Command("policy.unedit", "z", "", "Take back the last edit."),
        Command("policy.clear", "Z", "", "Take back all edits."),
    ),
    pages={"policy": "vconsole.screens.policy:PolicyScreen"},
    subcommands=dict.fromkeys("policy clock usb-filter".split(), ".cli:add_parsers"),
)

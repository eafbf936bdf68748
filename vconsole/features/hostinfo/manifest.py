"""What guests may learn about their host."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.keys import key
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"hostinfo": "Hostinfo"},
    commands=(
        Command(
            "app.hostinfo",
            "4",
            "",
            "Go to hostinfo: the rules that say what guests may learn about this host.",
            opens="hostinfo",
            place=10,
            words="vhostinfo permissions",
        ),
        Command("hostinfo.edit", "e,enter", "edit", "Edit the setting or the pattern of the rule."),
        Command("hostinfo.add", "o", "add", "Add a rule above this one."),
        Command("hostinfo.set", "i", "set", "Add or change a setting of this rule: key = value."),
        Command("hostinfo.delete", "d,delete", "delete", "Delete the setting or the rule."),
        Command("hostinfo.down", "greater_than_sign", "", "Move the rule down: it is tried later."),
        Command("hostinfo.up", "less_than_sign", "", "Move the rule up: it is tried earlier."),
        Command(
            "hostinfo.save",
            "ctrl+s",
            "save",
            f"Show what saving changes; {key('filediff.save')} there saves.",
        ),
        Command("hostinfo.switch", "tab", "domains", "Go to the other list."),
        Command("hostinfo.text", "x", "", "Edit the file as text, with what is wrong in it."),
        Command(
            "hostinfo.enable",
            "plus",
            "port",
            "Give the domains a hostinfo port.",
            (writable, a_domain),
        ),
        Command(
            "hostinfo.disable", "minus", "", "Take the domains' port away.", (writable, a_domain)
        ),
        Command(
            "hostinfo.repair", "r", "", "Put a wrong hostinfo port right.", (writable, a_domain)
        ),
        Command("hostinfo.select", "space", "", "Choose the domain, for enable and disable."),
        Command("hostinfo.log", "l", "", "Show the domain's queries instead of the preview."),
        Command("hostinfo.duplicate", "c", "", "Copy the rule below itself."),
        Command("hostinfo.editor", "E", "", "Edit the file with $EDITOR."),
        Command("hostinfo.unedit", "z", "", "Take back the last edit, even a saved one."),
        Command(
            "hostinfo.service",
            "S",
            "",
            "Go to the service of hostinfod: whether it runs, its journal; start and stop it.",
            words="systemctl enable disable journal chkconfig",
        ),
        Command("hostinfo.clear", "Z", "", "Take back everything that is not saved."),
    ),
    pages={"hostinfo": "vconsole.screens.hostinfo.hostinfo:HostinfoScreen"},
    answers=(
        Answer(
            *(".requests:SaveRules", ".requests:save_rules"),
            changes=True,
            local=True,
            tells="vconsole.files.draft:tell_saved",
        ),
        Answer(
            *(".requests:ReadService", ".requests:read_service"),
            local=True,
            demo=".demo:read_service",
        ),
        Answer(
            *(".requests:ReadValues", ".requests:read_values"),
            local=True,
            demo=".demo:read_values",
        ),
    ),
    group="What guests may know",
    daemons={"hostinfod": ".daemon.service"},
    checks={"Hostinfo": ".cli.doctor:checks"},
    subcommands={"hostinfo": ".cli.hostinfo:add_parser"},
)

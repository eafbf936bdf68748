"""Pins of vCPUs, emulator and iothreads: planned, applied, undone."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, a_plan, pinnable, unapplied, writable
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={
        "pin": "Pin",
        "settings": "Memory and scheduling",
        "plan": "Plan",
        "history": "Pin history",
        "many": "Fit: one plan for several domains",
        "profiles": "Profiles",
    },
    commands=(
        Command(
            "app.pin",
            "3",
            "",
            "Go to the pins of the domain under the cursor.",
            (a_domain,),
            virsh="vcpupin {name}",
            opens="pin",
            place=10,
            words="emulatorpin iothreadpin affinity taskset cpuset numa",
        ),
        Command(
            "domains.pin",
            "p",
            "pin",
            "Pin the vCPUs of the domain.",
            (a_domain,),
            virsh="vcpupin {name}",
            opens="pin",
            place=45,
            words="emulatorpin iothreadpin affinity taskset cpuset numa",
        ),
        Command(
            "domain.pin",
            "p",
            "pin",
            "Pin the vCPUs of the domain.",
            (a_domain,),
            virsh="vcpupin {name}",
            opens="pin",
            place=60,
            words="emulatorpin iothreadpin affinity taskset cpuset numa",
        ),
        Command("app.undo", "u", "", "Undo the pin changes applied last.", (writable,), place=20),
        Command(
            "app.redo", "ctrl+r", "", "Apply again what was undone last.", (writable,), place=20
        ),
        Command(
            "app.history",
            "H",
            "",
            "Show the pin changes made, who made them and when.",
            opens="history",
            place=20,
            words="audit undo",
        ),
        Command(
            "history.undo",
            "enter",
            "undo",
            "Show what undoing this change would do, by what the host says now.",
            (writable,),
        ),
        Command("pin.toggle", "space", "set", "Allow or forbid the pCPU in this row.", (pinnable,)),
        Command(
            "pin.one_to_one",
            "x",
            "1:1",
            "Spread the vCPUs one to one over the cell under the cursor.",
            (pinnable,),
            virsh="vcpupin {name} N CPU",
        ),
        Command(
            "pin.cell", "n", "cell", "Allow or forbid the whole cell in this row.", (pinnable,)
        ),
        Command(
            "pin.core",
            "c",
            "core",
            "Allow or forbid the whole core, all its SMT siblings, in this row.",
            (pinnable,),
        ),
        Command(
            "pin.l3",
            "L",
            "",
            "Allow or forbid the whole L3 domain in this row.",
            (pinnable,),
            words="cache ccx die tile",
        ),
        Command(
            "pin.dense",
            "d",
            "",
            "Show one character a pCPU, or the number of each.",
            (a_domain,),
            words="narrow wide zoom",
        ),
        Command(
            "pin.jump",
            "f",
            "",
            "Go to a pCPU by typing its number.",
            (a_domain,),
            words="search find goto",
        ),
        Command(
            "pin.everywhere", "r", "", "Allow every pCPU in this row: not pinned.", (pinnable,)
        ),
        Command(
            "pin.type",
            "t",
            "type",
            "Type the cpuset of this row: 0-7,^3, or r for all pCPUs.",
            (pinnable,),
        ),
        Command("pin.copy_row", "o", "", "Copy this row's cpuset to all vCPUs.", (pinnable,)),
        Command(
            "pin.suggest",
            "a",
            "fit",
            "Fill the plan with the best fit from free memory, free cores and distances.",
            (pinnable,),
            words="best placement numad automatic",
        ),
        Command(
            "pin.settings",
            "m",
            "",
            "Go to the rows of memory and scheduling: numatune, guest cells, policies, quotas.",
            (a_domain, pinnable),
            virsh="numatune {name}",
            opens="settings",
            words="memnode nodeset vcpusched cputune shares schedinfo placement",
        ),
        Command(
            "pin.default",
            "v",
            "",
            "Make this row's cpuset the default set of all threads: <vcpu cpuset>.",
            (pinnable,),
            words="vcpu cpuset placement",
        ),
        Command("settings.edit", "enter,e", "edit", "Type another value of this row.", (pinnable,)),
        Command(
            "settings.clear_row", "backspace", "", "Forget what is planned in this row.", (a_plan,)
        ),
        Command("settings.plan", "P", "plan", "Show the plan, pins and all.", (a_plan,)),
        Command("pin.plan", "enter", "plan", "Show the plan; applying comes after.", (a_plan,)),
        Command("pin.clear_row", "backspace", "", "Forget what is planned in this row.", (a_plan,)),
        Command("pin.unedit", "z", "", "Take back the last edit of the plan.", (pinnable,)),
        Command("pin.clear", "Z", "", "Forget the whole plan.", (a_plan,)),
        Command(
            "plan.apply",
            "enter",
            "apply",
            "Compare with what was shown, apply, and read back.",
            (writable, unapplied),
            virsh="vcpupin {name} N CPUS --live --config",
        ),
        Command("plan.target", "tab", "live/config", "Apply to live and config, live, or config."),
        Command(
            "plan.save", "w", "save", "Save the plan as a shell script, or as JSON.", (unapplied,)
        ),
        Command(
            "plan.rollback",
            "b",
            "roll back",
            "After a failure half-way: put back the rows that were changed.",
            (writable,),
        ),
        Command(
            "domains.fit",
            "F",
            "",
            "Plan the best fit of the domains chosen, else of all that run, together.",
            (a_domain,),
            place=46,
            words="best placement numad automatic pin whole host",
        ),
        Command(
            "actions.fit",
            "a",
            "fit",
            "Plan the best fit of these domains together.",
            words="best placement numad automatic pin",
        ),
        Command(
            "host.fit",
            "a",
            "",
            "Plan the best fit of all domains that run, together.",
            words="best placement numad automatic pin whole host",
        ),
        Command(
            "domains.profiles",
            "P",
            "",
            "Save where the domains chosen, else all, run; or bring a saved placement back.",
            place=47,
            words="placement save restore profile",
        ),
        Command(
            "host.profiles",
            "P",
            "",
            "Save where all domains run, or bring a saved placement back.",
            words="placement save restore profile",
        ),
        Command(
            "profiles.apply",
            "enter",
            "compare",
            "Compare it with now, and show the plan that brings the domains back.",
        ),
        Command("profiles.save", "s", "save", "Save where domains run now under a name."),
        Command(
            "profiles.replace", "R", "replace", "Save what is now in the place of this profile."
        ),
        Command(
            "many.apply",
            "enter",
            "apply",
            "Apply domain by domain and read back; one that fails is put back.",
            (writable, unapplied),
            virsh="vcpupin {name} N CPUS --live --config",
        ),
        Command("many.target", "tab", "live/config", "Plan for live and config, live, or config."),
        Command("many.leave_out", "x", "leave out", "Plan without this domain."),
        Command(
            "many.put_back",
            "b",
            "put back",
            "Put back all that this plan has changed.",
            (writable,),
        ),
    ),
    pages={
        "history": "vconsole.screens.pins.history:HistoryScreen",
        "pin": "vconsole.screens.pins.pin:PinScreen",
        "profiles": "vconsole.screens.pins.profiles:ProfilesScreen",
        "settings": "vconsole.screens.pins.settings:SettingsScreen",
    },
    answers=(
        Answer(
            "vconsole.model.set_pins:SetPins",
            ".host.set_pins:set_pins",
            tells=".host.set_pins:tell_pins",
            changes=True,
        ),
        Answer(".model.fit_many:FitMany", ".model.fit_many:answer", local=True),
        Answer(".model.profile:ApplyProfile", ".model.profile:answer", local=True),
        Answer(".profile_files:ReadProfiles", ".profile_files:read_all", local=True),
        Answer(".profile_files:StoreProfile", ".profile_files:store_one", local=True),
    ),
    group="Look and pin",
    subcommands=dict.fromkeys("pin plan".split(), ".cli:add_parsers")
    | {
        "fit": ".cli_fit:add_parsers",
        **dict.fromkeys("history undo redo".split(), ".cli_history:add_parsers"),
        "profile": ".cli_profile:add_parsers",
        "tune": ".cli_settings:add_parsers",
    },
)

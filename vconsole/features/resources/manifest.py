"""Memory and vCPUs of a domain."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain, writable
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"resources": "Memory and vCPUs"},
    commands=(
        Command(
            "domains.resources",
            "m",
            "",
            "Go to its memory and vCPUs.",
            (a_domain,),
            virsh="dommemstat {name}",
            opens="resources",
            words="setmem setmaxmem setvcpus balloon ram cpu",
        ),
        Command(
            "domain.resources",
            "m",
            "",
            "Go to its memory and vCPUs.",
            (a_domain,),
            virsh="dommemstat {name}",
            opens="resources",
            words="setmem setmaxmem setvcpus balloon ram cpu",
        ),
        Command(
            "resources.edit",
            "enter,e",
            "edit",
            "Type another value; what it changes is shown before.",
            (writable, a_domain),
        ),
        Command(
            "resources.statistics",
            "w",
            "watch",
            "Have the guest report its memory every 5 s until it is shut off, or stop that.",
            (writable, a_domain),
            virsh="dommemstat {name} --period 5 --live",
        ),
    ),
    pages={"resources": "vconsole.screens.resources:ResourcesScreen"},
    answers=(
        Answer(".model.numbers:ReadResources", ".host:read_resources"),
        Answer(
            ".model.change:SetResource",
            ".host:set_resource",
            changes=True,
            tells=".host:tell_resource",
        ),
    ),
    subcommands=dict.fromkeys("memory vcpus".split(), ".cli:add_parsers"),
    reverts={"vcpus": ".model.change:revert_vcpus", "memory": ".model.change:revert_memory"},
)

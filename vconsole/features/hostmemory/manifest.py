"""Memory and swap of the host."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain
from vconsole.model.manifest import Answer, Manifest

MANIFEST: Final = Manifest(
    scopes={"hostmemory": "Host: memory and swap"},
    commands=(
        Command(
            "host.memory",
            "m",
            "memory",
            "Go to the host's memory and swap: overcommitment, who is swapped, what to do.",
            virsh="nodememstats",
            opens="hostmemory",
            words="freepages allocpages hugepages huge ksm swap numastat",
        ),
        Command(
            "hostmemory.next_tab",
            "tab,right_square_bracket",
            "guests/cells/advice",
            "Show the guests, the cells, or all verdicts with reason and cure.",
        ),
        Command(
            "hostmemory.previous_tab", "shift+tab,left_square_bracket", "", "Show the tab before."
        ),
        Command(
            "hostmemory.open",
            "enter",
            "open",
            "Open the domain.",
            (a_domain,),
            virsh="dommemstat {name}",
            opens="domain",
        ),
    ),
    pages={"hostmemory": "vconsole.screens.hostmemory:HostMemoryScreen"},
    answers=(
        Answer(
            *(".model.reading:ReadHostMemory", ".host:read_host_memory"),
            demo=".demo:read_host_memory",
        ),
    ),
    shows={"memory": ".cli:show_memory"},
)

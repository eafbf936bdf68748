"""The host: cells, pCPUs, and who may run where."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command
from vconsole.model.manifest import Manifest

MANIFEST: Final = Manifest(
    scopes={"host": "Host"},
    commands=(
        Command(
            "app.host",
            "2",
            "",
            "Go to the host: cells, memory, pCPUs and who may run where.",
            virsh="freecell --all",
            opens="host",
            place=10,
            words="nodeinfo numa cell cores cpus capabilities maxvcpus nodecpumap",
        ),
        Command(
            "host.who", "enter", "who runs", "Show who may run on this pCPU, and who did last."
        ),
        Command("host.next_cell", "c", "next cell", "Go to the next cell."),
        Command("host.previous_cell", "C", "", "Go to the cell before this one."),
        Command(
            "host.dense",
            "d",
            "",
            "Show one character a pCPU, or the number of each.",
            words="narrow wide zoom",
        ),
        Command(
            "host.jump",
            "f",
            "",
            "Go to a pCPU by typing its number.",
            words="search find goto",
        ),
        Command(
            "host.check",
            "v",
            "check",
            "Check what virtualization needs on this host: verdict, reason and cure.",
            virsh="capabilities",
            place=60,
            words="virt-host-validate kvm iommu nested vmx svm domcapabilities",
        ),
    ),
    shows={"pcpu": ".cli:show_pcpu"},
    show_names={"pcpu": "the number of a pCPU"},
    pages={"host": "vconsole.screens.hostmap.host:HostScreen"},
)

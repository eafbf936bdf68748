"""Why is it slow? Who disturbs a domain or a pCPU."""

from __future__ import annotations

from typing import Final

from vconsole.model.command import Command, a_domain
from vconsole.model.manifest import Answer, Manifest

_HELP: Final = "Why is it slow? See who disturbs its threads, the worst first, with a cure."
_WORDS: Final = "steal wait latency jitter interrupts irq affinity noisy neighbour perf"

MANIFEST: Final = Manifest(
    scopes={"why": "Why is it slow?"},
    commands=(
        *(
            Command(
                f"{scope}.why",
                "W",
                "",
                _HELP,
                (a_domain,),
                virsh="domstats {name} --vcpu",
                opens="why",
                words=_WORDS,
            )
            for scope in ("domains", "domain", "pin")
        ),
        Command("host.why", "W", "", "Why is this pCPU slow? See who disturbs it.", words=_WORDS),
    ),
    pages={"why": "vconsole.screens.why:WhyScreen"},
    answers=(Answer(".model.sample:ReadWhy", ".host:read_why", demo=".demo:read_why"),),
    subcommands={"why": ".cli:add_parsers"},
)

"""Actions of the configurations that vhostmd came with, and which built-in metric does the same.

Known by the SHA-256 of the command, each run of blanks counted as one. Sources: vhostmd.xml of
vhostmd 0.4 to 1.2 and after, and vhostmd.conf of Enterprise Linux 6 and 7. Those for Xen's own
tools, and those whose arithmetic is wrong, are left out.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from vconsole.features.metrics.model.spec import MetricSpec, VhostmdConfig
from vconsole.model.words import plural

_HOST: Final = {
    "2b31c495a2f2387f": "FreeMem",
    "2c8bff0f75271d26": "FreePhysicalMemory",
    "95e41520a14e343a": "FreeVirtualMemory",
    "7063dece7cccf374": "HostName",
    "0c09fc9eab039636": "HostName",
    "c2ee4709bccd85d6": "HostName",
    "b869f15adad7182b": "HostSystemInfo",
    "d08b76de41308e18": "MemoryAllocatedToVirtualServers",
    "3f9e7f2000d51f8f": "NumCPUs",
    "36e63a4837742281": "NumberOfPhysicalCPUs",
    "695e7dddc4b2bdb0": "PageRates",
    "05c063f6428faaff": "SwappedInMemory",
    "5718fa7fc1b28ae5": "SwappedOutMemory",
    "bfe4735d3f5a68c0": "PagedInMemory",
    "a5559d595db65bcd": "PagedOutMemory",
    "568633f8235617b2": "Time",
    "a53bee632fd69e54": "TotalCPUTime",
    "be83dad34d4142b9": "TotalCPUTime",
    "45508bcfd627a2b7": "TotalPhyMem",
    "3ccbd2f294814747": "UsedMem",
    "3982594e2622f600": "UsedVirtualMemory",
    "37aa6345273b5317": "VirtProductInfo",
    "9de39f73f3818a09": "VirtualizationProductInfo",
    "36bee03284e6b0e5": "VirtualizationVendor",
    "49f1b25890ca1724": "VirtualizationVendor",
    "d55342d63a48f3da": "VirtualizationVendor",
}
_DOMAIN: Final = {
    "86040627f301a663": "PhysicalMemoryAllocatedToVirtualSystem",
    "6ccce38a471dfe7b": "ResourceMemoryLimit",
    "2218d24f1d2ec109": "ResourceProcessorLimit",
    "e8ee11773fb9d784": "TotalCPUTime",
    "4d07e51e13a5911c": "TotalCPUTime",
    "aa2ce6f71197db89": "TotalCPUTime",
    "0c1050fab54c6de5": "TotalCPUTime",
}


def twins(config: VhostmdConfig) -> tuple[tuple[MetricSpec, str], ...]:
    """The metrics got by a command though one is built in that does the same, and its name."""
    if config.settings.replace_stock_actions:
        return ()
    found = ((spec, same_builtin(spec)) for spec in config.enabled if not spec.builtin)
    return tuple((spec, name) for spec, name in found if name)


def twin_words(config: VhostmdConfig) -> str:
    """What it saves to collect without commands, and which; "" where there is none to replace."""
    found = twins(config)
    if not found:
        return ""
    names = ", ".join(f"{s.name} (vm)" if s.context == "vm" else s.name for s, _ in found)
    own = sum(spec.context == "vm" for spec, _ in found)
    saved = [plural(len(found) - own, "command")] if len(found) > own else []
    saved += [f"{own} for each domain"] if own else []
    return f"saves {' and '.join(saved)} in every update; built in as well: {names}"


def same_builtin(spec: MetricSpec) -> str | None:
    """The built-in metric that does what this stock action does; None for any other action."""
    digest = sha256(" ".join(spec.action.split()).encode()).hexdigest()[:16]
    return (_HOST if spec.context == "host" else _DOMAIN).get(digest)

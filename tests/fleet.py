"""The domains of the scenes, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Spec(NamedTuple):
    """One domain in a line; sets are cpusets in text, rows are separated by ``/``."""

    name: str
    state: str = "running"
    vcpus: int = 2
    gib: float = 4
    pins: str = ""
    """One set for all vCPUs, or one a vCPU; ``-`` floats."""
    config: str | None = None
    """Like `pins`, where the configuration differs from the live one."""
    emulator: str = ""
    iothreads: tuple[str, ...] = ()
    nodeset: str = ""
    cpu: float = 0.0
    wait: float = 0.0
    lies: Mapping[int, float] = {}
    """Cell -> GiB."""
    title: str | None = None
    max_vcpus: int = 0
    max_gib: float = 0
    autostart: bool = True
    hugepages_kib: int | None = None


KVM07_FLEET: Final = (
    Spec(
        "orders-db",
        vcpus=16,
        gib=64,
        pins="/".join(f"{c},{c + 32}" for c in range(8, 16) for _ in (0, 1)),
        emulator="8-15,40-47",
        iothreads=("14,46", "15,47"),
        nodeset="1",
        cpu=811.6,
        wait=3.1,
        lies={0: 0.6, 1: 63.3},
        title="Orders database, primary; call the DBA before touching",
        hugepages_kib=2048,
    ),
    Spec(
        "orders-db-standby",
        vcpus=16,
        gib=64,
        pins="/".join(f"{c},{c + 32}" for c in range(16, 24) for _ in (0, 1)),
        emulator="16-23,48-55",
        iothreads=("22,54", "23,55"),
        nodeset="2",
        cpu=96.2,
        wait=0.4,
        lies={2: 63.9},
        title="Orders database, standby",
        hugepages_kib=2048,
    ),
    Spec(
        "shop-web-1",
        vcpus=4,
        gib=8,
        pins="0/1/2/3",
        emulator="0-7",
        nodeset="0",
        max_vcpus=8,
        max_gib=16,
        cpu=212.4,
        wait=11.8,
        lies={0: 7.8, 1: 0.2},
        title="Shop front end",
    ),
    Spec("shop-web-2", vcpus=4, gib=8, cpu=88.0, wait=20.5, lies={0: 3.3, 1: 4.6, 2: 0.1}),
    Spec(
        "shop-web-3",
        vcpus=4,
        gib=8,
        pins="4/5/6/-",
        cpu=131.9,
        wait=2.2,
        lies={0: 6.1, 3: 1.9},
        title="Shop front end, new release",
    ),
    Spec("shop-cache", vcpus=2, gib=16, pins="2,34", emulator="2,34", cpu=64.0, lies={0: 15.9}),
    Spec(
        "batch-night",
        vcpus=8,
        gib=32,
        pins="16-23",
        config="24-31",
        nodeset="2",
        cpu=3.4,
        wait=0.0,
        lies={2: 31.8},
        title="Nightly invoices",
    ),
    Spec(
        "trading-gw",
        vcpus=4,
        gib=8,
        pins="28/29/30/31",
        emulator="24,56",
        iothreads=("25",),
        nodeset="3",
        cpu=398.7,
        lies={3: 8.0},
        title="Exchange gateway on isolated pCPUs",
        hugepages_kib=1048576,
    ),
    Spec("mail", vcpus=2, gib=4, cpu=4.1, wait=0.3, lies={0: 1.2, 1: 1.4, 2: 0.9, 3: 0.5}),
    Spec("dns-1", vcpus=1, gib=1, pins="7", cpu=0.8, lies={0: 1.0}),
    Spec("dns-2", vcpus=1, gib=1, pins="24", cpu=0.7, lies={3: 1.0}),
    Spec("monitoring", vcpus=4, gib=8, pins="24-27,56-59", cpu=47.5, wait=1.5, lies={3: 7.5}),
    Spec("git", vcpus=4, gib=12, cpu=22.3, wait=0.9, lies={0: 2.0, 1: 2.2, 3: 7.7}),
    Spec("build-1", vcpus=8, gib=24, pins="-", emulator="0-31", cpu=655.0, wait=87.1, lies={1: 9}),
    Spec("build-2", "paused", vcpus=8, gib=24, pins="24-27", lies={3: 11.6}, autostart=False),
    Spec("build-3", "shut off", vcpus=8, gib=24, autostart=False),
    Spec("ldap", "in shutdown", vcpus=2, gib=2, cpu=0.1, lies={0: 0.9}),
    Spec("vpn", "pmsuspended", vcpus=1, gib=1, lies={1: 0.4}, autostart=False),
    Spec("legacy-erp", "crashed", vcpus=2, gib=8, pins="3,35", title="Do not start: being moved"),
    Spec("template-debian", "shut off", vcpus=2, gib=2, autostart=False, title="Template"),
    Spec("[link=file:x]", vcpus=2, gib=1, cpu=1.0, lies={0: 0.4, 2: 0.5}, title="[/] not markup"),
    Spec("windows-desk", "shut off", vcpus=4, gib=8, pins="4-7", nodeset="0", autostart=False),
)

HOSTILE_NAMES: Final = (
    "[link=file:x]",
    "[red]alarm",
    "[@click=app.quit]free[/]",
    "\\[bold]",
    "--help",
    "$(reboot)",
    "a;b `c` 'd' \"e\"",
    " ",
    "tab\there",
    "two\rrows",
    "csi\x9b31mred",
    "osc\x9d0;owned\x9c",
    "esc\x1b[2Jgone",
    "del\x7f next\x85 line\u2028 end",
    "abc\u202edcba\u2066x",
    "zero\u200bwidth\ufeff",
    "z" + "\u0335\u0336\u0337" * 30 + "algo",
    "n" * 4096,
    "\u5bbf\u4e3b\u6a5f" * 30,
    "\U0001f600" * 30,
    "lone\udc9bsurrogate",
    "nul\x00byte",
)
"""What libvirt accepts as a name, and worse that other fields accept."""

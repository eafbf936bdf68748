"""The memory of the scene `kvm07` as the host tells it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests import scenes
from tests.scenes import GIB, MIB, uuid_of
from vconsole.features.hostmemory.model.advice import advise
from vconsole.features.hostmemory.model.reading import (
    GuestProcess,
    HostMemory,
    HugePages,
    Ksm,
    ReadHostMemory,
    SwapArea,
)
from vconsole.model.request import Reply
from vconsole.screens.messages import Replied

SWAPPED = {"build-1": 3 * GIB, "mail": 900 * MIB, "shop-web-3": 40 * MIB}


def reading(second: int = 0, swap_gib: int = 16) -> HostMemory:
    """A host that swaps: `build-1` more with every second, `mail` less."""
    moved = {"build-1": 4 * MIB * second, "mail": -2 * MIB * second}
    swapped = {name: count + moved.get(name, 0) for name, count in SWAPPED.items()}
    return HostMemory(
        read_at=scenes.NOW + second,
        total_bytes=384 * GIB,
        available_bytes=81 * GIB,
        swap_total_bytes=swap_gib * GIB,
        swap_free_bytes=max(0, swap_gib * GIB - sum(swapped.values())),
        swapped_in_bytes=(10 + 2 * second) * MIB,
        swapped_out_bytes=(70 + 4 * second) * MIB,
        committed_bytes=300 * GIB,
        commit_limit_bytes=208 * GIB,
        overcommit=0,
        swappiness=60,
        huge=(HugePages(2048, 81920, 16384, 128), HugePages(1 << 20, 8, 0)),
        ksm=Ksm(1, 5 * GIB),
        areas=(SwapArea("/dev/sda3", swap_gib * GIB, sum(swapped.values()), "rotating"),),
        guests={
            domain.uuid: GuestProcess(
                4000 + number,
                0 if domain.hugepages_kib else int((domain.memory_bytes or 0) * 0.8),
                domain.memory_bytes if domain.hugepages_kib else 0,
                swapped.get(domain.name, 0),
                666 + number,
            )
            for number, domain in enumerate(scenes.kvm07().domains)
            if domain.active
        },
    )


def without_swap(second: int = 0) -> HostMemory:
    """A host with less RAM and no swap."""
    guests = {u: replace(g, swap_bytes=0) for u, g in reading().guests.items()}
    idle = replace(reading(second, swap_gib=0), swapped_in_bytes=0, swapped_out_bytes=0)
    less = replace(idle, total_bytes=320 * GIB, available_bytes=17 * GIB)
    return replace(less, guests=guests, areas=(), ksm=Ksm(0, 0))


def elsewhere() -> HostMemory:
    """What libvirt tells of a host that is another machine."""
    rss = {uuid_of("mail"): GuestProcess(rss_bytes=3 * GIB)}
    return HostMemory(scenes.NOW, 384 * GIB, 81 * GIB, guests=rss, unknown="swap: another machine")


def answered(page: Any, given: HostMemory | str) -> Replied:
    """The answer to the page: what the reading comes to, or why there is none."""
    before = page._advice.known.now if page._advice else None
    request = ReadHostMemory(page.host_state, before)
    if isinstance(given, str):
        return Replied(request, Reply("unknown", given))
    return Replied(request, Reply(value=advise(request.host_state, given, before)))

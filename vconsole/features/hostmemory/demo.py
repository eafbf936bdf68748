"""The memory of the demo host: what libvirt would tell, and what only a kernel knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from vconsole.features.hostmemory.host import remote_memory
from vconsole.features.hostmemory.model.advice import advise
from vconsole.features.hostmemory.model.reading import (
    GuestProcess,
    HugePages,
    Ksm,
    ReadHostMemory,
    SwapArea,
)
from vconsole.host.link import Link
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply

_GIB: Final = 1 << 30
_SWAP: Final = SwapArea("/dev/nvme0n1p3", 8 * _GIB, 96 << 20, "solid")


def read_host_memory(link: Link, request: ReadHostMemory) -> Reply:
    """Answer as on the host itself."""
    now, state = remote_memory(link), request.host_state
    known = replace(
        now,
        swap_total_bytes=_SWAP.size_bytes,
        swap_free_bytes=_SWAP.size_bytes - _SWAP.used_bytes,
        swapped_in_bytes=12 << 20,
        swapped_out_bytes=140 << 20,
        overcommit=0,
        swappiness=10,
        huge=_huge(state),
        ksm=Ksm(1, now.ksm.saved_bytes if now.ksm else 0),
        areas=(_SWAP,),
        guests={uuid: _guest(n, guest) for n, (uuid, guest) in enumerate(now.guests.items())},
        unknown="",
    )
    return Reply(value=advise(state, known, request.before))


def _huge(state: HostState) -> tuple[HugePages, ...]:
    pools = [pages for cell in state.cells for pages in cell.pages if pages.total]
    total, free = sum(p.total or 0 for p in pools), sum(p.free or 0 for p in pools)
    return (HugePages(2048, total, free, 0),)


def _guest(number: int, guest: GuestProcess) -> GuestProcess:
    score = 60 + (guest.rss_bytes or 0) * 600 // (384 * _GIB)
    return replace(guest, pid=2100 + 37 * number, swap_bytes=0, oom_score=score)

"""``vconsole show memory``: the host's memory and swap, what is wrong with it, and the guests."""

from __future__ import annotations

import argparse
from time import sleep
from typing import Final

from vconsole.cli.changing import ask, asking
from vconsole.cli.report import CliError, print_columns, print_json, print_table
from vconsole.features.hostmemory.model.advice import Advice, Finding, remark
from vconsole.features.hostmemory.model.figures import Figures, GuestMemory, Share
from vconsole.features.hostmemory.model.reading import ReadHostMemory
from vconsole.features.hostmemory.words import CELL_COLUMNS, GUEST_COLUMNS, CellRow
from vconsole.model.column import Column
from vconsole.model.host_state import HostState
from vconsole.model.request import Reply
from vconsole.model.words import amount
from vconsole.text import percent, safe

_REMARK: Final[Column[GuestMemory]] = Column(
    "remark", "", 0, cell=lambda guest: (safe(remark(guest)), ""), printed="remark"
)
"""The screen says it of the guest under the cursor."""
BETWEEN_S = 1.0
"""Two readings make a rate."""


def show_memory(options: argparse.Namespace, host_state: HostState) -> None:
    """Read twice, and print what follows from it."""
    with asking(options) as host:
        before = _advice(ask(host, ReadHostMemory(host_state))).known.now
        sleep(BETWEEN_S)
        advice = _advice(ask(host, ReadHostMemory(host_state, before)))
    if options.json:
        print_json({"findings": advice.findings, "figures": advice.known})
    else:
        _print(advice.known, advice.findings)


def _advice(reply: Reply) -> Advice:
    if not isinstance(reply.value, Advice):
        raise CliError(f"the host's memory cannot be read: {reply.message}")
    return reply.value


def _print(known: Figures, told: tuple[Finding, ...]) -> None:
    for finding in told:
        print(safe(f"{finding.level:<8}{finding.topic}: {finding.words}"))
        for words in (finding.reason, f"cure: {finding.cure}" if finding.cure else ""):
            if words:
                print(safe(f"        {words}"))
    print()
    print_table(("memory", "amount", "% of RAM", "% of RAM and swap"), _amounts(known))
    print()
    print_columns((*GUEST_COLUMNS, _REMARK), known.guests)
    print()
    print_columns(CELL_COLUMNS, map(CellRow, known.cells))


def _amounts(known: Figures) -> list[tuple[object, ...]]:
    shares = (
        ("maximum of guests", known.maximum),
        ("current of guests", known.current),
        ("guests in RAM", known.held),
        ("maximum of all defined", known.defined),
    )
    plain = (
        ("RAM", known.total_bytes),
        ("available", known.now.available_bytes),
        ("host's own", known.own_bytes or None),
        ("swap", known.now.swap_total_bytes),
        ("swap used", known.swap_used_bytes),
        ("swap of guests", known.guests_swap_bytes),
        *((f"pages of {_size(p.size_kib << 10)}", p.total_bytes) for p in known.huge),
        *((f"pages of {_size(p.size_kib << 10)} used", p.used_bytes) for p in known.huge),
    )
    rates = (("swapped in", known.swap_in_bytes_s), ("swapped out", known.swap_out_bytes_s))
    return [
        *((label, *_share(share)) for label, share in shares),
        *((label, _size(count), "", "") for label, count in plain),
        *((label, _rate(rate), "", "") for label, rate in rates),
    ]


def _share(share: Share) -> tuple[str, str, str]:
    of_both = percent(share.of_ram_and_swap_percent)
    return _size(share.bytes), percent(share.of_ram_percent), of_both


def _size(count: int | None) -> str:
    return "-" if count is None else amount(count)


def _rate(bytes_s: float | None) -> str:
    if bytes_s is None:
        return "-"
    return f"{'-' if bytes_s < 0 else ''}{amount(abs(bytes_s))}/s"

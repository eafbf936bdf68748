"""What is measured inside one process: the memory of page visits, and the search of the list.

    python -m bench.inside

Visits are of a scripted host, so that what grows is the console's own.
"""

import asyncio
import gc
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.kept import keep
from tests import scenes
from tests.pilot.manual import Console, console_on
from vconsole.features.domains.columns import TERMS, rows
from vconsole.features.domains.model import Query
from vconsole.model.host_state import HostState

WAYS = (*"245678H", "p", "enter", "m", "o", "t", "n", "A", "D", "a")
"""Keys that open a page from the list of domains; escape leaves it."""
VISITS = 500
MOST_KIB = 5 * 1024
"""How much all visits together may leave behind."""
DOMAINS, ROUNDS = 10_000, 7
MOST_MS = 30.0
"""What one key of the filter may cost with so many domains."""
_PAGE_KIB = 4


def rss_kib() -> int:
    """What the process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB


async def _visit(console: Console, count: int) -> None:
    for number in range(count):
        await console.press(WAYS[number % len(WAYS)], "escape")
        while len(console.app.screen_stack) > 1:
            await console.press("escape")
    console.forget()
    gc.collect()


async def visits() -> int:
    """KiB that the visits leave behind, once each page was opened twice."""
    async with console_on(scenes.kvm07(), (120, 40)) as console:
        await _visit(console, 2 * len(WAYS))
        before = rss_kib()
        await _visit(console, VISITS)
        return rss_kib() - before


def search() -> float:
    """Milliseconds in which a filter of three letters finds its domains."""
    one = scenes.kvm07().domains[0]
    domains = tuple(
        replace(one, uuid=f"{n:032x}", name=f"vm-{n:05d}", title="") for n in range(DOMAINS)
    )
    host_state, took = HostState(domains=domains), []
    for _ in range(ROUNDS):
        query, begun = Query.parse("-01", TERMS), perf_counter()
        query.select(rows(domains, host_state))
        took.append((perf_counter() - begun) * 1000)
    return median(took)


def main() -> int:
    """Print both figures with their goals; 1 where one is missed."""
    grown, took = asyncio.run(visits()), search()
    rows = (
        (f"{VISITS} page visits leave behind", f"{grown:+} KiB", f"<= {MOST_KIB} KiB"),
        (f"a filter over {DOMAINS} domains", f"{took:.1f} ms", f"<= {MOST_MS:g} ms"),
    )
    lines = ["| inside one process | measured | goal |", "|---|---|---|"]
    keep("inside", "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]))
    return int(grown > MOST_KIB or took > MOST_MS)


if __name__ == "__main__":
    sys.exit(main())

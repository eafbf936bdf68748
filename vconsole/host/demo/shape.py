"""The machine of the demo: 4 cells of 8 cores with SMT, two L3 domains a cell, 384 GiB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from vconsole.model.cpuset import CpuSet

GIB: Final = 1 << 30
CELLS: Final = range(4)
CELL_PCPUS: Final = 16
L3_PCPUS: Final = 8
PCPUS: Final = len(CELLS) * CELL_PCPUS
CELL_BYTES: Final = 96 * GIB
HUGE_PAGES: Final = {0: 0, 1: 20480, 2: 0, 3: 20480}
"""Cell -> how many pages of 2 MiB are set aside there."""
HOST_BYTES: Final = 3 * GIB
"""What the host itself takes of each cell."""
MODEL, MHZ = "EPYC 7543", 2800
_DISTANCES: Final = ((10, 12, 32, 32), (12, 10, 32, 32), (32, 32, 10, 12), (32, 32, 12, 10))
"""Two sockets of two cells."""


def cell_of(pcpu: int) -> int:
    """The cell of a pCPU."""
    return pcpu // CELL_PCPUS


def pcpus_of(cell: int) -> CpuSet:
    """The pCPUs of a cell."""
    return CpuSet.of(range(cell * CELL_PCPUS, (cell + 1) * CELL_PCPUS))


def node_xml() -> str:
    """What the test driver is told of its machine."""
    return (
        f"<node><cpu><nodes>{len(CELLS)}</nodes><sockets>1</sockets>"
        f"<cores>{CELL_PCPUS // 2}</cores><threads>2</threads><active>{PCPUS}</active>"
        f"<mhz>{MHZ}</mhz><model>{MODEL}</model></cpu>"
        f"<memory>{len(CELLS) * CELL_BYTES >> 10}</memory></node>"
    )


def capabilities_xml() -> str:
    """The capabilities, with the cells and caches that the test driver does not describe."""
    return "\n".join(_capabilities()) + "\n"


def _capabilities() -> Iterator[str]:
    yield "<capabilities>\n  <host>\n    <cpu>\n      <arch>x86_64</arch>"
    yield "      <model>EPYC-Milan</model>\n      <vendor>AMD</vendor>\n    </cpu>\n    <topology>"
    yield f"      <cells num='{len(CELLS)}'>"
    for cell in CELLS:
        yield from (" " * 8 + line for line in _cell(cell))
    yield "      </cells>\n    </topology>\n    <cache>"
    for number, first in enumerate(range(0, PCPUS, L3_PCPUS)):
        cpus = f"{first}-{first + L3_PCPUS - 1}"
        what = f"id='{number}' level='3' type='both' size='32' unit='MiB'"
        yield f"      <bank {what} cpus='{cpus}'/>"
    yield "    </cache>\n  </host>\n  <guest>\n    <os_type>hvm</os_type>\n    <arch name='x86_64'>"
    yield "      <wordsize>64</wordsize>\n      <domain type='test'/>\n    </arch>"
    yield "  </guest>\n</capabilities>"


def _cell(cell: int) -> Iterator[str]:
    yield f"<cell id='{cell}'>"
    yield f"  <memory unit='KiB'>{CELL_BYTES >> 10}</memory>"
    yield "  <pages unit='KiB' size='4'>0</pages>"
    yield f"  <pages unit='KiB' size='2048'>{HUGE_PAGES[cell]}</pages>"
    yield "  <distances>"
    for other, steps in enumerate(_DISTANCES[cell]):
        yield f"    <sibling id='{other}' value='{steps}'/>"
    yield "  </distances>"
    yield f"  <cpus num='{CELL_PCPUS}'>"
    for pcpu in pcpus_of(cell):
        core = pcpu - pcpu % 2
        place = f"socket_id='{cell // 2}' die_id='0' core_id='{core // 2}'"
        yield f"    <cpu id='{pcpu}' {place} siblings='{core}-{core + 1}'/>"
    yield "  </cpus>"
    yield "</cell>"

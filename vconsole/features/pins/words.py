"""What the pins of a domain look like on the matrix, and what is said of a plan."""

from __future__ import annotations

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, PinKey
from vconsole.model.matrix import MatrixData, MatrixRow
from vconsole.model.placement import occupants
from vconsole.model.topology import CellGroup, topology
from vconsole.model.words import row_label
from vconsole.text import Note, safe, size


def matrix_data(
    domain: Domain, plan: PinPlan, host_state: HostState, warned: set[PinKey]
) -> MatrixData:
    """All that the matrix shows of a plan."""
    shape = topology(host_state)
    titles = tuple(_cell_title(group, host_state) for group in shape.groups)
    rows = tuple(
        MatrixRow(
            key,
            row_label(key).replace("iothread", "iothr"),
            plan.seen(key) or CpuSet(),
            plan.effective(key) or CpuSet(),
            key in warned,
        )
        for key in plan.rows
    )
    cores = {
        core[0]: str(number) if (number := shape.pcpu[core[0]].core) is not None else "-"
        for group in shape.groups
        for core in group.cores
    }
    return MatrixData(shape.groups, titles, cores, _others(domain.uuid, host_state), rows)


def warning_lines(plan: PinPlan, host_state: HostState) -> list[Note]:
    """The warnings about a plan, worst first, each with its glyph."""
    tones = {"refuse": ("x", "bad"), "warn": ("!", "warn"), "info": ("-", "dim")}
    return [
        (f" {tones[w.severity][0]} {safe(w.text)}", tones[w.severity][1])
        for w in plan_warnings(plan, host_state)
    ]


def _cell_title(group: CellGroup, host_state: HostState) -> str:
    if group.cell is None:
        return "no cell"
    cell = host_state.cell(group.cell)
    free = f" {size(cell.free_bytes)} free" if cell and cell.free_bytes is not None else ""
    return f"Cell {group.cell}{free}"


def _others(uuid: str, host_state: HostState) -> dict[int, tuple[str, str]]:
    """What stands in the way of each pCPU: offline, isolated, held or shared by other domains."""
    occupancy, shape = occupants(host_state), topology(host_state)
    held = occupancy.held_by_others(uuid)
    counts: dict[int, int] = {}
    for cpuset, threads in occupancy.groups.items():
        strangers = sum(1 for t in threads if t.uuid != uuid and t.kind == "vcpu")
        for pcpu in cpuset if strangers else ():
            counts[pcpu] = counts.get(pcpu, 0) + strangers
    marks: dict[int, tuple[str, str]] = {}
    for pcpu in shape.everything:
        if pcpu not in shape.online:
            marks[pcpu] = ("x", "bad")
        elif pcpu in held:
            marks[pcpu] = ("X", "warn")
        elif pcpu in counts:
            marks[pcpu] = (str(counts[pcpu]) if counts[pcpu] < 10 else "+", "")
        elif pcpu in shape.isolated:
            marks[pcpu] = ("i", "")
    return marks

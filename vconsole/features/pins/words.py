"""What the pins of a domain look like on the matrix, and what is said of a plan."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Final

from vconsole.features.pins.model.bestfit import Suggestion
from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.warnings import plan_warnings
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, GuestCell, HostState, Pin, PinKey, RowKey
from vconsole.model.matrix import MatrixData, MatrixRow
from vconsole.model.memory import page_size
from vconsole.model.placement import Claim, claims, occupants
from vconsole.model.topology import CellGroup, Topology, topology
from vconsole.model.words import page_name, plural, row_label
from vconsole.text import Note, safe, size


def matrix_data(
    domain: Domain,
    plan: PinPlan,
    host_state: HostState,
    warned: Container[RowKey],
    dense: bool = False,
) -> MatrixData:
    """All that the matrix shows of a plan; vCPUs by the cells that the guest sees."""
    shape = topology(host_state)
    titles = tuple(_cell_titles(group, host_state) for group in shape.groups)
    order, heads = _guest_order(domain, plan, host_state)
    rows = tuple(
        MatrixRow(
            key,
            _row_name(pin),
            plan.seen(key) or CpuSet(),
            plan.effective(key) or CpuSet(),
            key in warned,
        )
        for key, pin in ((key, plan.rows[key]) for key in order)
    )
    cores = {
        core[0]: str(number) if (number := shape.pcpu[core[0]].core) is not None else "-"
        for group in shape.groups
        for core in group.cores
    }
    return MatrixData(
        *(shape.groups, titles, cores, _others(domain.uuid, host_state), rows),
        l3=_l3_titles(shape),
        kinds={p: shape.kind_letter(n) for n, kind in enumerate(shape.kinds) for p in kind},
        heads=heads,
        dense=dense,
    )


def _guest_order(
    domain: Domain, plan: PinPlan, host_state: HostState
) -> tuple[list[PinKey], dict[int, str]]:
    """The rows by guest cell, and the number of each row that has a title above it."""
    order: list[PinKey] = []
    heads: dict[int, str] = {}
    for guest in domain.guest_cells if len(domain.guest_cells) > 1 else ():
        if mine := [key for key in plan.rows if key[0] == "vcpu" and key[1] in guest.vcpus]:
            heads[len(order)] = _guest_title(guest, domain, host_state)
            order += mine
    rest = [key for key in plan.rows if key not in order]
    if order and rest:
        heads[len(order)] = "the whole domain"
    return order + rest, heads


def _guest_title(guest: GuestCell, domain: Domain, host_state: HostState) -> str:
    """What a guest cell has: ``guest cell 0  8.0 GiB  memory strict on cell 1``."""
    words = [f"guest cell {guest.id}", size(guest.memory_bytes)]
    if (page := page_size(guest.page_kib, host_state)) is not None:
        words.append(f"in pages of {page_name(page)}")
    tune = guest.tune or domain.numatune
    if tune and tune.nodeset:
        words.append(f"{'memnode' if guest.tune else 'numatune'} {tune.mode} on {tune.nodeset}")
    return "  ".join(words)


def _l3_titles(shape: Topology) -> dict[int, tuple[str, ...]]:
    """The first pCPU of each L3 domain as displayed, with its titles; empty where all is one."""
    if not shape.several_l3:
        return {}
    titles: dict[int, tuple[str, ...]] = {}
    for group in shape.groups:
        last: CpuSet | None = None
        for pcpu in group.pcpus:
            here = shape.l3_of.get(pcpu, CpuSet())
            if here != last:
                die = f"die {shape.pcpu[pcpu].die} " if shape.several_dies else ""
                name = str(here.first) if here else "-"
                titles[pcpu] = (f"{die}L3 {here or '-'}", f"{die}L3 {name}", f"L3 {name}", name)
            last = here
    return titles


def _row_name(pin: Pin) -> str:
    label = row_label(pin.key).replace("iothread", "iothr")
    return label if pin.plugged else f"({label})"


def legend(data: MatrixData) -> list[Note]:
    """Explain the marks; the rare ones only where they occur."""
    marks = {mark for mark, _ in data.others.values()}
    lines = [" # planned  = now and kept  - taken away  X held by another  x offline"]
    more = []
    if data.kinds:
        more.append(
            "kind: P performance  E efficiency" + "  M between" * ("M" in data.kinds.values())
        )
    if "C" in marks:
        more.append("C claimed by a domain that starts with the host")
    if "U" in marks:
        more.append("U claimed by a vCPU not plugged in")
    if "c" in marks:
        more.append("c by one that is shut off")
    if any(row.label.startswith("(") for row in data.rows):
        more.append("(vCPU) not plugged in")
    lines += [" " + "  ".join(more)] if more else []
    return [(line, "dim") for line in lines]


def setting_line(plan: PinPlan) -> list[Note]:
    """Memory and scheduling, as far as something is set or planned, in a line."""
    parts = [
        f"{row.label} {row.config_before if row.live_before is None else row.live_before}"
        + (f" -> {plan.wanted.get(row.key)}" if row.changed else "")
        for row in plan.setting_table()
        if row.changed or any(v and v.text for v in (row.live_before, row.config_before))
    ]
    shown = "; ".join(parts[:4]) + (f"; {len(parts) - 4} more" if len(parts) > 4 else "")
    tone = "accent" if plan.wanted else "dim"
    return [(f" {shown}", tone)] if parts else []


def pcpu_words(pcpu: int, uuid: str, host_state: HostState) -> str:
    """What one pCPU is, how busy, and which other domains run or will run there."""
    shape, busy = topology(host_state), host_state.busy.get(pcpu)
    parts = [f"pCPU {pcpu}" + (f" {busy:.0f} %" if busy is not None else "")]
    if kinds := shape.kinds_of(CpuSet.of((pcpu,))):
        parts.append(f"{shape.kind_word(kinds[0])} core")
    core = shape.pcpu[pcpu].core if pcpu in shape.pcpu else None
    if core is not None and core > max(shape.pcpu):
        parts.append(f"core {core}")  # the heading has no room for it
    if shape.several_l3 and pcpu in shape.l3_of:
        parts.append(f"L3 of {shape.l3_of[pcpu]}")
    words = ", ".join(parts)
    there = [o.name for o in occupants(host_state).get(pcpu, ()) if o.uuid != uuid]
    waiting = [f"{o.name} ({o.claim})" for o in claims(host_state).get(pcpu, ()) if o.uuid != uuid]
    names = list(dict.fromkeys([*there, *waiting]))
    return f"{words}: {', '.join(names)}" if names else words


def title_words(domain: Domain, host_state: HostState, planned: int) -> str:
    """State, vCPUs and memory of a domain, how many rows are planned, and where its memory lies.

    That comes last: it is the longest on a host of many cells, and the first to be cut.
    """
    facts = [
        "GONE" if host_state.domain(domain.uuid) is None else domain.state,
        "- vCPUs" if domain.vcpus is None else plural(domain.vcpus, "vCPU"),
        size(domain.memory_bytes),
        *([f"{planned} planned"] if planned else []),
    ]
    measured = host_state.locality.get(domain.uuid)
    if measured is not None and any(measured.bytes_by_cell.values()):
        total = sum(measured.bytes_by_cell.values())
        shares = "  ".join(
            f"{cell}: {100 * part / total:.0f} %"
            for cell, part in sorted(measured.bytes_by_cell.items())
        )
        facts.append(
            f"memory on {'cell' if len(measured.bytes_by_cell) == 1 else 'cells'} {shares}"
        )
    return "  ".join(facts)


def row_words(plan: PinPlan, key: PinKey) -> str:
    """A row and its set, live and config where they differ, and what it is to be."""
    now, then = plan.seen(key), plan.effective(key)
    pin = plan.rows.get(key)
    words = f"{row_label(key)}: {now}"
    if pin and pin.live is not None and pin.config is not None and pin.live != pin.config:
        words = f"{row_label(key)}: live {pin.live} config {pin.config}"
    words += "" if pin is None or pin.plugged else ", not plugged in"
    return f"{words} -> {then}" if then != now else words


def warning_lines(plan: PinPlan, host_state: HostState) -> list[Note]:
    """The warnings about a plan, worst first, each with its glyph."""
    tones = {"refuse": ("x", "bad"), "warn": ("!", "warn"), "info": ("-", "dim")}
    return [
        (f" {tones[w.severity][0]} {safe(w.text)}", tones[w.severity][1])
        for w in plan_warnings(plan, host_state)
    ]


def reason_lines(found: Suggestion) -> list[Note]:
    """What there is to say of a suggestion beside the warnings, the grave ones first."""
    grave = found.reasons[found.warned : found.graver]
    lines: list[Note] = [(f" ! {safe(text)}", "warn") for text in grave]
    return lines + [(f" + {safe(text)}", "good") for text in found.reasons[found.graver :]]


def _cell_titles(group: CellGroup, host_state: HostState) -> tuple[str, ...]:
    if group.cell is None:
        return "no cell", "-"
    cell, name = host_state.cell(group.cell), f"Cell {group.cell}"
    if cell and cell.total_bytes == 0:
        return f"{name} no memory", name, str(group.cell)
    free = f"{name} {size(cell.free_bytes)}" if cell and cell.free_bytes is not None else name
    return f"{free} free" if free != name else name, free, name, str(group.cell)


def _others(uuid: str, host_state: HostState) -> dict[int, tuple[str, str]]:
    """What stands in the way of each pCPU: offline, isolated, held, claimed or shared by others."""
    occupancy, shape = occupants(host_state), topology(host_state)
    held, waiting = occupancy.held_by_others(uuid), _claimed(uuid, host_state)
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
        elif pcpu in waiting:
            marks[pcpu] = (waiting[pcpu], "" if waiting[pcpu] == "c" else "warn")
        elif pcpu in counts:
            marks[pcpu] = (str(counts[pcpu]) if counts[pcpu] < 10 else "+", "")
        elif pcpu in shape.isolated:
            marks[pcpu] = ("i", "")
    return marks


def _claimed(uuid: str, host_state: HostState) -> dict[int, str]:
    """pCPU -> what vCPU will hold it: `_CLAIM_MARKS`, the surest where there are several."""
    marks: dict[int, str] = {}
    for cpuset, threads in claims(host_state).groups.items():
        found = {
            _CLAIM_MARKS[t.claim] for t in threads if t.claim and t.exclusive and t.uuid != uuid
        }
        for pcpu in cpuset if found else ():
            marks[pcpu] = min({*found, marks.get(pcpu, "c")}, key="CUc".index)
    return marks


_CLAIM_MARKS: Final[Mapping[Claim, str]] = {
    "starts with the host": "C",
    "not plugged": "U",
    "shut off": "c",
}

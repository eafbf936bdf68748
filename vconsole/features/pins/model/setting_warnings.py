"""What a person should know of the rows of memory and scheduling in a plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_rows import SettingChange
from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import Domain, HostState, NumaTune, RowKey
from vconsole.model.memory import cells_label, free_on, page_kib
from vconsole.model.setting import Setting
from vconsole.model.words import amount, pcpus_label

Found = tuple[Literal["refuse", "warn", "info"], tuple[RowKey, ...], str]
NO_NUMAD = "numad is not installed: libvirt says 'Failed to query numad' and does not start it"


def memory_as_planned(domain: Domain, plan: PinPlan) -> Domain:
    """The domain with its memory bound as the plan wants it."""
    rows = {row.key: row for row in plan.setting_table() if row.changed}
    tune, guests = domain.numatune, domain.guest_cells
    if wanted := _wanted(rows.get(("numatune", None)), plan):
        tune = _tune(wanted)
    for guest in domain.guest_cells:
        if wanted := _wanted(rows.get(("memnode", guest.id)), plan):
            changed = replace(guest, tune=_tune(wanted))
            guests = tuple(changed if g.id == guest.id else g for g in guests)
    return replace(domain, numatune=tune, guest_cells=guests) if rows else domain


def _wanted(row: SettingChange | None, plan: PinPlan) -> Setting | None:
    return plan.wanted.get(row.key) if row is not None else None


def _tune(setting: Setting) -> NumaTune | None:
    return NumaTune(setting.mode, setting.nodeset) if setting.text else None


def live_nodeset(plan: PinPlan) -> CpuSet | None:
    """The cells that the plan binds the memory of a running domain to at once."""
    rows = (row for row in plan.setting_table() if row.kind == "numatune")
    moved = (row.live_after for row in rows if row.live_after != row.live_before)
    return next((value.nodeset for value in moved if value is not None), None)


def following(domain: Domain, host_state: HostState, nodeset: CpuSet) -> Iterator[Found]:
    """How much of its memory moves to these cells when they are bound to it, and whether it can."""
    key: RowKey = ("numatune", None)
    measured = host_state.locality.get(domain.uuid)
    if measured is None:
        return
    away = sum(n for cell, n in measured.bytes_by_cell.items() if cell not in nodeset and n > 0)
    if not away:
        return
    free = free_on(host_state, nodeset, page_kib(domain, host_state))
    text = f"{amount(away)} of its memory move to {cells_label(nodeset)} at once"
    if free is None or free >= away:
        yield "info", (key,), text + ("" if free is None else f": {amount(free)} free")
    else:
        yield "warn", (key,), f"{text}, {amount(free)} free there: the rest stays"


def setting_warnings(plan: PinPlan, host_state: HostState) -> Iterator[Found]:
    """Severity, rows and words of each; see `warnings.PlanWarning`."""
    for row in plan.setting_table():
        wanted = plan.wanted.get(row.key)
        if wanted is None or not row.changed:
            continue
        yield from _numad(row, wanted, host_state)
        yield from _cells(row, wanted, host_state)
        yield from _pcpus(row, wanted, host_state)
        yield from _real_time(row, wanted)
        if row.not_live:
            text = f"{row.label}: from the next start on; {row.not_live}"
            yield "info", (row.key,), text
        if row.kind == "numatune" and row.live_before == Setting("numatune") != row.live_after:
            text = f"{row.label}: once it has cells a running domain keeps some: no undo live"
            yield "info", (row.key,), text
    yield from _both_autos(plan)


def _numad(row: SettingChange, wanted: Setting, host_state: HostState) -> Iterator[Found]:
    if wanted.auto and host_state.node.numad is False:
        yield "refuse", (row.key,), f"{row.label}: {NO_NUMAD}"
    elif wanted.auto and host_state.node.numad is None:
        yield "info", (row.key,), f"{row.label}: the host needs numad for it"


def _cells(row: SettingChange, wanted: Setting, host_state: HostState) -> Iterator[Found]:
    nodeset = wanted.nodeset
    cells = CpuSet.of(cell.id for cell in host_state.cells if not cell.invented)
    if nodeset is None or not cells:
        return
    if missing := nodeset - cells:
        text = f"{row.label}: this host has no {cells_label(missing)}"
        yield "refuse", (row.key,), text
        return
    empty = CpuSet.of(c.id for c in host_state.cells if c.total_bytes == 0) & nodeset
    if empty:
        text = f"{row.label}: {cells_label(empty)} has no memory"
        yield "refuse" if empty == nodeset else "warn", (row.key,), text
    if wanted.mode == "preferred" and len(nodeset) > 1:
        text = f"{row.label}: preferred takes one cell; libvirt refuses several at start"
        yield "warn", (row.key,), text


def _pcpus(row: SettingChange, wanted: Setting, host_state: HostState) -> Iterator[Found]:
    if wanted.kind != "vcpuset" or wanted.auto or not wanted.text:
        return
    cpuset, everything = CpuSet.parse(wanted.text), host_state.all_pcpus
    if everything and (missing := cpuset - everything):
        yield "refuse", (row.key,), f"{row.label} names {pcpus_label(missing)}, not on this host"
    elif offline := (cpuset - host_state.online_pcpus if cpuset != everything else CpuSet()):
        yield "refuse", (row.key,), f"{row.label} names {pcpus_label(offline)}, offline"


def _real_time(row: SettingChange, wanted: Setting) -> Iterator[Found]:
    if wanted.kind.endswith("sched") and wanted.mode in ("fifo", "rr"):
        text = f"{row.label} {wanted}: it runs before all others of its pCPU and can starve them"
        yield "warn", (row.key,), text


def _both_autos(plan: PinPlan) -> Iterator[Found]:
    """``placement='auto'`` and pins: numad's choice is for threads without a pin."""
    auto = plan.wanted.get(("vcpuset", None))
    if auto is not None and auto.auto and plan.staged:
        text = "numad chooses for threads without a pin only"
        yield "info", (("vcpuset", None),), text

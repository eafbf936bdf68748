"""What a person should know before a plan is applied, one line each.

``refuse`` stops the plan, ``warn`` deserves a look, ``info`` is about rows the plan leaves as they
are; a line about such rows says "still". Rows with the same trouble are gathered into one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

from vconsole.features.pins.model.plan import PinPlan
from vconsole.features.pins.model.setting_warnings import following, live_nodeset, setting_warnings
from vconsole.features.pins.model.warning_case import (
    Case,
    PlanWarning,
    Row,
    Severity,
    case_of,
    gather,
)
from vconsole.model.attention import attention
from vconsole.model.cpuset import CpuSet
from vconsole.model.drift import drifting
from vconsole.model.host_state import Confined, HostState, PinKey
from vconsole.model.memory import (
    AWAY_LIMIT,
    cells_label,
    guest_fit,
    memory_lines,
    room_lines,
    tune_line,
)
from vconsole.model.placement import Claim, claims
from vconsole.model.topology import Topology, places
from vconsole.model.words import names_label, pcpus_label, plural, row_label, rows_label

__all__ = ["AWAY_LIMIT", "PlanWarning", "attention", "plan_warnings", "refusals"]

_RANK: Final[Mapping[Severity, int]] = {"refuse": 0, "warn": 1, "info": 2}


_latest: tuple[PinPlan, HostState, tuple[PlanWarning, ...]] | None = None
"""What was said last, and of what; replaced as a whole."""


def plan_warnings(plan: PinPlan, host_state: HostState) -> tuple[PlanWarning, ...]:
    """Everything worth saying about `plan`, the gravest first.

    While nothing is staged, what is wrong as it is and seen nowhere else. A page asks several times
    for one key: what was said last is remembered.
    """
    global _latest
    known = _latest
    if known is None or known[1] is not host_state or known[0] != plan:
        known = _latest = plan, host_state, _warnings(plan, host_state)
    return known[2]


def _warnings(plan: PinPlan, host_state: HostState) -> tuple[PlanWarning, ...]:
    case = case_of(plan, host_state)
    if not plan.begun:
        rows = tuple(replace(row, staged=True) for row in case.rows)
        return (*_drifting(case), *_confined(case), *_isolated(replace(case, rows=rows)))
    found = [
        *_drifting(case),
        *_missing(case),
        *_offline(case),
        *_confined(case),
        *_placeless(case),
        *_overlaps(case),
        *_shared_cores(case),
        *_crowded(case),
        *_crossing(case),
        *_claimed(case),
        *_kinds(case),
        *_caches(case),
        *_siblings(case),
        *_isolated(case),
        *_own_threads(case),
        *_memory(case),
        *_guest_cells(case),
        *(PlanWarning(*found) for found in setting_warnings(plan, host_state)),
    ]
    return tuple(sorted(found, key=lambda warning: _RANK[warning.severity]))


def refusals(warnings: Iterable[PlanWarning]) -> tuple[PlanWarning, ...]:
    """Those of the warnings that stop a plan."""
    return tuple(warning for warning in warnings if warning.severity == "refuse")


def _drifting(case: Case) -> Iterator[PlanWarning]:
    """Rows that the kernel holds elsewhere, and that the plan does not set once more.

    Where control groups leave less, pinning it again changes nothing: `_confined` has the cure.
    """
    domain, limit = case.host_state.domain(case.plan.uuid), _limit(case)
    for key, now in drifting(domain, case.host_state).items() if domain else ():
        said = case.plan.rows[key].live if key in case.plan.rows else None
        if key in case.plan.staged or (limit and said and said - limit.cpuset):
            continue
        text = f"{row_label(key)}: libvirt says {said}, the kernel runs it on {now}"
        yield PlanWarning("warn", (key,), f"{text}: pin it to {said} once more to repair it")


def _missing(case: Case) -> Iterator[PlanWarning]:
    """Sets that name pCPUs which the host does not have."""
    everything = case.shape.everything
    found = (
        (row, "names", f"{pcpus_label(gone)}, which this host does not have")
        for row in case.rows
        if everything and (gone := row.cpuset - everything)
    )
    yield from gather(found, "refuse")


def _offline(case: Case) -> Iterator[PlanWarning]:
    """Sets that name offline pCPUs, other than the set of all pCPUs, which is no pin."""
    offline = case.shape.everything - case.shape.online
    found = (
        (row, "names", f"{pcpus_label(off)}, offline")
        for row in case.rows
        if not case.shape.everything <= row.cpuset and (off := row.cpuset & offline)
    )
    yield from gather(found, "refuse")


def _confined(case: Case) -> Iterator[PlanWarning]:
    """Sets beyond what control groups leave: the kernel refuses the whole, or uses the rest.

    libvirt writes the set all the same, and reads it back as it was written.
    """
    limit, plan = _limit(case), case.plan
    if limit is None:
        return
    rows = [r for r in case.pinned if r.cpuset - limit.cpuset]
    wanted = CpuSet.of(p for row in rows for p in row.cpuset) | limit.cpuset
    cure = f"systemctl set-property {limit.where} AllowedCPUs={wanted}"
    where = f"{limit.where} leaves pCPUs {limit.cpuset}"
    if not limit.where:
        cure = "write member to its cpuset.cpus.partition, or pin elsewhere"
        where = f"a partition of control groups leaves pCPUs {limit.cpuset}"
    for row in rows:
        beyond, kept = row.cpuset - limit.cpuset, row.cpuset & limit.cpuset
        if kept and not row.staged:
            continue
        new = (
            "the kernel refuses the set" if row.staged else f"the kernel runs it on {limit.cpuset}"
        )
        how = f"the kernel runs it on {kept} alone" if kept else new
        text = f"{row_label(row.key)} names {pcpus_label(beyond)}, {where}: {how}; {cure}"
        grave: Severity = "warn" if kept or not row.staged or not plan.active else "refuse"
        yield PlanWarning(grave, (row.key,), text)


def _limit(case: Case) -> Confined | None:
    """What control groups leave to it, or will leave to it."""
    known = case.host_state.confined
    return known.get(case.plan.uuid) or (None if case.plan.active else known.get(""))


def _placeless(case: Case) -> Iterator[PlanWarning]:
    """Pinned to pCPUs that came online after libvirtd began: it does not say where they are."""
    if not any(cell is not None for cell in case.shape.cell_of.values()):
        return
    lost = CpuSet.of(p for p in case.shape.online if case.shape.cell_of[p] is None)
    found = (
        (row, "names", f"{pcpus_label(there)}: cell and core are not known until libvirtd restarts")
        for row in case.pinned
        if (there := row.cpuset & lost)
    )
    yield from gather(found, "info")


def _overlaps(case: Case) -> Iterator[PlanWarning]:
    """Pinned rows on pCPUs that another domain's vCPU holds exclusively."""
    others, uuid = case.occupancy.held_by_others(case.plan.uuid), case.plan.uuid
    found = []
    for row in case.pinned:
        if common := row.cpuset & others:
            names = names_label(case.occupancy.holder_names(common, uuid))
            rest = f"{pcpus_label(common)} with {names}, pinned there exclusively"
            found.append((row, "shares", rest))
    yield from gather(found)


def _shared_cores(case: Case) -> Iterator[PlanWarning]:
    """SMT siblings of a pinned vCPU where another domain's pinned vCPU may run."""
    others = [(cpuset.bits, names) for cpuset, names in _others_vcpus(case)]
    found = []
    for row in case.vcpus:
        siblings = (case.shape.cores_of(row.cpuset) - row.cpuset) & case.shape.online
        there, own = siblings.bits if row.pinned else 0, row.cpuset.bits
        beside = [
            (bits & there, name)
            for bits, names in others
            if bits & there and not bits & own
            for name in names
        ]
        if beside:
            pcpus = CpuSet(reduce(or_, (bits for bits, _ in beside)))
            names_there = names_label(name for _, name in beside)
            rest = f"a core with {names_there}, pinned to the sibling {pcpus_label(pcpus)}"
            found.append((row, "shares", rest))
    yield from gather(found)


def _others_vcpus(case: Case) -> list[tuple[CpuSet, tuple[str, ...]]]:
    """The sets of other domains' pinned vCPUs, with the names of the domains."""
    named = (
        (cpuset, [t.name for t in threads if t.kind == "vcpu" and t.uuid != case.plan.uuid])
        for cpuset, threads in case.occupancy.groups.items()
    )
    return [(cpuset, tuple(dict.fromkeys(names))) for cpuset, names in named if names]


def _crowded(case: Case) -> Iterator[PlanWarning]:
    """More vCPUs with one and the same set than the set has pCPUs."""
    rows: dict[CpuSet, list[Row]] = {}
    for row in case.vcpus:
        if row.pinned:
            rows.setdefault(row.cpuset, []).append(row)
    for cpuset, group in rows.items():
        if len(group) > len(cpuset):
            keys = tuple(row.key for row in group)
            yield _about(group, keys, "share", pcpus_label(cpuset))


def _about(rows: Iterable[Row], keys: tuple[PinKey, ...], verb: str, rest: str) -> PlanWarning:
    """A line about rows in common: a warning when the plan touches one of them."""
    staged = any(row.staged for row in rows)
    text = f"{rows_label(keys)} {'' if staged else 'still '}{verb} {rest}"
    return PlanWarning("warn" if staged else "info", keys, text)


def _crossing(case: Case) -> Iterator[PlanWarning]:
    """One vCPU that may run on several cells."""
    spans = ((row, case.shape.cells_of(row.cpuset)) for row in case.vcpus)
    yield from gather((row, "crosses", cells_label(c)) for row, c in spans if len(c) > 1)


def _claimed(case: Case) -> Iterator[PlanWarning]:
    """Pinned rows on pCPUs that vCPUs which do not run yet will hold exclusively."""
    waiting, uuid = claims(case.host_state), case.plan.uuid
    mine: tuple[Claim, ...] = ("not plugged", "starts with the host", "shut off")
    for claim in mine:
        held = [
            (cpuset, t.name)
            for cpuset, threads in waiting.groups.items()
            for t in threads
            if t.exclusive and t.claim == claim and t.uuid != uuid
        ]
        found = []
        for row in case.pinned:
            met = [(cpuset & row.cpuset, name) for cpuset, name in held if cpuset & row.cpuset]
            if met:
                there = pcpus_label(CpuSet.of(p for cpuset, _ in met for p in cpuset))
                rest = f"{there} with {names_label(name for _, name in met)}, {_CLAIMS[claim]}"
                found.append((row, "shares", rest))
        yield from gather(found, "info" if claim == "shut off" else "warn")


_CLAIMS: Final[Mapping[Claim, str]] = {
    "not plugged": "pinned there for vCPUs that are not plugged in yet",
    "starts with the host": "pinned there exclusively from the start of the host on",
    "shut off": "pinned there exclusively, shut off now",
}


def _kinds(case: Case) -> Iterator[PlanWarning]:
    """Pinned vCPUs on cores of different kinds."""
    rows = [row for row in case.vcpus if row.pinned]
    kinds = case.shape.kinds_of(CpuSet.of(p for row in rows for p in row.cpuset))
    if len(kinds) > 1:
        words = " and ".join(case.shape.kind_word(kind) for kind in kinds)
        keys = tuple(row.key for row in rows)
        arm = (case.host_state.node.model or "").startswith(("aarch64", "arm"))
        effect = "such a guest does not start under KVM" if arm else "they are not alike"
        yield _about(rows, keys, "run", f"on {words} cores: {effect}")


def _caches(case: Case) -> Iterator[PlanWarning]:
    """Pinned vCPUs of one cell on several L3 domains, where one of them has room for all."""
    for cell, pcpus in case.shape.cell_pcpus.items():
        rows = [row for row in case.vcpus if row.pinned and row.cpuset <= pcpus]
        met = case.shape.l3_domains(CpuSet.of(p for row in rows for p in row.cpuset))
        room = (places(case.shape, cache, case.threads) for cache in case.shape.l3_domains(pcpus))
        if len(met) > 1 and max(room) >= len(rows):
            keys = tuple(row.key for row in rows)
            where = cells_label(CpuSet.of((cell,)))
            verb = "crosses" if len(keys) == 1 else "cross"
            rest = f"{len(met)} L3 domains of {where}: one is big enough for them"
            yield _about(rows, keys, verb, rest)


def _siblings(case: Case) -> Iterator[PlanWarning]:
    """What the guest takes for threads of one core, and what it takes for cores of their own."""
    narrow, threads = case.narrow, case.threads
    if threads < 2:
        return
    cores = {n: case.shape.core_of.get(row.cpuset.first or 0) for n, row in narrow.items()}
    parted, mixed = [], []
    for number in narrow:
        alike = [n for n in narrow if n // threads == number // threads]
        if any(cores[n] != cores[number] for n in alike):
            parted.append(narrow[number])
        if any(cores[n] == cores[number] for n in narrow if n not in alike):
            mixed.append(narrow[number])
    for rows, rest in (
        (parted, "siblings for the guest, on different cores of the host"),
        (mixed, "different cores for the guest, on one core of the host"),
    ):
        if rows:
            cure = _pairing(case.shape, threads, len({n // threads for n in narrow}))
            yield _about(rows, tuple(row.key for row in rows), "are", f"{rest}: {cure}")


def _pairing(shape: Topology, threads: int, wanted: int) -> str:
    """How guest cores come to a core each, or why not all of them can."""
    cores = {core & shape.online for core in shape.core_of.values()}
    whole = sum(len(core) >= threads for core in cores)
    if whole >= wanted:
        return f"best fit or one to one pairs them where {threads} threads of a core are free"
    have = "has" if whole < 2 else "have"
    return f"{plural(whole, 'core') if whole else 'no core'} of this host {have} {threads} threads"


def _isolated(case: Case) -> Iterator[PlanWarning]:
    """Pinned to isolated pCPUs and others: no scheduler moves the thread between them."""
    found = (
        (row, "names", _isolated_words(row.cpuset & case.shape.isolated, row.cpuset))
        for row in case.pinned
        if len(row.cpuset) > 1 and row.cpuset & case.shape.isolated
    )
    yield from gather(found)


def _isolated_words(isolated: CpuSet, cpuset: CpuSet) -> str:
    effect = "the kernel does not balance over them and uses the first"
    if len(isolated) == 1 and cpuset != isolated:
        effect = "the kernel does not balance between it and the others"
    return f"{plural(len(isolated), 'isolated pCPU')} ({isolated}): {effect}"


def _own_threads(case: Case) -> Iterator[PlanWarning]:
    """The emulator or an iothread on a pCPU that is meant for one of its own vCPUs."""
    narrow = [row for row in case.vcpus if row.pinned and case.shape.within_core(row.cpuset)]
    own = CpuSet.of(pcpu for row in narrow for pcpu in row.cpuset)
    for row in case.rows:
        common = row.cpuset & own
        if row.key[0] == "vcpu" or not common:
            continue
        if row.pinned:
            met = [vcpu for vcpu in narrow if vcpu.cpuset & common]
            rest = f"{pcpus_label(common)} of {rows_label(vcpu.key for vcpu in met)}"
            yield _about([row, *met], (row.key,), "may run on", rest)
        else:
            text = f"{rows_label([row.key])} is not pinned and may run on the pCPUs of the vCPUs"
            yield PlanWarning("info", (row.key,), text)


def _memory(case: Case) -> Iterator[PlanWarning]:
    """Memory on other cells than the vCPUs, or too little of it where they are to run."""
    domain = case.domain
    cells = case.shape.cells_of(CpuSet.of(pcpu for row in case.vcpus for pcpu in row.cpuset))
    if domain is None or not cells:
        return
    moved = any(row.staged for row in case.vcpus) or ("numatune", None) in case.plan.wanted
    host_state = case.host_state
    if (nodeset := live_nodeset(case.plan)) is not None:
        yield from (PlanWarning(*found) for found in following(domain, host_state, nodeset))
        host_state = replace(host_state, locality={})  # where it lies now is past by then
    for text in memory_lines(domain, host_state, cells, AWAY_LIMIT):
        yield PlanWarning("warn" if moved else "info", (), text)


def _guest_cells(case: Case) -> Iterator[PlanWarning]:
    """Guest cells whose vCPUs run elsewhere than their memory goes, or where it has no room."""
    domain, host_state = case.domain, case.host_state
    for guest in domain.guest_cells if domain else ():
        rows = [row for row in case.vcpus if row.key[1] in guest.vcpus]
        cells = case.shape.cells_of(CpuSet.of(p for row in rows for p in row.cpuset))
        if domain is None or not cells:
            continue
        name = f"guest cell {guest.id}"
        lines = [tune_line(guest.tune, f"the memory of {name}", "its vCPUs", host_state, cells)]
        home = (guest.tune.bound if guest.tune else None) or cells
        fit = guest_fit(guest, domain, host_state, home)
        if not domain.active:
            lines += room_lines(home, f"the memory of {name}", fit, host_state)
        staged = any(row.staged for row in rows) or ("memnode", guest.id) in case.plan.wanted
        for text in filter(None, lines):
            yield PlanWarning("warn" if staged else "info", (), text)

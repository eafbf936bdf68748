"""Who disturbs on the demo host: whoever shares a pCPU there, as pins and load of the demo are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from vconsole.features.why.model.sample import (
    Clock,
    Interrupt,
    ReadWhy,
    Sample,
    Task,
    ThreadCounts,
)
from vconsole.host.demo.guest import SLICES_S
from vconsole.host.link import Link
from vconsole.host.proc import Guest, Thread
from vconsole.host.simulation import Simulation
from vconsole.model.cpuset import CpuSet
from vconsole.model.request import Reply
from vconsole.model.words import row_label

_ROOM: Final = 8
"""A thread goes to another pCPU once a second for so many that it may run on."""


def read_why(link: Link, request: ReadWhy) -> Reply:
    """Answer as on the host itself."""
    assert link.simulation is not None
    guests = link.find_guests()
    if request.uuid and request.uuid not in guests:
        return Reply("failed", "it does not run")
    return Reply(value=_sample(link.simulation, request, guests))


def _sample(host: Simulation, request: ReadWhy, guests: Mapping[str, Guest]) -> Sample:
    guest, now_s, busy = guests.get(request.uuid), host.now_s, host.busy()
    threads = list(guest.threads()) if guest else []
    asked = () if request.pcpu is None else (request.pcpu,)
    pcpus = CpuSet.of(asked or (thread.processor for thread in threads))
    others = [*_neighbours(request, guests), *_daemons(host)]
    before = request.before
    return Sample(
        now_s,
        pcpus,
        {t.key: _counts(t, before, now_s, busy) for t in threads},
        {task.tid: task.cpu_ns for task in others},
        tuple(task for task in others if task.pcpu in pcpus and _ran(task, before)),
        {
            f"{irq.number}": Interrupt(
                f"{irq.number}", irq.name, {irq.pcpu: irq.total}, irq.affinity
            )
            for irq in host.irqs()
            if irq.pcpu in pcpus
        },
        {pcpu: Clock(*host.clock(pcpu, busy)) for pcpu in pcpus},
    )


def _counts(
    thread: Thread, before: Sample | None, now_s: float, busy: Mapping[int, float]
) -> ThreadCounts:
    """What was counted before, and since then as crowded as its pCPU is now."""
    then = before.threads.get(thread.key) if before else None
    since = now_s - before.at if before else 0.0
    waited = since * _wait(thread, then, since, busy)
    room = len(thread.allowed or ()) if then and thread.cpu_ns > then.cpu_ns else 1
    return ThreadCounts(
        thread.tid,
        thread.processor,
        thread.allowed,
        thread.cpu_ns,
        _more(then.wait_ns if then else thread.wait_ns, waited * 1e9),
        _more(then.involuntary if then else None, waited * SLICES_S),
        _more(then.migrations if then else None, since * room / _ROOM if room > 1 else 0.0),
    )


def _more(count: int | None, step: float) -> int:
    return (count or 0) + int(step)


def _wait(
    thread: Thread, then: ThreadCounts | None, since: float, busy: Mapping[int, float]
) -> float:
    """The share of the time that it waits: the more it and the others want of their pCPU."""
    if then is None or since <= 0:
        return 0.0
    own = min(1.0, (thread.cpu_ns - then.cpu_ns) / 1e9 / since)
    others = max(0.0, busy.get(thread.processor, 0.0) / 100 - own)
    return min(1.0 - own, own * others)


def _neighbours(request: ReadWhy, guests: Mapping[str, Guest]) -> Iterator[Task]:
    """The threads of the other guests."""
    for uuid, guest in guests.items():
        if uuid == request.uuid:
            continue
        for t in guest.threads():
            name = row_label(t.key)
            yield Task(guest.pid, t.tid, name, t.processor, t.cpu_ns, uuid, t.allowed)


def _daemons(host: Simulation) -> Iterator[Task]:
    for task in host.tasks():
        yield Task(task.pid, task.pid, task.name, task.pcpu, task.cpu_ns, "", task.allowed)


def _ran(task: Task, before: Sample | None) -> bool:
    """Since the sample before."""
    return before is not None and task.cpu_ns > before.ticks.get(task.tid, task.cpu_ns)

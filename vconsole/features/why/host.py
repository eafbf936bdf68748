"""Takes a sample of the local kernel's counters.

Formats: proc(5) for ``stat``, ``status``, ``sched`` and ``interrupts``;
Documentation/core-api/irq/irq-affinity.rst; Documentation/admin-guide/pm/cpufreq.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic, thread_time
from typing import Final

from vconsole.features.why.model.sample import (
    Clock,
    Interrupt,
    ReadWhy,
    Sample,
    Task,
    ThreadCounts,
)
from vconsole.host import xml
from vconsole.host.link import Link
from vconsole.host.proc import (
    PROC,
    Guest,
    Stat,
    Thread,
    field_of,
    parse_allowed,
    parse_stat,
    read_bytes,
    read_table,
    thread_key,
)
from vconsole.model.cpuset import CpuSet
from vconsole.model.request import Reply
from vconsole.model.words import row_label

CPUS: Final = Path("/sys/devices/system/cpu")
ELSEWHERE: Final = "only the host's own kernel knows who disturbs: run this there"
_MOST_TASKS, _MOST_IRQS, _MOST_NAME = 20000, 4096, 60
_KERNEL: Final = 0x00200000
"""PF_KTHREAD of the flags in ``stat``."""


def read_why(link: Link, request: ReadWhy) -> Reply:
    """Sample the domain's threads, and all that runs where they run."""
    if not link.connection.local:
        return Reply("refused", ELSEWHERE)
    guests = link.find_guests()
    guest = guests.get(request.uuid)
    if request.uuid and guest is None:
        return Reply("failed", link.why_unseen(request.uuid))
    return Reply(value=sample(request, guests))


def sample(
    request: ReadWhy, guests: Mapping[str, Guest], proc: Path = PROC, cpus: Path = CPUS
) -> Sample:
    """See the module; what cannot be read is left out."""
    begun = thread_time()
    guest = guests.get(request.uuid)
    threads = list(guest.threads()) if guest else []
    asked = () if request.pcpu is None else (request.pcpu,)
    pcpus = CpuSet.of(asked or (thread.processor for thread in threads))
    own = guest.pid if guest else None
    ticks, tasks = _tasks(request, guests, own, pcpus, proc)
    found = Sample(
        monotonic(),
        pcpus,
        {t.key: _counts(guest, t) for t in threads} if guest else {},
        ticks,
        tasks,
        interrupts(read_table(f"{proc}/interrupts"), pcpus, proc),
        {pcpu: _clock(cpus, pcpu) for pcpu in pcpus},
    )
    return replace(found, cost_s=thread_time() - begun)


def _counts(guest: Guest, thread: Thread) -> ThreadCounts:
    base = f"{guest.path}/task/{thread.tid}"
    return ThreadCounts(
        thread.tid,
        thread.processor,
        thread.allowed,
        thread.cpu_ns,
        thread.wait_ns,
        number_of(read_bytes(f"{base}/status"), b"nonvoluntary_ctxt_switches"),
        number_of(read_bytes(f"{base}/sched"), b"se.nr_migrations"),
    )


def number_of(data: bytes | None, name: bytes) -> int | None:
    """The number behind a name and a colon."""
    return xml.number(field_of(data, name))


def _tasks(
    request: ReadWhy, guests: Mapping[str, Guest], own: int | None, pcpus: CpuSet, proc: Path
) -> tuple[dict[int, int], tuple[Task, ...]]:
    """The time of every other thread so far, and those that ran on these pCPUs since."""
    domains = {guest.pid: uuid for uuid, guest in guests.items()}
    before = request.before.ticks if request.before else {}
    ticks: dict[int, int] = {}
    tasks: list[Task] = []
    for pid, tid in _threads(proc, own):
        data = read_bytes(f"{proc}/{pid}/task/{tid}/stat")
        stat = parse_stat(data)
        if stat is None or data is None:
            continue
        ticks[tid] = stat.cpu_ns
        if stat.processor in pcpus and stat.cpu_ns > before.get(tid, stat.cpu_ns):
            tasks.append(_task(proc, pid, tid, data, stat, domains.get(pid, "")))
    return ticks, tuple(tasks)


def _threads(proc: Path, own: int | None) -> Iterator[tuple[int, int]]:
    left = _MOST_TASKS
    for pid in _numbers(f"{proc}"):
        if pid == own:
            continue
        for tid in _numbers(f"{proc}/{pid}/task"):
            left -= 1
            if left < 0:
                return
            yield pid, tid


def _numbers(path: str) -> list[int]:
    try:
        return [int(name) for name in os.listdir(path) if name.isdigit()]
    except OSError:
        return []


def _task(proc: Path, pid: int, tid: int, data: bytes, stat: Stat, domain: str) -> Task:
    name = data.partition(b"(")[2].rpartition(b")")[0].decode("utf-8", "replace")[:_MOST_NAME]
    if domain and (key := thread_key(name, tid == pid)):
        name = row_label(key)
    flags = data.rpartition(b")")[2].split()[6]
    kernel = flags.isdigit() and bool(int(flags) & _KERNEL)
    allowed = parse_allowed(read_bytes(f"{proc}/{pid}/task/{tid}/status"))
    return Task(pid, tid, name, stat.processor, stat.cpu_ns, domain, allowed, kernel)


def interrupts(data: bytes | None, pcpus: CpuSet, proc: Path = PROC) -> dict[str, Interrupt]:
    """Those that these pCPUs have had; a column is for an online pCPU, named in the first line."""
    lines = (data or b"").decode("utf-8", "replace").splitlines()[:_MOST_IRQS]
    names = [word[3:] for word in (lines[0].split() if lines else []) if word[:3] == "CPU"]
    columns = [int(name) if name.isdigit() else -1 for name in names]
    found: dict[str, Interrupt] = {}
    for line in lines[1:]:
        number, _, rest = line.partition(":")
        number, words = number.strip(), rest.split(None, len(columns))
        if not number.isalnum() or len(words) < len(columns):
            continue
        pairs = zip(columns, words, strict=False)
        counts = {c: int(w) for c, w in pairs if c in pcpus and w.isdigit() and w != "0"}
        if counts:
            name = " ".join(words[len(columns) :])
            found[number] = Interrupt(
                number, _irq_name(number, name), counts, _affinity(number, proc)
            )
    return found


def _irq_name(number: str, text: str) -> str:
    """Of a device the last word, which is its own name; else what the kernel calls it."""
    words = text.split()
    return (words[-1] if number.isdigit() and words else text)[:_MOST_NAME]


def _affinity(number: str, proc: Path) -> CpuSet | None:
    if not number.isdigit():
        return None
    text = read_bytes(f"{proc}/irq/{number}/smp_affinity_list") or b""
    return xml.cpuset(text[:4096].decode("ascii", "replace").strip())


def _clock(cpus: Path, pcpu: int) -> Clock:
    base = f"{cpus}/cpu{pcpu}/cpufreq"
    texts = [
        (read_bytes(f"{base}/{name}") or b"")[:40].decode("ascii", "replace").strip()
        for name in ("scaling_governor", "scaling_cur_freq", "cpuinfo_max_freq")
    ]
    return Clock(texts[0], xml.number(texts[1]), xml.number(texts[2]))

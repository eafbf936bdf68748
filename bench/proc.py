"""What the kernel says about a program and its descendants (Linux /proc)."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def _text(path: Path) -> str:
    """Return the content of a /proc file; empty when the process has gone or is not ours."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _threads(pid: int) -> list[Path]:
    try:
        return list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return []


def tree(pid: int) -> list[int]:
    """Return `pid` and its living descendants."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for thread in _threads(current):
            waiting += [int(child) for child in _text(thread / "children").split()]
    return found


def process_cpu_s(pid: int) -> float:
    """Seconds of processor time of the one process `pid`, ended threads too; cheap to ask.

    Linux numbers the CPU clock of process P as ``~P << 3 | 2``; it counts nanoseconds, where
    /proc/P/stat counts hundredths of a second.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _reaped_cpu_s(pid: int) -> float:
    """Seconds that ended children of `pid` had used (known to 10 ms)."""
    fields = _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS_PER_S if len(fields) > 14 else 0.0


def cpu_s(pid: int) -> float:
    """Seconds of processor time of `pid`, its living descendants and its ended children."""
    return sum(process_cpu_s(each) + _reaped_cpu_s(each) for each in tree(pid))


def queued_s(pid: int) -> float:
    """Seconds the tree's living threads were ready to run and had no processor.

    What others on the machine did to a measurement: near zero on an idle one.
    """
    total = 0
    for each in tree(pid):
        for thread in _threads(each):
            fields = _text(thread / "schedstat").split()
            total += int(fields[1]) if len(fields) > 1 else 0
    return total / 1e9


def wakeups(pid: int) -> int:
    """How often the tree's threads gave up the processor to wait, and so were woken again."""
    total = 0
    for each in tree(pid):
        for thread in _threads(each):
            total += _number(r"^voluntary_ctxt_switches:\s+(\d+)", _text(thread / "status"))
    return total


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text, re.MULTILINE)
    return int(found.group(1)) if found else 0


@dataclass(frozen=True)
class Memory:
    """Memory of a tree in MiB: resident, and its proportional share of shared pages."""

    rss_mib: float
    pss_mib: float
    threads: int


def memory(pid: int) -> Memory:
    """Return the memory of `pid` and its living descendants."""
    rss = pss = threads = 0
    for each in tree(pid):
        status = _text(_PROC / str(each) / "status")
        rss += _number(r"^VmRSS:\s+(\d+)", status)
        threads += _number(r"^Threads:\s+(\d+)", status)
        pss += _number(r"^Pss:\s+(\d+)", _text(_PROC / str(each) / "smaps_rollup"))
    return Memory(rss / 1024, pss / 1024, threads)

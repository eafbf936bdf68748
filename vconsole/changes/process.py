"""Which process began a change, so that one under way is not taken for one that was cut off."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


@cache
def this_process() -> str:
    """Name of the machine, process number, and when it started in ticks since boot."""
    return f"{os.uname().nodename} {os.getpid()} {_started(os.getpid())}"


def is_over(process: str, proc: Path = PROC) -> bool:
    """Whether the process that wrote a line has ended; one of another machine is not known of."""
    node, _, rest = process.partition(" ")
    number, _, started = rest.partition(" ")
    if node != os.uname().nodename or not number.isdigit():
        return False
    return _started(int(number), proc) != started


def _started(number: int, proc: Path = PROC) -> str:
    """Field 22 of ``/proc/PID/stat`` (proc(5)); a name in it may hold anything. "" if it ended."""
    try:
        text = (proc / str(number) / "stat").read_text("utf-8", "replace")
        return text.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""

"""What the lab stands on: the programs it needs, and whether this machine lets it use them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

PROGRAMS = ("unshare", "nsenter", "mount", "ip", "virsh", "libvirtd", "virtlogd")
SEARCH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


UNSHARE = ("unshare", "--mount", "--net", "--propagation", "unchanged")
"""How to enter new namespaces; the keeper itself then makes the mounts private."""


PATIENCE_S = 120.0
"""Far more than anything takes: the machine may be busy."""


class LabError(Exception):
    """The lab, or a command given to it, failed; the words say how."""


def find_program(name: str) -> str:
    """Its full path, also where it is an administrator's program and PATH is a user's."""
    if path := shutil.which(name, path=SEARCH):
        return path
    raise LabError(f"{name} is not installed")


def obstacle() -> str | None:
    """Why a private libvirtd cannot run here, or None."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root, for a private mount namespace"
    wanted = (*PROGRAMS, "qemu-system-x86_64")
    missing = [name for name in wanted if not shutil.which(name, path=SEARCH)]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if subprocess.run([*UNSHARE, "true"], capture_output=True).returncode:
        return "may not make namespaces here"
    if len(os.sched_getaffinity(0)) < 2:
        return "needs two CPUs"
    return None


def wait_until(holds: Callable[[], bool], what: str, timeout: float = PATIENCE_S) -> None:
    """Look again and again until it holds; LabError with `what` when it does not in time."""
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            raise LabError(f"after {timeout:g} s still not: {what}")
        time.sleep(0.02)

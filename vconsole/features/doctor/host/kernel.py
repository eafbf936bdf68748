"""What the kernel of this machine tells, and to whom."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vconsole.files.config import Config
from vconsole.host.uri import expected, is_this_machine
from vconsole.host.virt_check import check
from vconsole.model.diagnosis import Check, Target
from vconsole.model.host_state import Connection


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Look at this machine, if it is the host that is meant."""
    uri = expected(target.uri)
    local = not target.demo and is_this_machine(uri) and not uri.startswith("test:")
    yield from check(Connection(uri, local=local, demo=target.demo))
    if local:
        yield from facts(Path("/"), os.geteuid() == 0)


def facts(root: Path, is_root: bool) -> Iterator[Check]:
    """What the pages want to know beyond what libvirt tells."""
    nodes = list((root / "sys/devices/system/node").glob("node[0-9]*"))
    if nodes:
        yield Check("NUMA cells", "ok", str(len(nodes)))
    else:
        yield Check("NUMA cells", "warn", "the kernel has none in /sys", "boot without numa=off")
    yield _statistics(root)
    words = "the kernel says whose memory lies where to root only"
    if is_root:
        yield Check("memory by cell", "ok", "may be read: where guests' memory lies is shown")
    else:
        yield Check("memory by cell", "warn", words, "run vconsole as root on the host")
    if (root / "sys/fs/cgroup/cgroup.controllers").exists():
        yield Check("cgroups", "ok", "version 2")
    else:
        yield Check("cgroups", "warn", "version 1, or none", "systemd.unified_cgroup_hierarchy=1")


def _statistics(root: Path) -> Check:
    if (root / "proc/self/schedstat").exists():
        return Check("run-queue wait", "ok", "the kernel counts it for every thread")
    cure = "a kernel with CONFIG_SCHED_INFO"
    return Check("run-queue wait", "warn", "not counted: steal is shown as -", cure)

"""A thread that somebody moved behind libvirt's back: seen, and put back by pinning it again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd


def vconsole(tmp_path: Path, host: Libvirtd, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "vconsole", *words[:1], "-c", host.uri, *words[1:]]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def tid(host: Libvirtd, name: str) -> int:
    tasks = Path(f"/proc/{host.qemu_pid(name)}/task")
    found = [t for t in tasks.iterdir() if (t / "comm").read_text().startswith("CPU 0/")]
    return int(found[0].name)


def test_a_thread_that_was_moved_is_shown_and_pinned_back(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    first, second = sorted(os.sched_getaffinity(0))[:2]
    guest(two_cell_host, "moved", vcpus=1)
    two_cell_host.virsh("vcpupin", "moved", "0", str(first), "--live")
    os.sched_setaffinity(tid(two_cell_host, "moved"), {second})
    line = f"libvirt says {first}, the kernel runs it on {second}"
    assert line in vconsole(tmp_path, two_cell_host, "show", "pins", "moved").stdout
    done = vconsole(tmp_path, two_cell_host, "pin", "moved", "--vcpu", "0", str(first), "--live")
    assert done.returncode == 0, done.stderr
    assert "once more" in done.stdout
    assert os.sched_getaffinity(tid(two_cell_host, "moved")) == {first}
    assert line not in vconsole(tmp_path, two_cell_host, "show", "pins", "moved").stdout

"""A host where most pCPUs are offline, read and pinned over a real libvirtd."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd
from tests.integration.topology import half_awake, write_tree
from vconsole.host.libvirt_source import connect
from vconsole.host.source import View
from vconsole.model.host_state import HostState


@pytest.fixture
def host(lab: None) -> Iterator[Libvirtd]:
    cells, offline = half_awake()
    with Libvirtd(cells, offline=offline) as made:
        yield made


def pin(tmp_path: Path, host: Libvirtd, *words: str) -> subprocess.CompletedProcess[str]:
    place = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "vconsole", "pin", "-c", host.uri, *words]
    return subprocess.run(
        command, env={**os.environ, **place}, capture_output=True, text=True, check=False
    )


def online(host: Libvirtd, *cpus: int) -> None:
    """Bring pCPUs online that were not when libvirtd began."""
    cells, offline = half_awake()
    write_tree(host.base / "sys", cells, offline=[n for n in offline if n not in cpus])


def states(state: HostState) -> dict[int, tuple[int | None, int | None, bool | None]]:
    return {p.id: (p.cell, p.core, p.online) for p in state.pcpus}


def test_offline_pcpus_exist_and_every_pcpu_is_what_virsh_writes(
    host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(host, "g4", running=False, vcpus=4)
    done = pin(tmp_path, host, "g4", "--vcpu", "0", "1", "--config", "--dry-run")
    assert "names pCPU 1, offline" in done.stdout + done.stderr
    for cpuset in ("0", "r"):
        assert pin(tmp_path, host, "g4", "--vcpu", "1", cpuset, "--config").returncode == 0
    host.virsh("vcpupin", "g4", "2", "r", "--config")
    rows = host.virsh("vcpupin", "g4", "--config").split()
    assert rows[rows.index("1") + 1] == rows[rows.index("2") + 1] == "0-7"


def test_a_pcpu_that_comes_online_is_seen_at_the_next_reading_and_can_be_used(
    host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(host, "g4", running=False, vcpus=4)
    source = connect(host.uri)
    assert states(source.read(View("pin")))[1] == (None, None, False)
    online(host, 1)
    assert states(source.read(View("pin")))[1][2] is True
    source.close()
    done = pin(tmp_path, host, "g4", "--vcpu", "2", "1", "--config")
    assert done.returncode == 0, done.stderr
    assert "cell and core are not known until libvirtd restarts" in done.stdout
    assert "cpuset='1'" in host.virsh("dumpxml", "--inactive", "g4")

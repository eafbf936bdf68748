"""Pins of vCPUs that are not there yet, over a real libvirtd: they wait, and are obeyed later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import LaunchGuest
from tests.integration.lab import Libvirtd
from vconsole.host.libvirt_source import connect
from vconsole.host.source import View
from vconsole.model.host_state import Domain


def read(host: Libvirtd, name: str) -> Domain:
    source = connect(host.uri)
    try:
        state = source.read(View("domains"))
        while not all(d.detailed for d in state.domains):
            state = source.read(View("domains"))
        return next(d for d in state.domains if d.name == name)
    finally:
        source.close()


def test_a_vcpu_that_is_plugged_in_later_runs_where_its_pin_waited(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(two_cell_host, "waits", vcpus=3, plugged=1)
    rows = {p.id: p.plugged for p in read(two_cell_host, "waits").pins if p.kind == "vcpu"}
    assert rows == {0: True, 1: False, 2: False}

    place = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    words = ("pin", "-c", two_cell_host.uri, "waits", "--vcpu", "1", "1", "--live")
    done = subprocess.run(
        [sys.executable, "-m", "vconsole", *words],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vCPU 1: applied" in done.stdout

    two_cell_host.virsh("setvcpus", "waits", "2", "--live")
    found = read(two_cell_host, "waits")
    now = {p.id: (p.plugged, str(p.live)) for p in found.pins if p.kind == "vcpu"}
    assert now[1] == (True, "1")
    assert now[2][0] is False

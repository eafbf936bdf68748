"""Memory and scheduling by libvirt itself: what it keeps, what it refuses, what undo leaves."""

from __future__ import annotations

import json
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


def test_rows_are_kept_by_libvirt_and_taken_away_to_the_letter(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(two_cell_host, "tuned", running=False, vcpus=2, iothreads=1)
    before = two_cell_host.virsh("dumpxml", "--inactive", "tuned")
    rows = {
        "vcpu": "0-1",
        "numatune": "strict 1",
        "shares": "2048",
        "period": "50000",
        "quota": "20000",
        "emulator_quota": "30000",
        "vcpusched:0-1": "batch",
        "emulatorsched": "idle",
        "iothreadsched:1": "fifo 1",
    }
    done = vconsole(
        tmp_path, two_cell_host, "tune", "tuned", *(f"{k}={v}" for k, v in rows.items())
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 of 10 applied" in done.stdout
    kept = two_cell_host.virsh("dumpxml", "--inactive", "tuned")
    for words in (
        "cpuset='0-1'",
        "<memory mode='strict' nodeset='1'/>",
        "<shares>2048</shares>",
        "<vcpusched vcpus='0' scheduler='batch'/>",
        "<vcpusched vcpus='1' scheduler='batch'/>",
        "<iothreadsched iothreads='1' scheduler='fifo' priority='1'/>",
    ):
        assert words in kept
    gone = (f"{row}=none" for row in rows)
    for command, then in (
        (("undo",), before),
        (("redo",), kept),
        (("tune", "tuned", *gone), before),
    ):
        done = vconsole(tmp_path, two_cell_host, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert two_cell_host.virsh("dumpxml", "--inactive", "tuned") == then


def test_a_plan_for_many_is_undone_domain_by_domain_in_any_order(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    """No element is left where none was, and what runs may run anywhere again."""
    names = ("runs", "waits")
    guest(two_cell_host, "runs", vcpus=1)
    guest(two_cell_host, "waits", running=False, vcpus=1)
    before = [two_cell_host.virsh("dumpxml", "--inactive", name) for name in names]
    pins = two_cell_host.virsh("vcpupin", "runs", "--live")
    done = vconsole(tmp_path, two_cell_host, "fit", *names, "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names:
        xml = two_cell_host.virsh("dumpxml", "--inactive", name)
        assert "<vcpupin vcpu='0' cpuset=" in xml, name
    done = vconsole(tmp_path, two_cell_host, "history", "--json")
    ids = [record["id"] for record in json.loads(done.stdout)]
    assert len(ids) == 2
    assert vconsole(tmp_path, two_cell_host, "undo", ids[1][:8], "--dry-run").returncode == 0
    for number in reversed(ids):
        done = vconsole(tmp_path, two_cell_host, "undo", number)
        assert done.returncode == 0, done.stdout + done.stderr
    assert [two_cell_host.virsh("dumpxml", "--inactive", name) for name in names] == before
    assert two_cell_host.virsh("vcpupin", "runs", "--live") == pins
    done = vconsole(tmp_path, two_cell_host, "undo", ids[0])
    assert "its rows are as they were before" in done.stderr


def test_what_libvirt_refuses_is_told_and_nothing_of_it_stands(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(two_cell_host, "plain", running=False, vcpus=1)
    before = two_cell_host.virsh("dumpxml", "--inactive", "plain")
    done = vconsole(tmp_path, two_cell_host, "tune", "plain", "shares=500", "numatune=strict 7")
    assert done.returncode != 0
    assert "has no cell 7" in done.stdout + done.stderr
    assert two_cell_host.virsh("dumpxml", "--inactive", "plain") == before


def test_who_disturbs_a_real_guest_and_where_its_memory_lies(
    two_cell_host: Libvirtd, guest: LaunchGuest, tmp_path: Path
) -> None:
    guest(two_cell_host, "slow", vcpus=1)
    done = vconsole(tmp_path, two_cell_host, "why", "slow", "--seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert "vCPU 0" in done.stdout
    assert "emulator" in done.stdout
    done = vconsole(tmp_path, two_cell_host, "locality", "slow")
    assert done.returncode == 0, done.stderr
    assert "anonymous" in done.stdout
    done = vconsole(tmp_path, two_cell_host, "locality", "slow", "--to", "7", "--dry-run")
    assert "this host has no cell 7" in done.stdout + done.stderr

"""Interfaces from the command line, on libvirt's test driver: results, exit codes, the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import vconsole

pytest.importorskip("libvirt")

MAC = "aa:bb:cc:dd:ee:ff"
"""Of libvirt's default domain, on the network default as testnet0."""
DOMAIN = (
    "<domain type='test'><name>{}</name><memory>65536</memory><vcpu>1</vcpu>"
    "<os><type>hvm</type></os><devices><interface type='bridge'><mac address='{}'/>"
    "<source bridge='br0'/></interface></devices></domain>"
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "vconsole" / "activity.jsonl"


@pytest.fixture
def host(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    macs = {"web": "52:54:00:00:00:01", "db": "52:54:00:00:00:02", "e\x9b": "52:54:00:00:00:01"}
    file.write_text(f"<node>{''.join(DOMAIN.format(*both) for both in macs.items())}</node>")
    return f"test://{file}"


def test_the_interfaces_of_a_domain() -> None:
    done = vconsole("net", "list", "test")
    title, row = done.stdout.splitlines()
    assert title.split()[:5] == ["target", "mac", "model", "source", "link"]
    assert row.split()[:6] == ["testnet0", MAC, "-", "network", "default", "up"]
    found = json.loads(vconsole("net", "list", "test", "--json").stdout)
    (nic,) = found["interfaces"]
    assert nic["live"]["source"] == {"kind": "network", "name": "default"}
    assert nic["counters"]["rx_bytes"] > 0


def test_what_the_host_has() -> None:
    done = vconsole("net", "list", "--host")
    assert done.returncode == 0
    row = done.stdout.splitlines()[1].split()
    assert row == "default active no nat virbr0 192.168.122.2-192.168.122.254 test".split()
    found = json.loads(vconsole("net", "list", "--host", "--json").stdout)
    assert found["domains"] == {"network default": ["test"]}
    assert vconsole("net", "list").returncode == 2
    assert vconsole("net", "list", "test", "--host").returncode == 2


def test_shared_addresses_are_an_error(host: str) -> None:
    assert vconsole("net", "check").returncode == 0
    done = vconsole("net", "check", uri=host)
    assert done.returncode == 1
    assert done.stdout == (
        "52:54:00:00:00:01 is shared by e\\x9b (live and config), web (live and config)\n"
    )
    found: dict[str, Any] = json.loads(vconsole("net", "check", "--json", uri=host).stdout)
    assert [h["name"] for h in found["duplicates"]["52:54:00:00:00:01"]] == ["e\x9b", "web"]


def test_an_interface_is_moved_and_it_is_logged(state: Path) -> None:
    done = vconsole("net", "move", "test", "testnet0", "bridge:br0", "--config", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (result,) = json.loads(done.stdout)["changes"]
    assert (result["status"], result["read_back"]) == ("applied", "config: bridge br0, link up")
    (entry,) = outcomes(state)
    assert (entry["action"], entry["outcome"]) == ("move testnet0 to bridge br0", "applied")
    assert "<source network='default'/>" in entry["before"]
    assert entry["after"] == "config: bridge br0, link up"


@pytest.mark.parametrize(
    "words",
    [
        ("move", "test", "testnet0", "network:other"),
        ("link", "test", MAC, "down"),
        ("mac", "test", "testnet0", "new"),
        ("mac", "test", "testnet0", "00:16:3e"),
        ("add", "test", "bridge:br0"),
        ("remove", "test", "testnet0"),
    ],
    ids=" ".join,
)
def test_a_dry_run_shows_virsh_and_does_nothing(state: Path, words: tuple[str, ...]) -> None:
    done = vconsole("net", *words, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert "test: would " in done.stdout
    assert "  virsh " in done.stdout
    assert not state.exists()


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("move", "test", "vnet9", "bridge:br0"), 3, "no interface 'vnet9'; it has testnet0"),
        (("move", "test", "testnet0", "br0"), 2, "is not network:NAME or bridge:NAME"),
        (("move", "nobody", "testnet0", "bridge:br0"), 1, "no domain 'nobody'"),
        (("mac", "test", "testnet0", MAC), 3, f"{MAC} is the address of test"),
        (("mac", "test", "testnet0", "01:00:5e:00:00:01"), 2, "is a multicast address"),
        (("mac", "test", "testnet0", "new", "--live"), 3, "while it runs: choose config"),
        (("link", "test", "testnet0", "up"), 3, "the link of testnet0 is up already"),
        (("link", "test", "testnet0", "down", "-r"), 3, "read-only"),
    ],
)
def test_what_is_not_done_says_why(
    state: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    done = vconsole("net", *words)
    assert reason in done.stdout + done.stderr
    assert done.returncode == code
    assert not state.exists()

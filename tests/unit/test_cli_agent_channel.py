"""The agent's channel from the command line, on libvirt's test driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.test_cli_commands import vconsole
from vconsole.model.agent_channels import AGENT, channel_clause

pytest.importorskip("libvirt")

DOMAIN = (
    "<domain type='test'><name>{}</name><uuid>{}</uuid><memory>65536</memory><vcpu>1</vcpu>"
    "<os><type>hvm</type></os><devices>{}</devices></domain>"
)
PTY = f"<channel type='pty'><target type='virtio' name='{AGENT}'/></channel>"
DEVICES = {
    "web": "",
    "db": channel_clause(AGENT) + channel_clause("org.qemu.guest_agent.1"),
    "odd": PTY,
    "e\x9b": channel_clause("a.1"),
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A host of the test driver, all of whose domains run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "node.xml"
    domains = "".join(DOMAIN.format(name, uuid4(), more) for name, more in DEVICES.items())
    file.write_text(f"<node>{domains}</node>")
    return f"test://{file}"


def test_status_says_who_has_it_and_what_is_wrong(host: str) -> None:
    done = vconsole("agent", "channel", "status", "--all", "--json", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    known: dict[str, dict[str, Any]] = {c["name"]: c for c in json.loads(done.stdout)}
    assert {name: known[name]["state"] for name in DEVICES} == {
        "web": "absent",
        "db": "present",
        "odd": "present",
        "e\x9b": "absent",
    }
    assert known["db"]["next_start"] == "present"
    assert [c["name"] for c in known["db"]["private"]] == ["org.qemu.guest_agent.1"]
    assert "of type 'pty'" in known["odd"]["problem"]


def test_the_table_is_safe_to_look_at_and_knows_other_names(host: str) -> None:
    done = vconsole("agent", "channel", "status", "e\x9b", "web", "--channel", "a.1", uri=host)
    titles, *rows = done.stdout.splitlines()
    assert titles.split() == [
        "domain",
        "channel",
        "next",
        "start",
        "problem",
        "private",
        "channels",
    ]
    assert [row.split() for row in rows] == [
        ["e\\x9b", "present", "present"],
        ["web", "absent", "absent"],
    ]


def test_it_is_added_to_all_who_lack_it_and_the_others_say_why_not(host: str) -> None:
    done = vconsole("agent", "channel", "add", "--all", "--json", uri=host)
    said = json.loads(done.stdout)
    assert {c["name"]: (c["status"], c["when"]) for c in said["changes"]} == {
        "web": ("applied", "at the next start"),
        "e\x9b": ("applied", "live and config"),  # it has a controller
    }
    notes = {note.split(":")[0]: note for note in said["notes"]}
    assert f"it has the channel {AGENT} already" in notes["db"]
    assert "remove it, then add one" in notes["odd"]
    assert "without a virtio-serial controller" in notes["web"]
    assert done.returncode == 0


def test_a_dry_run_shows_the_clause_and_the_virsh_line(host: str) -> None:
    done = vconsole("agent", "channel", "add", "web", "--config", "--dry-run", uri=host)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert f"web: would add the channel {AGENT} (at the next start)" in lines
    assert f"+   <target type='virtio' name='{AGENT}'/>" in lines
    assert "virsh attach-device web --config --file /dev/stdin <<'END'" in lines


def test_what_is_wrong_can_be_removed(host: str) -> None:
    done = vconsole("agent", "channel", "remove", "odd", "--config", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    assert "odd: remove the channel" in done.stdout
    assert "applied" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("add",), 2, "name domains, or give --all"),
        (("status", "web", "--all"), 2, "name domains, or give --all"),
        (("add", "web", "--channel", "a/b"), 2, "is no name for a channel"),
        (("add", "nobody"), 1, "no domain 'nobody'"),
        (("remove", "web"), 3, "it has no channel"),
        (("add", "db", "--live"), 3, "already"),
    ],
)
def test_what_cannot_be_done_says_why(
    host: str, words: tuple[str, ...], code: int, said: str
) -> None:
    done = vconsole("agent", "channel", *words, uri=host)
    assert done.returncode == code
    assert said in done.stdout + done.stderr

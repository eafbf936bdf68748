"""Actions from the command line, on libvirt's test driver: results, exit codes, the log."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import vconsole
from vconsole.changes.activity import ActivityLog, of_intent
from vconsole.changes.process import this_process
from vconsole.features.lifecycle.model import Act
from vconsole.model.manifest import name_of

pytest.importorskip("libvirt")

DB = "00000000-0000-4000-8000-000000000001"
DOMAIN = (
    "<domain type='test'><name>{}</name><uuid>{}</uuid><memory>65536</memory><vcpu>1</vcpu>"
    "<os><type>hvm</type></os></domain>"
)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "vconsole" / "activity.jsonl"


@pytest.fixture
def host(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    uuids = {"web": uuid4(), "db": DB, "e\x9b": uuid4()}
    domains = "".join(DOMAIN.format(name, uuid) for name, uuid in uuids.items())
    file.write_text(f"<node>{domains}</node>")
    return f"test://{file}"


def logged(state: Path) -> list[dict[str, str]]:
    return outcomes(state)


def test_each_domain_has_its_result_and_its_line_in_the_log(host: str, state: Path) -> None:
    done = vconsole("suspend", "web", "db", "web", "--json", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    results: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
    assert [(r["name"], r["status"], r["read_back"]) for r in results] == [
        ("web", "applied", "paused"),
        ("db", "applied", "paused"),
    ]
    assert results[0]["virsh"] == ["virsh suspend web"]
    assert {entry["name"] for entry in logged(state)} == {"web", "db"}


def test_a_dry_run_shows_the_lines_and_does_nothing(host: str, state: Path) -> None:
    done = vconsole("shutdown", "web", "--mode", "acpi,agent", "--dry-run", uri=host)
    assert done.stdout.splitlines() == [
        "web: would shut down (now)",
        "  - running",
        "  virsh shutdown web --mode acpi",
        "  virsh shutdown web --mode agent",
    ]
    assert done.returncode == 0
    assert not state.exists()


@pytest.mark.parametrize("word", ["reset", "destroy"])
def test_what_destroys_needs_a_yes(host: str, state: Path, word: str) -> None:
    done = vconsole(word, "web", uri=host)
    assert done.returncode == 3
    assert "Give --yes" in done.stderr
    assert not state.exists()
    assert vconsole(word, "web", "--yes", uri=host).returncode == 0


def test_what_the_state_forbids_is_refused_and_the_rest_is_done(host: str, state: Path) -> None:
    done = vconsole("autostart", "web", "db", "--off", uri=host)
    assert done.stdout.splitlines() == [
        "web: refused: it does not start with the host anyway",
        "db: refused: it does not start with the host anyway",
    ]
    assert done.returncode == 3
    assert vconsole("autostart", "web", uri=host).returncode == 0


def test_read_only_refuses_and_a_wrong_mode_is_wrong_usage(host: str, state: Path) -> None:
    done = vconsole("start", "web", "--read-only", uri=host)
    assert (done.returncode, "read-only" in done.stderr) == (3, True)
    assert vconsole("reboot", "web", "--mode", "kick", uri=host).returncode == 2
    assert vconsole("suspend", "nobody", uri=host).returncode == 1


def test_a_hostile_name_is_shown_harmlessly(host: str, state: Path) -> None:
    done = vconsole("suspend", "e\x9b", uri=host)
    assert done.stdout == "e\\x9b: suspend: applied: it is paused\n"


def test_what_an_earlier_program_left_is_told_before_something_is_changed(
    host: str, state: Path
) -> None:
    log = ActivityLog(state.parent)
    intent = of_intent(Act(DB, "db", "suspend", "running"), host)
    kind, process = name_of(Act), f"{this_process()}0"  # this number, another start
    log.add(replace(intent, id="left", kind=kind, process=process))
    done = vconsole("suspend", "db", uri=host)
    assert done.stdout == "db: suspend: applied: it is paused\n"
    words = "1 change of unknown outcome: 1 did not; Activity in the console names them"
    assert done.stderr == f"vconsole: {words}\n"
    assert {entry["id"]: entry["outcome"] for entry in logged(state)}["left"] == "not tried"
    assert vconsole("resume", "db", uri=host).stderr == "", "said once"

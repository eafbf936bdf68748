"""vconsole without the screen, on libvirt's test driver: words, JSON and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from tests.commands import command
from tests.lies import lies_in
from tests.logs import outcomes

pytest.importorskip("libvirt")

HOSTILE = ("csi\x9b31mred", "abc\u202edcba", "[red]x", "tab\there", "z" + "\u0335" * 20)
"""What libvirt's XML can carry."""
UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def vconsole(
    *words: str, uri: str = "test:///default", stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    done = command("-c", uri, *words, stdin=stdin)
    assert not lies_in(done.stdout + done.stderr)
    return done


def answer(*words: str, uri: str = "test:///default") -> Any:
    """The JSON that a command prints."""
    done = vconsole(*words, "--json", uri=uri)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def hostile_host(tmp_path: Path) -> str:
    """A host of the test driver with domains that nobody would name so by accident."""
    domains = "".join(
        f"<domain type='test'><name>{escape(name)}</name><title>{escape(name)}</title>"
        "<memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
        for name in HOSTILE
    )
    file = tmp_path / "node.xml"
    file.write_text(f"<node>{domains}</node>", "utf-8")
    return f"test://{file}"


# -- show ------------------------------------------------------------------------------------


def test_show_domains_is_a_table() -> None:
    done = vconsole("show", "domains")
    assert done.returncode == 0
    title, row = done.stdout.splitlines()
    assert title.split() == ["name", "state", "vcpus", "memory", "cells", "pins", "title"]
    assert row.split()[:3] == ["test", "running", "2"]


def test_json_has_the_fields_of_the_model() -> None:
    (domain,) = answer("show", "domains")
    assert {"uuid", "name", "state", "vcpus", "memory_bytes", "pins"} <= set(domain)
    assert (domain["uuid"], domain["name"], domain["state"]) == (UUID, "test", "running")
    pins = answer("show", "pins")
    assert {"kind", "id", "live", "config"} <= set(pins[0])
    assert [p["kind"] for p in pins] == ["vcpu", "vcpu", "emulator"]
    cells = answer("show", "cells")
    assert {"id", "total_bytes", "free_bytes", "pcpus", "distances"} <= set(cells[0])
    host = answer("show", "host")
    assert {"id", "socket", "core", "siblings", "online", "isolated"} <= set(host["pcpus"][0])


@pytest.mark.parametrize("name", ["test", UUID, "1"])
def test_a_domain_is_named_by_name_uuid_or_id(name: str) -> None:
    assert answer("show", "domain", name)["uuid"] == UUID


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "domain"), 2, "needs the name, UUID or id of a domain"),
        (("show", "host", "test"), 2, "show host takes no name"),
        (("show", "nothing"), 2, "invalid choice"),
        (("show", "domain", "nosuch"), 1, "no domain 'nosuch'"),
        (("pin", "test", "abc"), 2, "'abc' is no number or range"),
        (("pin", "test", "99"), 3, "refused: vCPU 0, 1 name pCPU 99"),
        (("pin", "test", "0", "--vcpu", "7"), 3, "vCPU 7 is no row of 'test'"),
        (("pin", "test", "0", "--config"), 3, "this driver keeps one set of pins"),
        (("--read-only", "pin", "test", "0"), 3, "read-only: "),
        (("plan", "apply", "/nonexistent/plan.json"), 1, "no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_says_why_in_one_line(
    words: tuple[str, ...], code: int, said: str
) -> None:
    done = vconsole(*words)
    assert done.returncode == code
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


# -- pin -------------------------------------------------------------------------------------


def test_pin_shows_applies_and_reads_back() -> None:
    done = vconsole("pin", "test", "0-3,^2", "--vcpu", "1")
    assert done.returncode == 0
    assert "vCPU 1 live: 0-15 -> 0-1,3" in done.stdout
    assert "virsh -c test:///default vcpupin --domain test --vcpu 1 --cpulist 0-1,3" in done.stdout
    assert "vCPU 1: applied   read back: live 0-1,3" in done.stdout
    assert "1 of 1 applied" in done.stdout


def test_a_dry_run_applies_nothing() -> None:
    report = answer("pin", "test", "5", "--dry-run")
    assert report["outcome"] is None
    assert [row["live_after"] for row in report["rows"]] == ["5", "5"]
    assert len(report["commands"]) == 2


def test_what_is_applied_is_in_the_activity_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log = tmp_path / "vconsole" / "activity.jsonl"
    assert vconsole("pin", "test", "5", "--vcpu", "1", "--dry-run").returncode == 0
    assert not log.exists()
    assert vconsole("pin", "test", "5", "--vcpu", "1").returncode == 0
    (entry,) = outcomes(log)
    assert (entry["name"], entry["outcome"]) == ("test", "applied")
    assert (entry["before"], entry["after"]) == ("vCPU 1 live 0-15", "vCPU 1 live 5")


def test_a_log_that_cannot_be_written_is_told_after_the_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vconsole").mkdir()
    (tmp_path / "vconsole" / "activity.jsonl").mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    done = vconsole("pin", "test", "5", "--vcpu", "1")
    assert "1 of 1 applied" in done.stdout
    assert done.returncode == 1
    assert done.stderr.startswith("vconsole: not in the activity log: ")


def test_what_is_so_already_is_done() -> None:
    done = vconsole("pin", "test", "r")
    assert (done.returncode, done.stdout.strip()) == (0, "nothing would change")


def test_a_plan_file_is_applied_only_on_what_it_saw(tmp_path: Path) -> None:
    plan: dict[str, Any] = {
        "uuid": UUID,
        "name": "test",
        "pins": [{"kind": "vcpu", "id": 0, "live": "0-15", "wanted": "2"}],
        "split_pins": False,
    }
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    done = vconsole("plan", "apply", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "vCPU 0: applied" in done.stdout
    plan["pins"][0]["live"] = "4"
    file.write_text(json.dumps(plan))
    done = vconsole("plan", "apply", str(file))
    assert done.returncode == 3
    assert "conflict" in done.stdout


# -- foreign text ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["domains", "pins", "host"])
def test_hostile_names_are_escaped(what: str, hostile_host: str) -> None:
    done = vconsole("show", what, uri=hostile_host)
    assert done.returncode == 0
    assert all(line.isprintable() for line in done.stdout.splitlines())
    if what != "host":
        assert "csi\\x9b31mred" in done.stdout
        assert "[red]x" in done.stdout


def test_hostile_names_in_json_read_back_as_they_are(hostile_host: str) -> None:
    done = vconsole("show", "domains", "--json", uri=hostile_host)
    assert done.stdout.isascii()
    assert {d["name"] for d in json.loads(done.stdout)} == set(HOSTILE)


def test_an_error_of_libvirt_is_one_clean_line(tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("first \x1b[2J line\nsecond\n")
    done = vconsole("show", "domains", uri=f"test://{tmp_path}/evil")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("vconsole: ")
    assert line.isprintable()


# -- pipes and terminals ---------------------------------------------------------------------


def test_without_a_terminal_the_console_says_what_to_do() -> None:
    done = vconsole()
    assert done.returncode == 2
    assert done.stderr == "vconsole: not a terminal; try `vconsole show domains`\n"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    argv = [sys.executable, "-u", "-m", "vconsole", "--demo", "show", "domains"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        argv, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(write)
    assert "Traceback" not in done.stderr

"""Memory and vCPUs from the command line, on libvirt's test driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import vconsole

pytest.importorskip("libvirt")
DOMAIN = """<node><domain type='test'><name>web\x9b</name>
<uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid><memory unit='MiB'>64</memory>
<currentMemory unit='MiB'>32</currentMemory><vcpu current='2'>4</vcpu>
<os><type>hvm</type></os></domain></node>"""
NAME = "web\x9b"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "node.xml").write_text(DOMAIN)
    return f"test://{tmp_path}/node.xml"


def changes(*words: str, host: str) -> list[dict[str, Any]]:
    done = vconsole(*words, "--json", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)["changes"]
    return found


def test_without_an_amount_it_shows_what_there_is(host: str) -> None:
    done = vconsole("memory", NAME, uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[:3]] == [
        ["web\\x9b", "live", "config"],
        ["Maximum", "memory", "64", "MiB", "64", "MiB"],
        ["Current", "memory", "32", "MiB", "32", "MiB"],
    ]
    assert done.stdout.splitlines()[-1] == "the guest's use is not known: no balloon"
    shown = json.loads(vconsole("vcpus", NAME, "--json", uri=host).stdout)
    assert (shown["live"]["vcpus"], shown["config"]["maximum_vcpus"]) == (2, 4)
    assert "statistics" not in shown


def test_memory_is_set_and_logged(host: str, tmp_path: Path) -> None:
    (change,) = changes("memory", NAME, "49153KB", host=host)
    assert (change["status"], change["when"]) == ("applied", "live and config")
    assert change["read_back"].startswith("live: maximum 64 MiB, current 48004 KiB")
    (logged,) = outcomes(tmp_path / "vconsole/activity.jsonl")
    assert logged["before"].startswith("live: maximum 64 MiB, current 32 MiB; config: ")
    assert logged["after"] == change["read_back"]


def test_everything_at_once(host: str) -> None:
    done = changes("memory", NAME, "1G", "--max", "2G", "--dump-core", "off", "--config", host=host)
    assert [change["what"] for change in done] == [
        "leave its memory out of dumps",
        "set the maximum memory",
        "set the memory",
    ]
    assert {change["status"] for change in done} == {"applied"}
    assert done[-1]["read_back"] == "config: maximum 2 GiB, current 1 GiB"


def test_a_dry_run_shows_the_difference_and_the_line(host: str) -> None:
    done = vconsole("vcpus", NAME, "3", "--live", "--dry-run", uri=host)
    assert done.stdout.splitlines()[:4] == [
        "web\\x9b: vCPU 2 has no pin: may run everywhere",
        "web\\x9b: would set the count of vCPUs (live, until it is shut off)",
        "  - live: 2 of 4 vCPUs",
        "  + live: 3 of 4 vCPUs",
    ]
    assert "setvcpus" in done.stdout
    assert "--live" in done.stdout


def test_the_topology_and_the_maximum(host: str) -> None:
    (edit,) = changes("vcpus", NAME, "--max", "8", "--topology", "2x2x2", host=host)
    assert edit["status"] == "applied"
    assert "+    <topology sockets='2' cores='2' threads='2'/>" in edit["difference"]


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("memory", NAME, "1.5G"), 2, "use a smaller unit"),
        (("memory", NAME, "--statistics", "4000"), 2, "not from 0 to 3600 seconds"),
        (("memory", NAME, "--statistics", "0000000009999"), 2, "not from 0 to 3600 seconds"),
        (("vcpus", NAME, "--topology", "2x2"), 2, "give sockets, cores and threads"),
        (("vcpus", NAME, "many"), 2, "invalid int"),
        (("memory", "nobody"), 1, "no domain"),
        (("memory", NAME, "48M", "--read-only"), 3, "read-only"),
    ],
)
def test_what_is_refused_at_once(host: str, words: tuple[str, ...], code: int, part: str) -> None:
    done = vconsole(*words, uri=host)
    assert (done.returncode, part in done.stderr) == (code, True)


def test_what_the_domain_does_not_allow_is_refused_with_the_reason(host: str) -> None:
    done = vconsole("memory", NAME, "65M", "--live", uri=host)
    assert done.returncode == 3
    assert done.stdout == (
        "web\\x9b: live: 65 MiB is above its maximum of 64 MiB, until it is shut off\n"
    )

"""Snapshots from the command line, on libvirt's test driver."""

from __future__ import annotations

import json
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.logs import outcomes
from tests.unit.test_cli_commands import answer, vconsole

pytest.importorskip("libvirt")

UUID = "11111111-1111-4111-8111-111111111111"
BODY = """<memory>65536</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>
<disk type='file'><driver name='qemu' type='{}'/><source file='/g/web.img'/>
<target dev='vda' bus='virtio'/></disk></devices>"""


def _taken(name: str, parent: str, taken_s: int, description: str = "") -> str:
    above = f"<parent><name>{escape(parent)}</name></parent>" if parent else ""
    return (
        f"<test:domainsnapshot><name>{escape(name)}</name><state>running</state>{above}"
        f"<active>{int(name == 'try2')}</active>"
        f"<description>{escape(description)}</description><creationTime>{taken_s}</creationTime>"
        f"<domain type='test'><name>web</name><uuid>{UUID}</uuid>{BODY.format('qcow2')}</domain>"
        "</test:domainsnapshot>"
    )


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A running domain with four snapshots."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    taken = (
        _taken("base", "", 100, "as installed\u202e"),
        _taken("try", "base", 200),
        _taken("[red]x", "base", 300),
        _taken("try2", "try", 400),
    )
    file = tmp_path / "node.xml"
    file.write_text(
        "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
        f"<name>web</name><uuid>{UUID}</uuid>{BODY.format('qcow2')}"
        f"{''.join(taken)}</domain></node>"
    )
    return f"test://{file}"


def test_the_list_is_a_tree(host: str) -> None:
    lines = vconsole("snapshot", "list", "web", uri=host).stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "name",
        "o base",
        "|-o try",
        "| o try2",
        "`-o [red]x",
    ]
    assert "1970-01-01 00:01:40 UTC" in lines[1]
    assert ["current" in line for line in lines] == [False, False, False, True, False]
    assert "as installed\\u202e" in lines[1]
    listed = answer("snapshot", "list", "web", uri=host)
    assert {s["name"]: s["parent"] for s in listed} == {
        "base": None,
        "try": "base",
        "[red]x": "base",
        "try2": "try",
    }
    assert "xml" not in listed[0]


def test_one_is_taken_and_logged(host: str, tmp_path: Path) -> None:
    done = vconsole("snapshot", "create", "web", "new", "--description", "why not", uri=host)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "web: take snapshot new (internal): applied: new: internal, memory, running"
    )
    (entry,) = outcomes(tmp_path / "vconsole/activity.jsonl")
    assert (entry["name"], entry["outcome"], entry["after"]) == (
        *("web", "applied", "new: internal, memory, running"),
    )


def test_a_dry_run_shows_file_and_line(host: str, tmp_path: Path) -> None:
    done = vconsole("snapshot", "create", "web", "new", "--disk-only", "--dry-run", uri=host)
    assert done.returncode == 0
    assert "web: would take snapshot new (disk-only) (now)" in done.stdout
    assert "- vda: /g/web.img" in done.stdout
    assert "+ vda: /g/web.new" in done.stdout
    assert "virsh snapshot-create-as web --name new --disk-only --diskspec " in done.stdout
    assert not (tmp_path / "vconsole").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("create", "web", "base"), "base is there already"),
        (("create", "web", "a/b"), "no / in it"),
        (("create", "web", "x", "--quiesce"), "quiesce goes with disk-only"),
        (("create", "web", "x", "--disk-only", "--quiesce"), "the guest agent does not answer"),
        (("revert", "web", "nobody"), "no snapshot 'nobody'"),
        (("delete", "web", "try2", "--children-only"), "no snapshot comes from try2"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    host: str, words: tuple[str, ...], reason: str
) -> None:
    done = vconsole("snapshot", *words, "--yes", uri=host)
    assert done.returncode == 3
    assert reason in done.stderr


def test_what_loses_data_wants_a_yes(host: str, tmp_path: Path) -> None:
    for words in (("revert", "web", "base"), ("delete", "web", "base", "--children")):
        done = vconsole("snapshot", *words, uri=host)
        assert done.returncode == 3
        assert "Give --yes" in done.stderr
    assert not (tmp_path / "vconsole").exists()


def test_going_back(host: str) -> None:
    done = vconsole("snapshot", "revert", "web", "base", "--paused", "--yes", "--json", uri=host)
    (result,) = json.loads(done.stdout)["changes"]
    assert (result["status"], result["message"]) == ("applied", "it is paused")
    assert result["read_back"] == "paused from base; vda -> /g/web.img"
    assert result["virsh"] == ["virsh snapshot-revert web --snapshotname base --paused"]


def test_deleting(host: str) -> None:
    done = vconsole("snapshot", "delete", "web", "try", "--children", "--yes", uri=host)
    assert done.stdout.splitlines()[-1] == (
        "web: delete snapshot try and its children: applied: try, try2: gone"
    )


def test_read_only_and_wrong_usage(host: str) -> None:
    assert vconsole("snapshot", "create", "web", "x", "--read-only", uri=host).returncode == 3
    assert vconsole("snapshot", "list", "web", "--read-only", uri=host).returncode == 0
    assert vconsole("snapshot", "revert", "web", uri=host).returncode == 2
    both = ("--disk-only", "--external")
    assert vconsole("snapshot", "create", "web", "x", *both, uri=host).returncode == 2
    assert vconsole("snapshot", "list", "nobody", uri=host).returncode == 1

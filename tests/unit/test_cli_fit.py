"""vconsole fit: one plan for several domains, from the command line, on libvirt's test driver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.test_cli_commands import vconsole

pytest.importorskip("libvirt")


UUID = "6695eb01-f6a4-8304-79aa-97f2502e19"


@pytest.fixture
def three(tmp_path: Path) -> str:
    """A host of 16 pCPUs with three domains; each connection to it is a host of its own."""
    domains = "".join(
        f"<domain type='test'><name>g{n}</name><uuid>{UUID}{n:02}</uuid>"
        f"<memory>1024</memory><vcpu>{vcpus}</vcpu><os><type>hvm</type></os></domain>"
        for n, vcpus in enumerate((1, 4, 2))
    )
    file = tmp_path / "node.xml"
    file.write_text(f"<node>{domains}</node>")
    return f"test://{file}"


def test_fit_shows_the_plan_and_changes_nothing(three: str) -> None:
    done = vconsole("fit", uri=three)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["g1", "g2", "g0"]
    assert "applied" not in done.stdout
    assert "aaaabb" in done.stdout.replace(".", ""), "the picture of the host after"


def test_fit_applies_and_says_what_became_of_each(three: str) -> None:
    done = vconsole("fit", "g0", "g1", "--apply", uri=three)
    assert done.returncode == 0
    assert "g1: applied: vCPU 0 live" in done.stdout
    assert "g2" not in done.stdout


def test_fit_in_json_has_rows_warnings_and_virsh_lines(three: str) -> None:
    done = vconsole("fit", "--json", "--apply", uri=three)
    found = json.loads(done.stdout)
    assert [d["name"] for d in found["domains"]] == ["g1", "g2", "g0"]
    assert [o["status"] for o in found["outcomes"]] == ["applied"] * 3
    sets = [
        row["live_after"] for d in found["domains"] for row in d["rows"] if row["kind"] == "vcpu"
    ]
    assert len(sets) == len(set(sets)) == 7, "a pCPU each"
    assert all(
        "vcpupin" in line or "emulatorpin" in line
        for d in found["domains"]
        for line in d["commands"]
    )


def test_who_has_no_place_is_named_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "node.xml"
    domain = (
        "<domain type='test'><name>big</name><memory>9</memory><vcpu>17</vcpu>"
        "<os><type>hvm</type></os></domain>"
    )
    file.write_text(f"<node>{domain}</node>")
    done = vconsole("fit", "--apply", uri=f"test://{file}")
    assert done.returncode == 3
    assert "big: stays as it is: cell 0: 16 free pCPUs for 17 vCPUs" in done.stdout
    assert done.stdout.endswith("nothing would change\n")


def test_fit_refuses_where_nothing_may_be_changed(three: str) -> None:
    done = vconsole("--read-only", "fit", "--apply", uri=three)
    assert done.returncode == 3
    assert "read-only" in done.stderr


# -- one to one, and who runs on a pCPU


def test_pin_one_to_one_spreads_over_a_cell() -> None:
    done = vconsole("pin", "test", "cell:1", "--one-to-one", "--json")
    assert done.returncode == 0
    rows = json.loads(done.stdout)["rows"]
    assert [row["live_after"] for row in rows] == ["8", "9"]


@pytest.mark.parametrize("cpuset", ["cell:7", "l3:0", "cell:x"])
def test_a_part_that_the_host_does_not_name_is_refused(cpuset: str) -> None:
    done = vconsole("pin", "test", cpuset)
    assert done.returncode == 2
    assert cpuset in done.stderr


def test_show_pcpu_names_who_may_run_there() -> None:
    done = vconsole("show", "pcpu", "3")
    assert done.returncode == 0
    assert "0 threads pinned here" in done.stdout
    assert "anywhere, so here too: 2 vCPUs, 1 emulator of 1 domain" in done.stdout
    found = json.loads(vconsole("show", "pcpu", "3", "--json").stdout)
    assert (found["id"], found["cell"], found["threads"]) == (3, 0, [])


@pytest.mark.parametrize(("number", "code"), [("99", 1), ("x", 2), ("", 2)])
def test_a_pcpu_that_is_not_there(number: str, code: int) -> None:
    done = vconsole("show", "pcpu", *([number] if number else []))
    assert done.returncode == code
    assert done.stderr.count("\n") == 1


# -- what was done, and back


def test_history_lists_one_domain_or_one_change_and_undo_takes_its_id() -> None:
    """On the demo, whose past is invented: each command has a host of its own."""
    found = json.loads(vconsole("--demo", "history", "web-03", "--json").stdout)
    assert [record["name"] for record in found] == ["web-03"]
    assert found[0]["steps"][0]["config_after"] == "32-39"
    assert found[0]["proof"] is None
    short = found[0]["id"][:8]
    whole = vconsole("--demo", "history", short).stdout
    assert whole.startswith(short)
    assert " vCPU 3: live 44-47 -> 32-39   config 44-47 -> 32-39  applied\n" in whole
    planned = vconsole("--demo", "undo", short, "--dry-run").stdout
    assert "would pin (undo)" in planned
    assert "vcpupin --domain web-03 --vcpu 3 --cpulist 44-47 --live --config" in planned
    done = vconsole("--demo", "undo", short)
    assert done.returncode == 0
    assert "applied: vCPU 3 live 44-47, config 44-47" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("undo",), 1, "nothing to undo on this connection"),
        (("redo",), 1, "nothing to redo on this connection"),
        (("undo", "0f"), 2, "history has no change '0f'"),
        (("history", "nobody"), 2, "no change of 'nobody' is known"),
        (("fit", "--apply", "--dry-run"), 2, "not allowed with"),
    ],
)
def test_what_cannot_be_gone_back_to_is_said(
    words: tuple[str, ...], code: int, reason: str
) -> None:
    done = vconsole("--demo", *words)
    assert done.returncode == code
    assert reason in done.stderr

"""vconsole metrics without the screen: words, JSON and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands import command
from tests.lies import lies_in
from tests.unit.vhostmd_conf import conf, metric
from vconsole.features.metrics.cli import disk as metrics_disk
from vconsole.features.metrics.model.disk import BLOCK_BYTES, DiskWriter
from vconsole.features.metrics.model.document import render
from vconsole.features.metrics.model.metric import Metric

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"
"""Of the domain that the test driver has."""
OTHER = "11111111-2222-3333-4444-555555555555"
METRICS = (
    Metric("TotalPhyCPUs", "64", "uint32"),
    Metric("Odd", "\x9b31m", "uint32"),
    Metric("TotalCPUTime", "847.7", "real64", "vm", "s", 3, UUID),
    Metric("TotalCPUTime", "12.5", "real64", "vm", "s", 4, OTHER),
)


def vconsole(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    done = command(*words)
    assert not lies_in(done.stdout + done.stderr)
    return done


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "vhostmd0"
    writer = DiskWriter(path, BLOCK_BYTES)
    writer.create()
    writer.update(render(METRICS))
    writer.close()
    return path


# -- show and check ----------------------------------------------------------------------------


def test_show_is_a_table_and_needs_no_libvirt(disk: Path) -> None:
    done = vconsole("-c", "nosuch:///", "metrics", "show", "--disk", str(disk))
    assert (done.returncode, done.stderr) == (0, "")
    title, first, odd, *_ = done.stdout.splitlines()
    assert title.split() == ["for", "uuid", "name", "value", "unit", "type"]
    assert first.split() == ["host", "TotalPhyCPUs", "64", "-", "uint32"]
    assert "\\x9b31m" in odd


def test_json_has_numbers_where_a_metric_is_one(disk: Path) -> None:
    done = vconsole("metrics", "show", "--disk", str(disk), "--json")
    values = [(m["name"], m["value"], m["uuid"]) for m in json.loads(done.stdout)]
    assert values == [
        ("TotalPhyCPUs", 64, None),
        ("Odd", "\x9b31m", None),
        ("TotalCPUTime", 847.7, UUID),
        ("TotalCPUTime", 12.5, OTHER),
    ]


@pytest.mark.parametrize("guest", [UUID, UUID.upper()])
def test_as_a_domain_only_its_own_metrics_are_shown(disk: Path, guest: str) -> None:
    argv = ("-c", "nosuch:///", "metrics", "show", "--disk", str(disk), "--as", guest, "--json")
    done = vconsole(*argv)
    assert [m["uuid"] for m in json.loads(done.stdout)] == [None, None, UUID]


def test_a_domain_may_be_named(disk: Path) -> None:
    pytest.importorskip("libvirt")
    argv = ("-c", "test:///default", "metrics", "show", "--disk", str(disk))
    done = vconsole(*argv, "--as", "test")
    assert OTHER not in done.stdout
    assert UUID in done.stdout
    none = vconsole(*argv, "--as", "nobody")
    assert (none.returncode, none.stdout) == (1, "")
    assert "no domain 'nobody'" in none.stderr


def test_a_sound_disk_is_said_to_be_sound(disk: Path) -> None:
    done = vconsole("metrics", "check", "--disk", str(disk))
    assert (done.returncode, done.stderr) == (0, "")
    size = len(render(METRICS))
    assert done.stdout.startswith(f"{disk}: sound: 64 KiB, {size} bytes used, 4 metrics, ")


def test_a_defect_is_one_line_and_an_exit_code(disk: Path, tmp_path: Path) -> None:
    with disk.open("r+b") as file:
        file.seek(4)
        file.write(b"\0\0\0\1")
    for path, words in (
        (disk, "its writer is at work, or died at it"),
        (tmp_path / "none", "there is no such file: is its writer running?"),
        (tmp_path, "a directory, no metrics disk"),
    ):
        for action in ("check", "show"):
            done = vconsole("metrics", action, "--disk", str(path))
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"vconsole: {path}: {words}\n"


def test_a_document_that_was_mended_to_be_shown_is_not_sound(disk: Path) -> None:
    writer = DiskWriter(disk, BLOCK_BYTES)
    writer.create()
    writer.update(render(METRICS).replace(b"<value>", b"<value>R&D ", 1))
    writer.close()
    done = vconsole("metrics", "check", "--disk", str(disk))
    assert (done.returncode, done.stdout) == (1, "")
    where = "the document is not well-formed XML: line 4, column 13: & is not escaped"
    assert done.stderr.startswith(f"vconsole: {disk}: {where}")
    assert vconsole("metrics", "show", "--disk", str(disk)).returncode == 0


def test_the_first_of_several_faults_is_named(disk: Path) -> None:
    writer = DiskWriter(disk, BLOCK_BYTES)
    writer.create()
    broken = render(METRICS).replace(b"<value>", b"<value>R&D ", 1).replace(b"</metrics>", b"")
    writer.update(broken)
    writer.close()
    assert "XML: line 4, column 13: &" in vconsole("metrics", "check", "--disk", str(disk)).stderr


def test_metrics_of_a_document_that_breaks_off_are_shown_all_the_same(disk: Path) -> None:
    writer = DiskWriter(disk, BLOCK_BYTES)
    writer.create()
    writer.update(render(METRICS).removesuffix(b"</metrics>\n"))
    writer.close()
    done = vconsole("metrics", "show", "--disk", str(disk))
    assert done.returncode == 1
    assert "TotalPhyCPUs" in done.stdout
    assert "no element found" in done.stderr


def test_a_disk_that_nobody_writes_any_more_is_a_defect(
    disk: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from vconsole.cli.main import parser
    from vconsole.cli.report import CliError

    file = tmp_path / "vhostmd.conf"
    file.write_bytes(conf(disk=str(disk)))
    monkeypatch.setattr(metrics_disk, "DEFAULT_FILE", file)
    os.utime(disk, (time.time() - 90,) * 2)
    options = parser().parse_args(["metrics", "check", "--disk", str(disk)])
    with pytest.raises(CliError, match="not written for 1 min, its period is 5 s"):
        metrics_disk.check(options)
    file.write_bytes(conf(disk="/dev/shm/other"))
    assert metrics_disk.check(options) == 0


# -- the configuration -------------------------------------------------------------------------


def test_a_configuration_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "vhostmd.conf"
    file.write_bytes(conf(metric("One", "echo 1"), size='<size unit="k">100</size>'))
    done = vconsole("metrics", "config", "check", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    warning, *_, summary = done.stdout.splitlines()
    assert warning.startswith(f"{file}: warning: line ")
    assert summary == f"{file}: 1 metric, each 5 s"


def test_what_vhostmd_would_refuse_is_a_note(tmp_path: Path) -> None:
    file = tmp_path / "vhostmd.conf"
    file.write_bytes(conf().replace(b"<!DOCTYPE", b"<!-- DOCTYPE").replace(b'.dtd">', b'.dtd" -->'))
    done = vconsole("metrics", "config", "check", str(file))
    assert done.returncode == 0
    assert f"{file}: note: vhostmd 1.2 refuses it: it has no <!DOCTYPE>" in done.stdout


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (conf(metric("One", "echo 1", "uint33")), "<metric>: type 'uint33' is none of"),
        (b"junk\x1b", "<vhostmd>: XML line 1"),
        (None, "No such file"),
    ],
)
def test_a_configuration_that_cannot_be_used_fails(
    data: bytes | None, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "vhostmd.conf"
    if data is not None:
        file.write_bytes(data)
    done = vconsole("metrics", "config", "check", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"vconsole: {file}: ")
    assert words.lower() in done.stderr.lower()
    assert len(done.stderr.splitlines()) == 1


# -- attach and detach -------------------------------------------------------------------------


def on_host(*words: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("libvirt")
    return vconsole("-c", "test:///default", "metrics", *words)


def test_a_disk_is_attached() -> None:
    done = on_host("attach", "test", "--config")
    assert (done.returncode, done.stderr) == (0, "")
    words = "test: attach the metrics disk: applied (at the next start)\n"
    assert done.stdout == words


def test_a_dry_run_shows_the_clause_and_changes_nothing() -> None:
    done = on_host("attach", "test", "--disk", "/tmp/no such", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith(
        "test: would attach the metrics disk (live and config)\n  + <disk "
    )
    assert "<source file='/tmp/no such'>" in done.stdout
    assert "<readonly/>" in done.stdout


def test_the_disk_for_the_domain_alone() -> None:
    done = on_host("attach", "test", "--own", "--dry-run")
    assert f"file='/dev/shm/vhostmd-{UUID}'" in done.stdout


def test_what_is_not_there_is_not_detached() -> None:
    done = on_host("detach", "test", "test", "--channel")
    assert (done.returncode, done.stdout) == (3, "test: it has no metrics channel\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("attach", "nobody"), 1), (("attach",), 2), (("-r", "attach", "test"), 2), ((), 2)],
)
def test_wrong_usage(words: tuple[str, ...], code: int) -> None:
    assert on_host(*words).returncode == code


def test_read_only_is_refused_but_may_be_tried() -> None:
    done = on_host("attach", "test", "-r")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "vconsole: read-only: --read-only was given\n"
    assert on_host("attach", "test", "-r", "--dry-run").returncode == 0

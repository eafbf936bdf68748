"""Jobs of every process of a user: written down, read, given up, and what they left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from time import time

import pytest

from tests.integration.ground import wait_until
from vconsole.changes import jobs
from vconsole.changes.jobs import JobBoard
from vconsole.changes.process import this_process
from vconsole.cli.main import main
from vconsole.features.storage.model.image_plan import Conversion, plan_convert
from vconsole.features.storage.model.images import ImageWork
from vconsole.model.job import Job, JobsFound, Leftover

OVER = f"{os.uname().nodename} 1 12345"
"""Process 1 never began then."""


def conversion(folder: Path) -> ImageWork:
    """A change that makes a file."""
    wish = Conversion("/i/a", "raw", str(folder / "out"), "qcow2")
    (change,) = plan_convert(wish).changes
    assert isinstance(change, ImageWork)
    return change


def left_by_a_killed_one(folder: Path, *, partial: str = "") -> Path:
    """A process that was killed left its file, and the one it made."""
    made = folder / (partial or "out.vconsole-partial")
    made.write_bytes(b"half")
    job = Job("1.1", OVER, "qemu:///system", "/i/a", "convert it", time(), partial=str(made))
    directory = folder / "jobs"
    directory.mkdir(exist_ok=True)
    (directory / "1.json").write_text(json.dumps([asdict(job)]))
    return made


def test_a_job_is_seen_with_its_progress_and_goes(tmp_path: Path) -> None:
    board, change = JobBoard(tmp_path / "jobs"), conversion(tmp_path)
    board.begun(change, "qemu:///system")
    (job,) = jobs.read(tmp_path / "jobs").jobs
    assert (job.what, job.process, job.cancellable) == ("convert it to qcow2", this_process(), True)
    assert job.partial == f"{tmp_path}/out.vconsole-partial"
    change.wait.what = "42 %"
    wait_until(lambda: jobs.read(tmp_path / "jobs").jobs[0].progress == "42 %", "it is written")
    board.ended(change)
    assert jobs.read(tmp_path / "jobs") == JobsFound()
    assert not list((tmp_path / "jobs").iterdir())


def test_a_job_of_another_process_is_given_up(tmp_path: Path) -> None:
    board, change = JobBoard(tmp_path / "jobs"), conversion(tmp_path)
    board.begun(change, "")
    (job,) = jobs.read(tmp_path / "jobs").jobs
    assert jobs.give_up(tmp_path / "jobs", job.id) == ""
    assert change.wait.given_up
    assert jobs.give_up(tmp_path / "jobs", "9.9") == "no job 9.9"
    board.ended(change)


def test_what_a_killed_process_left_is_found_and_removed(tmp_path: Path) -> None:
    made = left_by_a_killed_one(tmp_path)
    found = jobs.read(tmp_path / "jobs")
    assert not found.jobs
    (left,) = found.leftovers
    assert (left.job.partial, left.size_bytes) == (str(made), 4)
    made.write_bytes(b"longer")
    assert "not as it was seen" in jobs.remove(tmp_path / "jobs", left)
    assert made.exists()
    (left,) = jobs.read(tmp_path / "jobs").leftovers
    assert jobs.remove(tmp_path / "jobs", left) == ""
    assert not made.exists()
    assert jobs.read(tmp_path / "jobs") == JobsFound()
    assert not (tmp_path / "jobs/1.json").exists(), "nothing is left to say"


def test_only_what_a_record_names_is_removed(tmp_path: Path) -> None:
    left_by_a_killed_one(tmp_path)
    (left,) = jobs.read(tmp_path / "jobs").leftovers
    other = tmp_path / "precious"
    other.write_text("data")
    found = os.lstat(other)
    forged = Leftover(replace(left.job, partial=str(other)), found.st_size, found.st_mtime_ns)
    assert "not as it was seen" in jobs.remove(tmp_path / "jobs", forged)
    assert other.exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"id": 1}]', "null", "[" * 100_000])
def test_a_half_written_record_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "7.json").write_text(text)
    assert jobs.read(tmp_path) == JobsFound()


def test_a_record_does_not_make_another_file_an_unfinished_one(tmp_path: Path) -> None:
    made = left_by_a_killed_one(tmp_path, partial="etc-passwd")
    assert not jobs.read(tmp_path / "jobs").leftovers, "its name does not say that it is unfinished"
    assert made.exists()


def test_a_process_that_is_killed_leaves_its_record(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.unit.test_jobs import conversion\n"
        "from vconsole.changes.jobs import JobBoard\n"
        "folder = Path(sys.argv[1]); JobBoard(folder / 'jobs').begun(conversion(folder), '')\n"
        "(folder / 'out.vconsole-partial').touch(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run((sys.executable, "-c", program, str(tmp_path)), check=False)
    (left,) = jobs.read(tmp_path / "jobs").leftovers
    assert left.job.what == "convert it to qcow2"


def test_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    (tmp_path / "vconsole").mkdir()
    made = left_by_a_killed_one(tmp_path / "vconsole")
    assert main(["jobs"]) == 0
    assert f"cut off: a file is left: {made}" in capsys.readouterr().out
    assert main(["jobs", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leftovers"][0]["size_bytes"] == 4
    assert main(["jobs", "cancel", "1.1"]) == 3
    assert main(["jobs", "remove", "--dry-run"]) == 0
    assert made.exists()
    assert main(["jobs", "remove", "9.9"]) == 3
    assert main(["-r", "jobs", "remove", "1.1"]) == 3
    assert made.exists()
    assert main(["jobs", "remove", "1.1"]) == 0
    assert not made.exists()

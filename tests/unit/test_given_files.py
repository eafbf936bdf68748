"""Files that a user names on the command line: one that is none is refused at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vconsole.files.careful import SafeFileError, read_given


def test_a_file_is_read_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    (tmp_path / "link").symlink_to("f")
    assert read_given(tmp_path / "link") == b"x"
    with pytest.raises(SafeFileError, match="longer than 0 KiB"):
        read_given(tmp_path / "f", 0)
    for odd in (tmp_path, Path("/dev/zero"), tmp_path / "none"):
        with pytest.raises(SafeFileError, match=str(odd)):
            read_given(odd)


@pytest.mark.parametrize(
    "words",
    [
        ("hostinfo", "check"),
        ("metrics", "config", "check"),
        ("metrics", "show", "--disk"),
        ("metrics", "check", "--disk"),
        ("plan", "apply", "--demo"),
        ("hostinfo", "show", "--demo", "--hostinfo-conf"),
    ],
)
def test_a_pipe_without_a_writer_is_refused_and_not_waited_for(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    argv = (sys.executable, "-m", "vconsole", *words, str(tmp_path / "pipe"))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pipe" in done.stderr
    assert "Traceback" not in done.stderr

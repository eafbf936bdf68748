"""The process: closed and full descriptors, odd arguments, what reaches the log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vconsole.host.stderr import leave_trace, stderr_to

VCONSOLE = f"{sys.executable} -m vconsole"


def shell(words: str) -> subprocess.CompletedProcess[bytes]:
    """Run vconsole as a shell does that opens and closes descriptors."""
    return subprocess.run(
        ["sh", "-c", f"{VCONSOLE} {words}"], capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("show domains --demo >/dev/full", 1),
        ("show domains --demo >&-", 1),
        ("--version >/dev/full", 1),
        ("show --help >/dev/full", 1),
        ("vhostmd --check --profile default >/dev/full", 1),
        ("doctor --demo >&-", 1),
        ("--demo <&-", 2),
        ("--demo >&-", 2),
    ],
)
def test_descriptors_that_are_closed_or_full_are_one_line(words: str, code: int) -> None:
    done = shell(words)
    assert done.returncode == code
    assert done.stderr.startswith(b"vconsole: ")
    assert done.stderr.count(b"\n") == 1


def test_without_an_error_output_it_works() -> None:
    done = shell("show domains --demo 2>&-")
    assert done.returncode == 0
    assert b"db-primary" in done.stdout


def test_a_character_that_the_output_lacks_is_its_escape(tmp_path: Path) -> None:
    """A change that was made is no failure because its name cannot be written."""
    node = tmp_path / "node.xml"
    node.write_text(
        "<node><domain type='test'><name>b\u00fcro</name>"
        "<uuid>00000000-0000-4000-8000-000000000001</uuid><memory>65536</memory>"
        "<os><type>hvm</type></os></domain></node>",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "vconsole", "-c", f"test://{node}", "suspend", "b\u00fcro"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"b\\xfcro: suspend: applied")


@pytest.mark.parametrize(
    "words",
    [
        (b"-c", b"test:///\xff", b"show", b"domains"),
        (b"-c", b"test:///default", b"show", b"domain", b"\xff"),
        (b"-c", b"test:///default", b"start", b"\xff"),
        (b"hostinfo", b"check", b"/\xff"),
    ],
    ids=str,
)
def test_an_argument_that_is_not_utf8_is_one_line(words: tuple[bytes, ...]) -> None:
    argv = [os.fsencode(sys.executable), b"-m", b"vconsole", *words]
    done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""


def test_what_reaches_the_log_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From libraries, on descriptor 2, and from traces that quote foreign text."""
    log = tmp_path / "log"
    monkeypatch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))
    with stderr_to(log) as terminal:
        os.write(2, b"from C: \x1b]0;title\x07 \xff\n")
        try:
            raise ValueError("\x1b[2J\x9b31m")
        except ValueError:
            leave_trace()
            leave_trace()
        assert terminal.writable()
    assert terminal.closed
    text = log.read_bytes()
    assert b"from C: \\x1b]0;title\\x07" in text
    assert b"\\x1b[2J" in text
    assert text.count(b"Traceback") == 1, "the same trace each second would fill the disk"
    assert not set(text) & (set(range(32)) - {10})


def test_an_interrupt_amid_the_start_is_no_error_of_ours() -> None:
    """Whoever types ^C before there is a screen gets a prompt, not a traceback."""
    words = (
        "import vconsole.__main__ as program\n"
        "def _run(arguments): raise KeyboardInterrupt\n"
        "program._run = _run\n"
        "program.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")

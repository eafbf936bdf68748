"""The user's editor on a private copy, and texts that are kept."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vconsole.cli.main import _with_deadline
from vconsole.files.editor import Draft, EditorError, run_editor
from vconsole.files.own import replace_text
from vconsole.screens.external import edited

UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f"


def script(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    line = f"import pathlib,sys; p=pathlib.Path(sys.argv[-1]); {words}"
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", shlex.join((sys.executable, "-c", line)))


def test_only_its_user_can_read_the_copy_and_it_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    script(
        monkeypatch,
        "p.write_text(f'{p.stat().st_mode & 0o777:o} {p.parent.stat().st_mode & 0o777:o} '"
        " + p.name + p.read_text())",
    )
    before = os.umask(0)
    try:
        assert run_editor("domain.xml", b"<x/>") == b"600 700 domain.xml<x/>"
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "reason"), [("sys.exit(1)", "ended with 1"), ("p.unlink()", "No such file")]
)
def test_an_editor_that_fails_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, words: str, reason: str
) -> None:
    script(monkeypatch, words)
    with pytest.raises(EditorError, match=reason):
        run_editor("x", b"")


@contextmanager
def suspended(console: SimpleNamespace) -> Iterator[None]:
    """As Textual's: an exception inside leaves it as it is."""
    console.suspended = True
    yield
    console.suspended = False


def test_an_editor_that_fails_gives_the_terminal_back(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, "sys.exit(1)")
    console: Any = SimpleNamespace()
    console.suspend = partial(suspended, console)
    with pytest.raises(EditorError, match="ended with 1"):
        edited(console, "x", b"")
    assert not console.suspended


INTERRUPTS = "import os,signal,time; os.kill(os.getppid(), signal.SIGINT); time.sleep(0.1)"
"""The terminal sends ^C to all that is in front: to the editor, and to who started it."""


def test_what_is_typed_into_an_editor_interrupts_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    script(monkeypatch, f"{INTERRUPTS}; p.write_text('left')")
    assert run_editor("x", b"") == b"left"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_command_does_not_end_before_its_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work on a thread, and ^C is the main thread's."""
    script(monkeypatch, f"{INTERRUPTS}; p.write_text('left')")
    assert _with_deadline(lambda: len(run_editor("x", b"")), 20) == (4, False)


@pytest.mark.parametrize("command", ["/nowhere/editor", "'unclosed"])
def test_an_editor_that_cannot_be_started_says_so(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("VISUAL", command)
    with pytest.raises(EditorError, match="nothing was taken over"):
        run_editor("x", b"")


def test_a_draft_is_kept_private_and_dropped(tmp_path: Path) -> None:
    draft = Draft.of(tmp_path / "state", UUID)
    assert draft.read() is None
    assert draft.keep("one") == f"kept in {draft.path}"
    assert draft.keep("two") == f"kept in {draft.path}"
    assert draft.read() == "two"
    assert draft.path is not None
    assert draft.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in draft.path.parent.iterdir()] == [f"{UUID}.xml"]
    draft.drop()
    draft.drop()
    assert draft.read() is None


def test_a_link_in_the_place_of_the_draft_is_replaced_not_followed(tmp_path: Path) -> None:
    draft = Draft.of(tmp_path, UUID)
    assert draft.path is not None
    draft.path.parent.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    draft.path.symlink_to(victim)
    draft.keep("text")
    assert victim.read_text() == "mine"
    assert draft.read() == "text"


def test_two_consoles_that_write_one_file_at_a_time_leave_it_whole(tmp_path: Path) -> None:
    path, texts = tmp_path / "file.json", ["a" * 50_000, "b" * 70_000]
    replace_text(path, texts[0])

    def write(text: str) -> None:
        for _ in range(40):
            replace_text(path, text)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(write, text) for text in texts]
        while not all(each.done() for each in done):
            assert path.read_text() in texts
    assert [each.result() for each in done] == [None, None]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_program_left_goes_with_the_next_save_of_anything(tmp_path: Path) -> None:
    """A draft holds passwords; nobody saves that of a domain that is gone again."""
    old, new = tmp_path / f".a.xml.{'0' * 16}.new", tmp_path / f".a.xml.{'1' * 16}.new"
    others = [tmp_path / name for name in (".bashrc", "a.new", f"b.{'0' * 16}.new", ".a.xml.new")]
    for path in (old, new, *others):
        path.touch()
        if path is not new:
            os.utime(path, (0, 0))
    replace_text(tmp_path / "b.xml", "text")
    assert sorted(tmp_path.iterdir()) == sorted([new, tmp_path / "b.xml", *others])


def test_a_draft_that_cannot_be_kept_says_why(tmp_path: Path) -> None:
    assert "HOME" in Draft.of(None, UUID).keep("text")
    assert Draft.of(None, UUID).read() is None
    (tmp_path / "drafts").write_text("in the way")
    assert Draft.of(tmp_path, UUID).keep("text").startswith("not kept in ")
    assert Draft.of(tmp_path / "ok", UUID).keep("\udc80").startswith("not kept in ")

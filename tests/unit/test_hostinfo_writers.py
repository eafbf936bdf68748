"""Rules while somebody writes them: what is half there is never obeyed."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vconsole.features.hostinfo.daemon import rulebook
from vconsole.features.hostinfo.daemon.rulebook import Rulebook
from vconsole.features.hostinfo.model.rules import loosens, parse
from vconsole.files import careful
from vconsole.files.lease import Writer, leased

OLD = "*:\n  interval = 60\n  load = 0\n  physcpus = 0\n"
NEW = "# for all\n*:\n  interval = 61\n  memfree = 0\n  load = 0\n  physcpus = 0\n"
WAYS = {
    "redirection": ("sh", "-c", "exec >conf; sleep 0.4; cat new"),
    "pieces": ("sh", "-c", "exec >conf; head -c 40 new; sleep 0.4; tail -c +41 new"),
    "tee": ("sh", "-c", "{ sleep 0.4; cat new; } | tee conf >/dev/null"),
    "cp": ("cp", "new", "conf"),
    "dd": ("dd", "if=new", "of=conf", "bs=1", "status=none"),
    "sed": ("sed", "-i", "s/interval = 60/interval = 61/", "conf"),
    "vim": ("vim", "-u", "NONE", "-es", "-c", "%s/60/61/", "-c", "wq", "conf"),
    "vim-in-place": (
        *("vim", "-u", "NONE", "-es", "-c", "set backupcopy=yes"),
        *("-c", "%s/60/61/", "-c", "wq", "conf"),
    ),
    "rsync": ("rsync", "new", "conf"),
    "rsync-in-place": ("rsync", "--inplace", "new", "conf"),
}
"""Those whose program is installed are tried."""
PRESENT = [name for name, (program, *_) in WAYS.items() if shutil.which(program)]


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "new").write_text(NEW)
    path = tmp_path / "conf"
    path.write_text(OLD)
    return path


@pytest.fixture
def book(conf: Path) -> Rulebook:
    made = Rulebook(conf)
    assert made.take(made.read())
    return made


def look(book: Rulebook) -> bool:
    return book.take(book.read(), ("qemu-web",))


@pytest.mark.parametrize("way", PRESENT)
def test_nothing_is_granted_while_a_program_writes(way: str, book: Rulebook, conf: Path) -> None:
    with subprocess.Popen(WAYS[way], cwd=conf.parent, stdin=subprocess.DEVNULL) as writer:
        while writer.poll() is None:
            look(book)
            found = book.effective("qemu-web")
            assert not {"load", "physcpus"} & found.permitted
            assert found.interval_s in (60, 61)
    assert writer.returncode == 0
    look(book)
    assert (book.effective("qemu-web").interval_s, book.pending, book.problem) == (61, "", "")


def test_who_writes_for_long_is_told_and_waited_for(book: Rulebook, conf: Path) -> None:
    with conf.open("w") as file:
        file.write("*:\n  load = 1\n")
        file.flush()
        assert not look(book)
        assert book.pending == f"{conf} is open for writing: taken when that is done"
        assert book.stale(), "it is looked at again"
        assert book.effective("qemu-web").interval_s == 60
        file.write(f"  interval = 70\n  load = 0\n  physcpus = 0\n# {'#' * 80}\n")
    assert look(book)
    assert (book.pending, book.effective("qemu-web").interval_s) == ("", 70)


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_is_written_a_line_at_a_time_grants_nothing_in_between(
    anew: bool, book: Rulebook, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if anew:
        conf.unlink()
    conf.write_text(f"# {80 * '#'}\n")
    for line in NEW.splitlines(keepends=True):
        look(book)
        with conf.open("a") as file:
            file.write(line)
        assert not {"load", "physcpus"} & book.effective("qemu-web").permitted
    assert look(book)
    assert book.effective("qemu-web").interval_s == 61
    with conf.open("a") as file:
        file.write("  memfree = 1\n")
    assert not look(book)
    assert book.pending == (
        f"{conf} may be continued and grants more: taken once it has been the same for 3 s"
    )
    monkeypatch.setattr(rulebook, "QUIET_S", 0.0)
    assert look(book)


def test_a_file_that_was_put_there_whole_grants_more_at_once(book: Rulebook, conf: Path) -> None:
    new = conf.with_name("whole")
    new.write_text(OLD + "  memfree = 1\n  interval = 5\n")
    time.sleep(0.02)  # the kernel's clock of files goes by steps of 1 to 10 ms
    new.rename(conf)
    assert look(book)
    assert book.effective("qemu-web").interval_s == 5


@pytest.mark.parametrize("text", ["", "*:\n", OLD[:-2]])
def test_what_was_cut_off_grants_nothing_until_it_is_left_alone(
    text: str, book: Rulebook, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf.write_text(text)
    assert not look(book)
    if text == OLD[:-2]:  # an error, which keeps the rules anyway
        assert book.problem
    else:
        assert "became shorter and grants more" in book.pending
        assert "load" not in book.effective("qemu-web").permitted
        monkeypatch.setattr(rulebook, "QUIET_S", 0.0)
        assert look(book)
        assert "load" in book.effective("qemu-web").permitted


def test_a_shorter_file_that_grants_less_is_in_force_at_once(book: Rulebook, conf: Path) -> None:
    conf.write_text("*:\n  interval=99\n  load=0\n  physcpus=0\n")
    assert look(book)
    assert book.effective("qemu-web").interval_s == 99


def test_an_empty_file_that_was_there_long_ago_is_taken_at_once(conf: Path) -> None:
    conf.write_text("")
    book = Rulebook(conf)
    assert not look(book)
    assert book.effective("qemu-web") is rulebook.NOTHING
    book._seen = book._seen[0], time.monotonic() - rulebook.QUIET_S
    assert look(book)


def test_where_the_kernel_does_not_tell_who_writes_only_less_is_granted_at_once(
    book: Rulebook, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def not_told(_handle: int) -> Iterator[Writer]:
        yield "unknown"

    monkeypatch.setattr(careful, "leased", not_told)
    conf.write_text(OLD + "  memfree = 0\n")
    assert look(book)
    conf.write_text(OLD + "  memfree = 1\n# and more\n")
    assert not look(book)
    assert "may be being written, which only its owner learns" in book.pending
    assert "memfree" not in book.effective("qemu-web").permitted
    monkeypatch.setattr(rulebook, "QUIET_S", 0.0)
    assert look(book)


def test_a_writer_waits_for_who_reads_and_does_not_end_it(conf: Path) -> None:
    with conf.open("rb") as file:
        with leased(file.fileno()) as seen:
            assert seen == "none"
            writer = subprocess.Popen(("sh", "-c", "echo '#' >>conf"), cwd=conf.parent)
            time.sleep(0.3)
            assert writer.poll() is None
            assert file.read() == OLD.encode()
        assert writer.wait(60) == 0
    assert conf.read_text() == OLD + "#\n"


def test_what_loosens_rules() -> None:
    old = parse(b"qemu-a:\n interval = 5\n hide_denied = 1\n*:\n load = 0\n")
    for text, more in {
        "qemu-a:\n interval = 5\n hide_denied = 1\n*:\n load = 0\n physcpus = 0\n": False,
        "qemu-a:\n interval = 4\n hide_denied = 1\n*:\n load = 0\n": True,
        "qemu-a:\n interval = 5\n*:\n load = 0\n": True,
        "qemu-a:\n interval = 5\n hide_denied = 1\n": True,
        "*:\n load = 0\n": True,
        "*:\n load = 0\n interval = 9\n hide_denied = 1\n": False,
    }.items():
        # what a rule for one domain refuses it alone is asked for its own name
        assert loosens(old, parse(text.encode()), ()) is more, text

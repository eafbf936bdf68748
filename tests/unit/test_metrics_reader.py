"""Reading a metrics disk that somebody else writes, breaks, or has never written."""

from __future__ import annotations

import os
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.metrics.model.disk import HEADER_BYTES, DiskWriter, Header, checksum
from vconsole.features.metrics.model.document import Metric, render
from vconsole.features.metrics.model.parser import MAX_BYTES
from vconsole.features.metrics.model.reader import TRIES, DiskFollower, Problem, Reading, read

DATA = Path(__file__).parents[1] / "data" / "vhostmd"
ORIGINAL = DATA / "vhostmd0.disk"
DOCUMENT = (DATA / "vhostmd0.xml").read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def disk(content: bytes, *, busy: int = 0, total: int | None = None, size: int = 65536) -> bytes:
    header = Header(b"mvbd", busy, checksum(content) if total is None else total, len(content))
    return (header.pack() + content).ljust(size, b"\0")


def reason(reading: Reading) -> str | None:
    return None if reading.problem is None else reading.problem.reason


def no_sleep(_seconds: float) -> None:
    """Try again at once."""


# Sound disks


def test_an_original_disk() -> None:
    found = read(ORIGINAL)
    assert found.problem is None
    assert found.header == Header(b"mvbd", 0, 118839, 1514)
    assert found.content == DOCUMENT
    assert found.document is not None
    assert len(found.document.metrics) == 13
    assert (found.kind, found.size_bytes, found.form, found.tries) == ("file", 262144, "either", 1)


def test_the_age_of_a_disk(path: Path) -> None:
    path.write_bytes(disk(DOCUMENT))
    os.utime(path, (1000.0, 1000.25))
    found = read(path)
    assert found.modified_s == 1000.25
    assert (found.age_s(1005.25), found.age_s(990.0)) == (5.0, 0.0)


@pytest.mark.parametrize(("signed", "form"), [(True, "signed"), (False, "unsigned")])
def test_a_checksum_of_either_form(path: Path, signed: bool, form: str) -> None:
    content = render([Metric("N", "café")])
    path.write_bytes(disk(content, total=checksum(content, signed)))
    found = read(path)
    assert (found.problem, found.form) == (None, form)


@given(st.lists(st.text(max_size=20), max_size=5))
def test_what_is_written_is_read(values: list[str]) -> None:
    path = Path(os.environ["XDG_STATE_HOME"]).parent / "written-disk"
    content = render(Metric(f"N{number}", value) for number, value in enumerate(values))
    writer = DiskWriter(path, 65536)
    writer.create()
    writer.update(content)
    writer.close()
    found = read(path)
    assert (found.problem, found.content) == (None, content)


# Disks with something wrong


@pytest.mark.parametrize(
    ("raw", "name", "words"),
    [
        (b"", "empty", "an empty file"),
        (b"mvbd", "truncated", "ends after 4 bytes, within its header"),
        (b"\x7fELF".ljust(65536), "signature", "does not begin with mvbd"),
        (disk(b"", busy=1), "busy", "its writer is at work"),
        (Header(b"mvbd", 0, 0, 50).pack(), "length", "50 bytes of metrics, it has room for 0"),
        (disk(DOCUMENT)[:1000], "length", "1514 bytes of metrics, it has room for 984"),
        (Header(b"mvbd", 0, 0, 0xFFFFFFFF).pack(), "length", "0xffffffff bytes of metrics"),
        (disk(DOCUMENT, total=7), "checksum", "its checksum is 7, that of its metrics 118839"),
        (disk(b""), "document", "the document is empty"),
        (disk(b"<metrics>"), "document", "line 1, column 10: no element found"),
    ],
)
def test_what_is_wrong_is_named(path: Path, raw: bytes, name: str, words: str) -> None:
    path.write_bytes(raw)
    found = read(path, sleep=no_sleep)
    assert found.problem is not None
    assert found.problem.reason == name
    assert words in found.problem.text
    assert found.content == b"" or name == "document"


def test_an_original_disk_that_was_never_written() -> None:
    found = read(DATA / "initial-busy.disk", sleep=no_sleep)
    assert (reason(found), found.header) == ("busy", Header(b"mvbd", 1, 0, 0))


def test_more_metrics_than_are_read(path: Path) -> None:
    path.write_bytes(Header(b"mvbd", 0, 0, MAX_BYTES + 1).pack())
    os.truncate(path, 256 << 20)
    assert read(path).problem == Problem(
        "length", "4194305 bytes of metrics: no more than 4 MiB are read"
    )


def test_a_disk_cut_off_while_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(disk(DOCUMENT))
    between_header_and_content(monkeypatch, lambda: os.truncate(path, 100))
    assert reason(read(path, sleep=no_sleep)) == "length"  # found by the second try


def test_what_could_be_read_is_shown_with_what_is_wrong(path: Path) -> None:
    path.write_bytes(disk(DOCUMENT[:-12]))
    found = read(path)
    assert reason(found) == "document"
    assert found.document is not None
    assert len(found.document.metrics) == 13


def makes_directory(path: Path) -> None:
    path.mkdir()


def makes_symlink(path: Path) -> None:
    path.symlink_to(ORIGINAL)


def makes_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def makes_nothing(path: Path) -> None:
    """Leave the path empty."""


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (os.mkfifo, "kind", "a FIFO, no metrics disk"),
        (makes_socket, "kind", "a socket, no metrics disk"),
        (makes_directory, "kind", "a directory, no metrics disk"),
        (makes_symlink, "symlink", "a symlink, which is not followed: name the disk itself"),
        (makes_nothing, "missing", "there is no such file: is its writer running?"),
    ],
)
def test_what_is_no_disk(path: Path, make: Callable[[Path], None], name: str, words: str) -> None:
    make(path)
    found = read(path)
    assert found.problem is not None
    assert (found.problem.reason, found.problem.text) == (name, words)


@pytest.mark.parametrize(
    ("bad", "name"), [("/dev/null", "kind"), ("a\0b", "missing"), (str(ORIGINAL) + "/x", "missing")]
)
def test_paths_that_lead_to_no_disk(bad: str, name: str) -> None:
    assert reason(read(bad)) == name


def test_a_disk_that_one_may_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    path.write_bytes(disk(DOCUMENT))
    with monkeypatch.context() as patch:  # root may read everything
        patch.setattr(os, "open", refuse)
        assert read(path).problem == Problem("permission", "you may not read it")


def test_a_disk_that_cannot_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> bytes:
        raise OSError(5, "Input/output error")

    path.write_bytes(disk(DOCUMENT))
    monkeypatch.setattr(os, "pread", fail)
    assert read(path).problem == Problem("unreadable", "Input/output error")


def test_no_reading_leaves_a_file_open(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    path.write_bytes(disk(DOCUMENT, total=7))
    for name in (path, ORIGINAL, path.parent, Path("/dev/null")):
        read(name, sleep=no_sleep)
    assert len(os.listdir("/proc/self/fd")) == before


# A writer at work


def between_header_and_content(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something once, after the reader has read the header and before it reads the rest."""
    pread, acts = os.pread, [act]

    def interrupted(fd: int, length: int, offset: int) -> bytes:
        if offset == HEADER_BYTES and acts:
            acts.pop()()
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", interrupted)


def test_a_disk_that_changes_once_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = DiskWriter(path)
    writer.create()
    writer.update(DOCUMENT)
    between_header_and_content(monkeypatch, lambda: writer.update(b"<metrics/>"))
    pauses: list[float] = []
    found = read(path, sleep=pauses.append)
    assert (found.problem, found.content) == (None, b"<metrics/>")
    assert (found.tries, pauses) == (2, [0.02])


def test_a_disk_that_changes_all_the_time_is_torn(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = DiskWriter(path)
    writer.create()
    writer.update(DOCUMENT)
    contents = iter([b"<metrics/>" + b" " * n for n in range(TRIES)])
    pread = os.pread

    def changing(fd: int, length: int, offset: int) -> bytes:
        if offset == HEADER_BYTES:
            writer.update(next(contents))
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", changing)
    found = read(path, sleep=no_sleep)
    assert (reason(found), found.tries) == ("torn", TRIES)


def test_a_busy_disk_is_tried_a_few_times_with_pauses(path: Path) -> None:
    path.write_bytes(disk(DOCUMENT, busy=1))
    pauses: list[float] = []
    assert read(path, sleep=pauses.append).tries == TRIES
    assert pauses == [0.02] * (TRIES - 1)


def test_no_try_begins_after_the_deadline(path: Path) -> None:
    path.write_bytes(disk(DOCUMENT, busy=1))
    times = iter([0.0, 0.01, 0.04])
    found = read(path, deadline_s=0.05, clock=lambda: next(times), sleep=no_sleep)
    assert found.tries == 2


def test_a_busy_disk_costs_time_but_no_cpu(path: Path) -> None:
    path.write_bytes(disk(DOCUMENT, busy=1))
    begun, cpu = monotonic(), os.times().user
    assert reason(read(path)) == "busy"
    assert monotonic() - begun >= 0.08
    assert os.times().user - cpu < 0.05


def test_no_reading_mixes_two_documents(path: Path) -> None:
    contents = [render([Metric("N", digit * 20_000)]) for digit in "0123456789"]
    writer = DiskWriter(path, 65536)
    writer.create()
    ended = Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            writer.update(contents[number % 10])
            number += 1
            ended.wait(0.0005)

    thread = Thread(target=write)
    thread.start()
    good, until = 0, monotonic() + 0.5
    while (now := monotonic()) < until or (not good and now < until + 30):
        found = read(path, sleep=no_sleep)
        if found.problem is None:
            assert found.content in contents
            good += 1
        else:
            assert found.problem.reason in ("busy", "torn", "checksum")
    ended.set()
    thread.join()
    assert good


# What a hostile disk may cost


@pytest.mark.parametrize(
    "raw",
    [
        Header(b"mvbd", 0, 0, 0xFFFFFFFF).pack(),
        Header(b"mvbd", 0, 0, MAX_BYTES).pack(),
        disk(b"<metrics>".ljust(MAX_BYTES), size=0),
        disk(b"<metrics>" + b"<metric><name>a</name><value/></metric>" * 100_000, size=0),
        disk(b"\xff" * MAX_BYTES, size=0),
    ],
    ids=["length", "zeros", "blanks", "metrics", "high"],
)
def test_no_disk_takes_more_than_8_mib(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    os.truncate(path, 256 << 20)
    tracemalloc.start()
    found = read(path, sleep=no_sleep)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.problem is not None
    assert peak_bytes < 8 << 20


@given(st.binary(max_size=200), st.sampled_from([b"", b"mvbd\0\0\0\0"]), st.booleans())
def test_no_bytes_crash_the_reader(raw: bytes, start: bytes, sound: bool) -> None:
    path = Path(os.environ["XDG_STATE_HOME"]).parent / "any-disk"
    path.write_bytes(disk(raw) if sound else start + raw)
    found = read(path, sleep=no_sleep)
    assert found.problem is None or found.problem.text.isprintable()


# Following


def follower(*readings: Reading, every_s: float = 1.0) -> tuple[DiskFollower, list[float]]:
    """A follower of a disk that is read as given, the last again and again; and its clock."""
    left: Iterator[Reading] = iter(readings)
    now = [100.0]
    last = readings[-1]
    follows = DiskFollower(
        "disk", every_s=every_s, clock=lambda: now[0], look=lambda _path: next(left, last)
    )
    return follows, now


GOOD = Reading(Path("disk"))
BUSY = replace(GOOD, problem=Problem("busy", ""))
TORN = replace(GOOD, problem=Problem("torn", ""))
GONE = replace(GOOD, problem=Problem("missing", ""))


def test_busy_is_counted_from_the_first_look_that_found_it() -> None:
    follows, now = follower(GOOD, BUSY, TORN, GOOD, BUSY)
    busy_for = []
    for _ in range(5):
        busy_for.append(follows.poll().busy_for_s)
        now[0] += 2
    assert busy_for == [None, 0.0, 2.0, None, 0.0]


def test_a_disk_is_not_read_more_often_than_once_a_second() -> None:
    follows, now = follower(BUSY, GOOD)
    follows.poll()
    now[0] += 0.5
    state = follows.poll()
    assert (state.latest, state.busy_for_s) == (BUSY, 0.5)
    now[0] += 0.5
    assert follows.poll().latest == GOOD


def test_a_disk_is_followed_through_a_restart_of_its_writer(path: Path) -> None:
    now = [0.0]
    follows = DiskFollower(path, clock=lambda: now[0], look=lambda p: read(p, sleep=no_sleep))
    path.write_bytes(disk(DOCUMENT))
    reasons = [reason(follows.poll().latest)]
    for raw in (b"", disk(b"", busy=1), disk(b"<metrics/>")):
        now[0] += 1
        path.write_bytes(raw)
        reasons.append(reason(follows.poll().latest))
    assert reasons == [None, "empty", "busy", None]
    assert follows.poll().latest.content == b"<metrics/>"

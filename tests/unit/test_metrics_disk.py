"""The metrics disk, byte for byte: what a writer leaves behind, also when it dies."""

from __future__ import annotations

import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vconsole.features.metrics.model.disk import (
    BLOCK_BYTES,
    DEFAULT_BYTES,
    HEADER_BYTES,
    MAX_BYTES,
    NO_METRICS,
    ContentTooLarge,
    DiskError,
    DiskWriter,
    Header,
    checksum,
    emulator_uids,
    whole_blocks,
)
from vconsole.features.metrics.model.document import render

DATA = Path(__file__).parents[1] / "data" / "vhostmd"
ORIGINAL = (DATA / "vhostmd0.disk").read_bytes()
DOCUMENT = (DATA / "vhostmd0.xml").read_bytes()
NEW = Header(b"mvbd", 1, 0, 0)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def published(path: Path, size_bytes: int = DEFAULT_BYTES) -> DiskWriter:
    writer = DiskWriter(path, size_bytes)
    writer.create()
    writer.update(DOCUMENT)
    return writer


def header(path: Path) -> Header:
    return Header.unpack(path.read_bytes())


def content(path: Path) -> bytes:
    raw = path.read_bytes()
    return raw[HEADER_BYTES : HEADER_BYTES + Header.unpack(raw).length]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


# The layout


def test_the_header_of_an_original_disk() -> None:
    assert Header.unpack(ORIGINAL) == Header(b"mvbd", 0, 118839, 1514)
    assert Header.unpack(ORIGINAL).pack() == ORIGINAL[:HEADER_BYTES]
    assert checksum(DOCUMENT) == 118839


@pytest.mark.parametrize(
    ("text", "signed", "unsigned"),
    [(b"", 0, 0), (b"\x7f", 127, 127), ("é".encode(), (1 << 32) - 148, 364)],
)
def test_the_checksum_adds_characters_of_either_kind(
    text: bytes, signed: int, unsigned: int
) -> None:
    assert (checksum(text), checksum(text, signed=False)) == (signed, unsigned)


def test_the_checksum_of_more_than_a_block() -> None:
    assert checksum(b"\xff" * 200_001) == (1 << 32) - 200_001
    assert checksum(b"\xff" * 200_001, signed=False) == 255 * 200_001


@pytest.mark.parametrize(
    ("wanted", "blocks"), [(0, 1), (1024, 1), (65536, 1), (65537, 2), (DEFAULT_BYTES, 4)]
)
def test_a_disk_has_whole_blocks(wanted: int, blocks: int) -> None:
    assert whole_blocks(wanted) == blocks * BLOCK_BYTES


@pytest.mark.parametrize("size", [0, -BLOCK_BYTES, 16384, BLOCK_BYTES + 1, MAX_BYTES + BLOCK_BYTES])
def test_no_disk_of_a_size_that_libmetrics_cannot_read(path: Path, size: int) -> None:
    with pytest.raises(ValueError, match="multiple of 64 KiB"):
        DiskWriter(path, size)


# What is written


def test_a_new_disk_is_the_original_s_new_disk(path: Path) -> None:
    DiskWriter(path, BLOCK_BYTES).create()
    assert path.read_bytes() == (DATA / "initial-busy.disk").read_bytes()


def test_equal_content_makes_an_equal_disk(path: Path) -> None:
    published(path).close()
    assert path.read_bytes() == ORIGINAL


def test_what_lies_behind_shorter_content_stays(path: Path) -> None:
    writer = published(path)
    writer.update(NO_METRICS)
    assert content(path) == NO_METRICS
    end = HEADER_BYTES + len(NO_METRICS)
    assert path.read_bytes()[end:] == ORIGINAL[end:]


def test_the_disk_is_busy_before_anything_changes_and_until_all_has(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = published(path)
    written = recorded(monkeypatch)
    writer.update(NO_METRICS)
    busy = Header(b"mvbd", 1, checksum(NO_METRICS), len(NO_METRICS)).pack()
    assert written == [(4, b"\0\0\0\1"), (0, busy), (HEADER_BYTES, NO_METRICS), (4, b"\0\0\0\0")]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    written: list[tuple[int, bytes]] = []
    pwrite = os.pwrite

    def note(fd: int, data: memoryview, offset: int) -> int:
        written.append((offset, bytes(data)))
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", note)
    return written


def test_a_write_that_comes_in_parts_is_finished(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = DiskWriter(path)
    writer.create()
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:7], offset))
    writer.update(DOCUMENT)
    assert path.read_bytes() == ORIGINAL


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_last_content_is_what_is_read(first: bytes, last: bytes) -> None:
    path = Path(os.environ["XDG_STATE_HOME"]).parent / "any-content"
    writer = DiskWriter(path, BLOCK_BYTES)
    writer.create()
    writer.update(first)
    writer.update(last)
    writer.close()
    assert (content(path), header(path).busy) == (last, 0)
    assert header(path).checksum == checksum(last)


def test_content_that_fills_the_disk_fits(path: Path) -> None:
    writer = DiskWriter(path, BLOCK_BYTES)
    writer.create()
    writer.update(b"x" * writer.capacity_bytes)
    assert path.stat().st_size == BLOCK_BYTES
    assert header(path).length == BLOCK_BYTES - HEADER_BYTES


def test_too_much_content_leaves_the_old(path: Path) -> None:
    writer = published(path)
    with pytest.raises(ContentTooLarge, match="enlarge the disk") as caught:
        writer.update(b"x" * (writer.capacity_bytes + 1))
    assert caught.value.size_bytes == caught.value.capacity_bytes + 1
    assert path.read_bytes() == ORIGINAL


def test_too_much_content_at_first_leaves_nobody_waiting(path: Path) -> None:
    writer = DiskWriter(path)
    writer.create()
    with pytest.raises(ContentTooLarge):
        writer.update(b"x" * DEFAULT_BYTES)
    assert (content(path), header(path).busy) == (NO_METRICS, 0)
    assert render(()) == NO_METRICS


# A disk that is there already


@pytest.mark.parametrize("busy", [0, 1])
def test_whole_content_is_taken_over(path: Path, busy: int) -> None:
    path.write_bytes(ORIGINAL[:7] + bytes([busy]) + ORIGINAL[8:])
    before = path.stat().st_ino
    DiskWriter(path).create()
    assert path.read_bytes() == ORIGINAL
    assert path.stat().st_ino == before


def test_a_disk_of_a_host_with_unsigned_characters_is_taken_over(path: Path) -> None:
    text = "café".encode()
    sound = Header(b"mvbd", 1, checksum(text, signed=False), len(text)).pack() + text
    path.write_bytes(sound)
    DiskWriter(path).create()
    assert (content(path), header(path).busy) == (text, 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"mvbd",
        ORIGINAL[:100],
        ORIGINAL[:2000].replace(b"HostName", b"HostNane"),
        b"MVBD" + ORIGINAL[4:],
        Header(b"mvbd", 0, 0, 0).pack(),
        Header(b"mvbd", 0, 0, 0xFFFFFFFF).pack(),
    ],
    ids=["empty", "no header", "cut", "torn", "foreign", "no content", "no length"],
)
def test_what_is_no_whole_content_is_never_offered(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    writer = DiskWriter(path)
    writer.create()
    assert header(path) == NEW
    assert path.stat().st_size == DEFAULT_BYTES
    writer.close()
    assert (content(path), header(path).busy) == (NO_METRICS, 0)


@pytest.mark.parametrize("blocks", [1, 4, 8])
def test_another_size_keeps_content_that_fits(path: Path, blocks: int) -> None:
    published(path).close()
    DiskWriter(path, blocks * BLOCK_BYTES).create()
    assert (content(path), header(path).busy) == (DOCUMENT, 0)
    assert path.stat().st_size == blocks * BLOCK_BYTES


def test_another_size_drops_content_that_does_not_fit(path: Path) -> None:
    writer = DiskWriter(path)
    writer.create()
    writer.update(b"x" * (BLOCK_BYTES + 1))
    writer.close()
    DiskWriter(path, BLOCK_BYTES).create()
    assert header(path) == NEW


@pytest.mark.parametrize("writes", range(4))
def test_a_writer_killed_at_any_write_leaves_no_torn_content(path: Path, writes: int) -> None:
    published(path).close()
    in_a_process_that_dies(lambda: killed_after(writes, path))
    raw = path.read_bytes()
    assert header(path).busy == (1 if writes else 0)
    writer = DiskWriter(path)
    writer.create()
    if writes == 2:  # the header is new, the content old
        assert header(path) == NEW
    else:
        assert header(path).busy == 0
        assert content(path) == raw[HEADER_BYTES : HEADER_BYTES + Header.unpack(raw).length]
    writer.update(DOCUMENT)
    assert path.read_bytes()[: HEADER_BYTES + len(DOCUMENT)] == ORIGINAL[: HEADER_BYTES + 1514]


def in_a_process_that_dies(act: Callable[[], None]) -> None:
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def killed_after(writes: int, path: Path) -> None:
    writer = DiskWriter(path)
    writer.create()
    pwrite, left = os.pwrite, [writes]

    def last(fd: int, data: memoryview, offset: int) -> int:
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        return pwrite(fd, data, offset)

    vars(os).update(pwrite=last)
    writer.update(NO_METRICS * 2)


def test_a_disk_that_cannot_be_written_is_busy_until_it_can(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = published(path)
    pwrite = os.pwrite

    def fail(fd: int, data: memoryview, offset: int) -> int:
        if offset == HEADER_BYTES:
            raise OSError(errno.EIO, "Input/output error")
        return pwrite(fd, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(OSError, match="Input/output"):
            writer.update(NO_METRICS)
    assert header(path).busy == 1
    writer.update(DOCUMENT)
    assert path.read_bytes() == ORIGINAL


def test_a_host_without_room_is_found_out_at_the_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = open_files()
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(OSError, match="No space"):
            DiskWriter(path).create()
    assert open_files() == before
    published(path)


# Where a disk may be


def refused(path: Path, reason: str) -> None:
    before = open_files()
    with pytest.raises(DiskError, match=reason):
        DiskWriter(path).create()
    assert open_files() == before


def test_a_symlink_is_not_followed(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    refused(path, "no plain file")
    assert victim.read_bytes() == b"precious"


def test_a_symlink_that_leads_nowhere_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "nowhere")
    refused(path, "no plain file")
    assert not (tmp_path / "nowhere").exists()


def test_neither_a_fifo_nor_a_directory_is_a_disk(path: Path) -> None:
    os.mkfifo(path)
    refused(path, "no plain file")
    path.unlink()
    path.mkdir()
    refused(path, "no plain file")


def test_a_file_with_a_second_name_is_no_disk(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"precious")
    path.hardlink_to(tmp_path / "other")
    refused(path, "hard link")
    assert path.read_bytes() == b"precious"


def test_a_directory_where_others_may_replace_the_disk(path: Path) -> None:
    path.parent.chmod(0o777)
    refused(path, "chmod go-w")
    path.parent.chmod(0o1777)
    DiskWriter(path).create()


@as_root
def test_a_file_of_somebody_else_is_refused_unless_trusted(path: Path) -> None:
    published(path).close()
    os.chown(path, 64055, -1)
    refused(path, "belongs to user 64055")
    writer = DiskWriter(path, trusted_uids=[64055])
    writer.create()
    assert path.stat().st_uid == 64055


@as_root
def test_a_directory_of_somebody_else_is_refused(path: Path) -> None:
    os.chown(path.parent, 64055, -1)
    refused(path, "not a safe place")


def test_one_writer_at_a_time(path: Path) -> None:
    writer = published(path)
    refused(path, "another process writes it")
    writer.close()
    DiskWriter(path).create()


def test_its_directory_is_made_for_qemu_to_pass_but_not_its_parents(tmp_path: Path) -> None:
    DiskWriter(tmp_path / "new" / "disk").create()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755
    with pytest.raises(FileNotFoundError):
        DiskWriter(tmp_path / "a" / "b" / "disk").create()


def test_the_mode_is_that_of_a_new_disk_whatever_the_umask(path: Path) -> None:
    writer = DiskWriter(path, mode=0o640)
    before = os.umask(0o077)
    try:
        writer.create()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o600)
    writer.create()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_removed_disk_is_gone_but_not_what_took_its_place(path: Path) -> None:
    writer = published(path)
    writer.remove()
    assert not path.exists()
    writer = published(path)
    path.unlink()
    path.write_bytes(b"of somebody else")
    writer.remove()
    assert path.read_bytes() == b"of somebody else"


def test_qemu_s_users_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def getpwnam(name: str) -> SimpleNamespace:
        return SimpleNamespace(pw_uid={"qemu": 107}[name])

    monkeypatch.setattr(pwd, "getpwnam", getpwnam)
    assert emulator_uids() == {107}

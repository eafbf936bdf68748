"""Configuration files: refused where they are not safe, replaced whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import signal
import socket
import stat
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vconsole.files import careful
from vconsole.files.careful import MAX_BYTES, Loaded, SafeFileError, SaveConflict, read, save

OLD, NEW = b"qemu-a:\n  interval = 60\n", b"qemu-a:\n  interval = 90\n" * 100
ACL = "system.posix_acl_access"
DEFAULT_ACL = "system.posix_acl_default"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return conf(tmp_path / "etc")


def conf(directory: Path, data: bytes = OLD, mode: int = 0o640) -> Path:
    """A file in a directory of its own."""
    directory.mkdir(mode=0o755)
    path = directory / "hostinfo.conf"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def refused(act: Callable[[], object]) -> str:
    """The one line that a refusal consists of."""
    with pytest.raises(SafeFileError) as error:
        act()
    assert str(error.value).isprintable()
    return str(error.value)


def litter(path: Path) -> list[str]:
    """What is in the directory but the file and its backup."""
    return sorted(p.name for p in path.parent.iterdir() if p.name.rstrip("~") != path.name)


# ---- faults


Act = Callable[[int, str, Callable[[], Any]], Any]
CALLS = frozenset(
    "open read write fchown fchmod fsync fstat stat close rename unlink listdir listxattr "
    "getxattr setxattr removexattr".split()
)


class Faults:
    """What the module under test takes for `os`: `act` gets every call with its number."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        thing = getattr(os, name)
        if name not in CALLS:
            return thing

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            return self.act(len(self.calls) - 1, name, lambda: thing(*args, **kwargs))

        return call


def at(number: int, action: Callable[[], object]) -> Act:
    """Do something before one call."""

    def act(count: int, name: str, call: Callable[[], Any]) -> Any:
        if count == number:
            if name == "close":
                call()  # a close that fails has closed all the same
            action()
        return call()

    return act


def when(wanted: str, action: Callable[[], object], nth: int = 0) -> Act:
    """Do something before the n-th call of one kind."""
    seen = [0]

    def act(count: int, name: str, call: Callable[[], Any]) -> Any:
        seen[0] += name == wanted
        if name == wanted and seen[0] == nth + 1:
            if name == "close":
                call()
            action()
        return call()

    return act


def fail(number: int) -> Callable[[], None]:
    def action() -> None:
        raise OSError(number, os.strerror(number))

    return action


def outcome(path: Path, expected: Loaded) -> str:
    try:
        save(path, NEW, expected)
    except SafeFileError as error:
        return str(error)
    return "saved"


def calls_of_a_save(directory: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    path = conf(directory)
    expected = read(path)
    faults = Faults(lambda count, name, call: call())
    with monkeypatch.context() as patch:
        patch.setattr(careful, "os", faults)
        save(path, NEW, expected)
    return faults.calls


def test_a_call_that_fails_leaves_the_old_or_the_new_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_save(tmp_path / "whole", monkeypatch)
    assert {"write", "fchown", "fchmod", "fsync", "rename"} <= set(calls)
    descriptors = os.listdir("/proc/self/fd")
    for number, name in enumerate(calls):
        path = conf(tmp_path / str(number))
        expected = read(path)
        with monkeypatch.context() as patch:
            patch.setattr(careful, "os", Faults(at(number, fail(errno.EIO))))
            said = outcome(path, expected)
        assert path.read_bytes() == (OLD if "not saved: input/output error" in said else NEW)
        assert said != "saved" or name in ("unlink", "close"), "of what is done with"
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert litter(path) == []
    assert len(os.listdir("/proc/self/fd")) == len(descriptors)


def test_all_is_on_the_disk_before_it_has_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_save(tmp_path / "whole", monkeypatch)
    order = [name for name in calls if name in ("write", "fchown", "fchmod", "fsync", "rename")]
    each = ["write", "fchown", "fchmod", "fsync"]
    assert order == [*each, *each, "rename", "rename", "fsync"]


def test_a_kill_at_any_moment_leaves_the_old_or_the_new_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = []
    for number in range(len(calls_of_a_save(tmp_path / "whole", monkeypatch))):
        path = conf(tmp_path / str(number))
        expected = read(path)
        kill = at(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
        die_saving(path, expected, kill, monkeypatch)
        texts.append(path.read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        backup = path.with_name(path.name + "~")
        assert not backup.exists() or backup.read_bytes() == OLD
        save(path, b"*:\n", read(path))
        assert path.read_bytes() == b"*:\n"
        assert litter(path) == []
    assert set(texts) == {OLD, NEW}
    assert texts == sorted(texts, key=[OLD, NEW].index)


def die_saving(path: Path, expected: Loaded, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save in another process, which `act` has to kill."""
    child = os.fork()
    if not child:
        try:
            monkeypatch.setattr(careful, "os", Faults(act))
            save(path, NEW, expected)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_a_kill_in_the_middle_of_a_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(count: int, name: str, call: Callable[[], Any]) -> Any:
        if name == "write":
            os.write(os.open(path.parent / temporaries(path)[0], os.O_WRONLY), NEW[:99])
            os.kill(os.getpid(), signal.SIGKILL)
        return call()

    die_saving(path, read(path), half, monkeypatch)
    assert path.read_bytes() == OLD
    (left,) = temporaries(path)
    assert (path.parent / left).read_bytes() == NEW[:99]
    assert stat.S_IMODE((path.parent / left).stat().st_mode) == 0o600
    save(path, NEW, read(path))
    assert litter(path) == []


def temporaries(path: Path) -> list[str]:
    return [name for name in os.listdir(path.parent) if name.endswith(careful.TEMPORARY)]


@pytest.mark.parametrize(
    ("call", "number", "said"),
    [
        ("write", errno.ENOSPC, "no space left on device: free some space there"),
        ("write", errno.EDQUOT, "disk quota exceeded: free some space, or have the quota raised"),
        ("fsync", errno.EIO, "input/output error: the kernel's log has more about the disk"),
        ("fchown", errno.EPERM, "operation not permitted: root may do it"),
        ("rename", errno.EROFS, "read-only file system: mount it for writing"),
        ("rename", errno.EISDIR, "is a directory"),
    ],
)
def test_an_error_is_told_with_its_cure(
    call: str, number: int, said: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read(path)
    monkeypatch.setattr(careful, "os", Faults(when(call, fail(number))))
    assert refused(lambda: save(path, NEW, expected)) == f"{path}: not saved: {said}"
    assert path.read_bytes() == OLD
    assert litter(path) == []


def test_a_close_that_fails_is_heeded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems find out only then that there is no space."""
    expected = read(path)
    monkeypatch.setattr(careful, "os", Faults(when("close", fail(errno.ENOSPC), nth=1)))
    assert "not saved: no space left" in refused(lambda: save(path, NEW, expected))
    assert (path.read_bytes(), litter(path)) == (OLD, [])


def test_a_rename_that_may_not_survive_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(path)
    monkeypatch.setattr(careful, "os", Faults(when("fsync", fail(errno.EIO), nth=2)))
    said = refused(lambda: save(path, NEW, expected))
    assert said.startswith(f"{path}: saved, but the disk has not confirmed it: input/output")
    assert path.read_bytes() == NEW


def test_a_write_by_halves_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = Faults(lambda count, name, call: call())
    monkeypatch.setattr(careful, "os", faults)
    monkeypatch.setattr(faults, "write", lambda handle, data: os.write(handle, data[:99]), False)
    expected = read(path)
    assert save(path, NEW, expected) == read(path)
    assert path.read_bytes() == NEW


def test_a_temporary_name_that_is_taken_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = path.with_name(f".{path.name}.{'0' * 16}{careful.TEMPORARY}")
    expected = read(path)
    monkeypatch.setattr(secrets, "token_hex", lambda size: "0" * 2 * size)
    monkeypatch.setattr(
        careful, "os", Faults(when("open", lambda: taken.write_bytes(b"mine"), nth=2))
    )
    assert "not saved: file exists" in refused(lambda: save(path, NEW, expected))
    assert (path.read_bytes(), taken.read_bytes()) == (OLD, b"mine")


# ---- what a save keeps


def test_the_new_text_is_what_is_read_and_the_old_one_is_kept(path: Path) -> None:
    saved = save(path, NEW, read(path))
    assert saved == read(path)
    assert saved.data == NEW
    backup = path.with_name("hostinfo.conf~")
    assert (backup.read_bytes(), stat.S_IMODE(backup.stat().st_mode)) == (OLD, 0o640)
    save(path, b"", saved)
    assert (path.read_bytes(), backup.read_bytes(), litter(path)) == (b"", NEW, [])


def test_the_same_text_is_not_written_again(path: Path) -> None:
    saved = save(path, NEW, read(path))
    assert save(path, NEW, saved) == saved
    assert path.with_name("hostinfo.conf~").read_bytes() == OLD


@pytest.mark.parametrize("umask", [0o000, 0o077])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_stays_whatever_the_umask(mode: int, umask: int, path: Path) -> None:
    path.chmod(mode)
    before = os.umask(umask)
    try:
        saved = save(path, NEW, read(path))
    finally:
        os.umask(before)
    assert saved.mode == stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_can_be_read_by_all(path: Path) -> None:
    path.unlink()
    before = os.umask(0o077)
    try:
        saved = save(path, NEW, read(path))
    finally:
        os.umask(before)
    assert saved == read(path)
    assert (saved.mode, saved.uid) == (0o644, os.geteuid())
    assert litter(path) == []
    assert not path.with_name("hostinfo.conf~").exists()


@as_root
def test_the_owner_stays(path: Path) -> None:
    os.chown(path, 0, 4321)
    saved = save(path, NEW, read(path))
    assert (saved.uid, saved.gid, path.stat().st_gid) == (0, 4321, 4321)
    assert path.with_name("hostinfo.conf~").stat().st_gid == 4321


def set_xattr(path: Path, name: str, value: bytes) -> None:
    try:
        os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"{path} takes no {name}: {error.strerror}")


def acl(*users: int) -> bytes:
    """An ACL in the kernel's form: the owner rw, each user r, the group r, others nothing."""
    entries = [(1, 6, 0xFFFFFFFF), *((2, 4, user) for user in users), (4, 4, 0xFFFFFFFF)]
    entries += [(16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_attributes_stay(path: Path) -> None:
    set_xattr(path, "user.note", b"\x00\xff")
    save(path, NEW, read(path))
    assert os.getxattr(path, "user.note") == b"\x00\xff"
    assert os.getxattr(path.with_name("hostinfo.conf~"), "user.note") == b"\x00\xff"


def test_an_acl_stays_and_none_is_given_by_the_directory(path: Path) -> None:
    set_xattr(path.parent, DEFAULT_ACL, acl(77))
    save(path, NEW, read(path))
    assert ACL not in os.listxattr(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    set_xattr(path, ACL, acl(1234))
    save(path, OLD, read(path))
    assert os.getxattr(path, ACL) == acl(1234)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_attribute_that_cannot_be_kept_stops_the_save(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_xattr(path, "user.note", b"1")
    expected = read(path)
    monkeypatch.setattr(careful, "os", Faults(when("setxattr", fail(errno.EPERM))))
    assert "not saved: operation not permitted" in refused(lambda: save(path, NEW, expected))
    assert (path.read_bytes(), litter(path)) == (OLD, [])


@as_root
def test_what_the_kernel_has_measured_of_the_old_text_is_not_kept(path: Path) -> None:
    set_xattr(path, "security.ima", b"\x01")
    save(path, NEW, read(path))
    assert "security.ima" not in os.listxattr(path)


def test_a_file_system_without_attributes_will_do(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(count: int, name: str, call: Callable[[], Any]) -> Any:
        return fail(errno.ENOTSUP)() if name == "listxattr" else call()

    monkeypatch.setattr(careful, "os", Faults(act))
    assert save(path, NEW, read(path)).data == NEW


# ---- conflicts


def overwrite(path: Path) -> None:
    """As an editor of another user does it."""
    path.write_bytes(b"theirs\n")


def replace_by_the_same(path: Path) -> None:
    path.with_name("copy").write_bytes(OLD)
    path.with_name("copy").replace(path)
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [lambda path: os.utime(path, ns=(2, 2)), replace_by_the_same])
def test_a_file_that_somebody_has_touched_is_another(
    change: Callable[[Path], None], path: Path
) -> None:
    os.utime(path, ns=(1, 1))
    expected = read(path)
    change(path)
    with pytest.raises(SaveConflict):
        save(path, NEW, expected)


@pytest.mark.parametrize("change", [overwrite, Path.unlink])
def test_a_file_that_was_changed_is_not_overwritten(
    change: Callable[[Path], None], path: Path
) -> None:
    expected = read(path)
    change(path)
    with pytest.raises(SaveConflict) as error:
        save(path, NEW, expected)
    assert error.value.current == read(path)
    happened = "was changed" if path.exists() else "was removed"
    reason = f"not saved: it {happened} meanwhile: load it again and compare"
    assert str(error.value) == f"{path}: {reason}"
    assert path.read_bytes() == b"theirs\n" if path.exists() else not list(path.parent.iterdir())


def test_a_file_that_has_come_up_is_not_overwritten(path: Path) -> None:
    with pytest.raises(SaveConflict, match="was changed meanwhile"):
        save(path, NEW, Loaded())
    assert path.read_bytes() == OLD


def test_a_change_that_keeps_size_and_time_is_seen(path: Path) -> None:
    expected = read(path)
    path.write_bytes(OLD.replace(b"6", b"7"))
    os.utime(path, ns=(expected.mtime_ns, expected.mtime_ns))
    with pytest.raises(SaveConflict):
        save(path, NEW, expected)


@pytest.mark.parametrize("change", [overwrite, Path.unlink, lambda path: path.chmod(0o600)])
def test_a_change_while_the_new_text_is_written_is_seen(
    change: Callable[[Path], None], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read(path)
    monkeypatch.setattr(careful, "os", Faults(when("fsync", lambda: change(path), nth=1)))
    with pytest.raises(SaveConflict):
        save(path, NEW, expected)
    assert not path.exists() or path.read_bytes() in (OLD, b"theirs\n")
    assert not path.with_name("hostinfo.conf~").exists()
    assert litter(path) == []


def test_another_mode_is_no_conflict_and_is_kept(path: Path) -> None:
    expected = read(path)
    path.chmod(0o600)
    assert save(path, NEW, expected).mode == 0o600


def test_no_update_is_lost_between_two_who_save_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each adds fifty lines, and loads again after every conflict."""
    monkeypatch.setattr(careful, "LOCK_WAIT_S", 30.0)
    start = threading.Barrier(2)
    conflicts = [0, 0]

    def add(who: int) -> None:
        for count in range(50):
            while True:
                loaded = read(path)
                if not count and not conflicts[who]:
                    start.wait()  # both have loaded the same: one of them is too late
                try:
                    save(path, loaded.data + b"# %d %d\n" % (who, count), loaded)
                    break
                except SaveConflict:
                    conflicts[who] += 1

    threads = [threading.Thread(target=add, args=(who,)) for who in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_bytes().removeprefix(OLD).splitlines()
    assert sorted(lines) == sorted(b"# %d %d" % (w, n) for w in (0, 1) for n in range(50))
    assert sum(conflicts) > 0
    assert litter(path) == []


def test_a_lock_that_is_held_too_long_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful, "LOCK_WAIT_S", 0.05)
    expected = read(path)
    holder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(holder, fcntl.LOCK_EX)
        said = refused(lambda: save(path, NEW, expected))
    finally:
        os.close(holder)
    reason = f"another program holds the lock on {path.parent}"
    assert said == f"{path}: not saved: {reason}: try again"
    assert save(path, NEW, expected).data == NEW


def test_what_killed_savers_left_is_removed_and_nothing_else(path: Path) -> None:
    stale = [f".hostinfo.conf.{n * 16}{careful.TEMPORARY}" for n in ("0", "f")]
    others = [".hostinfo.conf.swp", ".hostinfo.conf.0.vconsole", f".other{stale[0]}"]
    for name in stale + others:
        (path.parent / name).touch()
    (path.parent / stale[1]).unlink()
    (path.parent / stale[1]).mkdir()  # not ours, whatever it is called
    save(path, NEW, read(path))
    assert litter(path) == sorted([*others, stale[1]])


# ---- refusals


def link(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def listener(path: Path) -> None:
    path.unlink()
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's path has no more than 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (link, "is a symbolic link: put a regular file in its place"),
        (pipe, "is a named pipe: put a regular file in its place"),
        (directory, "is a directory: put a regular file in its place"),
        (listener, "is a socket: put a regular file in its place"),
        (
            lambda path: os.link(path, path.with_name("twin")),
            "has another hard link: put a copy in its place",
        ),
        (lambda path: path.chmod(0o646), "everybody may change it: chmod o-w {path}"),
        (lambda path: path.write_bytes(b"x" * (MAX_BYTES + 1)), "longer than 1024 KiB: shorten it"),
    ],
)
def test_only_a_plain_file_is_read_or_replaced(
    make: Callable[[Path], object], reason: str, path: Path
) -> None:
    expected = read(path)
    make(path)
    said = f"{path}: {reason.format(path=path)}"
    assert refused(lambda: read(path)) == said
    assert refused(lambda: save(path, NEW, expected)) == said
    assert not temporaries(path)


def test_a_device_is_not_even_opened() -> None:
    assert refused(lambda: read(Path("/dev/null"))).startswith("/dev/null: is a device: ")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (0o777, "everybody may put files there: chmod o-w {path}"),
        (0o1777, "everybody may put files there: chmod o-w {path}"),
        (0o775, "its group may replace files there: chmod g-w {path}"),
    ],
)
def test_a_directory_is_refused_where_others_write(mode: int, reason: str, path: Path) -> None:
    expected = read(path)
    path.parent.chmod(mode)
    said = f"{path.parent}: {reason.format(path=path.parent)}"
    assert refused(lambda: read(path)) == said
    assert refused(lambda: save(path, NEW, expected)) == said
    path.unlink()
    assert refused(lambda: read(path)) == said
    path.parent.chmod(0o1775)
    assert not read(path).exists


@as_root
def test_what_belongs_to_somebody_else_is_refused(path: Path) -> None:
    os.chown(path, 1234, -1)
    assert refused(lambda: read(path)) == f"{path}: belongs to user 1234: chown root {path}"
    os.chown(path.parent, 1234, -1)
    cure = f"chown root {path.parent}"
    assert refused(lambda: read(path)) == f"{path.parent}: belongs to user 1234: {cure}"


@pytest.mark.parametrize(
    ("make", "reason"), [(link, "too many levels of symbolic links"), (pipe, "is a named pipe")]
)
def test_a_file_exchanged_right_before_it_is_opened_is_not_followed(
    make: Callable[[Path], None], reason: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(careful, "os", Faults(when("open", lambda: make(path), nth=1)))
    assert reason in refused(lambda: read(path))


def test_a_file_that_grows_while_it_is_read_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with path.open("ab", buffering=0) as writer:  # opened before: a lease would hold it up
        monkeypatch.setattr(careful, "os", Faults(when("read", lambda: writer.write(b"x" * 2000))))
        said = refused(lambda: read(path, limit=1024))
    assert said == f"{path}: longer than 1 KiB: shorten it"


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "hostinfo.conf") == read(tmp_path / "no" / "such") == Loaded()
    assert (Loaded().data, Loaded().exists) == (b"", False)
    path = tmp_path / "no" / "hostinfo.conf"
    said = refused(lambda: save(path, NEW, Loaded()))
    assert said == f"{path}: not saved: no such file or directory: create the directory"
    (tmp_path / "file").touch()
    assert "not read: not a directory" in refused(lambda: read(tmp_path / "file" / "x"))


def test_what_cannot_be_read_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(careful, "os", Faults(when("open", fail(errno.EACCES), nth=1)))
    assert refused(lambda: read(path)) == f"{path}: not read: permission denied: root may do it"


def test_a_text_that_could_not_be_read_again_is_not_saved(path: Path) -> None:
    expected = read(path)
    said = refused(lambda: save(path, b"x" * (MAX_BYTES + 1), expected))
    assert said == f"{path}: not saved: longer than 1024 KiB: shorten it"
    assert len(save(path, b"x" * MAX_BYTES, expected).data) == MAX_BYTES


def test_a_text_that_is_not_valid_is_not_saved(path: Path) -> None:
    def validate(data: bytes) -> None:
        assert data == NEW
        raise ValueError("line 1: no")

    with pytest.raises(ValueError, match="line 1: no"):
        save(path, NEW, read(path), validate=validate)
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == [path.name]


def test_a_backup_that_is_no_file_is_not_followed(path: Path) -> None:
    backup = path.with_name("hostinfo.conf~")
    victim = path.with_name("victim")
    victim.write_bytes(b"precious")
    backup.symlink_to("victim")
    saved = save(path, NEW, read(path))
    assert (victim.read_bytes(), backup.read_bytes()) == (b"precious", OLD)
    backup.unlink()
    backup.mkdir()
    assert "not saved: is a directory" in refused(lambda: save(path, OLD, saved))
    assert path.read_bytes() == NEW
    assert litter(path) == ["victim"]

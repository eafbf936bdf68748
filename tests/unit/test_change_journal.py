"""Changes in the system's journal: what is sent, and what is believed of what is read."""

from __future__ import annotations

import json
import os
import pwd
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from vconsole.changes import journal
from vconsole.changes.entry import Entry

ENTRY = Entry(
    *("2026-03-01T14:02:11Z", "alice by sudo", "qemu:///system", "u-1", "we\nb", "suspend"),
    *("running", "paused", "applied", "it is paused", "virsh suspend web\nsecond"),
    id="abc",
)


def read_fields(data: bytes) -> dict[str, str]:
    """Take a datagram apart as journald does."""
    fields: dict[str, str] = {}
    while data:
        name, _, rest = data.partition(b"\n")
        (length,) = struct.unpack("<Q", rest[:8])
        fields[name.decode()] = rest[8 : 8 + length].decode()
        assert rest[8 + length : 9 + length] == b"\n"
        data = rest[9 + length :]
    return fields


def test_an_entry_is_sent_in_fields_whose_ends_no_text_can_forge(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        assert journal.send(ENTRY, "192.0.2.7", path)
        fields = read_fields(server.recv(65536))
    assert fields["MESSAGE_ID"] == journal.MESSAGE_ID
    assert fields["OPERATOR"] == "alice by sudo"
    assert fields["ORIGIN"] == "192.0.2.7"
    assert (fields["DOMAIN"], fields["URI"]) == ("we\nb", "qemu:///system")
    assert (fields["OUTCOME"], fields["VIRSH"]) == ("applied", "virsh suspend web\nsecond")


def test_without_a_journal_nothing_is_lost_but_that(tmp_path: Path) -> None:
    assert not journal.send(ENTRY, "", str(tmp_path / "none"))


def line(**more: object) -> str:
    fields = {name: getattr(ENTRY, attribute) for name, attribute in journal._FIELDS.items()}
    return json.dumps({**fields, **more})


def test_what_is_read_is_what_was_sent() -> None:
    (found,) = journal.parse(line(_UID="0"))
    assert found == ENTRY


def test_the_user_whom_the_journal_saw_stands_before_the_name_that_was_claimed() -> None:
    mine = pwd.getpwuid(os.getuid()).pw_name
    (found,) = journal.parse(line(_UID="12345"))
    assert found.operator == "uid 12345, named alice by sudo"
    (found,) = journal.parse(line(_UID="0", OPERATOR=mine))
    assert found.operator == mine


def test_lines_that_are_no_changes_are_passed_over() -> None:
    junk = ["", "x", "[]", "{}", "null", '{"OUTCOME": 7}', "[" * 5000]
    assert list(journal.parse("\n".join([*junk, line(_UID="0"), *junk]))) == [ENTRY]


def test_bytes_that_are_no_text_are_read_as_far_as_they_are() -> None:
    (found,) = journal.parse(line(_UID="0", DOMAIN=[119, 255, 98]))
    assert found.name == "w\ufffdb"


@pytest.mark.parametrize(
    ("readable", "says", "note"),
    [
        (True, "", ""),
        (False, "", journal.ONLY_OWN),
        (True, "Failed to open a file: Bad message", "journal: Failed to open a file: Bad message"),
    ],
)
def test_who_may_read_the_own_entries_alone_is_told_so(
    readable: bool, says: str, note: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With JSON journalctl gives no hint, and an empty list looked as if nobody did a thing."""
    (tmp_path / "socket").touch()
    (tmp_path / "id").write_text("abc\n")
    (tmp_path / "abc").mkdir()
    (tmp_path / "abc" / "system.journal").touch()
    program = tmp_path / "journalctl"
    program.write_text(f"#!/bin/sh\ncat <<'end'\n{line()}\nend\necho '{says}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(journal, "SOCKET", str(tmp_path / "socket"))
    monkeypatch.setattr(journal, "MACHINE_ID", tmp_path / "id")
    monkeypatch.setattr(journal, "JOURNALS", (tmp_path / "none", tmp_path))
    really = os.open

    def opened(path: Any, *flags: Any, **more: Any) -> int:
        if str(path).endswith("system.journal") and not readable:
            raise PermissionError(13, "Permission denied")
        return really(path, *flags, **more)

    monkeypatch.setattr(os, "open", opened)
    found, told = journal.read(10)
    assert ([e.id for e in found], told) == (["abc"], note)

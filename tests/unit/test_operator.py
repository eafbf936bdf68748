"""Who did it and from where, as the kernel and the login session know it."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from vconsole.changes.operator import Operator, operator

UNSET = "4294967295"
NOBODY = 65534


def machine(place: Path, login: str, session: str, file: str = "") -> tuple[Path, Path]:
    """A /proc/self and a folder of sessions."""
    proc, sessions = place / "self", place / "sessions"
    proc.mkdir()
    sessions.mkdir()
    (proc / "loginuid").write_text(login)
    (proc / "sessionid").write_text(session)
    if file:
        (sessions / session).write_text(file)
    return proc, sessions


HOST = "192.0.2.9"
SSH = "# This is private data. Do not parse.\nUID=0\nUSER=carol\nREMOTE=1\nREMOTE_HOST=192.0.2.9\n"


@pytest.mark.parametrize(
    ("environ", "login", "session", "expected"),
    [
        ({"SUDO_USER": "me"}, UNSET, UNSET, Operator("me by sudo")),
        ({"SUDO_USER": "dave"}, "me", "7", Operator("me as dave by sudo", HOST)),
        ({}, "0", "7", Operator("root", HOST)),
        ({}, "me", "7", Operator("me as root", HOST)),
        ({}, "me", "8", Operator("me as root")),
        ({}, UNSET, "7", Operator("carol as root", HOST)),
        ({"SSH_CONNECTION": "2001:db8::7 1 2 3"}, "0", "7", Operator("root", "2001:db8::7")),
        ({}, "junk\n", "../7", Operator("root")),
        ({}, "99999999999999999999", UNSET, Operator("uid 99999999999999999999 as root")),
    ],
)
def test_who_and_where_from(
    environ: dict[str, str], login: str, session: str, expected: Operator, tmp_path: Path
) -> None:
    number = str(NOBODY) if login == "me" else login
    me = pwd.getpwuid(NOBODY).pw_name
    names = {key: me if value == "me" else value for key, value in environ.items()}
    file = SSH if session == "7" else ""
    proc, sessions = machine(tmp_path, number, session.replace("/", ""), file)
    (proc / "sessionid").write_text(session)
    found = operator(names, proc, sessions, uid=0)
    assert found == Operator(expected.who.replace("me", me), expected.origin)


def test_nobody_is_logged_under_a_name_that_the_environment_was_given(tmp_path: Path) -> None:
    lies = {"USER": "alice", "LOGNAME": "alice", "SUDO_USER": "alice"}
    found = str(operator(lies, tmp_path, tmp_path, uid=NOBODY))
    assert found == pwd.getpwuid(NOBODY).pw_name
    assert str(operator({}, tmp_path, tmp_path, uid=4_000_000)) == "uid 4000000"

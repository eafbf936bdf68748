"""Who did it and from where, as the kernel and the login session know it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from vconsole.changes.operator import Operator, operator

UNSET = "4294967295"


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


def login_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


HOST = "192.0.2.9"
SSH = "# This is private data. Do not parse.\nUID=0\nUSER=carol\nREMOTE=1\nREMOTE_HOST=192.0.2.9\n"


@pytest.mark.parametrize(
    ("environ", "login", "session", "expected"),
    [
        ({"USER": "root", "SUDO_USER": "me"}, UNSET, UNSET, Operator("me by sudo")),
        ({"USER": "root", "SUDO_USER": "dave"}, "me", "7", Operator("me as dave by sudo", HOST)),
        ({"USER": "me"}, "me", "7", Operator("me", HOST)),
        ({"USER": "other"}, "me", "7", Operator("me as other", HOST)),
        ({"USER": "me"}, "me", "8", Operator("me")),
        ({"USER": "root"}, UNSET, "7", Operator("carol as root", HOST)),
        (
            {"USER": "me", "SSH_CONNECTION": "2001:db8::7 1 2 3"},
            "me",
            "7",
            Operator("me", "2001:db8::7"),
        ),
        ({"USER": "x"}, "junk\n", "../7", Operator("x")),
        ({"USER": "x"}, "99999999999999999999", UNSET, Operator("uid 99999999999999999999 as x")),
    ],
)
def test_who_and_where_from(
    environ: dict[str, str], login: str, session: str, expected: Operator, tmp_path: Path
) -> None:
    number = str(os.getuid()) if login == "me" else login
    names = {key: login_name() if value == "me" else value for key, value in environ.items()}
    file = SSH if session == "7" else ""
    proc, sessions = machine(tmp_path, number, session.replace("/", ""), file)
    (proc / "sessionid").write_text(session)
    found = operator(names, proc, sessions)
    assert found == Operator(expected.who.replace("me", login_name()), expected.origin)


def test_where_the_environment_says_nothing_the_kernel_knows_whose_process_it_is(
    tmp_path: Path,
) -> None:
    """As for cron, systemd and a container."""
    assert str(operator({}, tmp_path, tmp_path)) == login_name()


def test_without_proc_the_environment_is_all_there_is(tmp_path: Path) -> None:
    assert str(operator({"LOGNAME": "erin"}, tmp_path, tmp_path)) == "erin"

"""Who is at the keyboard, and where from: after sudo and ``su -`` as well.

The kernel remembers who logged in: ``/proc/self/loginuid`` and ``sessionid`` (pam_loginuid(8)) are
kept over sudo and su, which take SSH_CONNECTION and USER away. What systemd-logind knows of the
session is in ``/run/systemd/sessions/ID`` (sd-login(3)). Of the environment only what sudo leaves
root is believed: anybody may set USER to another's name.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vconsole.model.value import dataclass

PROC = Path("/proc/self")
SESSIONS: Final = Path("/run/systemd/sessions")
_UNSET: Final = {"4294967295", "-1", ""}
"""(uid_t) -1: nobody logged in, a daemon say."""
_MOST_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Operator:
    """Who and where from; either may be unknown and empty."""

    who: str
    """``alice``, ``alice by sudo``, ``alice as root``."""
    origin: str = ""
    """An address, or the name of a terminal on the machine itself."""

    def __str__(self) -> str:
        return self.who + (f" from {self.origin}" if self.origin else "")


def operator(
    environ: Mapping[str, str] | None = None,
    proc: Path | None = None,
    sessions: Path = SESSIONS,
    uid: int | None = None,
) -> Operator:
    """Look at the environment, the kernel and the login session; this process's if not given."""
    env, proc = os.environ if environ is None else environ, proc or PROC
    session = _session(proc, sessions)
    uid = os.getuid() if uid is None else uid
    sudo = env.get("SUDO_USER", "") if uid == 0 else ""
    now = sudo or _name(uid)
    login = _login(proc) or session.get("USER", "")
    who = now if login in ("", now) else f"{login} as {now}"
    client = env.get("SSH_CONNECTION", "").split()
    origin = client[0] if client else session.get("REMOTE_HOST", "")
    return Operator(who + (" by sudo" if sudo else ""), origin)


def _login(proc: Path) -> str:
    """The name of who logged in, over sudo and su."""
    number = _read(proc / "loginuid").strip()
    return "" if number in _UNSET or not number.isdigit() else _name(int(number))


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"


def _session(proc: Path, sessions: Path) -> Mapping[str, str]:
    """What systemd-logind says of the session; the file's lines are ``KEY=value``."""
    number = _read(proc / "sessionid").strip()
    if number in _UNSET or not number.isdigit():
        return {}
    pairs = (line.partition("=") for line in _read(sessions / number).splitlines())
    return {key: value.strip() for key, _, value in pairs if value.strip()}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""

"""Asks systemd for units of daemons, and tells it what to do with them: by systemctl(1).

Polkit decides what a user may; nobody is asked for a password here, who would tear the screen.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from vconsole.model.request import Reply, took_effect
from vconsole.model.unit import JOURNAL_LINES, UNITS, ChangeUnit, ReadUnit, Unit

READ_S: Final = 3.0
CHANGE_S: Final = 55.0
"""systemctl waits for a service that starts or stops, at the most 90 s by default."""
_PROPERTIES: Final = (
    "LoadState,ActiveState,SubState,UnitFileState,StateChangeTimestamp,MainPID,NRestarts,Result,"
    "StatusText,FragmentPath,Names"
)
_NO_RIGHTS: Final = ("authentication required", "access denied", "not permitted", "permission")
NOT_BOOTED: Final = "this machine was not started by systemd: start the daemon by hand"


class UnitError(Exception):
    """systemd says nothing of use; the message says why."""


def read_unit(request: ReadUnit) -> Reply:
    """Answer a request."""
    try:
        return Reply(value=_with_journal(find(UNITS[request.daemon])))
    except UnitError as error:
        return Reply("failed", str(error))


def find(names: tuple[str, ...]) -> Unit:
    """The first of several units that is installed, else the first as one that is not.

    Raises:
        UnitError: systemd does not answer.
    """
    units = [show(name) for name in names]
    return next((unit for unit in units if unit.found), units[0])


def show(name: str) -> Unit:
    """A unit as it is now.

    Raises:
        UnitError: systemd does not answer.
    """
    done = _run("systemctl", "show", "--property", _PROPERTIES, name, wait_s=READ_S)
    if done.returncode:
        raise UnitError(_words(done.stderr))
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    return _unit(name, told)


def _unit(name: str, told: Mapping[str, str]) -> Unit:
    return Unit(
        name,
        told.get("LoadState") not in ("not-found", "", None),
        told.get("ActiveState", ""),
        told.get("SubState", ""),
        told.get("UnitFileState", ""),
        told.get("StateChangeTimestamp", ""),
        _number(told.get("MainPID", "")) or None,
        _number(told.get("NRestarts", "")),
        told.get("Result", ""),
        told.get("StatusText", ""),
        told.get("FragmentPath", ""),
        tuple(sorted(set(told.get("Names", "").split()) - {name})),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _with_journal(unit: Unit) -> Unit:
    if not unit.found:
        return unit
    try:
        options = ("--no-pager", "--output", "short-iso", "--lines", str(JOURNAL_LINES))
        done = _run("journalctl", "--unit", unit.name, "--quiet", *options, wait_s=READ_S)
    except UnitError as error:
        return replace(unit, journal_problem=str(error))
    lines = tuple(done.stdout.splitlines()[-JOURNAL_LINES:])
    problem = "" if lines else _words(done.stderr) if done.stderr else _why_silent()
    return replace(unit, journal=lines, journal_problem=problem)


def _why_silent() -> str:
    if os.geteuid() == 0:
        return "the journal has nothing of it"
    return "nothing to be read: members of systemd-journal or adm read all of the journal"


def change_unit(request: ChangeUnit) -> Reply:
    """Answer a request."""
    try:
        before = show(request.unit)
        if before.state != request.seen:
            return Reply("conflict", f"it is {before.state} by now", before)
        if not before.found:
            return Reply("refused", f"{request.unit} is not installed", before)
    except UnitError as error:
        return Reply("failed", str(error))
    try:
        done = _run("systemctl", "--no-ask-password", *request.arguments, wait_s=CHANGE_S)
        after = show(request.unit)
    except UnitError as error:  # systemd goes on with what it was told
        return Reply("unknown", str(error))
    if done.returncode:
        return _refusal(request, done.stderr, after)
    if request.verb in ("on", "start", "restart", "reload") and after.active == "failed":
        return Reply("failed", f"it ended at once ({after.result}); see its journal", after)
    return Reply(value=after, read_back=after.state)


def tell_unit(link: object, uuid: str, trace: str) -> Reply:
    """Whether a unit is in the state that a change was to bring it into."""
    name, wanted = json.loads(trace)
    try:
        unit = show(name)
    except UnitError as error:
        return Reply("unknown", str(error))
    if unit.active in ("activating", "deactivating", "reloading"):
        return Reply("unknown", f"not over: it is {unit.active}")
    return took_effect(unit.state == wanted, unit, unit.state)


def _refusal(request: ChangeUnit, said: str, after: Unit) -> Reply:
    if any(words in said.lower() for words in _NO_RIGHTS):
        line = f"sudo {request.virsh()[0]}"
        return Reply("refused", f"systemd lets others than root not do that: {line}", after)
    return Reply("failed", _words(said), after)


def _words(said: str) -> str:
    """systemctl's complaint in one line."""
    if "not been booted with systemd" in said or "connect to bus" in said:
        return NOT_BOOTED
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join(lines[:3]) or "systemctl failed and does not say why"


def _run(*words: str, wait_s: float) -> subprocess.CompletedProcess[str]:
    """Run a program of systemd's; nothing of it reaches the terminal.

    Raises:
        UnitError: It is not there, or does not end in time.
    """
    plain = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    try:
        return subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=wait_s,
            check=False,
            env={**os.environ, **plain},
        )
    except FileNotFoundError:
        raise UnitError(f"no {words[0]} here; {NOT_BOOTED}") from None
    except subprocess.TimeoutExpired:
        raise UnitError(f"{words[0]} does not answer within {wait_s:g} s") from None
    except OSError as error:
        raise UnitError(f"{words[0]}: {error.strerror}") from error

"""The pin changes that were made, who made them and when; what undo and redo go by.

One JSON object a line in ``$XDG_STATE_HOME/vconsole/pins.jsonl`` (else below ``~/.local/state``),
so that it survives a restart. A file that cannot be written costs the persistence, never the
change: the history then lives in memory and `History.problem` says why.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from vconsole.model.cpuset import CpuSet
from vconsole.model.host_state import PinKey, PinKind
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status
from vconsole.model.virsh import change_commands

FILE_NAME: Final = "pins.jsonl"
READ_BYTES: Final = 1 << 20
"""How much of the end of the file is read at the start."""
LOCK_WAIT_S: Final = 0.05
"""A lock that somebody holds longer is not waited for: an append is one write."""

Origin = Literal["plan", "undo", "redo", "roll-back"]
_HALVES: Final = ("live_before", "live_after", "config_before", "config_after")


@dataclass(frozen=True, slots=True)
class Record:
    """One change as it was carried out."""

    when: str
    """UTC, ISO 8601 to the second: ``2025-03-01T14:02:11Z``."""
    operator: str
    """Who: the user behind sudo, and where the ssh session came from."""
    uri: str
    uuid: str
    name: str
    origin: Origin
    steps: tuple[tuple[PinStep, Status], ...]
    """Every row of the change with what became of it."""
    outcome: Status
    message: str = ""
    commands: tuple[str, ...] = ()
    """The virsh lines of the steps that took effect."""

    @property
    def applied(self) -> tuple[PinStep, ...]:
        """The steps that took effect, in order."""
        return tuple(step for step, status in self.steps if status == "applied")

    @property
    def change(self) -> PinChange:
        """What took effect, as a change."""
        return PinChange(self.uuid, self.name, self.applied, self.origin)

    def to_json(self) -> str:
        """One line of ASCII without its end."""
        fields = {name: getattr(self, name) for name in _TEXTS}
        steps = [_step_to_json(step, status) for step, status in self.steps]
        return json.dumps({**fields, "steps": steps, "commands": list(self.commands)})

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Read one line.

        Raises:
            ValueError: It is no record.
        """
        try:
            fields = json.loads(line)
            texts: dict[str, Any] = {name: _text(fields[name]) for name in _TEXTS}
            steps = tuple(_step_from_json(item) for item in _list(fields["steps"]))
            commands = tuple(_text(command) for command in _list(fields["commands"]))
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("no record") from error
        if texts["origin"] not in get_args(Origin) or texts["outcome"] not in get_args(Status):
            raise ValueError("no record")
        return cls(**texts, steps=steps, commands=commands)


_TEXTS: Final = ("when", "operator", "uri", "uuid", "name", "origin", "outcome", "message")


@dataclass(frozen=True, slots=True)
class History:
    """The known records, oldest first. A value: `record` returns the next one."""

    records: tuple[Record, ...] = ()
    path: Path | None = None
    """Where records are appended; None in memory."""
    problem: str = ""
    """Why nothing is written, as one line; empty while all is well."""
    skipped: int = 0
    """Lines of the file that were no records."""
    loaded: int = 0
    """How many of the records came from the file."""

    @classmethod
    def in_memory(cls, problem: str = "") -> History:
        """An empty history that is not written anywhere."""
        return cls(problem=problem)

    @classmethod
    def load(cls, directory: Path | None) -> History:
        """Read the end of the file in `directory`; never fails, see `problem` and `skipped`."""
        if directory is None:
            return cls.in_memory("neither XDG_STATE_HOME nor HOME names a directory")
        path = directory / FILE_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lines = last_lines(path)
        except OSError as error:
            return cls.in_memory(_reason(error, path))
        records, skipped = _parse(lines)
        problem = _why_not_writable(path)
        return cls(records, None if problem else path, problem, skipped, len(records))

    def record(
        self, outcome: Outcome, uri: str, *, split_pins: bool = True, now: datetime | None = None
    ) -> History:
        """Add what became of a change, to the file as well where there is one."""
        change = outcome.change
        done = PinChange(change.uuid, change.name, outcome.applied)
        entry = Record(
            when=f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            operator=operator(),
            uri=uri,
            uuid=change.uuid,
            name=change.name,
            origin=change.origin,
            steps=tuple((result.step, result.status) for result in outcome.steps),
            outcome=outcome.status,
            message=outcome.message,
            commands=change_commands(done, uri, split_pins=split_pins),
        )
        grown = replace(self, records=(*self.records, entry))
        if self.path is None:
            return grown
        try:
            append_line(self.path, entry.to_json())
        except OSError as error:
            return replace(grown, path=None, problem=_reason(error, self.path))
        return grown

    def undoable(self, uri: str) -> PinChange | None:
        """The last change on this connection that took effect and was not undone."""
        return self._stacks(uri)[0]

    def redoable(self, uri: str) -> PinChange | None:
        """The last change on this connection that was undone, with none made since."""
        return self._stacks(uri)[1]

    def undo(self, uri: str) -> PinChange | None:
        """The change that undoes `undoable`, or None."""
        change = self.undoable(uri)
        return change.reversed("undo") if change else None

    def redo(self, uri: str) -> PinChange | None:
        """The change that makes `redoable` again, or None."""
        change = self.redoable(uri)
        return replace(change, origin="redo") if change else None

    def _stacks(self, uri: str) -> tuple[PinChange | None, PinChange | None]:
        """The tops of the done and of the undone changes, replayed from the records."""
        done: list[PinChange] = []
        undone: list[PinChange] = []
        for record in self._of(uri):
            change = PinChange(record.uuid, record.name, tuple(_halves(record.applied)))
            if not change.steps:
                continue
            if record.origin == "plan":
                done.append(change)
                undone.clear()
            elif record.origin == "redo":
                _take(undone, change.steps)
                done.append(change)
            else:
                taken = _take(done, change.reversed().steps)
                if taken and record.origin == "undo":
                    undone.append(taken)
        return _top(done), _top(undone)

    def _of(self, uri: str) -> Iterator[Record]:
        """The records of a connection; libvirt's test driver forgets with its process."""
        first = self.loaded if uri.startswith("test:") else 0
        return (record for record in self.records[first:] if record.uri == uri)


def _top(stack: list[PinChange]) -> PinChange | None:
    return replace(stack[-1], steps=_joined(stack[-1].steps)) if stack else None


def _halves(steps: Iterable[PinStep]) -> Iterator[PinStep]:
    """The steps with live and config apart: a row may have been changed or put back by half."""
    for step in steps:
        if step.live_after is not None:
            yield replace(step, config_before=None, config_after=None)
        if step.config_after is not None:
            yield replace(step, live_before=None, live_after=None)


def _joined(halves: Iterable[PinStep]) -> tuple[PinStep, ...]:
    """The halves of a row together again."""
    rows: dict[PinKey, PinStep] = {}
    for half in halves:
        row = rows.get(half.key, half)
        rows[half.key] = PinStep(
            half.kind, half.id, **{n: getattr(half, n) or getattr(row, n) for n in _HALVES}
        )
    return tuple(rows.values())


def _take(stack: list[PinChange], steps: tuple[PinStep, ...]) -> PinChange | None:
    """Take `steps` out of the last change that has them; what it has beyond them stays."""
    wanted = set(steps)
    for place in range(len(stack) - 1, -1, -1):
        change = stack[place]
        if wanted <= set(change.steps):
            left = tuple(step for step in change.steps if step not in wanted)
            stack[place : place + 1] = [replace(change, steps=left)] if left else []
            return replace(change, steps=tuple(s for s in change.steps if s in wanted))
    return None


# ---- who and where


def operator(environ: Mapping[str, str] | None = None) -> str:
    """Who is at the keyboard: ``alice by sudo from 192.0.2.7``."""
    env = os.environ if environ is None else environ
    sudo = env.get("SUDO_USER", "")
    user = sudo or env.get("USER") or env.get("LOGNAME") or f"uid {os.getuid()}"
    client = env.get("SSH_CONNECTION", "").split()
    return user + (" by sudo" if sudo else "") + (f" from {client[0]}" if client else "")


# ---- the file


def append_line(path: Path, line: str) -> None:
    """Add one line in one write. A line that a crash cut off is closed first."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    try:
        _require_plain_file(handle, path)
        _lock(handle)
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        data = f"{chr(10) * torn}{line}\n".encode("ascii")
        if os.write(handle, data) != len(data):
            raise OSError(28, "no space left", str(path))
    finally:
        os.close(handle)


def _require_plain_file(handle: int, path: Path) -> None:
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(22, "not a regular file", str(path))
    if mode & 0o077 and os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, 0o600)


def _lock(handle: int) -> None:
    """Take the lock, or go on without it: the user interface must not wait for another program."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= deadline:
                return
            time.sleep(0.005)
        else:
            return


def last_lines(path: Path) -> list[str]:
    """The whole lines among the last `READ_BYTES`; none when there is no file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(22, "not a regular file", str(path))
        start = max(0, os.fstat(handle).st_size - READ_BYTES - 1)
        file.seek(start)
        data = file.read(READ_BYTES + 1)
    lines = data.decode("utf-8", "replace").split("\n")
    return lines[1:] if start else lines


def _parse(lines: Iterable[str]) -> tuple[tuple[Record, ...], int]:
    """The records among the lines, and how many lines were none."""
    records: list[Record] = []
    skipped = 0
    for line in lines:
        if line.strip():
            try:
                records.append(Record.from_json(line))
            except ValueError:
                skipped += 1
    return tuple(records), skipped


def _why_not_writable(path: Path) -> str:
    place = path if path.exists() else path.parent
    return "" if os.access(place, os.W_OK) else f"{place} cannot be written"


def _reason(error: OSError, path: Path) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"


def _step_to_json(step: PinStep, status: Status) -> dict[str, object]:
    sets = {name: getattr(step, name) for name in _HALVES}
    shown = {name: str(cpuset) for name, cpuset in sets.items() if cpuset is not None}
    return {"kind": step.kind, "id": step.id, **shown, "status": status}


def _step_from_json(item: Any) -> tuple[PinStep, Status]:
    kind, number, status = item["kind"], item["id"], item["status"]
    if kind not in get_args(PinKind) or status not in get_args(Status):
        raise ValueError("no step")
    if (number is None) != (kind == "emulator") or not isinstance(number, int | None):
        raise ValueError("no step")
    sets = {name: CpuSet.parse(_text(item[name])) for name in _HALVES if name in item}
    return PinStep(kind, number, **sets), status


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value

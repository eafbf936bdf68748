"""The pin changes that were made, who made them and when; what undo and redo go by.

One JSON object a line in ``$XDG_STATE_HOME/vconsole/pins.jsonl`` (else below ``~/.local/state``),
so that it survives a restart. A file that cannot be written costs the persistence, never the
change: the history then lives in memory and `History.problem` says why.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

from vconsole.changes.operator import operator
from vconsole.files.jsonlines import Stamp, append_line, last_lines, stamp
from vconsole.model.host_state import RowKey
from vconsole.model.outcome import Outcome, PinChange, PinStep, Status, halves
from vconsole.model.pin_json import FLAGS, HALVES, step_from_json, step_to_json
from vconsole.model.virsh import change_commands

FILE_NAME: Final = "pins.jsonl"

Origin = Literal["plan", "undo", "redo", "roll-back"]


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
    id: str = ""
    """Of its entry in the activity log; empty for records of older versions."""

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
        known = {"id": self.id} if self.id else {}
        return json.dumps({**known, **fields, "steps": steps, "commands": list(self.commands)})

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
            known = _text(fields.get("id", ""))
        except (LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("no record") from error
        if texts["origin"] not in get_args(Origin) or texts["outcome"] not in get_args(Status):
            raise ValueError("no record")
        return cls(**texts, steps=steps, commands=commands, id=known)


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
    ours: tuple[Record, ...] = ()
    """Those of this process; what was read of the file is that of others, or of earlier ones."""
    seen: Stamp | None = field(default=None, compare=False)
    """The file as it was when it was read."""

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
        seen = stamp(path)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lines = last_lines(path)
        except OSError as error:
            return cls.in_memory(_reason(error, path))
        records, skipped = _parse(lines)
        problem = _why_not_writable(path)
        return cls(records, None if problem else path, problem, skipped, seen=seen)

    def fresh(self) -> History:
        """The same while the file is as it was read; a command may have added to it meanwhile."""
        if self.path is None or stamp(self.path) == self.seen:
            return self
        found = History.load(self.path.parent)
        return self if found.path is None else replace(found, ours=self.ours)

    def record(
        self,
        outcome: Outcome,
        uri: str,
        *,
        split_pins: bool = True,
        now: datetime | None = None,
        id: str = "",
    ) -> History:
        """Add what became of a change, to the file as well where there is one."""
        change = outcome.change
        done = PinChange(change.uuid, change.name, outcome.applied)
        entry = Record(
            when=f"{(now or datetime.now(UTC)).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            operator=str(operator()),
            uri=uri,
            uuid=change.uuid,
            name=change.name,
            origin=change.origin,
            steps=tuple((result.step, result.status) for result in outcome.steps),
            outcome=outcome.status,
            message=outcome.message,
            commands=change_commands(done, uri, split_pins=split_pins),
            id=id,
        )
        grown = replace(self, records=(*self.records, entry), ours=(*self.ours, entry))
        if self.path is None:
            return grown
        try:
            append_line(self.path, entry.to_json())
        except OSError as error:
            return replace(grown, path=None, problem=_reason(error, self.path))
        return grown

    def done(self, uri: str) -> tuple[PinChange, ...]:
        """What was changed on this connection and not undone, the last first."""
        return tuple(map(_whole, reversed(self._stacks(uri)[0])))

    def undoable(self, uri: str) -> PinChange | None:
        """The last change on this connection that took effect and was not undone."""
        return next(iter(self.done(uri)), None)

    def redoable(self, uri: str) -> PinChange | None:
        """The last change on this connection that was undone, with none made since."""
        undone = self._stacks(uri)[1]
        return _whole(undone[-1]) if undone else None

    def undo(self, uri: str) -> PinChange | None:
        """The change that undoes `undoable`, or None."""
        change = self.undoable(uri)
        return change.reversed("undo") if change else None

    def redo(self, uri: str) -> PinChange | None:
        """The change that makes `redoable` again, or None."""
        change = self.redoable(uri)
        return replace(change, origin="redo") if change else None

    def _stacks(self, uri: str) -> tuple[list[PinChange], list[PinChange]]:
        """The done and the undone changes, the last at the end, replayed from the records."""
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
        return done, undone

    def _of(self, uri: str) -> Iterator[Record]:
        """The records of a connection; libvirt's test driver forgets with its process."""
        known = self.ours if uri.startswith("test:") else self.records
        return (record for record in known if record.uri == uri)


def _whole(change: PinChange) -> PinChange:
    return replace(change, steps=_joined(change.steps))


def _halves(steps: Iterable[PinStep]) -> Iterator[PinStep]:
    """The steps with live and config apart: a row may have been changed or put back by half."""
    for step in steps:
        live, config = halves(step)
        if step.live_after is not None:
            yield live
        if step.config_after is not None:
            yield config


def _joined(halves: Iterable[PinStep]) -> tuple[PinStep, ...]:
    """The halves of a row together again."""
    rows: dict[RowKey, PinStep] = {}
    for half in halves:
        row = rows.get(half.key, half)
        sets: dict[str, Any] = {n: getattr(half, n) or getattr(row, n) for n in (*HALVES, *FLAGS)}
        rows[half.key] = PinStep(half.kind, half.id, **sets)
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


# ---- the file


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
    return {**step_to_json(step), "status": status}


def _step_from_json(item: Any) -> tuple[PinStep, Status]:
    if item["status"] not in get_args(Status):
        raise ValueError("no step")
    return step_from_json(item), item["status"]


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value

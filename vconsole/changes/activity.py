"""The activity log: every change that was asked for, who asked, and what became of it.

One JSON object a line in ``$XDG_STATE_HOME/vconsole/activity.jsonl`` (else below
``~/.local/state``), only ever appended to. A log that cannot be written stops no change: the
entries are then kept in memory and `ActivityLog.problem` says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vconsole.changes.history import append_line as append
from vconsole.changes.history import last_lines as last_lines
from vconsole.changes.history import operator
from vconsole.model.proposal import Logged, masked
from vconsole.model.request import Reply

FILE_NAME: Final = "activity.jsonl"
MAX_CHARS: Final = 1000
"""No text of an entry is longer: names, messages and virsh lines may be foreign."""
MOST: Final = 1000
"""Entries shown."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one domain, or of the host."""

    when: str
    """UTC, ISO 8601 to the second."""
    operator: str
    """The user behind sudo, and where the ssh session came from."""
    uri: str
    uuid: str
    name: str
    action: str
    before: str
    after: str
    outcome: str
    message: str = ""
    virsh: str = ""
    """The equivalent lines, where there are any."""

    def to_json(self) -> str:
        """One line of ASCII without its end."""
        return json.dumps({key: text[:MAX_CHARS] for key, text in asdict(self).items()})

    @classmethod
    def from_json(cls, line: str) -> Entry:
        """Read one line.

        Raises:
            ValueError: It is no entry.
        """
        try:
            found = json.loads(line)
            texts = {field.name: found[field.name] for field in fields(cls)}
        except (LookupError, TypeError, RecursionError) as error:
            raise ValueError("no entry") from error
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("no entry")
        return cls(**texts)


def is_change(request: object) -> bool:
    """Whether a request is to be logged: those that change something say `what`."""
    return isinstance(getattr(request, "what", None), str)


def of_reply(change: Logged, reply: Reply, uri: str) -> Entry:
    """Make the entry for a request that `is_change`."""
    lines = change.lines()
    after = reply.read_back or (_signed(lines, "+") if reply.status == "applied" else "")
    return _entry(
        *(uri, change.uuid, change.name, change.what),
        before=_signed(lines, "-"),
        after=after,
        outcome=reply.status,
        message=reply.message,
        virsh="\n".join(change.virsh(uri)),
    )


def _signed(lines: Iterable[str], sign: str) -> str:
    """One side of a difference."""
    return "; ".join(line[1:].strip() for line in lines if line.startswith(sign))


def _entry(
    uri: str,
    uuid: str,
    name: str,
    action: str,
    *,
    before: str = "",
    after: str = "",
    outcome: str,
    message: str,
    virsh: str = "",
) -> Entry:
    before, after, message, virsh = map(masked, (before, after, message, virsh))
    return Entry(
        *(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", operator(), uri, uuid, name, action),
        *(before, after, outcome, message, virsh),
    )


class ActivityLog:
    """The file below `directory`; without one entries are kept in memory.

    Attributes:
        path: The file, None without one.
        problem: Why the latest entry is not in it; empty while all is well.
    """

    def __init__(self, directory: Path | None) -> None:
        self.path = directory / FILE_NAME if directory else None
        self.problem = "" if directory else "neither XDG_STATE_HOME nor HOME names a directory"
        self._kept: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Append an entry in one write; never fails, see `problem`."""
        if self.path is not None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                append(self.path, entry.to_json())
            except OSError as error:
                self.problem = _reason(self.path, error)
            else:
                self.problem = ""
                return
        self._kept.append(entry)

    def newest(self) -> tuple[Entry, ...]:
        """Read the latest `MOST` entries, newest first; lines that are none are left out."""
        found: list[Entry] = []
        try:
            lines = last_lines(self.path) if self.path is not None else []
        except OSError as error:
            self.problem, lines = _reason(self.path, error), []
        for line in reversed(lines):
            if len(found) == MOST:
                break
            try:
                found.append(Entry.from_json(line))
            except ValueError:
                continue
        kept = reversed(self._kept)
        return tuple(sorted((*kept, *found), key=lambda entry: entry.when, reverse=True))[:MOST]


def _reason(path: Path | None, error: OSError) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"

"""The activity log: every change that was asked for, who asked, and what became of it.

One JSON object a line in ``$XDG_STATE_HOME/vconsole/activity.jsonl`` (else below
``~/.local/state``), only ever appended to: the intent before the change is made, the outcome after
it, each on the disk before anything else is done. A log that cannot be written stops no change: the
entries are then kept in memory and `ActivityLog.problem` says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Final

from vconsole.changes.entry import BEGUN, Entry
from vconsole.changes.operator import operator
from vconsole.changes.process import is_over
from vconsole.files.jsonlines import append_line as append
from vconsole.files.jsonlines import last_lines as last_lines
from vconsole.model.proposal import Logged, masked
from vconsole.model.request import Reply

FILE_NAME: Final = "activity.jsonl"
MOST: Final = 1000
"""Entries shown."""


def is_change(request: object) -> bool:
    """Whether a request is to be logged: those that change something say `what`."""
    return isinstance(getattr(request, "what", None), str)


def of_intent(change: Logged, uri: str) -> Entry:
    """Make the entry for a change that is about to be made."""
    lines = change.lines()
    return Entry(
        *(now(), str(operator()), uri, change.uuid, change.name, change.what),
        before=masked(_signed(lines, "-")),
        after=masked(_signed(lines, "+")),
        outcome=BEGUN,
        virsh=masked("\n".join(change.virsh(uri))),
        trace=getattr(change, "trace", ""),
    )


def ended(intent: Entry, reply: Reply, left: bool = False) -> Entry:
    """The entry of an intent with what became of it; where that is `left` to be asked, by what."""
    after = reply.read_back or (intent.after if reply.status == "applied" else "")
    after, message = masked(after), masked(reply.message)
    known = replace(intent, after=after, outcome=reply.status, message=message)
    return known if left else replace(known, trace="", process="")


def now() -> str:
    """The time as an entry has it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _signed(lines: Iterable[str], sign: str) -> str:
    """One side of a difference."""
    return "; ".join(line[1:].strip() for line in lines if line.startswith(sign))


class ActivityLog:
    """The file below `directory`; without one entries are kept in memory. For any thread.

    Attributes:
        path: The file, None without one.
        problem: Why the latest entry is not in it; empty while all is well.
    """

    def __init__(self, directory: Path | None) -> None:
        self.path = directory / FILE_NAME if directory else None
        self.problem = "" if directory else "neither XDG_STATE_HOME nor HOME names a directory"
        self._kept: list[Entry] = []
        self._lock = Lock()

    def add(self, entry: Entry) -> None:
        """Append an entry in one write; never fails, see `problem`."""
        with self._lock:
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
        """Read the latest `MOST` entries, newest first; lines that are none are left out.

        Of an intent and its outcome only the outcome is answered.
        """
        return merged(self._all())

    def unsettled(self, uri: str) -> tuple[Entry, ...]:
        """List what processes that have ended did not find out.

        Intents without an outcome, and those of unknown outcome that were left to be asked; of
        this connection, or of this machine's files and services.
        """
        left = (e for e in merged(self._all()) if e.outcome in (BEGUN, "unknown"))
        return tuple(e for e in left if e.uri in (uri, "") and is_over(e.process))

    def _all(self) -> list[Entry]:
        """Every entry, oldest first."""
        found: list[Entry] = []
        try:
            lines = last_lines(self.path) if self.path is not None else []
        except OSError as error:
            self.problem, lines = _reason(self.path, error), []
        for line in lines:
            try:
                found.append(Entry.from_json(line))
            except ValueError:
                continue
        with self._lock:
            return found + self._kept


def merged(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The latest `MOST`, newest first; those of one id are the one that came last.

    Args:
        entries: Oldest first.
    """
    known: dict[object, Entry] = {}
    for place, entry in enumerate(entries):
        key = entry.id or place
        if entry.outcome == BEGUN and key in known:
            continue  # of the journal, which has its own order
        known[key] = entry
    newest = list(reversed(known.values()))
    newest.sort(key=lambda entry: entry.when, reverse=True)
    return tuple(newest)[:MOST]


def _reason(path: Path | None, error: OSError) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"

"""Reads the log beside the user interface: the file, and the journal where there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from vconsole.changes import journal
from vconsole.changes.activity import MOST, ActivityLog, merged
from vconsole.changes.entry import Entry
from vconsole.model.request import Reply


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read what was changed, by everybody where the journal may be read: answers a `Log`."""

    log: ActivityLog = field(compare=False)
    deadline_s: ClassVar[float] = journal.DEADLINE_S + 4.0


@dataclass(frozen=True, slots=True)
class ReadCutOff:
    """Read the intents of processes that ended before they wrote an outcome: a tuple of `Entry`."""

    log: ActivityLog = field(compare=False)
    uri: str
    """Of the connection that can be asked about them."""
    deadline_s: ClassVar[float] = 5.0


@dataclass(frozen=True, slots=True)
class Log:
    """What was changed.

    Attributes:
        entries: Newest first.
        note: Why the changes of others are not among them; empty if they are.
    """

    entries: tuple[Entry, ...]
    note: str = ""


def read_log(request: ReadLog) -> Reply:
    """Read file and journal; an entry that is in both is one."""
    mine = request.log.newest()
    theirs, note = journal.read(MOST)
    known = {entry.id for entry in mine}
    others = (entry for entry in theirs if not entry.id or entry.id not in known)
    oldest_first = sorted((*reversed(mine), *others), key=lambda entry: entry.when)
    return Reply(value=Log(merged(oldest_first), note))


def read_cut_off(request: ReadCutOff) -> Reply:
    """Look for them in the file."""
    return Reply(value=request.log.unsettled(request.uri))

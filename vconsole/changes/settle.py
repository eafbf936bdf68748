"""Finds out whether a change took effect of which nobody knows: by reading the host again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from vconsole.changes.entry import Entry
from vconsole.host.link import Link
from vconsole.model.manifest import imported
from vconsole.model.request import Reply
from vconsole.model.words import plural

NO_WAY = "it cannot be told from here"


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """Ask whether a change took effect; answers a reply as to the change itself."""

    entry: Entry
    """Its intent."""
    of: object = field(default=None, compare=False)
    """The request, where it is one of this process."""
    deadline_s: ClassVar[float] = 20.0


Tell = Callable[[Link, str, str], Reply]
"""Given the connection, a domain's UUID and what `Entry.trace` holds, tells what became of it."""


def read_outcome(link: Link, request: ReadOutcome) -> Reply:
    """Have the feature tell that made the change."""
    from vconsole.changes.host_requests import SHARED
    from vconsole.registry import ANSWERS

    entry = request.entry
    answer = next((a for a in (*SHARED, *ANSWERS) if a.request == entry.kind), None)
    if answer is None or not answer.tells or not entry.trace:
        why = answer.untold if answer is not None else ""
        return Reply("unknown", f"{NO_WAY}: {why or 'look'}")
    reply: Reply = imported(answer.tells)(link, entry.uuid, entry.trace)
    return reply


def summary(replies: Sequence[Reply]) -> str:
    """Say of several: ``3 changes of unknown outcome: 2 took effect, 1 did not``."""
    count = Counter(reply.status for reply in replies)
    words = [f"{count['applied']} took effect"] if count["applied"] else []
    words += [f"{count['not tried']} did not"] if count["not tried"] else []
    if left := len(replies) - count["applied"] - count["not tried"]:
        words.append(f"{left} cannot be told")
    return f"{plural(len(replies), 'change')} of unknown outcome: {', '.join(words)}"

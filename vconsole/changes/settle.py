"""Finds out whether a change took effect of which nobody knows: by reading the host again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import ClassVar

from vconsole.changes.entry import Entry
from vconsole.host.link import Link
from vconsole.model.manifest import imported
from vconsole.model.request import Reply
from vconsole.model.words import plural

NO_WAY = "it cannot be told from here"
MOST_CUT_OFF = 64
"""Of earlier programs that are asked about at a start."""
HELD_S = 8.0
"""Less than the deadline: that it is not over is an answer, too."""
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class ReadOutcome:
    """Ask whether a change took effect; answers a reply as to the change itself."""

    entry: Entry
    """Its intent."""
    of: object = field(default=None, compare=False)
    """The request, where it is one of this process."""
    wait_s: float = field(default=HELD_S, compare=False)
    """How long a call that is not over is waited for."""
    deadline_s: ClassVar[float] = 20.0


Tell = Callable[[Link, str, str], Reply]
"""Given the connection, a domain's UUID and what `Entry.trace` holds, tells what became of it."""


def read_outcome(link: Link, request: ReadOutcome) -> Reply:
    """Have the feature tell that made the change; the reply says to ask again if it is not over."""
    from vconsole.changes.host_requests import SHARED
    from vconsole.host.domain_job import held
    from vconsole.registry import ANSWERS

    entry = request.entry
    answer = next((a for a in (*SHARED, *ANSWERS) if a.request == entry.kind), None)
    if answer is None or not answer.tells or not entry.trace:
        why = answer.untold if answer is not None else ""
        return Reply("unknown", f"{NO_WAY}: {why or 'look'}")
    if entry.uuid and (why := held(link, entry.uuid, request.wait_s)):
        return Reply("unknown", why, settle=request)
    tell, end = imported(answer.tells), monotonic() + request.wait_s
    reply: Reply = tell(link, entry.uuid, entry.trace)
    while reply.settle and monotonic() < end:
        sleep(_LOOK_S)
        reply = tell(link, entry.uuid, entry.trace)
    return replace(reply, settle=request) if reply.settle else reply


def summary(replies: Sequence[Reply]) -> str:
    """Say of several: ``3 changes of unknown outcome: 2 took effect, 1 did not``."""
    count = Counter(reply.status for reply in replies)
    words = [f"{count['applied']} took effect"] if count["applied"] else []
    words += [f"{count['not tried']} did not"] if count["not tried"] else []
    waiting = sum(isinstance(reply.settle, ReadOutcome) for reply in replies)
    words += [f"{waiting} {'is' if waiting == 1 else 'are'} not over"] if waiting else []
    if left := len(replies) - count["applied"] - count["not tried"] - waiting:
        words.append(f"{left} cannot be told")
    return f"{plural(len(replies), 'change')} of unknown outcome: {', '.join(words)}"

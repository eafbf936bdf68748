"""Keeps the record of changes, in the threads that make them: intent, outcome, how to undo it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, cast
from uuid import uuid4

from vconsole.changes import journal
from vconsole.changes.activity import ActivityLog, ended, is_change, of_intent
from vconsole.changes.entry import Entry
from vconsole.changes.jobs import JobBoard
from vconsole.changes.operator import operator
from vconsole.changes.process import this_process
from vconsole.changes.settle import ReadOutcome
from vconsole.changes.store import PinHistory
from vconsole.model.manifest import name_of
from vconsole.model.outcome import Outcome
from vconsole.model.proposal import Logged
from vconsole.model.request import Reply


class Recorder(Protocol):
    """Who is told of each request, before and after it is handled. Must not fail."""

    def begun(self, request: object) -> Entry | None:
        """Note what is about to be done; answers what `ended` wants to know."""

    def ended(self, entry: Entry | None, request: object, reply: Reply) -> Reply:
        """Note what became of it; answers the reply to publish."""


class Records:
    """Writes activity log, journal and pin history.

    Args:
        log: The activity log.
        uri: Answers the connection's URI.
        pins: The history of pins.
        jobs: What is under way, for other processes to see.
    """

    def __init__(
        self,
        log: ActivityLog,
        uri: Callable[[], str],
        pins: PinHistory,
        jobs: JobBoard | None = None,
    ) -> None:
        self.log, self._uri, self._pins = log, uri, pins
        self._jobs = jobs or JobBoard(None)

    def begun(self, request: object) -> Entry | None:
        """Write the intent of a change."""
        if isinstance(request, ReadOutcome):
            return request.entry
        if not is_change(request):
            return None
        intent = of_intent(cast("Logged", request), self._uri())
        kind = name_of(type(request))
        intent = replace(intent, id=uuid4().hex, process=this_process(), kind=kind)
        self._write(intent)
        self._jobs.begun(cast("Logged", request), intent.uri)
        return intent

    def ended(self, entry: Entry | None, request: object, reply: Reply) -> Reply:
        """Write the outcome; an unknown one carries how to find out."""
        if entry is None:
            return reply
        self._jobs.ended(request)
        told = reply.value is not None and not isinstance(reply.value, Outcome)
        left = reply.status == "unknown" and not told
        if isinstance(request, ReadOutcome) and reply.status not in ("applied", "not tried"):
            left = reply.status != "unknown"
            reply = replace(reply, status="unknown")  # that nobody could be asked tells nothing
        if reply.settle is None:  # else it is not over, and asked again: the log says so already
            self._write(ended(entry, reply, left))
        if isinstance(reply.value, Outcome) and reply.value.applied:
            self._pins.record(_named(reply.value, entry), entry.uri, _splits(request), entry.id)
        ask = left and not isinstance(request, ReadOutcome)
        return replace(reply, settle=ReadOutcome(entry, request)) if ask else reply

    def _write(self, entry: Entry) -> None:
        self.log.add(entry)
        if not entry.uri.startswith("test:"):  # its hosts live and die with this process
            journal.send(entry, operator().origin)


def _named(outcome: Outcome, entry: Entry) -> Outcome:
    """The outcome with the name of its domain, which a trace does not hold."""
    change = outcome.change
    return replace(outcome, change=replace(change, name=change.name or entry.name))


def _splits(request: object) -> bool:
    """Whether the driver keeps live and config pins apart, as far as the request says."""
    asked = request.of if isinstance(request, ReadOutcome) else request
    return getattr(asked, "split_pins", True) is not False

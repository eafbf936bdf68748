"""A host that does what a test says: the feed of the app without threads and clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vconsole.changes.dispatcher import Request
from vconsole.changes.history import History
from vconsole.changes.log import Log, ReadLog
from vconsole.changes.recorder import Records
from vconsole.console.app import VConsole
from vconsole.features.pins.model.setting_rows import setting_rows
from vconsole.files.config import Config
from vconsole.host.source import View
from vconsole.model.host_state import EMPTY, Domain, HostState, Pin
from vconsole.model.outcome import Outcome, PinChange, PinStep, StepOutcome
from vconsole.model.proposal import Propose, Subject, proposals
from vconsole.model.request import ReadConfigurations, Reply
from vconsole.model.set_pins import SetPins
from vconsole.model.setting import SettingRow

Answers = Mapping[type, Callable[[Any], Reply | None]]
"""Type of request -> who answers it; None while the answer is awaited."""


class ScriptedFeed:
    """Publishes what it is given; applies pins to its own state of the host."""

    def __init__(self, publish: Callable[[HostState], object]) -> None:
        self._publish = publish
        self.host_state = EMPTY
        self.views: list[View] = []
        self.changes: list[PinChange] = []
        self.answer: Callable[[PinChange], Outcome] = self.apply
        self.started = self.stopped = False
        self.refreshed = 0

    def start(self) -> None:
        """Publish what there is."""
        self.started = True
        self.show(self.host_state)

    def go_on(self) -> None:
        """It has shown all there is."""

    def show(self, host_state: HostState) -> None:
        """Publish another reading."""
        self.host_state = host_state
        if self.started:
            self._publish(host_state)

    def look(self, view: View) -> None:
        """Note it."""
        self.views.append(view)

    def set_pins(self, request: SetPins) -> Reply:
        """Answer as the test says, by default by applying."""
        self.changes.append(request.change)
        outcome = self.answer(request.change)
        self._publish(self.host_state)
        took_s = None if outcome.took_ms is None else outcome.took_ms / 1000
        return Reply(outcome.status, outcome.message, outcome, took_s=took_s)

    def see(self, sight: frozenset[str] | None) -> None:
        """It reads all there is."""

    def refresh(self, uuid: str = "") -> None:
        """Note it."""
        self.refreshed += 1

    def stop(self) -> None:
        """Note it."""
        self.stopped = True

    def apply(self, change: PinChange) -> Outcome:
        """Set the pins in the snapshot, as libvirt would."""
        domains = tuple(
            _pinned(d, change) if d.uuid == change.uuid else d for d in self.host_state.domains
        )
        self.host_state = replace(self.host_state, domains=domains)
        steps = tuple(
            StepOutcome(s, "applied", live=s.live_after, config=s.config_after)
            for s in change.steps
        )
        return Outcome(change, "applied", steps, took_ms=38.0)


def _pinned(domain: Domain, change: PinChange) -> Domain:
    steps = {step.key: step for step in change.steps}
    pins = tuple(moved(p, steps[p.key]) if p.key in steps else p for p in domain.pins)
    rows = tuple(moved(r, steps[r.key]) if r.key in steps else r for r in setting_rows(domain))
    return replace(domain, pins=pins, settings=rows)


Row = TypeVar("Row", bound=Pin | SettingRow)


def moved(row: Row, step: PinStep) -> Row:
    """The row as a step wants it."""
    sets: dict[str, Any] = {
        "live": row.live if step.live_after is None else step.live_after,
        "config": row.config if step.config_after is None else step.config_after,
    }
    return replace(row, **sets)


def proposer(read: Callable[[ReadConfigurations], Reply]) -> Callable[[Propose], Reply]:
    """Plans as the host does, by XML that a test gives."""

    def subject(uuid: str, name: str) -> Subject:
        reply = read(ReadConfigurations((uuid,)))
        found = reply.value.get(uuid) if isinstance(reply.value, Mapping) else None
        if found is None:
            raise LookupError(reply.message or "it is gone")
        return Subject(uuid, name, found.live, found.config)

    return lambda request: Reply(value=proposals(request, subject))


class ScriptedDispatcher:
    """Answers requests at once, by type; what no test cares about is not answered."""

    def __init__(
        self, answers: Answers, publish: Callable[[Request, Reply], object], records: Records
    ) -> None:
        self.answers, self._publish, self.records = answers, publish, records
        self.asked: list[Request] = []

    def ask(self, request: Request) -> None:
        """Answer it."""
        self.asked.append(request)
        answer = self.answers.get(type(request))
        entry = self.records.begun(request)
        if answer and (reply := answer(request)) is not None:
            self._publish(request, self.records.ended(entry, request, reply))

    def stop(self) -> None:
        """Nothing runs."""


def _without_journal(request: ReadLog) -> Reply:
    """What was changed by this console; the journal of the machine is no matter of tests."""
    return Reply(value=Log(request.log.newest()))


def make_console(
    host_state: HostState,
    config: Config | None = None,
    history: History | None = None,
    answers: Answers | None = None,
    state: Path | None = None,
) -> tuple[VConsole, ScriptedFeed]:
    """An app on a scripted host, and that host."""
    feeds: list[ScriptedFeed] = []

    def open_feed(publish: Callable[[HostState], object]) -> ScriptedFeed:
        feeds.append(ScriptedFeed(publish))
        feeds[0].host_state = host_state
        return feeds[0]

    def open_dispatcher(
        publish: Callable[[Request, Reply], object], records: Records
    ) -> ScriptedDispatcher:
        given: Answers = {SetPins: feeds[0].set_pins, ReadLog: _without_journal, **(answers or {})}
        return ScriptedDispatcher(given, publish, records)

    app = VConsole(config or Config(), open_feed, open_dispatcher, history, state=state)
    return app, feeds[0]

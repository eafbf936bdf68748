"""Changes of several domains: so many at a time, those of one domain in their order.

What a failure means to the others, a run may be told: see `OnFailure`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from vconsole.model.proposal import Change
from vconsole.model.request import Reply
from vconsole.model.wait import Wait

AT_A_TIME = 8
"""Changes under way at the same time; the others wait for their turn."""
C = TypeVar("C", bound=Change)


OnFailure = Callable[[C, Reply], tuple[Sequence[C], Mapping[str, str]]]
"""Answers the changes that are made next because one failed, such as putting its first half back,
and the UUIDs of domains that are not to be tried any more, each with the reason."""


class ChangeRun(Generic[C]):
    """See the module. `ask` hands a change to the dispatcher; its reply comes back by `replied`.

    Args:
        at_a_time: Changes under way at the same time.
        on_failure: What a failure means to others; by default nothing.

    Attributes:
        title: What is done.
        changes: All of them, in order; equal ones are one.
        under_way: Those that began and have no reply yet.
        replies: What became of the others that began, or that were given up.
    """

    def __init__(
        self,
        title: str,
        changes: Sequence[C],
        ask: Callable[[C], object],
        at_a_time: int = AT_A_TIME,
        on_failure: OnFailure[C] | None = None,
    ) -> None:
        self._at_a_time, self._on_failure = at_a_time, on_failure
        self.title, self.changes = title, tuple(dict.fromkeys(changes))
        self.under_way: list[C] = []
        self.replies: dict[C, Reply] = {}
        self._unknown: dict[C, str] = {}
        """What was said of those of unknown outcome, before they were asked about."""
        self._ask = ask

    @property
    def done(self) -> bool:
        """Every change has its reply."""
        return len(self.replies) == len(self.changes)

    @property
    def failed(self) -> list[C]:
        """Those that were not applied."""
        return [change for change, reply in self.replies.items() if reply.status != "applied"]

    def begin(self) -> None:
        """Begin as many as there is room for."""
        busy = {change.uuid for change in self.under_way}
        for change in self.changes:
            if len(self.under_way) >= self._at_a_time:
                break
            if change not in self.replies and change.uuid not in busy:
                busy.add(change.uuid)
                self.under_way.append(change)
                self._ask(change)

    def replied(self, request: object, reply: Reply) -> bool:
        """Take a reply; False where the request is none of this run.

        After a failure the rest of the same domain is not tried.
        """
        change = next((c for c in self.under_way if c is request), None)
        if change is None:
            return False
        self.under_way.remove(change)
        self.replies[change] = reply
        if reply.status != "applied":
            self._drop("after a failure", change.uuid)
            self._follow(change, reply)
        self.begin()
        return True

    def _follow(self, change: C, reply: Reply) -> None:
        """Make what a failure asks for next, and leave out whom it hinders."""
        if self._on_failure is None:
            return
        more, hindered = self._on_failure(change, reply)
        for uuid, why in hindered.items():
            self._drop(why, uuid)
        place = self.changes.index(change) + 1
        self.changes = (*self.changes[:place], *more, *self.changes[place:])

    @property
    def waiting(self) -> dict[C, Wait]:
        """Those under way that say what they wait for, and can be given up."""
        waits = ((change, getattr(change, "wait", None)) for change in self.under_way)
        return {change: wait for change, wait in waits if isinstance(wait, Wait)}

    def settled(self, request: object, reply: Reply) -> None:
        """Take what reading again has shown of a change of unknown outcome."""
        known = next((c for c in self.replies if c is request), None)
        if known is not None:
            before = self._unknown.setdefault(known, self.replies[known].message)
            words = "; ".join(filter(None, (before, reply.message)))
            self.replies[known] = replace(reply, message=words)

    def cancel(self) -> None:
        """Begin nothing more, and wait no longer for those under way."""
        self._drop("cancelled")
        for wait in self.waiting.values():
            wait.give_up()

    def _drop(self, why: str, uuid: str | None = None) -> None:
        for change in self.changes:
            begun = change in self.replies or any(change is c for c in self.under_way)
            if not begun and uuid in (None, change.uuid):
                self.replies[change] = Reply("not tried", why)

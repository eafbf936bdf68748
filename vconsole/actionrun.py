"""One action on several domains: so many at a time, each with its own end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vconsole.model.actions import Action
from vconsole.model.requests import Act, Reply

AT_A_TIME = 8
"""Domains acted on at the same time; the others wait for their turn."""


class ActionRun:
    """See the module. `ask` hands an act to the desk; its reply comes back by `replied`.

    Attributes:
        acts: All of them by the UUID of their domain, in order.
        under_way: Those that began and have no reply yet, likewise.
        replies: What became of the others that began, or were cancelled.
    """

    def __init__(self, action: Action, acts: Sequence[Act], ask: Callable[[Act], object]) -> None:
        self.action, self.acts = action, {act.uuid: act for act in acts}
        self.under_way: dict[str, Act] = {}
        self.replies: dict[str, Reply] = {}
        self._ask = ask
        self._waiting = list(reversed(acts))

    @property
    def done(self) -> bool:
        """Every domain has its reply."""
        return len(self.replies) == len(self.acts)

    def begin(self) -> None:
        """Begin as many as there is room for."""
        while self._waiting and len(self.under_way) < AT_A_TIME:
            act = self._waiting.pop()
            self.under_way[act.uuid] = act
            self._ask(act)

    def replied(self, request: object, reply: Reply) -> bool:
        """Take a reply; False where the request is none of this run."""
        if not isinstance(request, Act) or self.under_way.get(request.uuid) is not request:
            return False
        del self.under_way[request.uuid]
        self.replies[request.uuid] = reply
        self.begin()
        return True

    def cancel(self) -> None:
        """Begin nothing more, and wait no longer for those under way."""
        for act in self._waiting:
            self.replies[act.uuid] = Reply("not tried", "cancelled")
        self._waiting.clear()
        for act in self.under_way.values():
            act.wait.give_up()

"""Asks a host that is far away several questions at a time, for each alone takes a round trip."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")
WIDTH = 4
"""libvirtd works on five calls of a client at a time, by default (max_client_requests); one is left
for who shares the connection."""


class Reached(Protocol):
    """A connection, as far as it matters here."""

    @property
    def far(self) -> bool:
        """Each question to the host takes long."""


def together(link: Reached, ask: Callable[[Item], Found], of: Iterable[Item]) -> list[Found]:
    """What `ask` finds of each item, in their order.

    A host nearby is asked one thing after another: it gains nothing, and may be busy.

    Raises:
        Exception: The first that `ask` raises, once the calls under way are back; no other begins.
    """
    todo = deque(enumerate(of))
    found: dict[int, Found] = {}
    failures: list[Exception] = []

    def work(until_far: bool = False) -> None:
        while todo and not failures and not (until_far and link.far):
            try:
                place, item = todo.popleft()
            except IndexError:  # another was quicker
                return
            try:
                found[place] = ask(item)
            except Exception as error:  # raised where the answer is waited for
                failures.append(error)

    work(until_far=True)
    # No executor: at the end of the program it would wait for a call that hangs.
    more = range(min(WIDTH, len(todo)) - 1)
    others = [Thread(target=work, name="vconsole-far", daemon=True) for _ in more]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]
    return [found[place] for place in sorted(found)]

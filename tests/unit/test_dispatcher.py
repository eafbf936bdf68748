"""The dispatcher: requests beside the reading, each with a deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from time import sleep
from typing import Any

import pytest

from tests.integration.ground import wait_until
from vconsole.changes.dispatcher import Dispatcher, Request
from vconsole.model.request import Reply


@dataclass(frozen=True)
class Wanted:
    word: str
    deadline_s: float = 60.0


@dataclass(frozen=True)
class Changing(Wanted):
    what: str = "change it"


@dataclass(frozen=True)
class Reading(Wanted):
    path: Path = Path("/mnt/x")


class Office:
    """A dispatcher and what it published."""

    def __init__(self, handle: Callable[[Wanted], Reply], **limits: Any) -> None:
        self.replies: Queue[tuple[Request, Reply]] = Queue()
        self.dispatcher = Dispatcher(
            dict.fromkeys((Wanted, Changing, Reading), handle),
            lambda *pair: self.replies.put(pair),
            **limits,
        )

    def next(self) -> tuple[Request, Reply]:
        return self.replies.get(timeout=30)

    def nothing_more(self) -> bool:
        try:
            self.replies.get(timeout=0.1)
        except Empty:
            return True
        return False


def test_each_request_is_answered_once() -> None:
    office = Office(lambda request: Reply(value=request.word.upper()))
    for word in ("a", "b", "c", "d", "e", "f"):
        office.dispatcher.ask(Wanted(word))
    answers: dict[str, object] = {}
    for _ in range(6):
        request, reply = office.next()
        assert isinstance(request, Wanted)
        answers[request.word] = reply.value
    assert answers == {word: word.upper() for word in "abcdef"}
    assert office.nothing_more()


def test_an_answer_took_what_passed_since_it_was_asked_for_a_queue_and_all() -> None:
    def handle(_: Wanted) -> Reply:
        sleep(0.1)
        return Reply()

    office = Office(handle, width=1)
    for word in "abc":
        office.dispatcher.ask(Wanted(word))
    took = [reply.took_s or 0.0 for _, reply in (office.next(), office.next(), office.next())]
    assert took[2] > took[1] > took[0] >= 0.1
    assert took[2] >= 0.3


def test_what_a_handler_raises_is_an_answer() -> None:
    def fail(request: Wanted) -> Reply:
        raise OSError(28, "No space left on device")

    office = Office(fail)
    office.dispatcher.ask(Wanted("x"))
    _, reply = office.next()
    assert (reply.status, reply.message) == (
        "failed",
        "OSError: [Errno 28] No space left on device",
    )


def test_a_hanging_request_is_unknown_and_its_late_answer_dropped() -> None:
    release, ended = threading.Event(), threading.Event()

    def hang(request: Wanted) -> Reply:
        release.wait(60)
        ended.set()
        return Reply(value="late")

    office = Office(hang)
    office.dispatcher.ask(Wanted("x", deadline_s=0.05))
    _, reply = office.next()
    assert (reply.status, reply.message) == ("unknown", "no answer within 0.05 s")
    release.set()
    assert ended.wait(30)
    assert office.nothing_more()


def test_a_host_far_away_has_longer() -> None:
    def handle(_: Wanted) -> Reply:
        sleep(0.3)
        return Reply()

    office = Office(handle, more_s=lambda: 30.0)
    office.dispatcher.ask(Wanted("a", deadline_s=0.05))
    assert office.next()[1].status == "applied"


def test_a_hanging_request_delays_no_other_and_too_many_are_refused() -> None:
    release = threading.Event()

    def handle(request: Wanted) -> Reply:
        if request.word.startswith("hang"):
            release.wait(60)
        return Reply()

    office = Office(handle, width=1, hanging=2)
    for word in ("hang a", "quick", "hang b", "refused"):
        office.dispatcher.ask(Wanted(word, deadline_s=0.05 if "hang" in word else 60.0))
    assert [office.next()[1].status for _ in range(4)] == [
        "unknown",
        "applied",
        "unknown",
        "refused",
    ]
    release.set()


def test_what_hangs_is_not_asked_again_before_it_has_answered() -> None:
    """A page asks each second; a change is another each time, and is never held up by it."""
    release, asked = threading.Event(), list[str]()

    def handle(request: Wanted) -> Reply:
        asked.append(request.word)
        release.wait(60)
        return Reply()

    office = Office(handle)
    for word in ("disk", "disk", "other", "disk"):
        office.dispatcher.ask(Wanted(word, deadline_s=0.05))
        assert office.next()[1].status == "unknown"
    wait_until(lambda: len(asked) >= 2, "both are handled, however late")
    assert sorted(asked) == ["disk", "other"]
    office.dispatcher.ask(Changing("disk", deadline_s=0.05))
    office.dispatcher.ask(Changing("disk", deadline_s=0.05))
    assert [office.next()[1].message for _ in range(2)] == ["no answer within 0.05 s"] * 2
    release.set()
    wait_until(lambda: not office.dispatcher._hanging, "all have come back")
    office.dispatcher.ask(Wanted("disk"))
    assert office.next()[1].status == "applied"


def test_of_a_file_that_hangs_it_is_asked_whether_its_server_is_away() -> None:
    release = threading.Event()
    office = Office(lambda request: Reply(value=release.wait(60)))
    office.dispatcher.ask(Reading("a", deadline_s=0.05))
    office.dispatcher.ask(Wanted("b", deadline_s=0.05))
    messages = {office.next()[1].message for _ in range(2)}
    words = "no answer within 0.05 s"
    assert messages == {words, f"{words}: is /mnt/x on a server that is away?"}
    office.dispatcher.ask(Reading("a", deadline_s=0.05))
    assert "is /mnt/x on a server" in office.next()[1].message
    release.set()


def test_no_more_than_its_width_at_a_time() -> None:
    lock, release = threading.Lock(), threading.Event()
    now = most = 0

    def handle(request: Wanted) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        release.wait(60)
        with lock:
            now -= 1
        return Reply()

    office = Office(handle, width=3)
    for _ in range(9):
        office.dispatcher.ask(Wanted("x"))
    release.set()
    for _ in range(9):
        office.next()
    assert most <= 3


@pytest.mark.parametrize("busy", [True, False])
def test_after_stop_nothing_is_published(busy: bool) -> None:
    release = threading.Event()

    def handle(request: Wanted) -> Reply:
        release.wait(60)
        return Reply()

    office = Office(handle, width=1)
    if busy:
        office.dispatcher.ask(Wanted("begun"))
    office.dispatcher.stop()
    office.dispatcher.ask(Wanted("after"))
    release.set()
    assert office.nothing_more()


def test_after_stop_what_waits_is_not_begun() -> None:
    """A change that its author has quit before must not be made behind the back."""
    release, begun = threading.Event(), []

    def handle(request: Wanted) -> Reply:
        begun.append(request.word)
        release.wait(60)
        return Reply()

    office = Office(handle, width=1)
    for word in ("first", "waiting"):
        office.dispatcher.ask(Wanted(word))
    while not begun:
        threading.Event().wait(0.001)
    office.dispatcher.stop()
    office.dispatcher.ask(Wanted("after"))
    release.set()
    assert office.nothing_more()
    assert begun == ["first"]


def test_what_could_not_be_recorded_in_time_is_refused_and_never_done() -> None:
    """As with a log on a server that is away: the change was made when that came back."""
    gate, made, over = threading.Event(), list[str](), list[Reply]()

    class Slow:
        """A recorder whose disk hangs."""

        def begun(self, request: object) -> None:
            gate.wait(60)

        def ended(self, entry: object, request: object, reply: Reply) -> Reply:
            over.append(reply)
            return reply

    def make(request: Wanted) -> Reply:
        made.append(request.word)
        return Reply()

    office = Office(make, recorder=Slow())
    office.dispatcher.ask(Changing("destroy it", deadline_s=0.05))
    _, reply = office.next()
    assert (reply.status, "not begun in time" in reply.message) == ("refused", True)
    gate.set()
    wait_until(lambda: len(over) == 2, "the thread has ended")
    assert (made, over[1].status) == ([], "refused")
    assert office.nothing_more()

"""A job that libvirt does in one call: followed, said, stopped."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.ground import wait_until
from vconsole.host.domain_job import SAVING, SNAPSHOT, follow, held
from vconsole.model.wait import Wait

libvirt = pytest.importorskip("libvirt")


class Domain:
    """One whose job lasts until it is ended or stopped."""

    def __init__(self, operation: int = SAVING) -> None:
        self.over, self.stopped, self._operation = Event(), False, operation

    def jobStats(self) -> dict[str, int]:  # noqa: N802 - libvirt's name
        return {"operation": self._operation, "data_total": 200, "data_remaining": 50}

    def abortJob(self) -> None:  # noqa: N802
        self.stopped = True
        self.over.set()

    def work(self) -> None:
        self.over.wait(30)
        if self.stopped:
            raise libvirt.libvirtError("stopped")


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


LINK: Any = SimpleNamespace(call=_call)


def begin(domain: Domain, wait: Wait) -> tuple[Thread, list[Exception]]:
    """Follow it beside the test."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            follow(LINK, domain, wait, domain.work, SAVING, "saving")
        except libvirt.libvirtError as error:
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    return thread, failures


def test_it_says_how_far_it_is_and_ends() -> None:
    domain, wait = Domain(), Wait()
    thread, failures = begin(domain, wait)
    wait_until(lambda: wait.what == "saving 75 %", "it is said")
    domain.over.set()
    thread.join(30)
    assert (wait.what, failures) == ("", [])


def test_it_is_stopped_when_it_is_given_up() -> None:
    domain, wait = Domain(), Wait()
    thread, failures = begin(domain, wait)
    wait.give_up()
    thread.join(30)
    assert domain.stopped
    assert len(failures) == 1


def test_a_job_of_somebody_else_is_neither_shown_nor_stopped() -> None:
    domain, wait = Domain(SNAPSHOT), Wait()
    thread, _ = begin(domain, wait)
    wait.give_up()
    wait_until(lambda: wait.what == "saving", "it is begun")
    thread.join(1.5)
    assert not domain.stopped
    domain.over.set()
    thread.join(30)


class Controlled:
    """A domain whose QEMU answers, or not: what virDomainGetControlInfo says, look by look."""

    def __init__(self, *looks: tuple[int, int, int]) -> None:
        self.looks = list(looks)

    def lookupByUUIDString(self, uuid: str) -> Controlled:  # noqa: N802
        return self

    def controlInfo(self, flags: int) -> tuple[int, int, int]:  # noqa: N802
        if not self.looks:
            raise libvirt.libvirtError("domain is not running")
        return self.looks.pop(0)


FREE, BUSY, LEFT = (0, 0, 0), (2, 0, 24_300), (3, 3, 24_300)


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ([FREE, FREE], ""),
        ([BUSY], "not over: libvirt has been at it for 24 s"),
        ([LEFT], "not over: libvirt has been at it for 24 s"),
        ([FREE, BUSY], "not over: libvirt has been at it for 24 s"),
        ([(3, 2, 0), (3, 2, 0)], ""),
        ([], ""),
        ([FREE], ""),
    ],
    ids=["free", "busy", "beside the monitor", "next in turn", "monitor dead", "off", "ended"],
)
def test_a_call_that_libvirt_is_still_at(looks: list[tuple[int, int, int]], words: str) -> None:
    link: Any = SimpleNamespace(call=_call, conn=Controlled(*looks))
    assert held(link, "u-1", 0.0) == words

"""A job of a domain that libvirt does in one call: how far it is, and stopping it.

Sources: virDomainGetJobStats, virDomainAbortJob.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, Final

from vconsole.host.link import Link
from vconsole.model.wait import Wait

SAVING: Final = 2
"""VIR_DOMAIN_JOB_OPERATION_SAVE."""
SNAPSHOT: Final = 6
"""VIR_DOMAIN_JOB_OPERATION_SNAPSHOT."""
_LOOK_S: Final = 0.5


def follow(
    link: Link, domain: Any, wait: Wait, call: Callable[[], object], operation: int, word: str
) -> None:
    """Make a call in a thread of its own; say how far it is, and stop it when it is given up.

    Args:
        link: Where it is made.
        domain: Its handle.
        wait: Is told; its giving up stops the job.
        call: Makes it.
        operation: The kind of the job: somebody else's is neither shown nor stopped.
        word: What it does: ``saving``.

    Raises:
        HostError: The connection is gone.
        libvirt.libvirtError: It failed, or was stopped.
    """
    failures: list[Exception] = []

    def work() -> None:
        try:
            call()
        except Exception as error:  # handed to the waiting thread
            failures.append(error)

    thread = Thread(target=work, name="vconsole-job", daemon=True)
    thread.start()
    wait.what = word
    while thread.is_alive():
        thread.join(_LOOK_S)
        if thread.is_alive():
            _look(link, domain, wait, operation, word)
    wait.what = ""
    if failures:
        raise failures[0]


def _look(link: Link, domain: Any, wait: Wait, operation: int, word: str) -> None:
    import libvirt

    with suppress(libvirt.libvirtError):  # there may be no job yet, or no more
        stats = link.call(domain.jobStats)
        if stats.get("operation") != operation:
            return
        wait.what = f"{word} {percent}" if (percent := _percent(stats)) else word
        if wait.given_up:
            link.call(domain.abortJob)


def _percent(stats: Mapping[str, Any]) -> str:
    """How much of the memory is done; empty while that is not known."""
    total, left = stats.get("data_total", 0), stats.get("data_remaining", 0)
    return f"{min(99, 100 * (total - left) // total)} %" if total else ""

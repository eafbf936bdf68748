"""A job of a domain that libvirt does in one call: how far it is, stopping it, whether one is left.

Sources: virDomainGetJobStats, virDomainAbortJob, virDomainGetControlInfo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final

from vconsole.host.link import Link
from vconsole.model.wait import Wait

SAVING: Final = 2
"""VIR_DOMAIN_JOB_OPERATION_SAVE."""
SNAPSHOT: Final = 6
"""VIR_DOMAIN_JOB_OPERATION_SNAPSHOT."""
_LOOK_S: Final = 0.5
_FREE_LOOKS: Final = 2
"""A call that waits for its turn has it at once when the one before ends: one look is no proof."""
_AT_IT: Final = {(1, 0), (2, 0), (3, 3)}
"""VIR_DOMAIN_CONTROL_JOB, _OCCUPIED, and _ERROR with _REASON_INTERNAL: a job beside the monitor."""


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


def held(link: Link, uuid: str, wait_s: float) -> str:
    """Why a call of somebody who is gone may still be carried out; empty once none is left.

    libvirt goes on with a call whose caller has died: what it was to change may change yet.

    Args:
        link: Where it is asked.
        uuid: Of the domain; of anything else the answer is empty.
        wait_s: How long it is waited for the call to end.
    """
    import libvirt

    end, free = monotonic() + wait_s, 0
    try:
        domain = link.call(link.conn.lookupByUUIDString, uuid)
        while free < _FREE_LOOKS:
            state, details, since_ms = link.call(domain.controlInfo, 0)
            free = 0 if (state, details) in _AT_IT else free + 1
            if not free and monotonic() >= end:
                return f"not over: libvirt has been at it for {since_ms // 1000} s"
            sleep(_LOOK_S if not free else _LOOK_S / 5)
    except libvirt.libvirtError:  # no domain, none that runs, or a driver that cannot tell
        return ""
    return ""

"""Reads and sets the memory, the vCPUs and the balloon's statistics of a domain.

A guest gives memory and vCPUs back when it likes: after a change it is looked at for a while, and
what is there then is the answer. Sources: virDomainSetMemoryFlags, virDomainSetVcpusFlags,
virDomainSetMemoryStatsPeriod, virDomainMemoryStats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import monotonic, sleep, time
from typing import Any, Final

from vconsole.features.resources.model.change import SetResource
from vconsole.features.resources.model.numbers import (
    Reading,
    ReadResources,
    Resources,
    Statistics,
    resources,
)
from vconsole.host import errors
from vconsole.host.devices import read_configurations
from vconsole.host.link import Link
from vconsole.model.request import Configurations, ReadConfigurations, Reply, took_effect

WAIT_S: Final = 10.0
"""How long a guest is waited for."""
_POLL_S: Final = 0.2
_CALLS: Final = {
    "memory": "setMemoryFlags",
    "maximum": "setMemoryFlags",
    "vcpus": "setVcpusFlags",
    "statistics": "setMemoryStatsPeriod",
}
_MAXIMUM: Final = 4
"""VIR_DOMAIN_MEM_MAXIMUM."""


def read_resources(link: Link, request: ReadResources) -> Reply:
    """Read what a domain has and, where it runs, what is in use."""
    try:
        found = _read(link, request.uuid)
    except (LookupError, ValueError) as error:
        return Reply("failed", errors.one_line(error))
    statistics = _statistics(link, request.uuid) if found.live else None
    return Reply(value=Reading(found.live, found.config, statistics))


def set_resource(link: Link, request: SetResource) -> Reply:
    """Set a number, unless the domain is not as it was seen any more; then watch the guest."""
    try:
        if reason := _moved(request, _read(link, request.uuid)):
            return Reply("conflict", f"{request.name}: {reason}; look again")
        return _outcome(link, request, _set(link, request))
    except (LookupError, ValueError) as error:
        return Reply("failed", errors.one_line(error))


def tell_resource(link: Link, uuid: str, trace: str) -> Reply:
    """Read again whether all halves have the number."""
    kind, number, halves = json.loads(trace)
    try:
        found = _read(link, uuid)
    except (LookupError, ValueError) as error:
        return Reply("unknown", errors.one_line(error))
    now = {half: getattr(found, half) for half in halves}
    request = SetResource(uuid, "", kind, number, now.get("live"), now.get("config"))
    words = "; ".join(f"{half}: {request.words(there)}" for half, there in now.items())
    return took_effect(all(now.values()) and request.is_done(found), found, words)


def _set(link: Link, request: SetResource) -> Exception | None:
    """Set one half after the other; answers what libvirt has against it, and stops there.

    A guest that has not followed in time is no reason to stop: it may still do it.
    """
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    extra = _MAXIMUM if request.kind == "maximum" else 0
    problem: Exception | None = None
    for half, _ in request.seen:
        flags = getattr(libvirt, f"VIR_DOMAIN_AFFECT_{half.upper()}") | extra
        try:
            link.call(getattr(domain, _CALLS[request.kind]), request.number, flags)
        except libvirt.libvirtError as error:
            problem = error
            if not _late(error):
                break
    return problem


def _late(problem: Exception | None) -> bool:
    """The guest was asked and has not followed."""
    import libvirt

    return problem is not None and errors.code(problem) == libvirt.VIR_ERR_OPERATION_TIMEOUT


def _outcome(link: Link, request: SetResource, problem: Exception | None) -> Reply:
    """What is there now, after what the guest was given to follow."""
    late = _late(problem)
    found = _read(link, request.uuid)
    until = monotonic() + (WAIT_S if request.live and (late or not problem) else 0.0)
    while not request.is_done(found) and monotonic() < until:
        sleep(_POLL_S)
        found = _read(link, request.uuid)
    words = "; ".join(f"{h}: {request.words(getattr(found, h))}" for h, _ in request.seen)
    if request.is_done(found):
        return Reply(value=found, read_back=words)
    if problem is not None and not late:
        return Reply("failed", f"{errors.message(problem)}{_half(request, found)}", found, words)
    message = f"the guest has not followed within {WAIT_S:g} s; it may still do it"
    if request.live is None:
        message = "libvirt keeps something else"
    return Reply("unknown", message, found, words)


def _half(request: SetResource, found: Reading) -> str:
    """What is to be known beside the error: what was changed before, or what a guest refuses."""
    words = ((half, request.words(seen), getattr(found, half)) for half, seen in request.seen)
    changed = [half for half, before, now in words if request.words(now) != before]
    if changed:
        return f"; {' and '.join(changed)} changed all the same"
    if request.kind == "vcpus" and request.live and request.number < request.live.vcpus:
        return "; what was plugged in can go, once the guest lets go of it"
    return ""


def _moved(request: SetResource, found: Reading) -> str:
    """How the domain differs from what was seen; empty if it does not."""
    for half, seen in request.seen:
        now = request.words(getattr(found, half))
        if now != request.words(seen):
            return f"its {half} configuration is by now: {now}"
    return ""


def _read(link: Link, uuid: str) -> Reading:
    """Both configurations.

    Raises:
        LookupError: The domain is gone.
        ValueError: Its XML cannot be read.
    """
    reply = read_configurations(link, ReadConfigurations((uuid,)))
    assert isinstance(reply.value, Mapping)
    found = reply.value.get(uuid)
    if not isinstance(found, Configurations):
        raise LookupError(reply.message)
    return Reading(_resources(found.live), _resources(found.config))


def _resources(xml: str | None) -> Resources | None:
    return resources(xml) if xml else None


def _statistics(link: Link, uuid: str) -> Statistics | None:
    """What guest and QEMU report; None where the driver knows nothing."""
    import libvirt

    try:
        domain = link.call(link.conn.lookupByUUIDString, uuid)
        values: Any = link.call(domain.memoryStats)
    except libvirt.libvirtError:
        return None
    updated = values.get("last_update")
    return Statistics(
        actual_kib=values.get("actual"),
        available_kib=values.get("available"),
        unused_kib=values.get("unused"),
        usable_kib=values.get("usable"),
        rss_kib=values.get("rss"),
        swap_in_kib=values.get("swap_in"),
        swap_out_kib=values.get("swap_out"),
        updated=updated,
        age_s=max(0.0, time() - updated) if updated and link.connection.local else None,
    )

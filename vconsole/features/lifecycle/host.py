"""Starts, stops and marks domains: compares with what was seen, acts, and reads back.

A guest that is asked to shut down or to reboot may not do it. What counts is what libvirt sees of
it: the state, and the event of a reset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from threading import Event
from time import monotonic
from typing import Any

from vconsole.features.lifecycle.model import Act, Mode, seen
from vconsole.host import errors
from vconsole.host.agent_call import answers_within
from vconsole.host.domain_job import SAVING, follow
from vconsole.host.fleet import STATES
from vconsole.host.link import Link
from vconsole.model.host_state import Active
from vconsole.model.request import Reply, took_effect

_POLL_S = 0.5
_AGENT_S = 5.0
"""How long the agent may take to be told; then the next mode is asked."""
_HUNG_UP = "End of file from agent"
"""Of one that was asked and went before it answered: a guest that obeys at once does so."""
_FLAGS: Mapping[Mode, int] = {"acpi": 1, "agent": 2}
"""VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN and _GUEST_AGENT; the same numbers for a reboot."""
_PAUSED, _GRACEFUL = 1, 1
"""VIR_DOMAIN_START_PAUSED, VIR_DOMAIN_DESTROY_GRACEFUL."""
GONE = "gone"
"""Stands for the state of a domain that is no more: it was transient."""


def act(link: Link, request: Act) -> Reply:
    """Carry out an action unless the domain has changed since it was looked at."""
    if request.wait.given_up:
        return Reply("not tried", "given up before it began")
    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    now = _seen(link, domain, request)
    if now != request.before:
        return Reply("conflict", f"it is {now} meanwhile, not {request.before}", now)
    if request.action == "save_remove" and not link.call(domain.hasManagedSaveImage, 0):
        return Reply("refused", "it has no saved state", now)
    special = _SPECIAL.get(request.action)
    reply = special(link, domain, request) if special else _at_once(link, domain, request)
    now = _seen(link, domain, request)
    return Reply(reply.status, reply.message, now, now)


def tell_act(link: Link, uuid: str, trace: str) -> Reply:
    """Whether the domain is in the state that an action was to bring it into."""
    import libvirt

    wanted = _WANTED.get(trace)
    if wanted is None:
        return Reply("unknown", "the state does not tell whether it was done")
    try:
        domain = link.call(link.conn.lookupByUUIDString, uuid)
    except libvirt.libvirtError as error:
        if not errors.gone(error):
            raise
        return took_effect(GONE in wanted, GONE, GONE)
    now = _seen(link, domain, Act(uuid, "", trace, ""))
    return took_effect(now in wanted, now, now)


def _at_once(link: Link, domain: Any, request: Act) -> Reply:
    name, *arguments = _CALLS[request.action]
    link.call(getattr(domain, name), *arguments)
    now = _seen(link, domain, request)
    wanted = _WANTED.get(request.action)
    if wanted is None or now in wanted:
        return Reply("applied", _AUTOSTART.get(now, f"it is {now}"))
    return Reply("unknown", f"libvirt took it, yet it is {now}")


_CALLS: Mapping[str, tuple[Any, ...]] = {
    "start": ("createWithFlags", 0),
    "start_paused": ("createWithFlags", _PAUSED),
    "shutdown": ("shutdown",),
    "reset": ("reset", 0),
    "suspend": ("suspend",),
    "resume": ("resume",),
    "save_remove": ("managedSaveRemove", 0),
    "destroy": ("destroyFlags", 0),
    "destroy_graceful": ("destroyFlags", _GRACEFUL),
    "autostart": ("setAutostart", 1),
    "autostart_off": ("setAutostart", 0),
}
_AUTOSTART = {
    "autostart": "it starts with the host",
    "no autostart": "it does not start with the host",
}
_OFF = ("shut off", "crashed", GONE)
_WANTED: Mapping[str, tuple[str, ...]] = {
    "start": ("running", "idle", "paused"),  # as its saved state was
    "start_paused": ("paused",),
    "shutdown": _OFF,
    "save": _OFF,
    "suspend": ("paused",),
    "resume": ("running", "idle"),
    "destroy": _OFF,
    "destroy_graceful": _OFF,
    "autostart": ("autostart",),
    "autostart_off": ("no autostart",),
}


def _seen(link: Link, domain: Any, request: Act) -> str:
    """Read what the action is about."""
    autostart = None
    if request.action.startswith("autostart"):
        autostart = bool(link.call(domain.autostart))
    return seen(request.action, _state(link, domain), autostart)


def _state(link: Link, domain: Any) -> str:
    import libvirt

    try:
        return STATES.get(link.call(domain.state, 0)[0], "no state")
    except libvirt.libvirtError as error:
        if errors.gone(error):
            return GONE
        raise


# -- what takes its time ---------------------------------------------------------------------


def _shutdown(link: Link, domain: Any, request: Act) -> Reply:
    if link.connection.driver != "QEMU":  # the others know no modes
        return _at_once(link, domain, request)

    def done() -> bool:
        return _state(link, domain) not in Active

    return _ask_guest(link, domain, domain.shutdownFlags, request, done, "it is shut off")


def _reboot(link: Link, domain: Any, request: Act) -> Reply:
    """The state is the same before and after: the reset is what can be seen."""
    import libvirt

    if link.connection.driver != "QEMU":  # the others have no such event, nor anything to wait for
        link.call(domain.reboot, 0)
        return Reply("applied", "it was rebooted")
    reset = Event()
    number = link.call(
        link.conn.domainEventRegisterAny,
        *(domain, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda *_: reset.set(), None),
    )
    try:
        return _ask_guest(link, domain, domain.reboot, request, reset.is_set, "it boots again")
    finally:
        with suppress(libvirt.libvirtError):
            link.conn.domainEventDeregisterAny(number)


def _ask_guest(
    link: Link,
    domain: Any,
    ask: Callable[[int], object],
    request: Act,
    done: Callable[[], bool],
    words: str,
) -> Reply:
    """Ask in one mode after the other; each has its time, the next is asked when it is over."""
    import libvirt

    asked, problems = [], []
    for mode in request.modes:
        request.wait.what, request.wait.until = mode, monotonic() + request.timeout_s
        limited = answers_within(link, domain, _AGENT_S) if mode == "agent" else nullcontext()
        try:
            with limited:
                link.call(ask, _FLAGS[mode])
            asked.append(mode)
        except libvirt.libvirtError as error:
            if _HUNG_UP not in str(error):
                problems.append(f"{mode}: {errors.message(error)}")
                if request.wait.given_up:
                    break
                continue
            asked.append(mode)
        if _comes_about(done, request):
            return Reply("applied", f"{words}, asked by {mode}")
        if request.wait.given_up:
            return Reply("unknown", f"given up; it was asked by {mode} and may still do it")
    if not asked:
        return Reply("failed", "; ".join(problems))
    late = f"not within {request.timeout_s:g} s by {', '.join(asked)}; it may still do it"
    return Reply("unknown", "; ".join((*problems, late)))


def _comes_about(done: Callable[[], bool], request: Act) -> bool:
    until = request.wait.until or 0.0
    while not done():
        if monotonic() >= until or request.wait.pause(_POLL_S):
            return done()
    return True


def _save(link: Link, domain: Any, request: Act) -> Reply:
    """Save, so that giving up can stop it."""
    import libvirt

    def save() -> object:
        return link.call(domain.managedSave, 0)

    try:
        follow(link, domain, request.wait, save, SAVING, "saving")
    except libvirt.libvirtError as error:
        if request.wait.given_up:
            return Reply("refused", f"given up: {errors.message(error)}")
        raise
    return Reply("applied", "it is saved and shut off")


_SPECIAL: Mapping[str, Callable[[Link, Any, Act], Reply]] = {
    "shutdown": _shutdown,
    "reboot": _reboot,
    "save": _save,
}

"""Reads and replaces inactive definitions.

The definition is read with what libvirt hides by default (VIR_DOMAIN_XML_SECURE): defining a text
without it would lose passwords of graphics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from vconsole.host import errors
from vconsole.host.link import Link
from vconsole.host.missing import missing
from vconsole.host.together import together
from vconsole.model.outcome import Status
from vconsole.model.request import Define, ReadDefinitions, Reply, fingerprint, took_effect

Found = TypeVar("Found")


def read_definitions(link: Link, request: ReadDefinitions) -> Reply:
    """Read the inactive definitions of several domains."""
    return of_domains(link, request.uuids, partial(inactive_xml, link))


def define(link: Link, request: Define) -> Reply:
    """Replace a definition, unless it is not the one that was edited any more."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    if not link.call(domain.isPersistent):
        return Reply("refused", f"{request.name} is transient: it has no inactive definition")
    now = inactive_xml(link, domain)
    if now != request.before:
        message = f"{request.name} was redefined by somebody else meanwhile; look again"
        return Reply("conflict", message, now)
    try:
        link.call(link.conn.defineXMLFlags, request.after, _flags(request.validate))
    except libvirt.libvirtError as error:
        if not (request.validate and errors.invalid(error)):
            raise
        return _not_valid(link, request, errors.message(error))
    after = inactive_xml(link, domain)
    words = "" if after != now else "; it is as it was: the edit means nothing to libvirt"
    words += "".join(f"; {lack}" for lack in missing(link, now, after or ""))
    return Reply("applied", f"{request.what}: {request.name}{words}", after)


def _not_valid(link: Link, request: Define, reason: str) -> Reply:
    """Whose fault it is: libvirt takes definitions that it would not validate as it wrote them.

    The definition as it is is defined once more to find that out, which changes nothing.
    """
    import libvirt

    try:
        link.call(link.conn.defineXMLFlags, request.before, _flags(True))
    except libvirt.libvirtError as error:
        if not errors.invalid(error):
            raise
        words = "it did not validate before this change either: it can be defined without"
        return Reply("failed", f"{reason}; {words}", replace(request, validate=False))
    return Reply("failed", f"{reason}; without this change it validates")


def _flags(validate: bool) -> int:
    import libvirt

    return int(libvirt.VIR_DOMAIN_DEFINE_VALIDATE) if validate else 0


def tell_define(link: Link, uuid: str, trace: str) -> Reply:
    """Whether a definition is still the one that was to be replaced."""
    domain = link.call(link.conn.lookupByUUIDString, uuid)
    return took_effect(fingerprint(inactive_xml(link, domain)) != trace)


def inactive_xml(link: Link, domain: Any) -> str:
    """Read what the next start of a domain will use, passwords included where allowed."""
    import libvirt

    flags = libvirt.VIR_DOMAIN_XML_INACTIVE
    if not link.connection.read_only:
        flags |= libvirt.VIR_DOMAIN_XML_SECURE
    return link.xml_of(domain, flags)


def of_domains(link: Link, uuids: Sequence[str], read: Callable[[Any], Found]) -> Reply:
    """What `read` finds of each domain, by UUID; without those that fail, the last of them said."""
    import libvirt

    def ask(uuid: str) -> tuple[Found | None, str]:
        try:
            return read(link.call(link.conn.lookupByUUIDString, uuid)), ""
        except libvirt.libvirtError as error:
            return None, errors.message(error)

    answers = list(zip(uuids, together(link, ask, uuids), strict=True))
    found = {uuid: value for uuid, (value, problem) in answers if not problem}
    problems = [problem for _, (_, problem) in answers if problem]
    status: Status = "failed" if problems and not found else "applied"
    return Reply(status, problems[-1] if problems else "", found)

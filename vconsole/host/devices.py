"""Attaches devices to domains and detaches them, as they run and in their definitions.

Before, the domain is compared with what the author of the change saw; after it, it is read back.
Sources: virDomainAttachDeviceFlags and virDomainDetachDeviceFlags.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from vconsole.host import errors
from vconsole.host.definitions import inactive_xml, of_domains
from vconsole.host.link import Link
from vconsole.host.missing import missing
from vconsole.model.libvirt_additions import identity
from vconsole.model.proposal import Proposal, Propose, Subject, proposals
from vconsole.model.request import (
    ChangeDevice,
    Configurations,
    ReadConfigurations,
    Reply,
    took_effect,
)
from vconsole.model.xml_edit import Document, Element

_SOURCES = ("file", "dev", "path")


def read_configurations(link: Link, request: ReadConfigurations) -> Reply:
    """Read the live and the inactive XML of several domains."""
    return of_domains(link, request.uuids, partial(read_xml, link))


def read_xml(link: Link, domain: Any) -> Configurations:
    """Read a domain's live and inactive XML, as far as it has them."""
    live = link.xml_of(domain) if link.call(domain.isActive) else None
    config = inactive_xml(link, domain) if link.call(domain.isPersistent) else None
    return Configurations(live, config)


def propose(link: Link, request: Propose) -> Reply:
    """Plan changes of domains by their XML as it is now."""
    read = lru_cache(maxsize=1)(partial(_subject, link))
    return Reply(value=tuple(_warned(link, made) for made in proposals(request, read)))


def _warned(link: Link, proposal: Proposal) -> Proposal:
    """The same with a note on what the host lacks of what a change names."""
    notes = (
        f"{change.name}: {words}"
        for change in proposal.changes
        for before, after in getattr(change, "texts", ())
        for words in missing(link, before, after)
    )
    return replace(proposal, notes=(*proposal.notes, *dict.fromkeys(notes)))


def _subject(link: Link, uuid: str, name: str) -> Subject:
    import libvirt

    try:
        found = read_xml(link, link.call(link.conn.lookupByUUIDString, uuid))
    except libvirt.libvirtError as error:
        raise LookupError(errors.message(error)) from error
    return Subject(uuid, name, found.live, found.config)


def change_device(link: Link, request: ChangeDevice) -> Reply:
    """Attach or detach a device, unless the domain is not as it was seen any more."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = read_xml(link, domain)
    if reason := _difference(before, request):
        return Reply("conflict", f"{request.name}: {reason}; look again", before)
    try:
        _call(link, domain, request, request.attach, request.live, request.config)
    except libvirt.libvirtError as error:
        if not errors.without_call(error) or not request.config:
            return put_back(
                *(link, domain, before, errors.message(error)),
                part=lambda text: _find(text, request) is not None,
                undo=lambda *halves: _call(link, domain, request, not request.attach, *halves),
            )
        _define(link, request, before.config or "")
        note = "this driver changes definitions only: from its next start on"
        return Reply("applied", note if request.live else "", read_xml(link, domain))
    after = read_xml(link, domain)
    if request.live and not request.attach and _find(after.live, request):
        message = f"{request.name}: the guest has not let go of it yet; it goes when the guest does"
        return Reply("unknown", message, after)
    return Reply(value=after)


def tell_device(link: Link, uuid: str, trace: str) -> Reply:
    """Whether the domain has the device that was to be attached, or not the one to be detached."""
    wanted = ChangeDevice(uuid, "", "", **json.loads(trace))
    found = read_xml(link, link.call(link.conn.lookupByUUIDString, uuid))
    halves = [found.live] * wanted.live + [found.config] * wanted.config
    return took_effect(all((_find(text, wanted) is not None) == wanted.attach for text in halves))


def _call(
    link: Link, domain: Any, request: ChangeDevice, attach: bool, live: bool, config: bool
) -> None:
    import libvirt

    flags = libvirt.VIR_DOMAIN_AFFECT_LIVE if live else 0
    flags |= libvirt.VIR_DOMAIN_AFFECT_CONFIG if config else 0
    change = domain.attachDeviceFlags if attach else domain.detachDeviceFlags
    link.call(change, request.device, flags)


def _define(link: Link, request: ChangeDevice, config: str) -> None:
    """Edit the definition: some drivers have no calls for devices.

    Like those calls it asks for no validation: what was there may never have been valid.
    """
    document = Document(config)
    if request.attach:
        tag = Document(request.device).root.tag
        last = next(reversed(document.findall(f"devices/{tag}")), None)
        config = document.insert("devices", request.device, after=last, create=True)
    elif node := _among(document, request):
        config = document.remove(node)
    link.call(link.conn.defineXMLFlags, config, 0)


def put_back(
    link: Link,
    domain: Any,
    before: Configurations,
    reason: str,
    part: Callable[[str | None], object],
    undo: Callable[[bool, bool], object],
) -> Reply:
    """After a failure undo the half that was done, if there is one.

    Args:
        link: The connection.
        domain: What was to be changed.
        before: How it was.
        reason: Why the change failed.
        part: Of the XML of a half, what the change is about.
        undo: Given whether live and whether config was done, undoes that.
    """
    import libvirt

    after = read_xml(link, domain)
    live, config = part(after.live) != part(before.live), part(after.config) != part(before.config)
    if not live and not config:
        return Reply("failed", reason, after)
    try:
        undo(live, config)
    except libvirt.libvirtError as error:
        half = "the running domain" if live else "the definition"
        message = f"{reason}; {half} is changed and cannot be put back: {errors.message(error)}"
        return Reply("failed", message, after)
    return Reply("rolled back", f"{reason}; what was done is undone", read_xml(link, domain))


# ---- comparing


def _difference(found: Configurations, request: ChangeDevice) -> str:
    """Why the domain is not as it was seen, "" if it is."""
    for half, wanted, text in (
        ("live", request.live, found.live),
        ("config", request.config, found.config),
    ):
        if not wanted:
            continue
        if text is None:
            return f"it has no {half} configuration any more"
        if request.attach and _is_taken(text, request):
            return f"its {half} configuration has got such a device meanwhile"
        if not request.attach and not _find(text, request):
            return f"its {half} configuration has not got this device any more"
    return ""


def _find(text: str | None, request: ChangeDevice) -> Element | None:
    return _among(Document(text), request) if text else None


def _among(document: Document, request: ChangeDevice) -> Element | None:
    """The device itself: its name and its source are the same."""
    wanted = Document(request.device).root
    for node in document.findall(f"devices/{wanted.tag}"):
        if _name(node) == _name(wanted) and _source(wanted) in ("", _source(node)):
            return node
    return None


def _is_taken(text: str, request: ChangeDevice) -> bool:
    """Whether something of the domain has the device's name or its source."""
    wanted = Document(request.device).root
    return any(
        _name(node) == _name(wanted) or (_source(wanted) and _source(node) == _source(wanted))
        for node in Document(text).findall(f"devices/{wanted.tag}")
    )


def _name(node: Element) -> tuple[str | None, ...]:
    """What no other device of its kind in a domain may be called; of an interface its address."""
    if node.tag == "interface":
        mac = node.find("mac")
        return (mac.get("address"),) if mac else ()
    target = node.find("target")
    return (target.get("dev"), target.get("name")) if target else (identity(node),)


def _source(node: Element) -> str:
    """What only one device of a domain may have; many interfaces may be on one network."""
    source = node.find("source") if node.tag != "interface" else None
    values = [source.get(name) for name in _SOURCES] if source else []
    return next((value for value in values if value), "")

"""Changes network interfaces of domains, as they run and in their definitions.

Source: virDomainUpdateDeviceFlags. Each half is handed its own clause: given the live one, the
definition would keep what is of the running domain only, and the other way round lose it.
"""

from __future__ import annotations

import json
from typing import Any

from vconsole.features.network.model.interfaces import (
    Half,
    Interface,
    interfaces,
    node_of,
    read_interface,
)
from vconsole.features.network.model.plan import Edit, UpdateInterface
from vconsole.host import errors
from vconsole.host.devices import put_back, read_xml
from vconsole.host.link import Link
from vconsole.model.request import Configurations, Reply, took_effect
from vconsole.model.xml_edit import Document


def update_interface(link: Link, request: UpdateInterface) -> Reply:
    """Change an interface, unless it is not as it was seen any more."""
    import libvirt

    domain = link.call(link.conn.lookupByUUIDString, request.uuid)
    before = read_xml(link, domain)
    if reason := _difference(before, request):
        return Reply("conflict", f"{request.name}: {reason}; look again", before)
    note = ""
    try:
        for half, edit in request.edits:
            _update(link, domain, half, edit.after)
    except libvirt.libvirtError as error:
        if not errors.without_call(error) or request.config is None:
            return put_back(
                *(link, domain, before, errors.message(error)),
                part=lambda text: [nic.xml for nic in interfaces(text)],
                undo=lambda live, config: _undo(link, domain, request, live, config),
            )
        _define(link, request.config, before.config or "")
        note = "this driver changes definitions only: from its next start on"
    after = read_xml(link, domain)
    return _answer(request, after, note if request.live else "")


def tell_interface(link: Link, uuid: str, trace: str) -> Reply:
    """Read again whether the interface is as it was to be, in each half."""
    edits = {half: Edit("", "", after) for half, after in json.loads(trace)}
    wanted = UpdateInterface(uuid, "", "", edits.get("live"), edits.get("config"))
    after = read_xml(link, link.call(link.conn.lookupByUUIDString, uuid))
    found = _answer(wanted, after, "")
    return took_effect(found.status == "applied", after, found.read_back)


def _update(link: Link, domain: Any, half: Half, clause: str) -> None:
    import libvirt

    flags = {"live": libvirt.VIR_DOMAIN_AFFECT_LIVE, "config": libvirt.VIR_DOMAIN_AFFECT_CONFIG}
    link.call(domain.updateDeviceFlags, clause, flags[half])


def _undo(link: Link, domain: Any, request: UpdateInterface, live: bool, config: bool) -> None:
    done = {"live": live, "config": config}
    for half, edit in request.edits:
        if done[half]:
            _update(link, domain, half, edit.before)


def _define(link: Link, edit: Edit, config: str) -> None:
    """Edit the definition: some drivers have no calls for devices.

    Like those calls it asks for no validation: what was there may never have been valid.
    """
    document = Document(config)
    node = node_of(document, edit.seen)
    assert node is not None  # it was there just before
    after = document.replace(node, edit.after)
    link.call(link.conn.defineXMLFlags, after, 0)


def _difference(found: Configurations, request: UpdateInterface) -> str:
    """Why the domain is not as it was seen, "" if it is."""
    for half, edit in request.edits:
        text: str | None = getattr(found, half)
        if text is None:
            return f"it has no {half} configuration any more"
        if edit.seen not in [nic.xml for nic in interfaces(text)]:
            return f"its {half} configuration has not got this interface any more as it was"
    return ""


def _answer(request: UpdateInterface, after: Configurations, note: str) -> Reply:
    """Say what is there now, and whether that is what was asked for."""
    words, missed = [], False
    for half, edit in request.edits:
        wanted = read_interface(edit.after)
        same = [n for n in interfaces(getattr(after, half)) if n.mac == wanted.mac]
        there = (n for n in same if n.address == wanted.address)  # two may share a MAC
        found = next(there, next(iter(same), None))
        words.append(f"{half}: {_words(found)}")
        skipped = half == "live" and bool(note)
        missed |= not skipped and _words(found) != _words(wanted)
    if missed:
        return Reply("unknown", "libvirt took it, yet it is not so", after, "; ".join(words))
    return Reply("applied", note, after, "; ".join(words))


def _words(nic: Interface | None) -> str:
    return f"{nic.source}, link {nic.link}" if nic else "no such interface"

"""Compares what domains run with and what they are defined with."""

from __future__ import annotations

from vconsole.features.divergence.model.rows import Divergence, ReadDivergence, rows
from vconsole.host import errors
from vconsole.host.devices import read_xml
from vconsole.host.link import Link
from vconsole.host.together import together
from vconsole.model.request import Reply
from vconsole.model.xml_edit import XmlEditError
from vconsole.model.xml_read import XmlError


def read_divergence(link: Link, request: ReadDivergence) -> Reply:
    """Read both XMLs of each domain, and compare."""
    found = together(link, lambda uuid: _read(link, uuid, request), request.uuids)
    return Reply(value=dict(zip(request.uuids, found, strict=True)))


def _read(link: Link, uuid: str, request: ReadDivergence) -> Divergence:
    import libvirt

    try:
        texts = read_xml(link, link.call(link.conn.lookupByUUIDString, uuid))
        found = rows(texts.live, texts.config, request.everything)
    except libvirt.libvirtError as error:
        return Divergence(reason=errors.message(error), unread=True)
    except ValueError as error:
        unread = isinstance(error, XmlError | XmlEditError)
        return Divergence(reason=errors.one_line(error), unread=unread)
    pins = link.connection.split_pins
    return Divergence(tuple(row for row in found if pins or row.difference.area != "pins"))

"""Whether libvirt answers, and what it lets one do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from vconsole.files.config import Config
from vconsole.host import here
from vconsole.host.link import Link, more_rights
from vconsole.host.open import connect_link
from vconsole.host.source import HostError
from vconsole.host.uri import expected
from vconsole.model.diagnosis import Check, Target
from vconsole.model.words import dotted_version, plural


def checks(config: Config, target: Target) -> Iterator[Check]:
    """Connect as the console does, and look around."""
    uri = "the demo host" if target.demo else expected(target.uri)
    if not target.demo:
        yield daemon(here.look())
    try:
        link = connect_link(target.uri, target.read_only, target.demo)
    except HostError as error:
        words = f"{uri}: {error.message.removeprefix(f'{uri}: ')}"
        yield Check("connection", "fail", words, error.cure)
        return
    with closing(link):
        yield _connected(link)
        yield from _versions(link)


def daemon(found: here.Here) -> Check:
    """What of libvirt is on this machine."""
    if not found.daemon:
        words = "none is installed here: only hosts elsewhere can be reached"
        return Check("daemon", "warn", words, here.INSTALL)
    if not found.answers:
        words = f"{found.daemon} is installed, and no socket of it is there"
        return Check("daemon", "fail", words, here.cure("qemu:///system", found))
    return Check("daemon", "ok", f"{found.daemon}, its socket is there")


def _connected(link: Link) -> Check:
    known = link.connection
    if known.read_only:
        words = f"{known.uri}: only reading: {known.read_only_reason}"
        cure = more_rights(known.uri, known.read_only_reason)
        return Check("connection", "warn", words, cure)
    where = "this machine" if known.local else known.hostname or "elsewhere"
    return Check("connection", "ok", f"{known.uri} ({known.driver}, {where}): all is allowed")


def _versions(link: Link) -> Iterator[Check]:
    import libvirt

    theirs, ours = link.call(link.conn.getLibVersion), libvirt.getVersion()
    yield Check(
        "libvirt", "ok", f"{dotted_version(theirs)}; the library here {dotted_version(ours)}"
    )
    domains = link.call(link.conn.listAllDomains)
    uri = link.connection.uri
    if not domains and "/session" in uri:
        cure = f"-c {uri.replace('/session', '/system')} has the machine's"
        yield Check("domains", "warn", "none: a session is a user's own", cure)
    else:
        yield Check("domains", "ok", plural(len(domains), "domain"))

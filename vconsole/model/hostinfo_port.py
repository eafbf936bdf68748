"""Which domains have hostinfo, and the ``<serial>`` clause that gives it to them.

Source: Fedora's "Features/Hostinfo/Configuration" of 2009. A domain has hostinfo if and only if
its definition has a serial port whose source path starts with ``/var/lib/hostinfo/``; more than
one, or a path that is not the domain's own, is an error. Everything here reads and returns the
text of an inactive definition: serial ports cannot be plugged into a running domain.

libvirt accepts gaps between the ports of isa-serial, refuses the domain's start at two with the
same number or one above 3, and shows the first serial port of the text as ``<console>`` too, which
it takes for the wish for a serial port once the other is gone.
"""

from __future__ import annotations

from typing import Literal

from vconsole.model.value import dataclass
from vconsole.model.xml_edit import Document, Element, element

DIRECTORY = "/var/lib/hostinfo"
MAX_PATH_BYTES = 107
"""What sun_path of unix(7) holds before its NUL."""

State = Literal["enabled", "disabled", "wrong"]
_QEMU = ("qemu", "kvm", "kqemu", "hvf")
"""The types of domains for which a connection calls itself QEMU."""
_PORTS = (1, 2, 3)
"""COM2 to COM4, in this order; COM1 is where guests have their own console."""
_BESIDE_COM = ("pci-serial", "usb-serial", "isa-debug")
"""Serial ports that are numbered, too, and leave the COM port of that number free."""


class ProvisionError(ValueError):
    """A definition that is not changed; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class HostinfoSerial:
    """A serial port that is meant for hostinfo; None is what its clause does not say."""

    path: str
    port: int | None
    type: str | None
    mode: str | None


def serials(xml: str) -> tuple[HostinfoSerial, ...]:
    """The hostinfo serial ports of a definition, right or wrong, in its order.

    Raises:
        XmlEditError: The definition cannot be read.
    """
    return tuple(map(_serial, _clauses(Document(xml))))


def expected_path(driver: str, name: str, directory: str = DIRECTORY) -> str:
    """The only right socket of a domain; `driver` is the connection's type in lower case.

    Raises:
        ProvisionError: No socket can have that name.
    """
    path = f"{directory}/{driver}-{name}"
    if not name or "/" in name or "\0" in name:
        raise ProvisionError(f"{_short(name)} cannot be part of a file name: rename the domain")
    if (size := len(path.encode(errors="surrogateescape"))) > MAX_PATH_BYTES:
        raise ProvisionError(
            f"{_short(name)} makes a socket path of {size} bytes, {MAX_PATH_BYTES} are possible: "
            "rename the domain"
        )
    return path


def status(xml: str) -> State:
    """Whether a definition has hostinfo; ``wrong`` is neither served nor enabled."""
    document = Document(xml)
    if not _clauses(document):
        return "disabled"
    return "wrong" if _problems(document) else "enabled"


def problems(xml: str) -> tuple[str, ...]:
    """Why a domain with hostinfo is not served, one line each; none for one without."""
    return _problems(Document(xml))


def caution(xml: str) -> str | None:
    """What enabling does beside, for those who are about to: one line, or None."""
    if Document(xml).findall("devices/serial"):
        return None
    return (
        "it becomes the only serial port, which libvirt makes the first console: "
        "reach another by 'virsh console --devname console1'"
    )


def enable(xml: str, port: int | None = None) -> str:
    """The definition with one clause more, behind the other serial ports.

    Without a `port` it is 1 (ttyS1, COM2) or the next that is free, even where the domain has no
    port 0: guests find it in the same place everywhere.

    Raises:
        ProvisionError: It has hostinfo already or cannot have it, or the port is taken.
        XmlEditError: The definition cannot be read.
    """
    document = Document(xml)
    if wrong := _problems(document):
        raise ProvisionError(f"hostinfo is enabled, but wrong: {'; '.join(wrong)}")
    if found := _clauses(document):
        raise ProvisionError(f"hostinfo is enabled already, on {_label(_serial(found[0]))}")
    clause = element(
        "serial",
        {"type": "unix"},
        _source(_own_path(document)),
        element("target", {"port": str(_free_port(document, port))}),
    )
    others = document.findall("devices/serial")
    if others:
        return document.insert("devices", clause, after=others[-1])
    return document.insert("devices", clause, create=True)


def disable(xml: str) -> str:
    """The definition without any hostinfo serial port.

    Raises:
        ProvisionError: It has none.
        XmlEditError: The definition cannot be read.
    """
    document = Document(xml)
    if not _clauses(document):
        raise ProvisionError("hostinfo is not enabled")
    while found := _clauses(document, "serial", "console"):
        document = Document(document.remove(found[-1]))
    return document.text


def repair(xml: str) -> str:
    """The definition with one right hostinfo serial port in the place of wrong or many.

    The one with the right path stays, else the first, with its port: the guest may rely on it.
    A right definition is returned as it is.

    Raises:
        ProvisionError: It has none, or the domain's name is what is wrong.
        XmlEditError: The definition cannot be read.
    """
    document = Document(xml)
    path = _own_path(document)
    found = [_serial(clause) for clause in _clauses(document)]
    if not found:
        raise ProvisionError("hostinfo is not enabled")
    if not _problems(document):
        return xml
    keep = next((n for n, serial in enumerate(found) if serial.path == path), 0)
    for n in reversed(range(len(found))):
        if n != keep:
            document = Document(document.remove(_clauses(document)[n]))
    return _corrected(document, path)


def _corrected(document: Document, path: str) -> str:
    """The text with its one clause as it should be, as little changed as that takes."""
    clause = _clauses(document)[0]
    source = clause.findall("source")[0]
    if (clause.get("type"), source.get("mode")) == ("unix", "bind"):
        return document.set_attribute(source, "path", path)
    document = Document(document.replace(source, _source(path)))
    return document.set_attribute(_clauses(document)[0], "type", "unix")


def _clauses(document: Document, *tags: str) -> list[Element]:
    """The elements whose socket is below the directory, those of one tag after another."""
    return [
        node
        for tag in tags or ("serial",)
        for node in document.findall(f"devices/{tag}")
        if _source_value(node, "path").startswith(f"{DIRECTORY}/")
    ]


def _serial(clause: Element) -> HostinfoSerial:
    return HostinfoSerial(
        path=_source_value(clause, "path"),
        port=_port(clause),
        type=clause.get("type"),
        mode=_source_value(clause, "mode") or None,
    )


def _source_value(clause: Element, name: str) -> str:
    source = clause.find("source")
    return (source.get(name) if source else None) or ""


def _source(path: str) -> str:
    return element("source", {"mode": "bind", "path": path})


def _port(clause: Element) -> int | None:
    target = clause.find("target")
    port = (target.get("port") if target else None) or ""
    return int(port) if port.isascii() and port.isdigit() and len(port) < 10 else None


def _problems(document: Document) -> tuple[str, ...]:
    found = [_serial(clause) for clause in _clauses(document)]
    if not found:
        return ()
    lines = [line for serial in found if (line := _problem(serial))]
    try:
        path = _own_path(document)
    except ProvisionError as error:
        return (str(error), *lines)
    lines += [
        f"{_label(serial)} is {_short(serial.path)}, this domain's is {_short(path)}: repair it"
        for serial in found
        if serial.path != path
    ]
    if len(found) > 1:
        lines.insert(0, f"{len(found)} serial ports are for hostinfo: repair it to leave one")
    return tuple(lines)


def _problem(serial: HostinfoSerial) -> str | None:
    if serial.type != "unix":
        return f"{_label(serial)} is of type {_short(serial.type)}, not 'unix': repair it"
    if serial.mode != "bind":
        return f"{_label(serial)} has the mode {_short(serial.mode)}, not 'bind': repair it"
    return None


def _own_path(document: Document) -> str:
    name = document.find("name")
    kind = (document.root.get("type") or "").lower()
    driver = "qemu" if kind in _QEMU else kind
    return expected_path(driver, name.text if name else "")


def _free_port(document: Document, wanted: int | None) -> int:
    kind = document.find("os/type")
    if kind is None or kind.text != "hvm":
        raise ProvisionError("only a fully virtualized domain (hvm) has serial ports")
    if (arch := kind.get("arch") or "x86_64") not in ("x86_64", "i686"):
        raise ProvisionError(f"a domain of architecture {_short(arch)} has no COM ports")
    if wanted is not None and wanted not in range(4):
        raise ProvisionError(f"there is no serial port {wanted}: a domain can have 0 to 3")
    ports = [node for node in document.findall("devices/serial") if not _is_beside_com(node)]
    taken = {_port(node) for node in ports}
    wishes = _PORTS if wanted is None else (wanted,)
    for port in wishes:
        if port not in taken:
            return port
    numbers = ", ".join(map(str, wishes))
    raise ProvisionError(f"no serial port is free of {numbers}: remove one or name another")


def _is_beside_com(clause: Element) -> bool:
    target = clause.find("target")
    return target is not None and target.get("type") in _BESIDE_COM


def _label(serial: HostinfoSerial) -> str:
    return f"serial port {'?' if serial.port is None else serial.port}"


def _short(text: str | None) -> str:
    return "none" if text is None else repr(text if len(text) <= 120 else text[:119] + "…")

"""libvirt's errors in one clean line, and what they mean for the connection.

Imports libvirt only when called, so that its absence is an error like any other.
"""

from __future__ import annotations

import errno
import re
import unicodedata
from typing import Any

MAX_CHARS = 240
"""Error text quotes file contents and remote answers: it is cut here."""


_SCHEMA = re.compile(
    r"XML document failed to validate against schema: Unable to validate doc against \S+"
)


def one_line(text: object, limit: int = MAX_CHARS) -> str:
    """The first line that says something, without control characters."""
    lines = (line.strip() for line in str(text)[: 8 * limit].splitlines())
    first = next((line for line in lines if line), "")
    clean = "".join(c if _harmless(c) else " " for c in first)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _harmless(char: str) -> bool:
    return unicodedata.category(char)[0] != "C"


def message(error: Exception) -> str:
    """What went wrong, for people: libvirt's own words where it is a libvirt error."""
    getter = getattr(error, "get_error_message", None)
    return all_lines((getter() if getter else None) or error) or type(error).__name__


def all_lines(text: object, limit: int = MAX_CHARS) -> str:
    """Every line that says something, in one; where that is too long, the middle goes.

    libvirt's first line says what failed, and the last often where: of a schema the elements, of
    QEMU its last words.
    """
    whole = str(text)
    ends = whole if len(whole) <= 16 * limit else f"{whole[: 8 * limit]}\n{whole[-8 * limit :]}"
    lines = (
        one_line(_SCHEMA.sub("does not validate", line), 8 * limit) for line in ends.splitlines()
    )
    joined = "; ".join(dict.fromkeys(line for line in lines if any(map(str.isalnum, line))))
    joined = joined.replace("does not validate; ", "does not validate: ", 1)
    half = limit // 2
    return joined if len(joined) <= limit else f"{joined[: half - 1]}…{joined[-half:]}"


def code(error: Exception) -> int:
    """The error's number in libvirt (VIR_ERR_*), -1 where there is none."""
    getter = getattr(error, "get_error_code", None)
    number = getter() if getter else None
    return number if isinstance(number, int) else -1


def libvirt_error() -> type[Exception]:
    """libvirt's exception; imported only when somebody waits for one."""
    import libvirt

    error: type[Exception] = libvirt.libvirtError
    return error


def invalid(error: Exception) -> bool:
    """The XML is not of libvirt's schema; without validation it may be taken all the same."""
    import libvirt

    return code(error) == int(libvirt.VIR_ERR_XML_INVALID_SCHEMA)


def denied(error: Exception) -> bool:
    """The other side knows the call and does not allow it to this user."""
    import libvirt

    if code(error) in _codes(libvirt, "AUTH_FAILED AUTH_CANCELLED AUTH_UNAVAILABLE ACCESS_DENIED"):
        return True
    if code(error) == libvirt.VIR_ERR_OPERATION_DENIED:
        return True
    return _errno(error) in (errno.EACCES, errno.EPERM)


def dead(error: Exception) -> bool:
    """The other side's socket is there, and nobody listens on it."""
    return _errno(error) == errno.ECONNREFUSED


def absent(error: Exception) -> bool:
    """The other side's socket is not there."""
    return _errno(error) == errno.ENOENT


def busless(error: Exception) -> bool:
    """The other side has no system bus, over which it would ask Polkit what this user may do."""
    return "system bus" in message(error)


def unsupported(error: Exception) -> bool:
    """The driver does not have the call, or not with these arguments."""
    import libvirt

    return code(error) in _codes(
        libvirt, "NO_SUPPORT INVALID_ARG ARGUMENT_UNSUPPORTED CONFIG_UNSUPPORTED"
    )


def without_call(error: Exception) -> bool:
    """The driver does not have the call; libvirt's test driver has some that refuse everything."""
    import libvirt

    if code(error) == int(libvirt.VIR_ERR_NO_SUPPORT):
        return True
    of_test = getattr(error, "get_error_domain", int)() == int(libvirt.VIR_FROM_TEST)
    return of_test and code(error) in _codes(libvirt, "OPERATION_UNSUPPORTED INVALID_ARG")


def gone(error: Exception) -> bool:
    """The domain is no more."""
    import libvirt

    return code(error) == int(libvirt.VIR_ERR_NO_DOMAIN)


def lost(connection: Any) -> bool:
    """The connection is no more, as it says itself.

    No error tells: the daemon passes on those of its own connections, and a guest's agent or
    monitor that closes is a broken pipe, too.
    """
    import libvirt

    try:
        return bool(connection.isAlive() != 1)
    except libvirt.libvirtError:
        return True


def _errno(error: Any) -> int | None:
    """The system's error number that libvirt passes on with VIR_ERR_SYSTEM_ERROR."""
    import libvirt

    if code(error) != libvirt.VIR_ERR_SYSTEM_ERROR:
        return None
    number = error.get_int1()
    return number if isinstance(number, int) else None


def _codes(module: Any, names: str) -> set[int]:
    """The numbers of these errors, as far as this libvirt knows them."""
    found = (getattr(module, f"VIR_ERR_{name}", None) for name in names.split())
    return {number for number in found if number is not None}

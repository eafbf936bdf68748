"""The key of an encrypted image: qemu-img reads it from its file, no line and no log has it.

Source: the objects ``secret`` and the image options of qemu-img(1) and qemu(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ENCRYPTED: Final[Mapping[str, str]] = {"luks": "", "qcow2": "encrypt."}
"""Format that can be encrypted -> what its options begin with."""


def key_of_made(format_: str, key_file: str) -> tuple[list[str], tuple[str, ...]]:
    """(words before the image, options) of an image that is made with a key, or without one.

    Raises:
        ValueError: The format has no key, or cannot be without one.
    """
    if not key_file:
        if format_ == "luks":
            raise ValueError("luks needs a file with the key")
        return [], ()
    start = _start(format_, key_file)
    luks = ("encrypt.format=luks",) if start else ()
    return _secret("key", key_file), (*luks, f"{start}key-secret=key")


def source(path: str, format_: str, key_file: str) -> tuple[list[str], str]:
    """(words before the image, how it is named) of an image that is read, encrypted or not.

    Raises:
        ValueError: The format has no key.
    """
    if not key_file:
        return ["-f", format_], path
    start = _start(format_, key_file)
    file = f"file.driver=file,file.filename={_value(path)}"
    named = f"driver={format_},{start}key-secret=source,{file}"
    return [*_secret("source", key_file), "--image-opts"], named


def _start(format_: str, key_file: str) -> str:
    if format_ not in ENCRYPTED:
        raise ValueError(f"{format_} has no key: {' and '.join(ENCRYPTED)} have")
    if not key_file.startswith("/"):
        raise ValueError(f"{key_file!r} does not begin with /")
    return ENCRYPTED[format_]


def _secret(name: str, key_file: str) -> list[str]:
    return ["--object", f"secret,id={name},file={_value(key_file)}"]


def _value(path: str) -> str:
    return path.replace(",", ",,")  # one comma begins another option of QEMU's

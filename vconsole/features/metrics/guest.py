#!/usr/bin/env python3
"""vm-dump-metrics: shows, inside a guest, the metrics that its host publishes.

One file for any Python from 3.4 on, to be copied into guests, which are older than their hosts.
"""
# ruff: noqa: UP032 - f-strings have come with 3.6

import errno
import getopt
import glob
import json
import math
import mmap
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from xml.etree import ElementTree

USAGE = """\
usage: vm-dump-metrics [-v] [-d FILE] [-b | -i] [--json] [NAME ...]

Shows the metrics that the host publishes: the document as the host wrote it, or the value of each
NAME, a line for each. host:NAME and vm:NAME tell the host's metric from the guest's own.

  -b, --vbd        from the metrics disk
  -i, --virtio     from the virtio channel; without -b or -i: from the disk, else from the channel
  -d, --dest=FILE  into FILE, not to standard output
      --json       as a list of JSON objects, with numbers where the metric is a number
  -v, --verbose    tell on standard error what is looked at
  -x, --xenstore   is not supported
      --help       this text

exit code: 0 all was shown, 1 something could not be read or written, 2 wrong usage
"""

MAX_BYTES = 16 << 20
"""No document is longer."""
LIMIT_S = 5.0
"""How long is waited for a busy disk, and on the channel to send as to receive."""
PORT = "org.github.vhostmd.1"
REQUEST = b"GET /metrics/XML\n\n"
REFUSAL = b"INVALID REQUEST\n\n"

_PAUSE_S = 0.01
_END = b"\n\n"
_BLOCK_BYTES = 1 << 16
_HEADER = struct.Struct(">4sIII")
_HIGH = bytes(bytearray(range(0x80, 0x100)))
_LONG = {"v": "verbose", "d": "dest", "b": "vbd", "i": "virtio", "x": "xenstore"}


class MetricsError(Exception):
    """Why there are no metrics; the message is one line."""


class _NotNowError(Exception):
    """What cannot be had now but may be in a moment."""


def main(arguments: "list[str] | None" = None, root: str = "/") -> int:
    """Run the command line; answers the exit code.

    Args:
        arguments: Without the program's name; None for those of the process.
        root: Below it dev and sys are looked for.
    """
    try:
        options, names = _options(sys.argv[1:] if arguments is None else arguments)
    except getopt.GetoptError as error:
        _say("vm-dump-metrics: {}\n{}".format(error, USAGE))
        return 2
    if "help" in options:
        _say(USAGE)
        return 2
    try:
        content = _read(options, root)
        _write(options.get("dest"), _chosen(content, names, "json" in options, root))
    except MetricsError as error:
        _say("vm-dump-metrics: {}\n".format(_printable(str(error))))
        return 1
    return 0


def _options(arguments: "list[str]") -> "tuple[dict[str, str], list[str]]":
    """The options by their long names, and the names of metrics."""
    known = ["dest=", "help", "json", "vbd", "verbose", "virtio", "xenstore"]
    found, names = getopt.gnu_getopt(arguments, "bd:ivx", known)
    flags = [(flag.lstrip("-"), value) for flag, value in found]
    return {_LONG.get(flag, flag): value for flag, value in flags}, names


def _read(options: "dict[str, str]", root: str) -> bytes:
    verbose = "verbose" in options
    if "xenstore" in options:
        raise MetricsError("xenstore is not supported: use --vbd or --virtio")
    if "virtio" in options:
        return from_channel(root, verbose)
    if "vbd" in options:
        return from_disk(root, verbose)
    try:
        return from_disk(root, verbose)
    except MetricsError as first:
        try:
            return from_channel(root, verbose)
        except MetricsError as second:
            raise MetricsError("{}; {}".format(first, second)) from None


def _tell(verbose: bool, text: str) -> None:
    if verbose:
        _say("vm-dump-metrics: {}\n".format(_printable(text)))


def _say(text: str) -> None:
    if sys.stderr is not None:  # closed by whoever started this
        sys.stderr.write(text)


class _Disk:
    """A block device, read past the guest's page cache.

    The host writes behind the guest's back: what the cache holds of the device stays as old as the
    first look at it. O_DIRECT wants whole blocks and an aligned buffer, which mmap gives. Where it
    is refused, the cached pages are dropped before each look.
    """

    def __init__(self, path: str) -> None:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self.fd = os.open(path, flags | os.O_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self.fd = os.open(path, flags)

    def read(self, length: int) -> bytes:
        """The first bytes; fewer than `length` if the device ends before."""
        with mmap.mmap(-1, -(-length // _BLOCK_BYTES) * _BLOCK_BYTES) as buffer:
            os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.lseek(self.fd, 0, os.SEEK_SET)
            return buffer[: min(length, os.readv(self.fd, [buffer]))]

    def content(self) -> "bytes | None":
        """The document; None if this is no metrics disk."""
        header = self.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"mvbd"):
            return None
        _, busy, total, length = _HEADER.unpack(header)
        if busy:
            raise _NotNowError("the host is still writing it")
        if length > MAX_BYTES:
            raise MetricsError("{} bytes of metrics are too many".format(length))
        content = self.read(_HEADER.size + length)[_HEADER.size :]
        if self.read(_HEADER.size) != header:
            raise _NotNowError("the host changed it meanwhile")
        if len(content) < length:
            raise MetricsError("the disk ends before its metrics do")
        if total not in _checksums(content):
            raise _NotNowError("its checksum is wrong")
        return content


def _checksums(content: bytes) -> "tuple[int, int]":
    """The sum of the bytes as hosts make it whose C has unsigned and signed characters."""
    high = len(content) - len(content.translate(None, _HIGH))
    total = sum(content)
    return total & 0xFFFFFFFF, (total - 256 * high) & 0xFFFFFFFF


def from_disk(root: str = "/", verbose: bool = False) -> bytes:
    """The document on the first metrics disk among the block devices.

    Raises:
        MetricsError: There is none, or what is on it cannot be read.
    """
    problems = []
    for path in _block_devices(root):
        try:
            content = _wait_for_content(path)
            if content is not None:
                _tell(verbose, "{}: {} bytes of metrics".format(path, len(content)))
                _parse(content)
                return content
            _tell(verbose, "{}: no metrics disk".format(path))
        except OSError as error:
            _tell(verbose, "{}: {}".format(path, error.strerror))
            if error.errno in (errno.EACCES, errno.EPERM):
                problems.append("{}: {}: run this as root".format(path, error.strerror))
        except MetricsError as error:
            problems.append("{}: {}".format(path, error))
    raise MetricsError("; ".join(problems) or "there is no metrics disk")


def _block_devices(root: str) -> "list[str]":
    """The whole disks; not the drives without a medium."""
    folder = os.path.join(root, "sys/block")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    devices = [os.path.join(root, "dev", name.replace("!", "/")) for name in names]
    sizes = [_first_line(os.path.join(folder, name, "size")) for name in names]
    return [device for device, size in zip(devices, sizes) if size != "0"]  # noqa: B905 - Python 3.10


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline(256).strip()
    except OSError:
        return ""


def _wait_for_content(path: str) -> "bytes | None":
    disk = _Disk(path)
    try:
        return _wait(disk.content)
    finally:
        os.close(disk.fd)


def _wait(action: "Callable[[], bytes | None]") -> "bytes | None":
    """What `action` answers, as soon as it does, within the limit of time."""
    end = time.monotonic() + LIMIT_S
    while True:
        try:
            return action()
        except _NotNowError as error:
            if time.monotonic() > end:
                raise MetricsError("{}, for {:g} s".format(error, LIMIT_S)) from None
        time.sleep(_PAUSE_S)


def from_channel(root: str = "/", verbose: bool = False) -> bytes:
    """The host's answer on the virtio channel.

    Raises:
        MetricsError: There is no channel, or no answer in time, or a refusal.
    """
    path = _port(root)
    _tell(verbose, "{}: asking".format(path))
    try:
        answer = _ask(path)
    except OSError as error:
        raise MetricsError("{}: {}".format(path, error.strerror)) from None
    except MetricsError as error:
        raise MetricsError("{}: {}".format(path, error)) from None
    if answer == REFUSAL:
        raise MetricsError("{}: the host refused to answer".format(path))
    return answer


def _port(root: str) -> str:
    """The channel's device, by its name: udev makes a link of that name, but not in every guest."""
    path = os.path.join(root, "dev/virtio-ports", PORT)
    if os.path.exists(path):
        return path
    for name in sorted(glob.glob(os.path.join(root, "sys/class/virtio-ports/*/name"))):
        if _first_line(name) == PORT:
            return os.path.join(root, "dev", os.path.basename(os.path.dirname(name)))
    raise MetricsError("there is no virtio port {}".format(PORT))


def _ask(path: str) -> bytes:
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        _drain(fd)
        _send(fd)
        return _receive(fd)
    finally:
        os.close(fd)


def _drain(fd: int) -> None:
    """Drop what the host answered to somebody who did not wait for it."""
    dropped = 0
    with suppress(BlockingIOError):
        while dropped < MAX_BYTES:
            piece = os.read(fd, _BLOCK_BYTES)
            if not piece:
                return
            dropped += len(piece)


def _send(fd: int) -> None:
    left = bytearray(REQUEST)

    def send() -> None:
        try:
            while left:
                del left[: os.write(fd, left)]
        except BlockingIOError:
            raise _NotNowError("the host takes no request") from None

    _wait(send)


def _receive(fd: int) -> bytes:
    answer = bytearray()

    def receive() -> None:
        try:
            piece = os.read(fd, _BLOCK_BYTES)
        except BlockingIOError:
            piece = None
        if piece == b"":
            raise MetricsError("the host closed the channel")
        answer.extend(piece or b"")
        if len(answer) > MAX_BYTES:
            raise MetricsError("the answer is longer than {} MiB".format(MAX_BYTES >> 20))
        if not answer.endswith(_END):
            raise _NotNowError("the host has not answered in full")

    _wait(receive)
    return bytes(answer)


def _parse(content: bytes) -> "list[dict[str, str]]":
    """The metrics of a document: their attributes, name and value."""
    if b"<!DOCTYPE" in content:
        raise MetricsError("the document has a DOCTYPE")
    try:
        elements = ElementTree.fromstring(content).findall("metric")
    except ElementTree.ParseError as error:
        raise MetricsError("the document is not well-formed: {}".format(error)) from None
    return [_metric(element) for element in elements]


def _metric(element: ElementTree.Element) -> "dict[str, str]":
    known = ("type", "context", "id", "uuid", "unit")
    fields = {name: element.attrib[name] for name in known if name in element.attrib}
    fields.update((tag, element.findtext(tag, "").strip()) for tag in ("name", "value"))
    return fields


def _chosen(content: bytes, names: "list[str]", as_json: bool, root: str) -> bytes:
    """What goes out: the document itself unless more is asked for."""
    if not (names or as_json):
        return content
    metrics = _parse(content)
    if names:
        metrics = [_find(metrics, name, root) for name in names]
    if as_json:
        objects = [_with_numbers(metric) for metric in metrics]
        return (json.dumps(objects, indent=2, sort_keys=True) + "\n").encode("ascii")
    return "".join(_printable(m["value"]) + "\n" for m in metrics).encode("utf-8")


def _find(metrics: "list[dict[str, str]]", wanted: str, root: str) -> "dict[str, str]":
    context, colon, name = wanted.partition(":")
    if not colon or context not in ("host", "vm"):
        context, name = "", wanted
    found = [m for m in metrics if m["name"] == name and context in ("", m.get("context"))]
    own = _first_line(os.path.join(root, "sys/class/dmi/id/product_uuid")).lower()
    if len(found) > 1 and own:  # a disk that all guests share has the metrics of each
        found = [m for m in found if m.get("uuid", own).lower() == own]
    if len(found) == 1:
        return found[0]
    if found:
        raise MetricsError("{} is ambiguous: say host:{} or vm:{}".format(wanted, name, name))
    raise MetricsError("there is no metric {}".format(wanted))


def _with_numbers(metric: "dict[str, str]") -> "dict[str, object]":
    fields = dict(metric)  # type: dict[str, object]
    fields["value"] = _number(metric.get("type", ""), metric["value"])
    if "id" in metric:
        fields["id"] = _number("int32", metric["id"])
    return fields


def _number(kind: str, text: str) -> "int | float | str":
    """The value as a number if its type says so and it is one."""
    if kind.lower() in ("int32", "uint32", "int64", "uint64") and re.match(r"-?[0-9]{1,20}$", text):
        return int(text)
    if kind.lower() in ("real32", "real64"):
        with suppress(ValueError):
            value = float(text)
            return value if math.isfinite(value) else text
    return text


def _printable(text: str) -> str:
    """Text that does nothing to a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _write(dest: "str | None", data: bytes) -> None:
    try:
        with open(1 if dest is None else dest, "wb", closefd=dest is not None) as file:
            file.write(data)
    except OSError as error:
        place = dest or "standard output"
        raise MetricsError("{}: {}".format(place, error.strerror)) from None


if __name__ == "__main__":
    sys.exit(main())

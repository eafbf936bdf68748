"""What answers in the place of a guest agent and means no good; runs in the guest.

python3 hostile_agent.py CASE
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator

PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
BAD_TEXT = "\x1b]0;title\x07\x9b2J\u202e[red][/]\n\0" + "\u0335" * 50
LONG = 9_000_000


class Port:
    """The guest's end of the channel."""

    def __init__(self) -> None:
        self._file = os.open(PORT, os.O_RDWR)

    def say(self, data: bytes) -> None:
        """Write all of it, as fast as it is taken."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def answer(self, value: object) -> None:
        """Say it as the agent would."""
        self.say(json.dumps({"return": value}).encode() + b"\n")

    def for_ever(self, data: bytes) -> None:
        """Never stop."""
        while True:
            self.say(data)

    def commands(self) -> Iterator[dict[str, object]]:
        """What the host asks."""
        buffer = b""
        while True:
            data = os.read(self._file, 4096)
            if not data:
                time.sleep(0.05)
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                yield json.loads(line.lstrip(b"\xff"))


def drip(port: Port) -> None:
    """A byte a second."""
    for byte in b'{"return": {}}\n':
        port.say(bytes([byte]))
        time.sleep(1)


def late(port: Port) -> None:
    """Just before the time is over."""
    time.sleep(3.5)
    port.answer({"host-name": "late"})


ANSWERS: dict[str, Callable[[Port], object]] = {
    "mute": lambda port: None,
    "endless-answer": lambda port: port.for_ever(b'{"return": "' + b"x" * 4096),
    "garbage": lambda port: port.say(b"}{]\x1b[2J\n"),
    "not-utf8": lambda port: port.say(b'{"return": {"host-name": "a\xff\xfeb"}}\n'),
    "escapes": lambda port: port.answer({"host-name": BAD_TEXT, "name": BAD_TEXT}),
    "error": lambda port: port.say(
        json.dumps({"error": {"class": "GenericError", "desc": BAD_TEXT * 100}}).encode() + b"\n"
    ),
    "wrong-types": lambda port: port.answer([1, {"host-name": []}]),
    "huge": lambda port: port.answer({"host-name": "x" * LONG}),
    "drip": drip,
    "sluggish": late,
}


def main(case: str) -> None:
    """Be what is wanted until killed."""
    port = Port()
    if case == "silent":
        time.sleep(1e6)
    if case == "endless":
        port.for_ever(b"x" * 4096)
    for command in port.commands():
        if case == "wrong-id":
            port.answer(1)
        elif "sync" in str(command["execute"]):
            arguments = command["arguments"]
            assert isinstance(arguments, dict)
            port.answer(arguments["id"])
        else:
            ANSWERS[case](port)


if __name__ == "__main__":
    main(sys.argv[1])

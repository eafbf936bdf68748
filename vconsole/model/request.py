"""What a page asks of the host beside the reading: values, answered by the dispatcher.

A request that changes something carries what its author saw, so that an edit by somebody else in
between is a conflict and never a lost update.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import ClassVar

from vconsole.model.outcome import Status
from vconsole.model.proposal import AT_NEXT_START, Grade, flags_of, masked, virsh_line, xml_lines
from vconsole.model.value import dataclass
from vconsole.model.virsh import domain_argument


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a request.

    Attributes:
        status: ``applied`` where it was done or read; ``unknown`` where no answer came in time.
        message: One line for people, naming the cause; may hold foreign text.
        value: What was read, or what the host says after a change.
        read_back: What is there after a change, in words.
        settle: Of a change of unknown outcome the request that finds out; of an answer to that,
            True where it is not over: see `not_over`.
        took_s: From the moment it was asked for to the answer, whatever it had to wait for.
    """

    status: Status = "applied"
    message: str = ""
    value: object = None
    read_back: str = ""
    settle: object = None
    took_s: float | None = field(default=None, compare=False)


def took_effect(done: bool, value: object = None, read_back: str = "") -> Reply:
    """Say of a change of unknown outcome what reading again has shown."""
    if done:
        return Reply("applied", "read again: it took effect", value, read_back)
    return Reply("not tried", "read again: it did not take effect", value, read_back)


def not_over(words: str) -> Reply:
    """Say of a change of unknown outcome that libvirt is still at it: it is asked about again."""
    return Reply("unknown", f"not over: {words}", settle=True)


@dataclass(frozen=True, slots=True)
class ReadDefinitions:
    """Read the inactive definitions: answers a mapping of UUID to XML.

    A domain without one, or that is gone, is missing from it; the message says why.
    """

    uuids: tuple[str, ...]
    deadline_s: ClassVar[float] = 15.0


@dataclass(frozen=True, slots=True)
class Define:
    """Replace the inactive definition `before` by `after`; answers the definition read back.

    Where it did not validate before either, the answer is the same without `validate`, to be
    offered: libvirt keeps and runs definitions that its own schema refuses.
    """

    uuid: str
    name: str
    what: str
    """What the edit does, in a few words."""
    before: str
    after: str
    validate: bool = True
    """By libvirt's schema, as ``virsh edit`` does first."""
    deadline_s: ClassVar[float] = 30.0
    grade: ClassVar[Grade] = "harmless"
    when: ClassVar[str] = AT_NEXT_START

    @property
    def trace(self) -> str:
        """The definition before, as a hash: it may hold passwords."""
        return fingerprint(self.before)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """What XML becomes of which: what it newly names may be missing on the host."""
        return ((self.before, self.after),)

    def lines(self) -> tuple[str, ...]:
        """The difference of the definitions."""
        return xml_lines(self.before, self.after)

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """Name the command that edits by hand."""
        skip = () if self.validate else ("--skip-validate",)
        return (virsh_line(uri, "edit", domain_argument(self.name, self.uuid), *skip),)


def fingerprint(text: str) -> str:
    """Tell a text from all others without keeping it."""
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Configurations:
    """The XML of a domain as it runs and as it is defined; None where it has none."""

    live: str | None = None
    config: str | None = None


@dataclass(frozen=True, slots=True)
class ReadConfigurations:
    """Read the XML of domains: answers a mapping of UUID to `Configurations`.

    A domain that is gone is missing from it; the message says why.
    """

    uuids: tuple[str, ...]
    deadline_s: ClassVar[float] = 15.0


@dataclass(frozen=True, slots=True)
class ChangeDevice:
    """Attach a device to a domain, or detach it; answers the `Configurations` read back.

    It is a conflict if a device to attach has been given to the domain meanwhile, or its name to
    another, and if one to detach is not there any more as it was seen.
    """

    uuid: str
    name: str
    what: str
    """What the change does, in a few words."""
    device: str
    """The device's XML; of one to detach as it was seen."""
    attach: bool
    """False to detach it."""
    live: bool
    """Change the domain as it runs."""
    config: bool
    """Change its definition."""
    grade: Grade = "harmless"
    deadline_s: ClassVar[float] = 30.0

    @property
    def when(self) -> str:
        """What of the domain is changed."""
        if not self.live:
            return AT_NEXT_START
        return "live and config" if self.config else "live, until it is shut off"

    @property
    def trace(self) -> str:
        """The device and what was to be done with it; none of one that holds a password."""
        if masked(self.device) != self.device:
            return ""
        fields = {name: getattr(self, name) for name in ("device", "attach", "live", "config")}
        import json

        return json.dumps(fields)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """See `Define.texts`."""
        return (("", self.device),) if self.attach else ()

    def lines(self) -> tuple[str, ...]:
        """The device, an element a line."""
        return tuple(f"{'+' if self.attach else '-'} {part}" for part in element_lines(self.device))

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """One command that reads the device from the lines below it."""
        verb = "attach-device" if self.attach else "detach-device"
        name = domain_argument(self.name, self.uuid)
        return device_command(uri, verb, self.device, name, *flags_of(self.live, self.config))


def device_command(uri: str, verb: str, device: str, *words: str) -> tuple[str, ...]:
    """The virsh lines that hand a device over as a here-document; `words` name domain and flags."""
    line = virsh_line(uri, verb, *words, "--file", "/dev/stdin")
    return (f"{line} <<'END'", *element_lines(device), "END")


def command_lines(lines: Iterable[str]) -> list[str]:
    """Of virsh lines the commands, without what they read from the lines below them."""
    found, document = [], False
    for line in lines:
        if not document:
            found.append(line)
        document = line.endswith("<<'END'") or (document and line != "END")
    return found


def element_lines(text: str) -> tuple[str, ...]:
    """An element as it is read: an element a line."""
    lines: list[str] = []
    depth = 0
    for part in text.replace("><", ">\n<").split("\n"):
        tag = part.strip()
        depth -= tag.startswith("</")
        lines.append("  " * depth + tag)
        depth += "/" not in (tag[1:2], tag[-2:-1]) and "</" not in tag
    return tuple(lines)

"""The tokens in an action: CONNECT, and for domains NAME, VMID and UUID.

vhostmd replaces them in the text of the command, wherever the letters stand, and the shell takes
a domain's name for code. Here:

- A token is a word of its own: letters around it may be small, but ``HOSTNAME`` and ``$NAME`` are
  left alone.
- A name of letters, digits and ``_.+@:-`` is put in as vhostmd does; so are CONNECT, VMID and UUID.
- Any other name travels in the environment variable VHOSTMD_NAME, and a quoted reference to it
  takes the token's place, so that it is one word or a part of one. Where that would not be safe,
  as in a program for awk or behind ``sh -c``, the action is not run for this domain.
- Where virsh would take the name for an option, for an id or for a UUID, its UUID is put in.
- Every action finds VHOSTMD_URI, and those for domains VHOSTMD_NAME, VHOSTMD_VMID and
  VHOSTMD_UUID in its environment: ``"$VHOSTMD_NAME"`` is always right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from vconsole.features.metrics.model.shell_words import Spot, spots

_TOKENS: Final = {"host": ("CONNECT",), "vm": ("CONNECT", "NAME", "VMID", "UUID")}
_CAPITALS: Final = re.compile(r"[A-Z0-9_]*(?:CONNECT|NAME|VMID|UUID)[A-Z0-9_]*")
_PLAIN: Final = re.compile(r"\w[\w.+@:-]*", re.ASCII)
_NEVER: Final = re.compile(r"-.*|\.\.?|.*\0.*", re.DOTALL)
_MISTAKEN: Final = re.compile(
    r"-.*|[0-9]+|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.DOTALL
)
"""What virsh takes for an option, an id or a UUID before it takes it for a name."""
_REFERENCE: Final = {"": '"${VHOSTMD_NAME}"', '"': "${VHOSTMD_NAME}", "'": "'\"${VHOSTMD_NAME}\"'"}


@dataclass(frozen=True, slots=True)
class _Token:
    """A token whose value is always harmless."""

    name: str


class UnfitNameError(ValueError):
    """A domain's name that an action cannot be given; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is run for."""

    uri: str | None = None
    """The libvirt URI of the daemon's -c; None without one."""
    name: str = ""
    vmid: str = ""
    uuid: str = ""

    def environment(self) -> dict[str, str]:
        """The variables that the action finds."""
        values = {"URI": self.uri, "NAME": self.name, "VMID": self.vmid, "UUID": self.uuid}
        return {f"VHOSTMD_{name}": value for name, value in values.items() if value}


def fill(action: str, context: str, subject: Subject) -> str:
    """The command to run, for a shell that has the subject's environment.

    Raises:
        UnfitNameError: The name of the domain cannot safely be put where the action wants it.
    """
    plain = _PLAIN.fullmatch(subject.name) is not None
    values = {"CONNECT": _connect(subject.uri), "VMID": subject.vmid, "UUID": subject.uuid}
    parts: list[str] = []
    for piece in _pieces(action, context):
        if isinstance(piece, Spot):
            parts.append(_name(piece, subject, plain))
        else:
            parts.append(values[piece.name] if isinstance(piece, _Token) else piece)
    return "".join(parts)


def warnings(action: str, context: str) -> Iterator[str]:
    """What is other than with vhostmd, or not done for every domain."""
    for found in _CAPITALS.finditer(action):
        token = next((t for t in _TOKENS[context] if t in found[0]), None)
        if token and _token(action, context, found) is None:
            yield f"{found[0]} is left as it is; vhostmd would replace {token} in it"
    reasons = {p.unfit for p in _pieces(action, context) if isinstance(p, Spot) and p.unfit}
    for reason in sorted(reasons):
        yield f'not run for domains with unusual names: NAME: {reason}; use "$VHOSTMD_NAME"'


def _name(spot: Spot, subject: Subject, plain: bool) -> str:
    """What stands for the domain: for virsh its UUID, if its name could be taken for more."""
    if spot.names_domain and subject.uuid and _MISTAKEN.fullmatch(subject.name):
        return subject.uuid
    return subject.name if plain else _reference(spot, subject.name)


def _reference(spot: Spot, name: str) -> str:
    if _NEVER.fullmatch(name):
        raise UnfitNameError("the name would be taken for an option or a directory: use UUID")
    if spot.unfit:
        raise UnfitNameError(f'the name is unusual, and NAME: {spot.unfit}; use "$VHOSTMD_NAME"')
    return _REFERENCE[spot.quote]


def _connect(uri: str | None) -> str:
    return "--connect '{}'".format(uri.replace("'", "%27")) if uri else ""


@lru_cache(maxsize=1024)
def _pieces(action: str, context: str) -> tuple[str | _Token | Spot, ...]:
    """The action cut at its tokens; a `Spot` is where NAME stands."""
    tokens = list(_tokens(action, context))
    marks = {start: start + len(name) for start, name in tokens if name == "NAME"}
    judged = {spot.start: spot for spot in spots(action, marks)} if marks else {}
    pieces: list[str | _Token | Spot] = []
    at = 0
    for start, name in tokens:
        pieces += [action[at:start], judged.get(start) or _Token(name)]
        at = start + len(name)
    return (*pieces, action[at:])


def _tokens(action: str, context: str) -> Iterator[tuple[int, str]]:
    for found in _CAPITALS.finditer(action):
        if place := _token(action, context, found):
            yield place


def _token(action: str, context: str, found: re.Match[str]) -> tuple[int, str] | None:
    """Where the token in a word of capitals stands, and which; None if the word is another."""
    name = found[0].strip("_")
    variable = action[: found.start()].endswith(("$", "${"))
    if name not in _TOKENS[context] or variable:
        return None
    return found.start() + found[0].index(name), name

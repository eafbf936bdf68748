"""HOSTINFO/1: the bytes of a guest in, the bytes for it out; see docs/hostinfo-protocol.md.

A serial line has no framing: it may be opened by hand, echo what it receives, or carry boot
messages. A line that looks like a reply is therefore never answered, and errors are limited.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from vconsole.features.hostinfo.model.limiter import Account
from vconsole.features.hostinfo.model.rules import Effective
from vconsole.features.hostinfo.model.statistics import STATISTICS

VERSION = 1
MAX_LINE = 128
"""Bytes of a request without its end."""
MAX_NAMES = 16
MAX_REPLY_LINE = 255
"""Bytes of a line of a reply with its end."""
STALE_LINE_S = 30.0
"""The beginning of a line is forgotten when nothing follows for so long."""
_ECHO = re.compile(rb"\d{3}[ -]|#|\.\Z")
_FOREIGN = re.compile(rb"[^\t\x20-\x7e]")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_COMMANDS = (
    "HELLO 1: the protocol's version and the interval",
    "PING: is somebody there?",
    "HELP: this list",
    "LIST: the statistics you may ask for",
    "GET name...: their values",
    "ALL: all values",
)


class Request(NamedTuple):
    """What a line asks for."""

    verb: str
    """``HELLO``, ``PING``, ``HELP``, ``LIST``, ``GET`` or ``ALL``; empty where it asks nothing."""
    words: tuple[str, ...] = ()
    shown: str = ""
    """The line as it can be printed."""


class Exchange(NamedTuple):
    """A request and what became of it, for whoever watches."""

    at_s: float
    """Monotonic."""
    request: str
    code: int
    told: bool
    """False for a refusal that got no reply."""


@dataclass(slots=True)
class Terms:
    """What the daemon grants to one guest; both parts may be replaced at any time."""

    rule: Effective
    account: Account


Line = tuple[int, str]
"""A reply code and its text."""
_REFUSED = 400


class Session:
    """One connection's side of the talk.

    Args:
        terms: The guest's rule and account.
        value: The present value of a statistic, None where it is not to be had.
        note: Told of every exchange.
    """

    def __init__(
        self, terms: Terms, value: Callable[[str], str | None], note: Callable[[Exchange], None]
    ) -> None:
        self._terms, self._value, self._note = terms, value, note
        self._partial = b""
        self._heard_at = 0.0

    def receive(self, data: bytes, now: float) -> bytes:
        """Answer what the guest sent; at `now`, in monotonic seconds."""
        if self._partial and now - self._heard_at > STALE_LINE_S:
            self._partial = b""
        self._heard_at = now
        *lines, rest = (self._partial + data).replace(b"\r", b"\n").split(b"\n")
        self._partial = rest[: MAX_LINE + 1]
        return b"".join(self._answer(line, now) for line in lines if line)

    def _answer(self, line: bytes, now: float) -> bytes:
        request = parse(line)
        if request is None:
            return b""
        reply = self._reply(request, now)
        code = min(reply)[0]
        told = code < _REFUSED or self._terms.account.refuse(now, self._terms.rule.interval_s)
        self._note(Exchange(now, request.shown, code, told))
        return render(reply) if told else b""

    def _reply(self, request: Request, now: float) -> list[Line]:
        verb, words, _ = request
        if verb == "GET":
            return self._query(words, now)
        if verb == "ALL":
            return self._query(tuple(n for n in STATISTICS if n in self._terms.rule.permitted), now)
        if verb == "":
            return [(400, "bad request")]
        if verb == "HELLO" and words not in ((), (str(VERSION),)):
            return [(426, "version")]
        wait_s = self._terms.account.courtesy_wait_s(verb, now)
        return [_too_soon(wait_s)] if wait_s else self._courtesy(verb)

    def _courtesy(self, verb: str) -> list[Line]:
        rule = self._terms.rule
        if verb == "HELLO":
            return [(220, f"hostinfo {VERSION} interval={_plain(rule.interval_s)}")]
        if verb == "PING":
            return [(200, "pong")]
        if verb == "HELP":
            return [(214, text) for text in _COMMANDS]
        known = (s for name, s in STATISTICS.items() if name in rule.permitted)
        return [*((211, f"{s.name} {s.unit}".strip()) for s in known), (211, "end")]

    def _query(self, names: tuple[str, ...], now: float) -> list[Line]:
        """The values asked for; the interval begins if there is at least one."""
        rule, account = self._terms.rule, self._terms.account
        if rule.permitted.isdisjoint(names):
            return [_refusal(name, rule) for name in names] or [_hidden("all", rule)]
        if wait_s := account.wait_s(now, rule.interval_s):
            return [_too_soon(wait_s)]
        lines = [
            _statistic(name, self._value(name)) if name in rule.permitted else _refusal(name, rule)
            for name in names
        ]
        if min(lines)[0] < _REFUSED:
            account.accept(now, rule.interval_s)
        return lines


@lru_cache(maxsize=1024)
def parse(line: bytes) -> Request | None:
    """Understand a line without its end; None for one that is not answered at all."""
    stripped = line.strip(b" \t")
    if not stripped or _ECHO.match(stripped):
        return None
    shown = _UNPRINTABLE.sub("?", stripped[:MAX_LINE].decode("latin-1"))
    if len(line) > MAX_LINE or _FOREIGN.search(line):
        return Request("", shown=shown)
    verb, *rest = stripped.decode("ascii").split()
    return Request(*_asked(verb.upper(), tuple(word.lower() for word in rest)), shown)


def _asked(verb: str, rest: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Verb and words of a request; no verb for what is none."""
    if verb == "HELLO" and (not rest or (len(rest) == 1 and rest[0].isdigit())):
        return verb, rest
    if verb == "GET" and 0 < len(rest) <= MAX_NAMES:
        return verb, tuple(dict.fromkeys(rest))
    if rest or not (verb.isalnum() and verb[0].isalpha()) or verb in ("HELLO", "GET"):
        return "", ()
    if verb == "VERSION":
        return "HELLO", ()
    if verb in ("PING", "HELP", "LIST", "ALL"):
        return verb, ()
    return "GET", (verb.lower(),)


def render(lines: Sequence[Line]) -> bytes:
    """A reply as bytes: a hyphen after the code says that more lines follow."""
    *before, (code, text) = lines
    more = "".join(f"{each}-{words}\r\n" for each, words in before)
    return f"{more}{code} {text}\r\n".encode("ascii")


@lru_cache(maxsize=1024)
def _statistic(name: str, value: str | None) -> Line:
    """The line for a value; one that a host's text cannot break out of."""
    if value is None:
        return 503, f"{name} unavailable"
    text = f"{name} {value} {STATISTICS[name].unit}".rstrip()
    return 210, _UNPRINTABLE.sub("?", text[: MAX_REPLY_LINE - len("210 \r\n")])


def _refusal(name: str, rule: Effective) -> Line:
    """Why a statistic that is not permitted is not answered."""
    return _hidden(name, rule) if name in STATISTICS else (404, f"{name} unknown")


def _hidden(name: str, rule: Effective) -> Line:
    return (404, f"{name} unknown") if rule.hide_denied else (403, f"{name} not permitted")


def _too_soon(wait_s: float) -> Line:
    """The wait in tenths, never less than it is."""
    return 429, f"too soon retry={math.ceil(wait_s * 10) / 10:.1f}"


def _plain(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")

"""Keys: how they are named on the screen, and how a sentence names a command instead of a key.

A sentence holds what `key` answers; whatever draws it puts the key there that works (`with_keys`).
So words need not know the keymap, and they stay true after a rebind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from os import urandom
from typing import Final, Literal, Protocol, TypeAlias

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "escape": "esc",
    "asterisk": "*",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
_SEAL: Final = urandom(6).hex()
"""Made anew by every process: no name of a domain, and no other foreign text, can hold a token."""
_TOKEN: Final = re.compile(r"\{" + _SEAL + r":([a-z0-9_.]+)\}")


Typed: TypeAlias = Literal["", "digits", "text"]
"""What is typed on a page, so that such keys are no commands of the program there."""


class Keyed(Protocol):
    """What has keys by default."""

    @property
    def id(self) -> str:
        """What the keymap calls it."""

    @property
    def keys(self) -> str:
        """Keys in Textual's names, separated by commas."""


def key_name(key: str) -> str:
    """Name a key as it is printed on the screen: ``ctrl+p`` is ``^p``."""
    if key.startswith("ctrl+"):
        return "^" + key_name(key[5:])
    return _NAMES.get(key, key)


def keys_of(command: Keyed, keymap: Mapping[str, str]) -> list[str]:
    """List the names of the keys of a command; `keymap` (id -> keys) has what was rebound."""
    return [key_name(key.strip()) for key in keymap.get(command.id, command.keys).split(",")]


def works(name: str, typed: Typed) -> bool:
    """Whether a key, as it is named on the screen, is a command where this is typed."""
    if typed == "digits":
        return not name.isdecimal()
    return not typed or (len(name) > 1 and name != "space")


def shown_key(command: Keyed, keymap: Mapping[str, str], typed: Typed = "") -> str:
    """Name the first of its keys that works where this is typed; empty where none does."""
    return next((k for k in keys_of(command, keymap) if works(k, typed)), "")


def key(command_id: str) -> str:
    """Stand in a sentence for the key of a command."""
    return f"{{{_SEAL}:{command_id}}}"


class Keys:
    """The keys of a scope: ``Keys("plan").apply`` is ``key("plan.apply")``."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def __getattr__(self, action: str) -> str:
        return key(f"{self._scope}.{action}")


def with_keys(text: str, named: Callable[[str], str]) -> str:
    """Put keys in their places; `named` answers the key of a command's id."""
    return _TOKEN.sub(lambda token: named(token[1]), text) if _SEAL in text else text


APP: Final = Keys("app")
"""The commands that every page has."""
ENTER: Final = key_name("enter")
ESCAPE: Final = key_name("escape")
"""The keys of questions and dialogs, which cannot be rebound."""

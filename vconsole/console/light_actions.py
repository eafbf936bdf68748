"""Arguments of actions, `move(-1)`, read without Python's own parser.

Textual has `ast` read them. That is half a MiB and 4 ms of the first key, for numbers and short
texts that JSON has as well. What is not JSON, Textual reads as before.
"""

from __future__ import annotations

import json
from functools import lru_cache

from textual import actions

_textuals = actions.parse


@lru_cache(maxsize=1024)
def parse(action: str) -> actions.ActionParseResult:
    """Answer the namespace of an action, its name and its arguments.

    Raises:
        ActionError: The arguments are no values.
    """
    found = actions.re_action_args.match(action)
    if found is None:
        return _textuals(action)
    name, words = found.groups()
    try:
        arguments = tuple(json.loads(f"[{words}]"))
    except ValueError:
        return _textuals(action)
    namespace, _, name = name.rpartition(".")
    return namespace, name, arguments


def install() -> None:
    """Put it in place."""
    actions.parse = parse

"""The last step of a sentence on its way to the screen: the keys in it as they are today."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from textual.widget import Widget

from vconsole.model.keys import with_keys


@runtime_checkable
class NamesKeys(Protocol):
    """An app that knows the keys of commands."""

    def key_named(self, command_id: str) -> str:
        """Name the key of a command."""


def keyed(widget: Widget, text: str) -> str:
    """Put the keys of commands in their places; where nobody knows them, the commands' ids."""

    def named(command_id: str) -> str:
        app = widget.app
        return app.key_named(command_id) if isinstance(app, NamesKeys) else command_id

    return with_keys(text, named)

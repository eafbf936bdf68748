"""A file as it is being edited: what was loaded, what it would become, the way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self

from vconsole.files import careful
from vconsole.files.careful import Loaded, SafeFileError, SaveConflict
from vconsole.model.request import Reply, took_effect


@dataclass(frozen=True)
class FileDraft:
    """One state of the editing; every edit returns the next. Subclasses say what the bytes mean.

    Attributes:
        loaded: The file as it was read, what saving compares with.
        base: Its bytes; of a file that is not there what counts in its place.
        data: The bytes as they would be saved.
        past: Earlier states of `data`, the latest last.
        theirs: What the file holds now, where somebody else has changed it meanwhile.
    """

    loaded: Loaded
    base: bytes
    data: bytes
    past: tuple[bytes, ...] = ()
    theirs: Loaded | None = None

    @classmethod
    def of(cls, loaded: Loaded) -> Self:
        """A file as it was read, nothing edited."""
        base = cls.base_of(loaded)
        return cls(loaded, base, base)

    @staticmethod
    def base_of(loaded: Loaded) -> bytes:
        """What a file says, or what counts while it is not there."""
        return loaded.data

    @property
    def problem(self) -> str:
        """Why it cannot be saved; empty if it can."""
        return ""

    @property
    def staged(self) -> bool:
        """There is something to save."""
        return self.data != self.base

    def edited(self, data: bytes) -> Self:
        """With other bytes; the present ones can be gone back to."""
        if data == self.data:
            return self
        return replace(self, data=data, past=(*self.past, self.data))

    def unedited(self) -> Self:
        """As it was before the last edit; the same where there was none."""
        if not self.past:
            return self
        return replace(self, data=self.past[-1], past=self.past[:-1])

    def followed(self, loaded: Loaded) -> Self:
        """With what the file holds now: taken over, or a conflict where something is edited."""
        if loaded == self.loaded:
            return self if self.theirs is None else replace(self, theirs=None)
        if loaded.exists and loaded.data == self.data:
            return replace(self, loaded=loaded, base=self.data, theirs=None)
        if not self.staged:
            return replace(self.of(loaded), past=self.past)
        return self if loaded == self.theirs else replace(self, theirs=loaded)

    def over_theirs(self) -> Self:
        """Ready to be saved over what somebody else has written."""
        assert self.theirs is not None
        return replace(self, loaded=self.theirs, base=self.base_of(self.theirs), theirs=None)

    def taking_theirs(self) -> Self:
        """What somebody else has written; mine can be gone back to."""
        assert self.theirs is not None
        return replace(self.of(self.theirs), past=(*self.past, self.data))

    @cached_property
    def diff(self) -> tuple[str, ...]:
        """What saving changes, as the lines of a unified difference."""
        return difference(self.base, self.data, "saved", "edited")

    @cached_property
    def their_diff(self) -> tuple[str, ...]:
        """What somebody else has changed since the file was loaded."""
        if self.theirs is None:
            return ()
        return difference(self.base, self.base_of(self.theirs), "loaded", "theirs")


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Read a file: answers what is in it as `Loaded`."""

    path: Path
    deadline_s: ClassVar[float] = 5.0


@dataclass(frozen=True, slots=True)
class SaveFile:
    """Save a file unless it is not what was loaded; answers it as `Loaded`."""

    path: Path
    data: bytes
    expected: Loaded
    what: ClassVar[str] = "save"
    uuid: ClassVar[str] = ""
    deadline_s: ClassVar[float] = 10.0

    @property
    def name(self) -> str:
        """What the log calls it by."""
        return str(self.path)

    def lines(self) -> tuple[str, ...]:
        """The difference of the files."""
        return difference(self.expected.data, self.data, "", "")[2:]

    def virsh(self, uri: str = "") -> tuple[str, ...]:
        """None: virsh knows nothing of it."""
        return ()

    @property
    def trace(self) -> str:
        """The file, and what it is to hold."""
        return json.dumps([str(self.path), sha256(self.data).hexdigest()])


def read_file(request: ReadFile) -> Reply:
    """Answer a request."""
    try:
        return Reply(value=careful.read(request.path))
    except SafeFileError as error:
        return Reply("failed", str(error))


def save_file(request: SaveFile, validate: Callable[[bytes], object]) -> Reply:
    """Answer a request.

    Args:
        request: What to save.
        validate: Raises ValueError with the reason why the bytes are not saved.
    """
    try:
        saved = careful.save(request.path, request.data, request.expected, validate=validate)
    except SaveConflict as error:
        return Reply("conflict", f"{request.path} was changed meanwhile", error.current)
    except (SafeFileError, ValueError) as error:
        return Reply("failed", str(error))
    return Reply(value=saved)


def tell_saved(link: object, uuid: str, trace: str) -> Reply:
    """Whether the file holds what was saved."""
    path, wanted = json.loads(trace)
    try:
        return took_effect(careful.read(Path(path)).sha256 == wanted)
    except SafeFileError as error:
        return Reply("unknown", str(error))


def difference(before: bytes, after: bytes, old: str, new: str) -> tuple[str, ...]:
    """The lines of a unified difference; a changed line end shows as one."""
    lines = unified_diff(_lines(before), _lines(after), old, new)
    return tuple(line.removesuffix("\n") for line in lines)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "backslashreplace").splitlines(keepends=True)

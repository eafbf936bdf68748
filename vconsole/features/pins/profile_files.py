"""Profiles as files: ``$XDG_CONFIG_HOME/vconsole/profiles/NAME.toml``, to be kept in git."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from vconsole.features.pins.model.profile import Profile, ProfileError, from_text, to_text
from vconsole.files.careful import SafeFileError, read, save
from vconsole.files.places import profiles_dir
from vconsole.model.request import Reply

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def directory() -> Path:
    """Where profiles are.

    Raises:
        ProfileError: There is no home.
    """
    path = profiles_dir()
    if path is None:
        raise ProfileError("neither XDG_CONFIG_HOME nor HOME names a directory for profiles")
    return path


def names() -> list[str]:
    """The profiles that there are, by name."""
    found = directory()
    return sorted(path.stem for path in found.glob("*.toml")) if found.is_dir() else []


def load(name: str) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: There is none of that name, it cannot be read, or it is none.
    """
    path = _path(name)
    try:
        loaded = read(path)
        text = loaded.data.decode()
    except (SafeFileError, UnicodeDecodeError) as error:
        raise ProfileError(str(error)) from None
    if not loaded.exists:
        raise ProfileError(f"there is no profile {name}: {path}")
    return from_text(name, text)


def store(profile: Profile, replace: bool = False) -> Path:
    """Write a profile, and answer where.

    Raises:
        ProfileError: It is there already and may not be replaced, or cannot be written.
    """
    path = _path(profile.name)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = read(path)
        if before.exists and not replace:
            raise ProfileError(f"profile {profile.name} is there already: {path}")
        save(path, to_text(profile).encode(), before)
    except (SafeFileError, OSError) as error:
        raise ProfileError(str(error)) from None
    return path


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ProfileError(f"{name!r} is no name: letters, digits, dots, - and _")
    return directory() / f"{name}.toml"


# ---- asked for by pages


@dataclass(frozen=True, slots=True)
class ReadProfiles:
    """Read all profiles: answers (name, profile or None, why it cannot be used)."""

    deadline_s: ClassVar[float] = 10.0


@dataclass(frozen=True, slots=True)
class StoreProfile:
    """Write a profile."""

    profile: Profile
    replace: bool = False
    deadline_s: ClassVar[float] = 10.0


def read_all(request: ReadProfiles) -> Reply:
    """Answer with each, or why it cannot be used."""
    try:
        found = tuple(loaded(name) for name in names())
    except (ProfileError, OSError) as error:
        return Reply("failed", str(error))
    return Reply(value=found)


def loaded(name: str) -> tuple[str, Profile | None, str]:
    """Its name, the profile, or why it cannot be used."""
    try:
        return name, load(name), ""
    except ProfileError as error:
        return name, None, str(error)


def store_one(request: StoreProfile) -> Reply:
    """Answer where it was written."""
    try:
        return Reply(message=f"saved {store(request.profile, request.replace)}")
    except ProfileError as error:
        return Reply("refused", str(error))

"""The user's settings: ``$XDG_CONFIG_HOME/vconsole/config.toml``; `SETTINGS` has them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Final

from vconsole.model.value import dataclass
from vconsole.registry import COMMANDS

THEMES = ("vconsole-dark", "vconsole-light", "ansi-dark", "ansi-light")

HOSTINFO_CONF = "/etc/hostinfo/hostinfo.conf"
METRICS_DISK = "/dev/shm/vhostmd0"
VHOSTMD_CONF = "/etc/vhostmd/vhostmd.conf"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file."""

    key: str
    type: type | tuple[type, ...]
    default: object
    values: str
    """Which ones there are, in words."""
    meaning: str

    @property
    def shown_default(self) -> str:
        """As it would be written."""
        if self.type is dict:
            return "none"
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return f'"{self.default}"' if isinstance(self.default, str) else str(self.default)


SETTINGS: Final = (
    Setting("theme", str, THEMES[0], ", ".join(THEMES), "colours"),
    Setting("interval", (int, float), 1.0, "0.2 to 3600", "seconds between readings"),
    Setting("ascii", bool, False, "true, false", "glyphs for terminals without Unicode"),
    Setting("mouse", bool, True, "true, false", "whether the mouse is listened to"),
    Setting("hostinfo_conf", str, HOSTINFO_CONF, "a path", "the rules of hostinfo"),
    Setting("metrics_disk", str, METRICS_DISK, "a path", "the disk that vhostmd writes"),
    Setting("vhostmd_conf", str, VHOSTMD_CONF, "a path", "vhostmd's configuration"),
    Setting("keys", dict, "", "a table", "command id = key, or keys with commas between"),
)
EXAMPLE: Final = """
theme = "vconsole-light"
interval = 2.0

[keys]
"domains.pin" = "P"         # docs/keys.md has the ids
"""


_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})


class ConfigError(Exception):
    """A settings file that cannot be used; the message names file, key and cure."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a user can set; the command line overrides it."""

    theme: str = "vconsole-dark"
    interval_s: float = 1.0
    ascii: bool = False
    mouse: bool = True
    hostinfo_conf: str = HOSTINFO_CONF
    metrics_disk: str = METRICS_DISK
    vhostmd_conf: str = VHOSTMD_CONF
    keys: Mapping[str, str] = field(default_factory=dict)
    """Command id -> keys that replace the default ones."""


def load(path: Path | None) -> Config:
    """Read the settings; a file that is not there means the defaults.

    Raises:
        ConfigError: The file cannot be read, or a key is unknown, of the wrong type or clashes.
    """
    if path is None or not path.exists():
        return Config()
    import tomllib

    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return _config(path, data)


def _config(path: Path, data: dict[str, Any]) -> Config:
    known = {setting.key: setting.type for setting in SETTINGS}
    for key, value in data.items():
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}; known are {', '.join(known)}")
        if not isinstance(value, known[key]) or (key == "interval" and isinstance(value, bool)):
            raise ConfigError(f"{path}: {key} has the wrong type: {value!r}")
    theme = data.get("theme", THEMES[0])
    if theme not in THEMES:
        raise ConfigError(f"{path}: theme {theme!r} is not one of {', '.join(THEMES)}")
    interval = float(data.get("interval", 1.0))
    if not 0.2 <= interval <= 3600:
        raise ConfigError(f"{path}: interval {interval} is not between 0.2 and 3600 seconds")
    keys = data.get("keys", {})
    check_keys(path, keys)
    return Config(
        theme,
        interval,
        data.get("ascii", False),
        data.get("mouse", True),
        data.get("hostinfo_conf", HOSTINFO_CONF),
        data.get("metrics_disk", METRICS_DISK),
        data.get("vhostmd_conf", VHOSTMD_CONF),
        keys,
    )


def _is_key(name: str) -> bool:
    """A character, or a key as Textual calls it: ``enter``, ``ctrl+r``, ``question_mark``."""
    from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

    modifiers, _, plain = name.rpartition("+")
    if modifiers and plain and not _are_modifiers(modifiers, plain):
        return False
    plain = plain or name
    known = {key.value for key in Keys} | set(KEY_NAME_REPLACEMENTS.values())
    return len(plain) == 1 or bool({name, plain} & known) or key_to_character(plain) is not None


def _are_modifiers(names: str, plain: str) -> bool:
    """Textual writes all of them small, and the letter behind them as well."""
    return set(names.split("+")) <= _MODIFIERS and not (len(plain) == 1 and plain.isupper())


def check_keys(path: Path, keys: Mapping[str, Any]) -> None:
    """Refuse unknown ids and keys that two commands of one screen would share.

    Textual ignores the first and drops a binding silently for the second.
    """
    for name, key in keys.items():
        if name not in COMMANDS:
            raise ConfigError(f"{path}: keys: no command {name!r}; docs/keys.md lists them")
        if not isinstance(key, str) or not key.strip():
            raise ConfigError(f"{path}: keys: {name!r} needs the name of a key, not {key!r}")
        for part in key.split(","):
            if not _is_key(wrong := part.strip()):
                small = wrong.lower()
                meant = f": is it {small!r}?" if small != wrong and _is_key(small) else ""
                raise ConfigError(f"{path}: keys: {name!r}: there is no key {wrong!r}{meant}")
    effective = {
        c.id: [k.strip() for k in keys.get(c.id, c.keys).split(",")] for c in COMMANDS.values()
    }
    for first in keys:
        for second, taken in effective.items():
            shared = set(effective[first]) & set(taken)
            scopes = {COMMANDS[first].scope, COMMANDS[second].scope}
            if shared and second != first and (len(scopes) == 1 or "app" in scopes):
                raise ConfigError(
                    f"{path}: keys: {first} and {second} would share {shared.pop()!r}"
                )

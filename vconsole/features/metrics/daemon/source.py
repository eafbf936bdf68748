"""Where the daemon's configuration comes from, and how it learns that it changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vconsole.features.metrics.model.conf_text import MAX_BYTES, ConfigError
from vconsole.features.metrics.model.config import parse, profile
from vconsole.features.metrics.model.spec import VhostmdConfig
from vconsole.files import careful

DEFAULT_FILE: Final = Path("/etc/vhostmd/vhostmd.conf")
_RETRY_S: Final = 10.0
_LOG: Final = logging.getLogger(__name__)
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """A file, or one of the configurations that vconsole brings along."""

    file: Path | None = None
    profile: str = "default"
    """Used without a file."""

    def __str__(self) -> str:
        return str(self.file) if self.file else f"the built-in configuration {self.profile!r}"

    def load(self) -> VhostmdConfig:
        """Read it anew.

        Raises:
            ConfigError: It cannot be read or used.
        """
        return parse(self.read())

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            ConfigError: They cannot be read.
        """
        return read_file(self.file) if self.file else profile(self.profile)

    def is_being_written(self) -> bool:
        """Somebody has it open for writing: it may be half of what it will be."""
        with suppress(careful.SafeFileError):
            return self.file is not None and careful.read(self.file).writer == "present"
        return False

    @property
    def stamp(self) -> Stamp | None:
        """What is another where the file is another; None where there is none."""
        if self.file is not None:
            with suppress(OSError):
                status = self.file.stat()
                return status.st_ino, status.st_size, status.st_mtime_ns
        return None

    async def changes(self, seen: Stamp | None) -> AsyncIterator[None]:
        """Yields whenever the file may have changed; never for a built-in configuration.

        Args:
            seen: Of the file as it was read last: it may change before the watch begins.
        """
        told = False
        while self.file is not None:
            try:
                async for event in _events(self.file):
                    if event or self.stamp != seen:
                        seen = self.stamp
                        yield
            # no such directory, no more inotify watches; vconsole.pyz brings no watchfiles
            except (OSError, RuntimeError, ImportError) as error:
                text = "%s is not watched but looked at every %g s: %s"
                level = logging.DEBUG if told else logging.WARNING
                _LOG.log(level, text, self.file, _RETRY_S, error)
                told = True
            await asyncio.sleep(_RETRY_S)
            if self.stamp != seen:
                seen = self.stamp
                yield


def read_file(path: Path) -> bytes:
    """The bytes of a configuration file, which is root's to write: it says what root runs.

    Raises:
        ConfigError: There is none, or somebody else could have put it there.
    """
    try:
        loaded = careful.read(path, MAX_BYTES)
    except careful.SafeFileError as error:
        raise ConfigError(0, "", str(error).removeprefix(f"{path}: ")) from error
    if not loaded.exists:
        raise ConfigError(0, "", "there is no such file")
    return loaded.data


async def _events(file: Path) -> AsyncIterator[bool]:
    """Watches the directory, not the file: editors put another file in its place.

    Yields whether something was done to the file, also when nothing was for some seconds.
    """
    from watchfiles import awatch

    async for found in awatch(file.parent, recursive=False, yield_on_timeout=True):
        yield any(path == str(file) for _, path in found)
